"""An adversary of the routes, and of whoever's browser can reach the proxy: paths that climb, values that would be headers,
pages of other sites, names that lead here.
"""
import json
import re
import urllib.parse

import pytest

from support import counting_proxy, processes, raw, raw_http, rest, tables, wire

TABLE = "notes"
PAGE = "https://app.example"
ROUTES = [
    {
        "name": "list",
        "method": "GET",
        "path": "/books/{book}",
        "validate": {"query.mood": {"required": False}},
        "query": {"table": TABLE, "partition_key": "{path.book}", "order": "oldest", "limit": 1},
        "reply": {"each": {"book": "pk", "note": "sk", "text": "text"}},
    },
    {
        "name": "one",
        "method": "GET",
        "path": "/books/{book}/{note}",
        "operation": "GetItem",
        "request": {"TableName": TABLE, "Key": {"pk": {"S": "{path.book}"}, "sk": {"S": "{path.note}"}}},
        "reply": {"item": {"book": "pk", "note": "sk", "text": "text"}},
    },
    {
        "name": "secrets",
        "method": "GET",
        "path": "/admin/{book}",
        "query": {"table": TABLE, "partition_key": "ADMIN#{path.book}", "order": "oldest"},
        "reply": {"each": {"note": "sk"}},
    },
    {
        "name": "add",
        "method": "POST",
        "path": "/books/{book}/{note}",
        "validate": {"header.X-Mood": {"required": False, "default": "none"}, "body.text": {"max_chars": 100000}},
        "operation": "PutItem",
        "request": {
            "TableName": TABLE,
            "Item": {"pk": {"S": "{path.book}"}, "sk": {"S": "{path.note}"}, "text": {"S": "{body.text}"}, "mood": {"S": "{header.X-Mood}"}},
        },
        "reply": {"status": 201, "object": {"text": "{body.text}", "mood": "{header.X-Mood}", "book": "{path.book}"}},
    },
]


@pytest.fixture(scope="module")
def started(ddb_local, readaside_binary, tmp_path_factory):
    with wire.Wire(ddb_local.endpoint) as direct:
        tables.create(direct, tables.plain(TABLE))
        upstream = counting_proxy.CountingUpstream(ddb_local.endpoint)
        config = processes.merged(processes.base_config(upstream.endpoint), {"routes": ROUTES, "cors": {"allow_origins": [PAGE]}})
        proxy = processes.Proxy(readaside_binary, config, tmp_path_factory.mktemp("proxy"))
        yield proxy, direct, upstream
    upstream.stop()
    proxy.stop()


@pytest.fixture
def port(started):
    """Afterwards both faces still serve what the table says."""
    proxy, direct, _ = started
    put(direct, proxy, "b", "1", "text")
    yield proxy.port
    assert proxy.alive()
    with rest.Rest(proxy.endpoint) as api:
        for _ in range(2):
            assert api.get("/books/b/1").json == {"book": "b", "note": "1", "text": "text"}
            assert proxy.call("GetItem", key("b", "1")).json["Item"]["text"] == {"S": "text"}


def key(book, note):
    return {"TableName": TABLE, "Key": {"pk": {"S": book}, "sk": {"S": note}}}


def put(_, proxy, book, note, text):
    assert proxy.call("PutItem", {"TableName": TABLE, "Item": {"pk": {"S": book}, "sk": {"S": note}, "text": {"S": text}}}).status == 200


def request(target, *headers, method="GET", body=b"", host="127.0.0.1"):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def ask(port, *args, **more):
    """The only reply, and that the connection is kept after it."""
    fate = raw_http.attack(port, request(*args, **more))
    assert len(fate.replies) == 1, fate
    return fate.replies[0], fate.kept


# ---- paths ----

CLIMBING = [
    "..", ".", "...", "../admin/x", "..\\admin", "a/b", "a\\b", "/", "//", "\\", "b/1", "b;x=y", "b;", "b?x", "b#x", "%", "%2e%2e", "%2f", "%252e", "%00", "b%", "+", "b+1", "b 1",
    "~", "ADMIN#x", "b&x=y", "b=1", "b,1", "'", '"', "<b>", "{book}", "{path.book}", "{{", "${x}", "é", "e\u0301", "\u2215", "\uff0f", "\u2024\u2024", "\U0001f4d6", "b:1", "@", "*",
]  # fmt: skip


