"""The dashboard: how it is served, and what it shows, in Chromium, of a proxy and of events that are made up."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import threading
import urllib.parse

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support import dashboard_site, page, ports, processes, tables, waiting

TOKEN = "an-admin-token-of-30-odd-chars"
needs_chromium = pytest.mark.skipif(not shutil.which("chromium"), reason="there is no chromium")
SIZES = {"desktop": 1440, "phone": 390}


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    started = page.Chromium(tmp_path_factory.mktemp("chromium"))
    yield started
    started.stop()


@pytest.fixture
def site():
    made_up = dashboard_site.Site()
    yield made_up
    made_up.stop()


@pytest.fixture
def pictures(tmp_path):
    """Where pictures are kept for people to look at: the build's folder `dashboard`."""
    return pathlib.Path(os.environ.get("READASIDE_BUILD", tmp_path)) / "dashboard"


class Admin:
    """The admin address of a proxy."""

    def __init__(self, address):
        self.address = address
        self.url = f"http://{address}/"

    def ask(self, method, path, body=None, **headers):
        """(status, headers, body)"""
        host, _, port = self.address.partition(":")
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            given.setdefault("Content-Type", "application/json")
        with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=waiting.PATIENCE)) as c:
            c.request(method, path, body, given)
            reply = c.getresponse()
            return reply.status, reply.headers, reply.read()

    def live(self, **headers):
        status, _, body = self.ask("GET", "/admin/live", **headers)
        assert status == 200, body
        return json.loads(body)


@pytest.fixture
def started(proxy_factory, counting_upstream):
    """started(changes) -> (proxy, Admin)"""

    def start(**changes):
        address = f"127.0.0.1:{ports.free_port()}"
        admin = {"admin": {"address": address, **changes.pop("admin", {})}}
        proxy = proxy_factory(counting_upstream.endpoint, processes.merged(admin, changes))
        return proxy, Admin(address)

    return start


@pytest.fixture
def admin(started):
    return started()[1]


# ---- how it is served ----


def parts(admin):
    """What the page names of its own parts, and these of theirs."""
    html = admin.ask("GET", "/")[2].decode()
    found = set(re.findall(r'(?:src|href)="(/dashboard/[^"]+)"', html))
    todo = [name for name in found if name.endswith("main.js")]
    while todo:
        for name in re.findall(r'from "\./([^"]+)"', admin.ask("GET", todo.pop())[2].decode()):
            if f"/dashboard/{name}" not in found:
                found.add(f"/dashboard/{name}")
                todo.append(f"/dashboard/{name}")
    return ["/", *sorted(found)]


def test_every_part_is_served_as_what_it_is(admin):
    types = {"/": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    names = parts(admin)
    assert len(names) == 2 + len(list(dashboard_site.FOLDER.glob("*.*"))) - len(["embed.cmake", "index.html"])
    for path in names:
        status, headers, body = admin.ask("GET", path)
        assert status == 200, path
        assert headers["Content-Type"].partition(";")[0] == types[pathlib.PurePath(path).suffix or path]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert int(headers["Content-Length"]) == len(body) > 0
        assert headers["Cache-Control"] == "no-cache"
        own = dashboard_site.FOLDER / (path.removeprefix("/dashboard/") if path != "/" else "index.html")
        expected = own if own.is_file() else dashboard_site.chart_library()
        assert body == expected.read_bytes(), path


def test_the_library_keeps_its_licence(admin):
    text = admin.ask("GET", "/dashboard/chart.min.js")[2][:300].decode()
    assert "Chart.js v3" in text and "MIT License" in text
    assert "Chart.js" in admin.ask("GET", "/")[2].decode()


def test_a_part_that_is_known_is_not_sent_again(admin):
    for path in ("/", "/dashboard/chart.min.js"):
        tag = admin.ask("GET", path)[1]["ETag"]
        status, headers, body = admin.ask("GET", path, If_None_Match=f'"other", W/{tag}')
        assert (status, body, headers["ETag"]) == (304, b"", tag)
        assert admin.ask("GET", path, If_None_Match='"other"')[0] == 200
    assert admin.ask("GET", "/")[1]["ETag"] != admin.ask("GET", "/dashboard/page.css")[1]["ETag"]


def test_head(admin):
    status, headers, body = admin.ask("HEAD", "/dashboard/page.css")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) == len(admin.ask("GET", "/dashboard/page.css")[2])


