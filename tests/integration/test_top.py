"""`readaside top`: the live view of a running proxy, as text, as JSON, and drawn in place on a terminal."""
import http.server
import itertools
import json
import os
import re
import signal
import subprocess
import threading

import pytest

from support import metrics, processes, reloading, terminal, waiting

TABLE = {
    "ttl": "10m",
    "ttl_jitter": "0%",
    "patterns": [{"name": "rooms", "partition_key": "room-*", "ttl": "90s"}, {"name": "others", "partition_key": "o-*"}],
}
GET = {"TableName": "chat", "Key": {"pk": {"S": "room-1"}, "sk": {"S": "1"}}}
CURVE = re.compile("[▁▂▃▄▅▆▇█]")


@pytest.fixture
def proxy(proxy_factory, ddb_local, chat):
    config = processes.base_config(ddb_local.endpoint, chat=TABLE)
    return proxy_factory(None, config=reloading.with_admin(config))


@pytest.fixture
def top(readaside_binary, proxy):
    """top(*words) runs it on this proxy."""

    def run(*words, environment=None, **more):
        command = [readaside_binary, "top", "-c", proxy.config_path, *words]
        kept = processes.child_environment({"LC_ALL": "C.UTF-8", **(environment or {})})
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=kept, check=False, **more)

    return run


@pytest.fixture
def on_terminal(readaside_binary, proxy):
    """on_terminal(*words, columns=, lines=, environment=) runs it on a terminal."""
    opened = []

    def run(*words, **more):
        command = [readaside_binary, "top", "-c", proxy.config_path, "--interval", "0.1", *words]
        opened.append(terminal.Terminal(command, **more))
        return opened[-1]

    yield run
    for each in opened:
        each.close()


def shows(*words):
    return lambda frame: all(any(word in line for line in frame) for word in words)


def row(lines, name):
    return next(line for line in lines if line.startswith(name)).split()


# ---- text and JSON ----


def test_one_view_as_text(proxy, top):
    for _ in range(7):
        proxy.call("GetItem", GET)
    proxy.call("PutItem", {"TableName": "chat", "Item": {**GET["Key"]}})
    done = top("--once", "--interval", "0.1")
    assert done.returncode == 0 and done.stderr == "", done
    lines = done.stdout.splitlines()
    live = metrics.live(proxy)
    assert lines[0].startswith(f"readaside {live['version']}  store memory  caching on  up ")
    assert row(lines, "hit ")[2] == str(live["requests"]["hit"]) == "6"
    assert row(lines, "miss")[2] == "1" and row(lines, "write")[2] == "1"
    assert row(lines, "all")[2] == "8"
    assert row(lines, "chat rooms")[-2:] == ["90", "s"]
    assert any(line.startswith("Memory ") and "1 entries" not in line for line in lines)
    digest = live["top_keys"][0]["digest"]
    assert any(line.startswith(digest[:16]) and line.endswith("chat rooms") for line in lines)
    assert lines[lines.index("Events") + 1].split()[1] == live["events"][-1]["kind"]
    assert "\x1b" not in done.stdout


def test_rates_are_of_the_time_that_it_looked(proxy, top):
    """What happened before isn't in them; what happens meanwhile is."""
    for _ in range(50):
        proxy.call("GetItem", GET)
    quiet = json.loads(top("--once", "--json", "--interval", "0.1").stdout)
    assert quiet["requests"]["hit"] == 49
    assert quiet["per_second"]["hit"] == 0 and quiet["per_second"]["hit_ratio"] is None