def test_an_escaped_segment_is_the_segment_and_nothing_else(started, port):
    """Each is a key of its own: written with its own text, over the wire, and read twice over the route."""
    proxy, direct, _ = started
    for n, book in enumerate(CLIMBING):
        put(direct, proxy, book, "1", f"number {n}")
    for n, book in enumerate(CLIMBING):
        escaped = "".join(f"%{byte:02x}" for byte in book.encode())
        for target in (f"/books/{escaped}/1", f"/books/{escaped.upper()}/%31"):
            for _ in range(2):
                reply, kept = ask(port, target)
                assert reply.status == 200 and kept, (target, reply)
                assert reply.json == {"book": book, "note": "1", "text": f"number {n}"}, target


NOWHERE = [
    "/books/../admin/x", "/books/./b", "/./books/b", "/../books/b", "/books/b/..", "/books/b/.", "/books//b", "//books/b", "///books/b", "/books/b//", "/books/b/1/", "/books/b/1/2", "/books\\b",
    "\\books\\b", "/books%2fb", "/books%2Fb", "/books%5cb", "/%2e/books/b", "/%2e%2e/books/b", "/x/..%2fbooks/b", "/books/..%2fadmin/x/y/z", "/books;x=y/b", "/BOOKS/b", "/books%00/b",
    "/books%20/b", "/ books/b", "/books/b HTTP/1.1 x", "/%62ooks%2fb", "//127.0.0.1/books/b", "//evil.example/books/b", "/books/", "/books", "/admin", "/admin/../books/b", "/.well-known/x", "/favicon.ico",
]  # fmt: skip
MALFORMED = ["/books/%00", "/books/b%00", "/books/%00b/1", "/books/%", "/books/%2", "/books/%zz", "/books/%u0062", "/books/%c0%ae%c0%ae", "/books/%c0%af", "/books/%e0%80%ae", "/books/%ff", "/books/%ed%a0%80", "/books/%f4%90%80%80", "/books/%0d%0aX:y", "/books/%0a", "/books/b%0d", "/books/%1b[31m", "/books/%7f", "/books/%c2%85"]  # fmt: skip


@pytest.mark.parametrize("target", NOWHERE)
def test_no_other_spelling_leads_to_a_route(port, target):
    reply, _ = ask(port, target)
    assert reply.status in (400, 404), reply
    assert b"text" not in reply.body


@pytest.mark.parametrize("target", ["/books/..", "/books/.", "/books/%2e%2e", "/books/.%2e"])
def test_dots_are_a_name(port, target):
    """A path isn't normalized: what stands before the proxy and does so sends another path."""
    reply, kept = ask(port, target)
    assert reply.status == 200 and kept
    assert {item["book"] for item in reply.json} <= {".", ".."}


@pytest.mark.parametrize("target", MALFORMED)
def test_malformed_paths(port, started, target):
    started[2].forget()
    for method in ("GET", "POST"):
        reply, kept = ask(port, target if method == "GET" else target + "/x", method=method, body=b'{"text":"x"}' if method == "POST" else b"")
        assert reply.status in (400, 404) and kept, reply
        assert reply.json["code"] in ("malformed_path", "not_found")
    assert started[2].count("PutItem") == 0


def test_a_decoded_path_is_not_decoded_again(port, started):
    proxy, direct, _ = started
    put(direct, proxy, "%2562", "1", "twice")
    put(direct, proxy, "%62", "1", "once")
    for target, text in (("/books/%62/1", "text"), ("/books/%2562/1", "once"), ("/books/%252562/1", "twice"), ("/books/%25%36%32/1", "once")):
        reply, _ = ask(port, target)
        assert reply.json["text"] == text, target


# ---- values that would be headers ----

EVIL = ["\r\nX-Evil: 1", "\nX-Evil: 1", "\rX-Evil: 1", "\r\n\r\n<script>", "\u2028X-Evil: 1", "\u010d\u010aX-Evil: 1", '>; rel="next", <//evil', '"', "\\", "\u0085X-Evil: 1", "\x0bX-Evil", "\x00"]


def no_header_of_theirs(reply):
    names = {name.lower() for name in reply.headers}
    assert "x-evil" not in names and "set-cookie" not in names, reply
    for name, value in reply.headers.items():
        assert "Evil" not in value or name == "Link", reply
        assert all(0x20 <= ord(c) < 0x7F for c in value), reply