def test_nothing_may_come_from_elsewhere(admin):
    policy = admin.ask("GET", "/")[1]["Content-Security-Policy"]
    directives = dict(d.strip().split(" ", 1) for d in policy.split(";"))
    assert directives.pop("default-src") == "'none'"
    assert directives.pop("require-trusted-types-for") == "'script'"
    assert set(directives.values()) == {"'self'", "'none'"}, "no inline script, no style, no host"
    assert policy == dashboard_site.policy(), "what the pages of these tests are loaded with"
    for path in parts(admin):
        if not path.endswith("chart.min.js"):
            text = admin.ask("GET", path)[2].decode()
            assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|innerHTML|\beval\(", text), path


def test_what_is_not_there(admin):
    assert admin.ask("GET", "/dashboard/")[0] == 404
    assert admin.ask("GET", "/dashboard/embed.cmake")[0] == 404
    assert admin.ask("GET", "/dashboard/../admin.c")[0] == 404
    assert admin.ask("POST", "/", "{}")[0] == 405


# ---- who may ask ----


def test_its_own_origin_may_ask(admin):
    own = f"http://{admin.address}"
    port = admin.address.partition(":")[2]
    ping = lambda **headers: admin.ask("POST", "/admin/cache/ping", "{}", **headers)[0]
    assert ping(Origin=own) == 200
    assert ping(Origin=f"http://localhost:{port}", Host=f"localhost:{port}") == 200
    others = (f"http://localhost:{port}", f"https://{admin.address}", "http://127.0.0.1", f"http://127.0.0.1:{port}0", f"{own}/", "null", "", own.upper())
    for origin in others:
        assert ping(Origin=origin) == 403, origin
    assert ping(Origin=f"http://evil.example:{port}", Host=f"evil.example:{port}") == 403, "its own, but no address"
    assert admin.ask("GET", "/admin/cache/stats", Origin=own)[0] == 200
    assert admin.ask("GET", "/admin/cache/stats", Origin="http://evil.example")[0] == 403


def test_a_browser_that_says_that_another_page_asks(admin):
    for said, status in (("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)):
        assert admin.ask("GET", "/admin/cache/stats", Sec_Fetch_Site=said)[0] == status, said
        assert admin.ask("GET", "/", Sec_Fetch_Site=said)[0] == 200, "a link may lead here"
    assert admin.ask("GET", "/", Host="evil.example")[0] == 403


def test_the_page_needs_no_token_and_all_else_does(started):
    _, admin = started(admin={"token": TOKEN})
    for path in parts(admin):
        assert admin.ask("GET", path)[0] == 200, path
    for path in ("/admin/cache/stats", "/admin/live", "/admin/events", "/admin/nothing"):
        assert admin.ask("GET", path)[0] == 401, path
    bearer = f"Bearer {TOKEN}"
    assert admin.ask("GET", "/admin/cache/stats", Authorization=bearer)[0] == 200
    assert admin.ask("GET", "/admin/cache/stats", Authorization=bearer, Origin="http://evil.example")[0] == 403


# ---- the events ----


class Viewer:
    """Reads /admin/events as they come."""

    def __init__(self, admin, **headers):
        host, _, port = admin.address.partition(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=waiting.PATIENCE)
        self.connection.request("GET", "/admin/events", headers=headers)
        self.reply = self.connection.getresponse()
        self.status = self.reply.status

    def next(self):
        """(name, data), or None at the end."""
        lines = []
        while True:
            line = self.reply.readline().decode()
            if line == "":
                assert not lines, "it ends between two events"
                return None
            if line == "\n":
                (name, data) = lines
                assert name.startswith("event: ") and data.startswith("data: ")
                return name[7:], json.loads(data[6:])
            lines.append(line.removesuffix("\n"))

    def close(self):
        self.connection.close()


def test_events_come_once_a_second_and_are_what_live_says(admin):
    viewer = Viewer(admin)
    assert viewer.status == 200 and viewer.reply.headers["Content-Type"] == "text/event-stream"
    names, lives = zip(*(viewer.next() for _ in range(3)))
    assert set(names) == {"live"}
    assert [live["at"] for live in lives] == sorted({live["at"] for live in lives})
    assert lives[0].keys() == admin.live().keys()
    assert lives[0]["events"][0]["kind"] == "start"
    viewer.close()


def test_all_viewers_see_the_same_one(admin):
    first = Viewer(admin)
    assert first.next()[0] == "live"
    others = [Viewer(admin) for _ in range(3)]
    for viewer in others:
        viewer.next()  # what was made last
    at = {viewer.next()[1]["at"] for viewer in (first, *others)}
    assert len(at) == 1
    for viewer in (first, *others):
        viewer.close()


def test_only_so_many_may_look(admin):
    viewers = [Viewer(admin) for _ in range(32)]
    assert {viewer.status for viewer in viewers} == {200}
    refused = Viewer(admin)
    assert refused.status == 503 and "error" in json.loads(refused.reply.read())
    viewers.pop().close()

    def room():
        viewer = Viewer(admin)
        viewers.append(viewer)
        return viewer.status == 200

    waiting.until(room, "room for one more")
    for viewer in viewers:
        viewer.close()


def test_they_end_with_the_proxy(started):
    proxy, admin = started()
    viewers = [Viewer(admin) for _ in range(3)]
    for viewer in viewers:
        assert viewer.next()[0] == "live"
    viewers[0].close()
    proxy.terminate()
    for viewer in viewers[1:]:
        while viewer.next():
            pass
    assert proxy.wait() == 0


def test_what_happens_is_told_as_it_does(started, direct):
    _, admin = started(tables={"late": {"ttl": "10m", "stream": "follow"}})
    viewer = Viewer(admin)
    assert viewer.next()[0] == "live"
    tables.create(direct, {**tables.plain("late"), "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}})
    told = next(data for name, data in iter(viewer.next, None) if name == "event" and "followed" in data["text"])
    assert told["kind"] == "stream" and told["text"] == "table late: its stream is followed"
    assert told in next(data for name, data in iter(viewer.next, None) if name == "live")["events"]
    viewer.close()


def test_who_resets_or_speaks_is_forgotten(admin):
    host, _, port = admin.address.partition(":")
    for end in ("reset", "speak"):
        with socket.create_connection((host, int(port)), waiting.PATIENCE) as s:
            s.sendall(b"GET /admin/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert s.recv(15) == b"HTTP/1.1 200 OK"
            if end == "speak":
                s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                with contextlib.suppress(ConnectionResetError):
                    while s.recv(65536):
                        pass
            else:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    viewer = Viewer(admin)
    assert viewer.next()[0] == "live" and viewer.next()[0] == "live"
    viewer.close()


# ---- what it shows of events that are made up ----


def shown(p, live):
    p.until(f"document.body.dataset.at === '{live['at']}'", "the page to show what was said last")


def text(p, selector):
    return p.run(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.innerText.trim())")


def is_clean(p, *hosts):
    assert p.complaints == []
    asked = {urllib.parse.urlsplit(url).netloc for url in p.asked}
    assert asked == set(hosts), "nothing is asked of any other host"


def host_of(url):
    return urllib.parse.urlsplit(url).netloc


@needs_chromium
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_busy_proxy(chromium, site, pictures, size, dark):
    p = chromium.page(SIZES[size], 900, dark)
    p.open(site.url)
    live = dashboard_site.Traffic().minutes(site, 4)
    shown(p, live)
    theme = "dark" if dark else "light"
    p.picture(pictures / f"made-up-{size}-{theme}.png")
    is_clean(p, host_of(site.url))
    assert p.run("document.documentElement.scrollWidth") == SIZES[size], "nothing hangs over the edge"
    background = p.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background))) < 200) == dark
    for name, n in live["requests"].items():
        assert p.run(f"Number(document.querySelector('[data-outcome={name}] [data-total]').dataset.total)") == n
    assert text(p, ".advice h3") == ["catalogue · products", "orders · by-customer", "orders · line-items", "sessions"]
    assert len(text(p, "#patterns tbody tr")) == 4
    assert "$1,365" in text(p, "[data-tile='Money saved'] .value")[0]
    assert text(p, "#streams [data-state=bad]") == ["48 s"]
    # Something has been drawn in each chart, in more than a few colours.
    colours = """[...document.querySelectorAll("canvas")].map(c => {
        const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data, seen = new Set();
        for (let i = 0; i < d.length; i += 4) if (d[i + 3]) seen.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]);
        return seen.size; })"""
    assert min(p.run(colours)) > 8


@needs_chromium
def test_a_proxy_that_nobody_has_called(chromium, site, pictures):
    p = chromium.page()
    p.open(site.url)
    for second in range(3):
        live = dashboard_site.quiet(dashboard_site.BEGAN + 5000 + 1000 * second)
        site.say("live", live)
    shown(p, live)
    p.picture(pictures / "made-up-quiet.png")
    is_clean(p, host_of(site.url))
    empty = [t for t in text(p, ".nothing, .empty") if t]
    assert len(empty) >= 9, "whatever is missing says so"
    assert not re.search(r"NaN|undefined|null|Infinity", p.run("document.body.innerText"))
    assert text(p, "[data-tile='Money saved']") == []


@needs_chromium
def test_the_config_line_is_copied(chromium, site):
    p = chromium.page()
    p.open(site.url)
    shown(p, dashboard_site.Traffic().minutes(site, 0.1))
    buttons = "[...document.querySelectorAll('.advice button')].filter(b => b.offsetParent)"
    assert p.run(f"{buttons}.length") == 2, "only where something is recommended"
    p.run(f"{buttons}[0].click()")
    p.until(f"{buttons}[0].innerText === 'Copied'", "that it is copied")
    assert p.run("navigator.clipboard.readText()") == '"ttl": "20m"'
    assert text(p, ".advice .where")[1] == "tables › orders › patterns › by-customer"
    p.run("navigator.clipboard.writeText('something else')")
    p.run("delete Navigator.prototype.clipboard")  # as where the page isn't secure
    p.run(f"{buttons}[1].click()")
    p.until(f"{buttons}[1].innerText === 'Copied'", "that it is copied")
    assert p.run("document.querySelectorAll('textarea').length") == 0
    is_clean(p, host_of(site.url))


@needs_chromium
def test_it_comes_back_by_itself(chromium, site):
    p = chromium.page()
    p.open(site.url)
    traffic = dashboard_site.Traffic()
    shown(p, traffic.minutes(site, 0.1))
    state = "document.getElementById('connection').dataset.state"
    assert p.run(state) == "connected"
    # The reader may find the new stream before we look, so the page keeps what it was.
    p.run(f"globalThis.states = []; new MutationObserver(() => states.push({state})).observe(document.getElementById('connection'), {{attributes: true}}); 0")
    site.hang_up()
    p.until("states.includes('lost')", "the page to say that it is disconnected")
    assert "no news since" in text(p, "#connection")[0] or p.run(state) == "connected"
    shown(p, traffic.minutes(site, 0.1))
    assert p.run(state) == "connected" and text(p, "#connection") == ["Live"]
    assert [url for url in p.asked if url.endswith("/admin/events")] == 2 * [site.url + "admin/events"]
    # Another process, whose counters begin anew: no rate is made of the difference.
    live = dashboard_site.quiet(dashboard_site.BEGAN + 40 * 3_600_000)
    live["started"] = live["at"] - 500
    site.say("live", live)
    shown(p, live)
    assert text(p, "[data-tile=Requests] .value") == ["–/s"]


@needs_chromium
@pytest.mark.parametrize("size", SIZES)
def test_a_proxy_that_observes(chromium, site, pictures, size):
    p = chromium.page(SIZES[size], 900)
    p.open(site.url)
    traffic = dashboard_site.Traffic()
    traffic.minutes(site, 0.1)
    traffic.live["caching"] = "observe"
    traffic.live["money"].update(saved_per_month=-12, would_save_per_hour=0.5, would_save_per_month=365)
    traffic.live["observed"] = {"hit": 90, "miss": 10, "stale": 0, "bypass": 3, "units_saved": 45}
    traffic.live["compare"] = {"compared": 3000, "mismatch": 1, "nines": 3, "at_least": False}
    traffic.live["patterns"][0].update(observed_hit=75, observed_miss=25, compared=75, mismatch=1, units_extra=7, write_units=11)
    live = traffic.minutes(site, 0.1)
    shown(p, live)
    p.picture(pictures / f"made-up-observing-{size}.png")
    assert text(p, "#caching") == ["Caching is observe"]
    assert text(p, "[data-tile='Would be saved'] .value") == ["$365.00/month"]
    assert text(p, "[data-column='Would-be hit ratio']") == ["–", "75.0 %", "–", "–"], "the most read pattern is first"
    cell = "document.querySelectorAll('#patterns tbody tr')[1].querySelector('[data-column=\"%s\"]')"
    assert p.run(cell % "Would-be hit ratio" + ".title") == "75 compared, 1 mismatches"
    for column, value in (("Of it extra/s", "7"), ("Write units/s", "11")):
        assert p.run(cell % column + ".dataset.value") == value
    assert "90.0 %" in text(p, "#facts dd")
    tight = "[...document.querySelectorAll('.tile .value')].filter(v => v.scrollWidth > v.clientWidth).map(v => v.innerText)"
    assert p.run(tight) == [], "each value keeps within its tile"
    assert p.run("document.documentElement.scrollWidth") == SIZES[size], "nothing hangs over the edge"
    is_clean(p, host_of(site.url))


@needs_chromium
def test_an_event_is_shown_as_it_happens(chromium, site):
    p = chromium.page()
    p.open(site.url)
    live = dashboard_site.quiet()
    site.say("live", live)
    shown(p, live)
    hostile = "<img src=x onerror=alert(1)> & 'more'"
    site.say("event", {"at": live["at"], "kind": "takeover", "text": hostile})
    p.until("document.querySelectorAll('#events li').length === 1", "the event")
    assert text(p, "#events li span:last-child") == [hostile]
    is_clean(p, host_of(site.url))


@needs_chromium
def test_names_are_never_markup(chromium, site):
    hostile = "<b onmouseover=alert(1)>x</b><script>document.title='taken'</script>"
    p = chromium.page()
    p.open(site.url)
    live = dashboard_site.Traffic().minutes(site, 0.1)
    live["at"] += 1000
    for thing in (*live["patterns"], *live["advice"], *live["top_keys"]):
        thing.update(table=hostile, pattern=hostile + thing["table"])
    live["top_keys"][0].update(key=hostile)
    live["bypasses"] = {hostile: 5}
    live["streams"] = {hostile: live["streams"]["orders"]}
    live.update(version=hostile, store=hostile, caching=hostile)
    site.say("live", live)
    shown(p, live)
    assert p.run("document.querySelectorAll('main b[onmouseover], main script').length") == 0
    assert p.run("document.title") == "readaside"
    assert hostile in text(p, "#streams td")
    is_clean(p, host_of(site.url))


@needs_chromium
def test_a_token_is_asked_for_and_kept_in_the_tab(chromium):
    site = dashboard_site.Site(token="right")
    p = chromium.page()
    give = "document.getElementById('token').value = %s; document.querySelector('#ask button').click()"
    opened = "document.getElementById('ask').open"
    try:
        p.open(site.url)
        p.until(opened, "the page to ask for a token")
        assert p.run("document.getElementById('ask-wrong').hidden")
        p.run(give % "'wrong'")
        p.until(f"{opened} && !document.getElementById('ask-wrong').hidden", "the page to say that it was wrong")
        p.run("document.getElementById('ask-wrong').hidden = true")
        p.run(give % "'\u201cright\u201d'")  # as some programs' quotation marks are
        p.until(f"{opened} && !document.getElementById('ask-wrong').hidden", "the page to say that it was wrong again")
        p.run(give % "'right'")
        traffic = dashboard_site.Traffic()
        shown(p, traffic.minutes(site, 0.1))
        assert not p.run(opened)
        assert p.run("JSON.stringify({...localStorage})") == "{}"
        site.hang_up()
        p.open(site.url)
        shown(p, traffic.minutes(site, 0.1))
        assert not p.run(opened), "it is asked once"
    finally:
        site.stop()


@needs_chromium
def test_colours_may_be_chosen(chromium, site):
    p = chromium.page(dark=False)
    background = "getComputedStyle(document.body).backgroundColor"
    p.open(site.url)
    shown(p, dashboard_site.Traffic().minutes(site, 0.1))
    light = p.run(background)
    p.run("document.querySelector('[data-theme=dark]').click()")
    assert p.run(background) != light
    p.open(site.url)
    p.until("document.querySelector('#theme [aria-pressed=true]')?.innerText === 'Dark'", "the choice to be kept")
    assert p.run(background) != light


@needs_chromium
def test_the_parser_of_events(chromium, site):
    """However the stream is cut into pieces."""
    p = chromium.page()
    p.open(site.url)
    p.until("document.readyState === 'complete'", "the page")
    found = p.run(
        """import("/dashboard/feed.js").then(({parse}) => {
            const whole = 'event: live\\ndata: {"a": 1}\\n\\nevent: event\\ndata: x\\n\\n';
            const results = new Set();
            for (let cut = 0; cut <= whole.length; cut++) {
                const first = parse(whole.slice(0, cut)), second = parse(first.rest + whole.slice(cut));
                results.add(JSON.stringify([...first.events, ...second.events, second.rest]));
            }
            return [...results]; })"""
    )
    assert [json.loads(one) for one in found] == [
        [{"name": "live", "data": '{"a": 1}'}, {"name": "event", "data": "x"}, ""]
    ]


@needs_chromium
def test_numbers_as_people_read_them(chromium, site):
    p = chromium.page()
    p.open(site.url)
    p.until("document.readyState === 'complete'", "the page")
    cases = {
        "number(0)": "0",
        "number(1234.5)": "1,235",
        "number(null)": "–",
        "short(1234567)": "1.23M",
        "rate(12)": "12.0",
        "rate(0.034)": "0.03",
        "ratio(0.87)": "87.0 %",
        "ratio(NaN)": "–",
        "bytes(64 * 1024 * 1024)": "64 MiB",
        "bytes(1536)": "1.5 KiB",
        "ms(193)": "0.19",
        "ms(24800)": "24.8",
        "ms(12)": "0.012",
        "duration(93784000)": "1 d 2 h",
        "duration(412)": "412 ms",
        "ttl(300000)": "5m",
        "ttl(90000)": "90s",
        "ttl(86400000)": "24h",
        "ttl(1500)": "1500ms",
        "money(1365.1, 'USD')": "$1,365",
        "money(0.0123, 'EUR')": "€0.0123",
        "money(2, 'no currency')": "2.00 no currency",
    }
    script = 'import("/dashboard/format.js").then(f => [%s])' % ", ".join(f"f.{case}" for case in cases)
    assert dict(zip(cases, p.run(script))) == cases


# ---- what it shows of a proxy ----


def read_and_write(proxy, table, keys, stop):
    n = 0
    with proxy.wire() as c:
        while not stop.is_set():
            key = {"pk": {"S": f"room-{n % keys}"}, "sk": {"S": "a"}}
            assert c.call("GetItem", {"TableName": table, "Key": key}).status == 200
            if n % 7 == 0:
                assert c.call("PutItem", {"TableName": table, "Item": {**key, "n": {"N": str(n)}}}).status == 200
            n += 1
    return n


@needs_chromium
def test_it_shows_under_load_what_live_and_metrics_say(chromium, started, plain, pictures):
    proxy, admin = started(tables={plain: {"ttl": "10m", "settle": "0s", "patterns": [{"name": "rooms", "partition_key": "room-*", "ttl": "5m"}]}})
    stop = threading.Event()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        load = [pool.submit(read_and_write, proxy, plain, 20, stop) for _ in range(2)]
        try:
            p = chromium.page(dark=True)
            p.open(admin.url)
            p.until("document.querySelectorAll('#patterns tbody tr').length > 0", "the page to show patterns")
            hits = "Number(document.querySelector('[data-outcome=hit] [data-total]').dataset.total)"
            before = p.until(hits, "hits")
            p.until(f"{hits} > {before}", "the numbers to move")
            p.until("document.querySelector('[data-outcome=hit] [data-per-second]').dataset.perSecond > 0", "a rate")
        finally:
            stop.set()
        assert all(one.result() for one in load)
    live = admin.live()
    p.until(f"Number(document.body.dataset.at) > {live['at']}", "what is said after the load has ended")
    for name, n in live["requests"].items():
        assert p.run(f"Number(document.querySelector('[data-outcome={name}] [data-total]').dataset.total)") == n, name
    (pattern,) = [one for one in live["patterns"] if one["pattern"] == "rooms"]
    row = "[...document.querySelectorAll('#patterns tbody tr')].find(r => r.innerText.includes('rooms'))"
    for column, member in (("Hits/s", "hit"), ("Misses/s", "miss"), ("Writes/s", "write"), ("Invalidated/s", "invalidations")):
        shown_value = p.run(f"Number({row}.querySelector('[data-column=\"{column}\"]').dataset.value)")
        assert shown_value == pattern[member] > 0, column
    families = list(text_string_to_metric_families(admin.ask("GET", "/metrics")[2].decode()))
    samples = [sample for family in families for sample in family.samples]

    def metric(name, **labels):
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())

    for name in ("hit", "stale", "miss", "bypass", "write", "pass", "error"):
        assert metric("readaside_requests_total", outcome=name) == live["requests"][name], name
    for name in ("hit", "miss"):
        assert metric("readaside_reads_total", pattern="rooms", outcome=name) == pattern[name], name
    p.picture(pictures / "proxy-desktop-dark.png")
    is_clean(p, admin.address)


@needs_chromium
def test_a_proxy_that_wants_a_token(chromium, started, pictures):
    _, admin = started(admin={"token": TOKEN})
    p = chromium.page(390, 844)
    p.open(admin.url)
    p.until("document.getElementById('ask').open", "the page to ask for a token")
    p.picture(pictures / "proxy-phone-token.png")
    p.run(f"document.getElementById('token').value = {json.dumps(TOKEN)}; document.querySelector('#ask button').click()")
    p.until("document.getElementById('connection').dataset.state === 'connected'", "the page to be let in")
    p.until("document.querySelectorAll('#events li').length > 0", "the event of the proxy's start")
    p.picture(pictures / "proxy-phone-light.png")