def test_json_lines(proxy, readaside_binary):
    command = [readaside_binary, "top", "-c", proxy.config_path, "--json", "--interval", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=processes.child_environment()) as running:
        first = json.loads(running.stdout.readline())
        assert first["per_second"]["hit"] == 0, "the first line comes when there is a rate"
        assert "advice" not in first and first["per_second"]["patterns"][0]["hit_ratio"] is None
        while True:
            for _ in range(5):
                proxy.call("GetItem", GET)
            line = json.loads(running.stdout.readline())
            if line["per_second"]["hit"] and line["per_second"]["patterns"][1]["hit"]:
                break
        rooms = line["per_second"]["patterns"][1]
        assert (rooms["table"], rooms["pattern"]) == ("chat", "rooms")
        assert 0 < rooms["hit_ratio"] <= 1 and rooms["hit"] == pytest.approx(line["per_second"]["hit"])
        assert line["per_second"]["requests"] >= line["per_second"]["hit"]
        assert line["per_second"]["upstream_reads_without_cache"] >= line["per_second"]["hit"]
        running.send_signal(signal.SIGINT)
        running.stdout.read()
        assert running.wait(waiting.PATIENCE) == 0


def test_no_curves_where_the_locale_has_none(on_terminal):
    shown = on_terminal(environment={"LC_ALL": "C"})
    for _ in range(5):
        shown.until_frame(shows("chat rooms"), "the patterns")
    seen = len(shown.frames())
    waiting.until(lambda: len(shown.frames()) > seen + 4, "more of it")
    assert not CURVE.search(shown.text) and shown.text.isascii()


class Admin(http.server.BaseHTTPRequestHandler):
    """An admin address that says what it is told to."""

    def do_GET(self):
        body = json.dumps(self.server.says(), ensure_ascii=False).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def says(readaside_binary, tmp_path):
    """says(answer, *words): what is printed where answer(n) is the nth answer."""
    server = http.server.HTTPServer(("127.0.0.1", 0), Admin)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def run(answer, *words):
        numbers = itertools.count()
        server.says = lambda: answer(next(numbers))
        path = tmp_path / "config.jsonc"
        admin = {"admin": {"address": f"127.0.0.1:{server.server_port}"}}
        path.write_text(json.dumps({**processes.base_config("http://127.0.0.1:1"), **admin}))
        command = [readaside_binary, "top", "-c", path, "--once", "--interval", "0.1", *words]
        environment = processes.child_environment({"LC_ALL": "C.UTF-8"})
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)

    yield run
    server.shutdown()
    server.server_close()


def counted(n, **more):
    """The nth answer, two seconds after the one before."""
    pattern = {"table": "chat", "pattern": None, "ttl_ms": 5000, "hit": 40 * n, "miss": 10 * n, "stale": 10 * n}
    return {
        "at": 1_700_000_000_000 + 2000 * n, "started": 1_700_000_000_000 - 5_400_000, "version": "9.9", "store": "redis",
        "caching": "observe", "threads": 3, "requests": {"hit": 100 * n, "miss": 50 * n, "write": 10 * n},
        "patterns": [pattern], "upstream": {"reads": 20 * n, "reads_saved": 100 * n}, "breakers": ["closed", "open"],
        "latency": {"hit": {"count": 5, "p50": 90, "p90": 1500, "p99": 25_000, "p999": 300_000}}, **more,
    }


def test_rates_are_differences(says):
    lines = says(counted).stdout.splitlines()
    assert row(lines, "hit ") == ["hit", "50.0", "100", "hit", "0.090", "1.50", "25.0", "300"]
    assert row(lines, "all")[:3] == ["all", "80.0", "160"]
    assert row(lines, "hit ratio")[2] == "66.7%"
    assert any(line.endswith("without the cache" + "60.0".rjust(11)) for line in lines)
    assert row(lines, "chat")[:4] == ["chat", "83.3%", "20.0", "5.00"]
    assert lines[0].split()[-4:-1] == ["1", "h", "30"] or "up 1 h 30 min" in lines[0]
    assert row(lines, "Store") == ["Store", "closed,", "open"]


def test_a_proxy_that_has_begun_anew_has_no_rate(says):
    lines = says(lambda n: counted(5 - n, started=1_700_000_000_000 + n)).stdout.splitlines()
    assert row(lines, "hit ")[1:3] == ["-", "400"]