@pytest.mark.parametrize("evil", EVIL, ids=repr)
def test_no_value_becomes_a_header(port, started, evil):
    """In the path, in the query string, in the body and in the table: the Link header and the reply's object show them."""
    proxy, direct, _ = started
    quoted = urllib.parse.quote(evil, safe="")
    for note in ("a" + evil, "b" + evil):
        put(direct, proxy, "evil", note, evil)
    for target in (f"/books/{quoted}", f"/books/evil?mood={quoted}", f"/books/evil?before={quoted}&mood={quoted}", f"/books/evil?after={quoted}", f"/books/evil?limit={quoted}", f"/books/evil?{quoted}={quoted}", f"/{quoted}", f"/books/b/1?{quoted}", f"/books/evil/{quoted}"):  # fmt: skip
        reply, _ = ask(port, target)
        no_header_of_theirs(reply)
        link = reply.headers["Link"]
        assert link is None or re.fullmatch(r'<[!#-;=?-~]+>; rel="next"', link), link
    reply, _ = ask(port, "/books/evil/new", method="POST", body=json.dumps({"text": evil}).encode())
    no_header_of_theirs(reply)
    assert reply.status == 201 and reply.json["text"] == evil or reply.status in (400, 422), reply


@pytest.mark.parametrize("value", ["a\r\n X-Evil: 1", "a\r\n\tb", "a\x00b", "a\rb", "\xff", "\xc0\xaf", "\xed\xa0\x80"], ids=repr)
def test_header_values_that_are_none(port, started, value):
    """A route that takes a header: refused, before anything is written."""
    started[2].forget()
    fate = raw_http.attack(port, request("/books/evil/header", f"X-Mood: {value}", method="POST", body=b'{"text":"x"}'))
    assert fate.statuses == [400], fate
    no_header_of_theirs(fate.replies[0])
    assert started[2].count("PutItem") == 0


@pytest.mark.parametrize("value", ["a\tb", "a\x0bb", "a\x1bb", "a\x7fb", '"', "\\", "\xc3\xa9"], ids=repr)
def test_odd_header_values(port, started, value):
    """Nothing but a value: shown as the JSON string that it is, or refused."""
    proxy, direct, _ = started
    reply, _ = ask(port, "/books/evil/odd", f"X-Mood: {value}", method="POST", body=b'{"text":"x"}')
    no_header_of_theirs(reply)
    if reply.status != 400:
        expected = value.encode("latin-1").decode()
        assert reply.status == 201 and reply.json["mood"] == expected
        assert direct.ok("GetItem", key("evil", "odd")).json["Item"]["mood"] == {"S": expected}


def test_a_header_twice(port, started):
    started[2].forget()
    reply, _ = ask(port, "/books/evil/header", "X-Mood: a", "x-mood: b", method="POST", body=b'{"text":"x"}')
    assert reply.status == 400
    assert started[2].count("PutItem") == 0


# ---- pages of other sites ----

ORIGINS = ["https://evil.example", "null", "https://app.example.evil.com", "https://evilapp.example", "http://app.example", "https://app.example:8443", "https://APP.example", "https://app.example/", "https://app.example.", "https://app.example@evil.example", "https://app.example, https://evil.example", " ", "*", "https://app.example\x00"]  # fmt: skip
WIRE = raw.request("GetItem", key("b", "1"))


@pytest.mark.parametrize("origin", ORIGINS, ids=repr)
def test_other_origins_get_no_leave(port, origin):
    """Neither on the routes nor over the wire API, asked by a preflight or not."""
    for data in (
        request("/books/b", f"Origin: {origin}"),
        request("/books/b", f"Origin: {origin}", "Access-Control-Request-Method: GET", method="OPTIONS"),
        request("/", f"Origin: {origin}", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-amz-target", method="OPTIONS"),
        WIRE.replace(b"\r\n", f"\r\nOrigin: {origin}\r\n".encode("latin-1"), 1),
    ):
        fate = raw_http.attack(port, data)
        assert len(fate.replies) == 1, fate
        for name in fate.replies[0].headers:
            assert not name.lower().startswith("access-control-allow"), fate


def test_a_page_that_may_use_routes_may_not_use_the_wire_api(port):
    """Its preflight is told nothing, and without one a page can't send X-Amz-Target."""
    preflight = request("/", f"Origin: {PAGE}", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-amz-target", method="OPTIONS")
    refused = raw_http.attack(port, preflight).replies[0]
    assert refused.status == 405, "a preflight is a no unless it is a 2xx"
    assert refused.headers["Access-Control-Allow-Headers"] is None and refused.headers["Access-Control-Allow-Methods"] is None
    served = raw_http.attack(port, WIRE.replace(b"\r\n", f"\r\nOrigin: {PAGE}\r\n".encode(), 1)).replies[0]
    assert served.status == 200 and served.headers["Access-Control-Allow-Origin"] is None
    reply, _ = ask(port, "/books/b", f"Origin: {PAGE}")
    assert reply.headers["Access-Control-Allow-Origin"] == PAGE


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None])
@pytest.mark.parametrize("target", ["/", "/?X-Amz-Target=DynamoDB_20120810.DeleteItem", "/?x-amz-target=DynamoDB_20120810.DeleteItem&Action=DeleteItem"])
def test_what_a_form_can_send_is_no_operation(port, started, target, kind):
    """The operation is named by the header alone, which no form can set."""
    body = json.dumps(key("b", "1")).encode()
    lines = [f"POST {target} HTTP/1.1", "Host: 127.0.0.1", "Origin: https://evil.example", f"Content-Length: {len(body)}"]
    lines += [f"Content-Type: {kind}"] if kind else []
    started[2].forget()
    fate = raw_http.attack(port, ("\r\n".join(lines) + "\r\n\r\n").encode() + body)
    assert len(fate.replies) == 1 and fate.replies[0].status in (400, 404), fate
    assert [r.operation for r in started[2].seen()] in ([], ["ListTables"])


# ---- names that lead here ----

REBOUND = ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "evil-localhost", "127.0.0.1@evil.example", "evil.example@127.0.0.1", "localhost, evil.example", "localhost evil.example", "evil.example\x00", "localhost\x00.evil.example", "[::1].evil.example", "[::1]evil.example", "[evil.example", "localhost:80:evil", "localhost/", "http://localhost", "127.0.0.1:x", "xn--lcalhost-n4a", "\xe9"]  # fmt: skip


@pytest.mark.parametrize("host", REBOUND, ids=repr)
def test_a_rebound_name_is_refused(port, started, host):
    """Also for what is known by heart: the same bytes but for the Host header, right behind a hit; and nothing is sent."""
    for face, good, known in (("wire", WIRE, WIRE), ("route", request("/books/b"), WIRE)):
        data = good.replace(b"Host: 127.0.0.1", b"Host: " + host.encode("latin-1"), 1)
        for more in ({}, {"before": known, "learnt": known}):
            started[2].forget()
            fate = raw_http.attack(port, data, **more)
            assert len(fate.replies) == 1 and not fate.kept, (face, more.keys(), fate)
            assert fate.replies[0].status in ((400, 421) if "\x00" in host else (421,)), (face, fate)
            assert b"text" not in fate.replies[0].body
            assert "DeleteItem" not in [r.operation for r in started[2].seen()]


@pytest.mark.parametrize("first", [True, False])
def test_two_names(port, first):
    """One of them is right: refused all the same, behind a hit too."""
    lines = b"Host: 127.0.0.1\r\nhost: evil.example" if first else b"HOST: evil.example\r\nHost: 127.0.0.1"
    for more in ({}, {"before": WIRE, "learnt": WIRE}):
        fate = raw_http.attack(port, WIRE.replace(b"Host: 127.0.0.1", lines, 1), **more)
        assert fate.statuses in ([400], [421]) and not fate.kept, fate


@pytest.mark.parametrize("target", ["http://evil.example/", "http://evil.example:80/", "HTTP://EVIL.example/", "https://evil.example/"])
def test_the_absolute_forms_name_is_the_one_that_counts(port, target):
    """RFC 9112 section 3.2.2: the Host header is passed over then."""
    for data in (WIRE.replace(b"POST / ", f"POST {target} ".encode(), 1), request(target + "books/b")):
        fate = raw_http.attack(port, data)
        assert fate.statuses == [421] and not fate.kept, fate