def test_money_streams_and_reasons(says):
    more = {
        "money": {"currency": "EUR", "per_hour": 0.25, "saved_per_hour": 1.5, "saved_per_month": 1095},
        "streams": {"chat": {"lag_ms": 1500, "in_bounds": False}, "rows": {"lag_ms": None, "in_bounds": True}},
        "bypasses": {"scan": 3, "consistent-read": 12, "write-in-progress": 3, "never": 0},
    }
    lines = says(lambda n: counted(n, **more)).stdout.splitlines()
    assert "Money       EUR 0.25 an hour, saved 1.50 an hour, 1095 a month" in lines
    more["money"] |= {"would_save_per_hour": 2, "would_save_per_month": 1460}
    lines = says(lambda n: counted(n, **more)).stdout
    assert "saved 1.50 an hour, 1095 a month; observed reads from the cache would make that 1460 a month\n" in lines
    assert "Stream      chat: 1.5 s behind, out of bounds" in lines
    assert "Stream      rows: not known how far behind" in lines
    assert "Bypassed    consistent-read 12, scan 3, write-in-progress 3" in lines


def test_what_a_proxy_says_cannot_act_on_the_terminal(says):
    hostile = "a\x1b]0;x\x07\x9b31m\u202eb\n\r\tc\2d"
    events = [{"at": 0, "kind": hostile, "text": hostile}]
    keys = [{"table": hostile, "pattern": hostile, "digest": hostile, "key": hostile, "reads": 5}]
    more = {"events": events, "top_keys": keys, "version": hostile, "streams": {hostile: {}}, "bypasses": {hostile: 1}}
    done = says(lambda n: counted(n, **more))
    assert done.returncode == 0
    assert all(c == "\n" or c.isprintable() for c in done.stdout), repr(done.stdout)
    assert "\\x1b]0;x" in done.stdout


def test_answers_that_are_no_proxys(says):
    for answer in ([], {}, {"at": "now", "patterns": []}, {"at": 5, "patterns": 7}):
        done = says(lambda n, it=answer: it)
        assert done.returncode == 1 and "it answers otherwise than a proxy does" in done.stderr, (answer, done)
    done = says(lambda n: {"at": n + 1, "patterns": [7, None, {"table": 5, "hit": "x"}], "events": 5, "top_keys": [3]})
    assert done.returncode == 0, "what is missing counts as nothing"


# ---- a terminal ----


def test_it_draws_in_place_and_leaves_the_terminal_as_it_was(proxy, on_terminal):
    shown = on_terminal()
    shown.until_frame(shows("Requests", "Latency, ms", "DynamoDB", "chat rooms", "Events"), "the view")
    assert shown.text.startswith("\x1b[?1049h"), "on the alternate screen"
    for _ in range(9):
        proxy.call("GetItem", GET)
    shown.until_frame(lambda frame: row(frame, "hit ")[2] == "8", "the hits")
    shown.until_frame(lambda frame: any(CURVE.search(line) for line in frame), "a curve")
    shown.press(b"q")
    assert shown.end() == (0, "")
    waiting.until(lambda: shown.text.endswith("\x1b[?1049l"), "the screen to be as it was")
    assert "\x1b[?25h" in shown.text and shown.is_as_before()
    assert "\n" not in shown.text.replace("\r\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(on_terminal, number):
    shown = on_terminal()
    shown.until_frame(shows("Requests"), "the view")
    shown.process.send_signal(number)
    assert shown.end() == (0, "")
    waiting.until(lambda: shown.text.endswith("\x1b[?1049l"), "the screen to be as it was")
    assert shown.is_as_before()


def test_interrupt_key_ends_it(on_terminal):
    shown = on_terminal()
    shown.until_frame(shows("Requests"), "the view")
    shown.press(b"\x03")
    assert shown.end() == (0, "") and shown.is_as_before()


def test_lines_are_cut_to_the_screen(on_terminal):
    shown = on_terminal(columns=40, lines=12)
    frame = shown.until_frame(shows("Requests"), "the view")
    assert len(frame) <= 12 and max(len(line) for line in frame) == 40
    shown.resize(90, 30)
    frame = shown.until_frame(lambda f: any(len(line) > 60 for line in f) and len(f) > 20, "a wider view")
    assert len(frame) <= 30 and max(len(line) for line in frame) <= 90
    shown.resize(12, 3)
    frame = shown.until_frame(lambda f: len(f) == 3 and max(len(line) for line in f) <= 12, "a tiny view")
    assert frame[0] == "readaside 0."[:12]


def test_colours(on_terminal):
    coloured = on_terminal()
    coloured.until_frame(shows("Requests"), "the view")
    assert "\x1b[1m" in coloured.text
    plain = on_terminal(environment={"NO_COLOR": "1"})
    plain.until_frame(shows("Requests"), "the view")
    assert not re.search(r"\x1b\[(1|2|31|36)m", plain.text)


def test_a_proxy_that_goes_and_comes(proxy, proxy_factory, on_terminal):
    config = json.loads(proxy.config_path.read_text())
    shown = on_terminal()
    shown.until_frame(shows("chat rooms"), "the view")
    proxy.stop()
    shown.until_frame(shows("doesn't answer: ", "chat rooms"), "that it has gone, and what was last known")
    proxy_factory(None, config=config)
    shown.until_frame(lambda frame: not shows("doesn't answer: ")(frame), "that it is back")
    shown.press(b"q")
    assert shown.end()[0] == 0


def test_it_ends_though_the_proxy_is_silent(proxy, on_terminal):
    """A stopped process accepts connections and answers none."""
    shown = on_terminal()
    shown.until_frame(shows("chat rooms"), "the view")
    os.kill(proxy.process.pid, signal.SIGSTOP)
    try:
        shown.press(b"xyz")
        shown.press(b"q")
        assert shown.end() == (0, "")
    finally:
        os.kill(proxy.process.pid, signal.SIGCONT)


def test_it_can_be_stopped_and_continued(on_terminal):
    shown = on_terminal()
    shown.until_frame(shows("Requests"), "the view")
    shown.press(b"\x1a")
    pid, status = os.waitpid(shown.process.pid, os.WUNTRACED)
    assert pid == shown.process.pid and os.WIFSTOPPED(status)
    waiting.until(lambda: shown.text.endswith("\x1b[?1049l"), "the screen to be as it was")
    assert shown.is_as_before()
    frames = len(shown.frames())
    os.kill(shown.process.pid, signal.SIGCONT)
    waiting.until(lambda: len(shown.frames()) > frames, "more of it")
    shown.press(b"q")
    assert shown.end()[0] == 0


# ---- wrong calls ----


def test_wrong_calls(top, readaside_binary):
    for words, text in (
        (["--intervall", "1"], "did you mean '--interval'?"),
        (["--interval", "0"], "--interval '0' isn't a time from 0.1 to 3600 seconds"),
        (["--interval", "-1"], "isn't a time"),
        (["--interval", "2h"], "isn't a time"),
        (["more"], "unknown argument 'more'"),
    ):
        done = top(*words)
        assert done.returncode == 2 and text in done.stderr, done
    done = subprocess.run([readaside_binary, "top"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "-c FILE is missing" in done.stderr


def test_a_proxy_that_is_not_there(proxy, top):
    proxy.stop()
    for words in (["--once"], ["--json"], []):
        done = top(*words)
        assert done.returncode == 1 and "the proxy at http://127.0.0.1:" in done.stderr, done


def test_a_configuration_without_an_admin_address(readaside_binary, tmp_path):
    path = tmp_path / "config.jsonc"
    path.write_text(json.dumps(processes.base_config("http://127.0.0.1:1")))
    command = [readaside_binary, "top", "-c", path, "--once"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "admin.address" in done.stderr
