"""The access log: a line for each kind of request, whatever its client sends; where it goes, and that nothing waits for
it. And traces, which go on upstream."""
import fcntl
import json
import os
import re
import signal
import stat
import threading

import pytest

from support import metrics, processes, raw, signing, tables, waiting, wire
from support.access_log import AccessLog, parse
from support.reloading import Reloading, whole, with_admin

TABLE = "plain"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
ROUTE = {
    "name": "show",
    "method": "GET",
    "path": "/api/things/{pk}",
    "query": {"table": TABLE, "partition_key": "{path.pk}"},
    "reply": {"each": {"sk": "sk"}},
}


def get(pk="a", sk="1"):
    return "GetItem", {"TableName": TABLE, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}


def put(pk="a", sk="1"):
    return "PutItem", {"TableName": TABLE, "Item": {"pk": {"S": pk}, "sk": {"S": sk}}}


@pytest.fixture
def log(tmp_path):
    return AccessLog(tmp_path / "access.log")


@pytest.fixture
def logging(proxy_factory, counting_upstream, plain, direct, log):
    """logging(sample=..., **changes) starts a proxy with an access log; `a`/`1` is there."""
    direct.ok(*put())

    def start(path=None, sample="100%", **changes):
        changes = with_admin({"access_log": {"path": str(path or log.path), "sample": sample}, **changes})
        return proxy_factory(counting_upstream.endpoint, changes)

    return start


def one_table(**options):
    return {TABLE: {"ttl": "10m", "ttl_jitter": "0%", "negative_ttl": "10m", **options}, "*": {"ttl": "10m"}}


# ---- what a line says ----


def test_each_way_to_an_answer_has_its_line(logging, log):
    patterns = [{"name": "rooms", "partition_key": "ROOM/*"}]
    proxy = logging(tables=one_table(patterns=patterns))
    with proxy.wire() as through:
        ask = {"User-Agent": "test/1"}
        miss = through.ok(*get(), headers=ask)
        line = log.next()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
        assert line.pop("duration_us") >= line.pop("upstream_us") > 0
        assert line == {
            "id": miss.headers["x-amzn-RequestId"],
            "client": "127.0.0.1",
            "method": "POST",
            "path": "/",
            "operation": "GetItem",
            "tables": [TABLE],
            "status": 200,
            "outcome": "miss",
            "cache": "MISS",
            "bytes_in": len(json.dumps(get()[1])),
            "bytes_out": len(miss.body),
            "upstream_calls": 1,
            "units": 1,
            "user_agent": "test/1",
        }
        whole_way, express = through.ok(*get(), headers=ask), through.ok(*get(), headers=ask)
        lines = log.next(2)
        for reply, line in zip((whole_way, express), lines):
            assert reply.cache == "HIT" and "X-Request-Id" not in reply.headers
            assert line.pop("id") == reply.headers["x-amzn-RequestId"]
            assert line.pop("duration_us") >= 0 and line.pop("time")
        assert lines[0] == lines[1], "the express way says what the whole way says"
        assert (lines[0]["outcome"], lines[0]["cache"], lines[0]["tables"]) == ("hit", "HIT", [TABLE])
        assert "upstream_calls" not in lines[0]
        through.ok(*get("ROOM/1"))
        assert log.next()["pattern"] == "rooms"
        for _ in range(2):
            through.ok(*get("ROOM/1"))
            assert log.next()["pattern"] == "rooms"
        through.ok(*put())
        line = log.next()
        assert (line["outcome"], line["reason"], line["operation"]) == ("write", "write", "PutItem")
        through.ok("GetItem", {**get()[1], "ConsistentRead": True})
        line = log.next()
        assert (line["outcome"], line["cache"], line["reason"]) == ("bypass", "BYPASS", "consistent-read")
        through.ok("ListTables", {})
        line = log.next()
        assert (line["outcome"], line["operation"]) == ("pass", "ListTables") and "tables" not in line
        assert through.call("GetItem", b'{"TableName": 1').status == 400
        line = log.next()
        assert (line["outcome"], line["status"]) == ("error", 400) and "cache" not in line


def test_a_table_of_the_star_has_its_own_name(logging, log):
    proxy = logging(tables={"*": {"ttl": "10m", "ttl_jitter": "0%"}})
    with proxy.wire() as through:
        for _ in range(3):
            through.ok(*get())
        assert [line["tables"] for line in log.next(3)] == [[TABLE]] * 3


def test_many_tables_are_named_in_part(logging, log):
    proxy = logging(tables=one_table())
    with proxy.wire() as through:
        asked = {f"table{i}": {"Keys": [get()[1]["Key"]]} for i in range(7)}
        through.call("BatchGetItem", {"RequestItems": asked})
        line = log.next()
        assert line["tables"] == [f"table{i}" for i in range(4)] and line["more_tables"] == 3


def test_routes_say_their_template_and_no_keys(logging, log):
    proxy = logging(routes=[ROUTE], tables=one_table())
    secret = "who-must-not-be-named"
    for target, status in (
        (f"/api/things/a?x={secret}", 200),
        (f"/api/things/{secret}", 200),
        (f"/api/others/{secret}", 404),
        ("/favicon.ico", 404),
    ):
        reply = raw.exchange(proxy.port, raw.head(None, method="GET", path=target))
        assert reply.status == status
        line = log.next()
        assert line["id"] == reply.headers["X-Request-Id"] and len(line["id"]) == 52
        assert (line["method"], line["status"]) == ("GET", status)
        if status == 200:
            assert (line["path"], line["route"], line["operation"]) == (ROUTE["path"], "show", "Query")
    assert [line.get("path") for line in log.lines()[2:]] == ["/api/...", "/favicon.ico"]
    reply = raw.exchange(proxy.port, raw.head(None, method="DELETE", path=f"/api/things/{secret}"))
    assert reply.status == 405
    assert log.next()["path"] == "/api/..."
    with raw.connect(proxy.port) as sock:
        sock.sendall(raw.head(None, method="OPTIONS", path="/api/things/a"))
        reply = raw.ReplyReader(sock).next(bodiless=True)
    assert reply.status == 204 and reply.headers["X-Request-Id"] == log.next()["id"]
    assert secret not in log.path.read_text()


def test_where_a_path_begins_with_a_key_no_path_is_told(logging, log):
    proxy = logging(routes=[{**ROUTE, "path": "/{pk}/things"}], tables=one_table())
    assert raw.exchange(proxy.port, raw.head(None, method="DELETE", path="/secret/things")).status == 405
    assert log.next()["path"] == "/..."


def test_the_clients_own_id_goes_through(logging, log):
    proxy = logging(tables=one_table(), routes=[ROUTE])
    with proxy.wire() as through:
        for i in range(4):
            name = f"id-{i}._:/+=@"
            reply = through.ok(*get(), headers={"X-Request-Id": name})
            assert reply.headers.get_all("X-Request-Id") == [name]
            line = log.next()
            assert (line["id"], line["amzn_request_id"]) == (name, reply.headers["x-amzn-RequestId"])
        assert through.call("GetItem", b"{", headers={"X-Request-Id": "refused"}).headers["X-Request-Id"] == "refused"
        assert log.next()["id"] == "refused"
        for name in ("x" * 129, "a b", 'a"b', "a\\b", "ä", "a,b"):
            for _ in range(3):
                sent = {"X-Request-Id": name.encode("latin-1")}
                reply = through.ok(*get(), headers=sent)
                assert "X-Request-Id" not in reply.headers, name
                assert log.next()["id"] == reply.headers["x-amzn-RequestId"]
        longest = "x" * 128
        for _ in range(3):
            assert through.ok(*get(), headers={"X-Request-Id": longest}).headers["X-Request-Id"] == longest
            assert log.next()["id"] == longest


def test_without_an_access_log_replies_are_as_ever(proxy, plain, through):
    for _ in range(3):
        assert "X-Request-Id" not in through.ok(*get(), headers={"X-Request-Id": "mine"}).headers


def test_who_has_signed(logging, log, tmp_path):
    key = signing.Key("AKIAORDERS")
    path = tmp_path / "keys.json"
    signing.write_keys(path, key)
    proxy = logging(auth={"sigv4": {"keys_file": str(path)}}, tables=one_table())
    with raw.connect(proxy.port) as sock:
        replies = raw.ReplyReader(sock)
        for _ in range(3):
            sock.sendall(signing.request(key, *get()))
            assert replies.next().status == 200
            assert log.next()["access_key_id"] == "AKIAORDERS"
    assert wire.call_once(proxy.endpoint, *get()).status == 400
    assert "access_key_id" not in log.next(), "it only says so"
    assert key.secret not in log.path.read_text()


HOSTILE = [
    b'"},{"status":999}',
    b"\\u0000\\",
    b"\x80\xff\xfe\xc0\xaf",
    b"\xed\xa0\x80\xf4\x90\x80\x80",
    "\u2028\u202e\U0001f600é".encode(),
    b"tab\tand\x7f",
    b"%n%s%x",
    b"A" * 4000,
    b'"' * 4000,
    "é".encode() * 2000,
]


@pytest.mark.parametrize("agent", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bytes_are_escaped_and_cut(logging, log, agent):
    """In the user agent, the id, the path and the table's name; three times, so that one takes the express way."""
    proxy = logging(tables={"*": {"ttl": "10m"}})
    body = json.dumps({**get()[1], "TableName": agent.decode("utf-8", "replace")[:300]}).encode()
    with raw.connect(proxy.port) as sock:
        replies = raw.ReplyReader(sock)
        for asked in (json.dumps(get()[1]).encode(), json.dumps(get()[1]).encode(), json.dumps(get()[1]).encode(), body):
            top = raw.head(len(asked))[:-2] + b"User-Agent: " + agent + b"\r\nX-Request-Id: " + agent
            sock.sendall(top + b"\r\ntraceparent: " + agent + b"\r\n\r\n" + asked)
            assert replies.next() is not None
            line = log.next()
            if agent.isascii() and b"\x7f" not in agent:
                plain = agent.decode().strip()
                assert plain.startswith(line["user_agent"]) and len(line["user_agent"]) >= min(len(plain), 100)
            assert len(line["user_agent"]) <= 256 and "trace_id" not in line
    refused = raw.exchange(proxy.port, b"GET /" + agent.replace(b" ", b"").replace(b"\t", b"") + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    if refused is not None and "X-Request-Id" in refused.headers:  # else evhttp itself has refused it
        assert log.next()["method"] == "GET"


def test_a_client_that_leaves_has_been_told_nothing(logging, log, counting_upstream):
    proxy = logging(tables=one_table())
    gate = counting_upstream.hold("GetItem")
    with raw.connect(proxy.port) as sock:
        sock.sendall(raw.request(*get("other"), extra=("X-Request-Id: gone",)))
        gate.wait_for(1)
    line = log.next()
    assert (line["outcome"], line["id"], line["bytes_out"]) == ("left", "gone", 0) and "status" not in line
    gate.release()


def test_one_of_many_that_wait_for_the_same_read(logging, log, counting_upstream):
    proxy = logging(tables=one_table())
    gate = counting_upstream.hold("GetItem")
    threads = [threading.Thread(target=wire.call_once, args=(proxy.endpoint, *get("other"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    gate.wait_for(1)
    waiting.until(lambda: metrics.live(proxy)["in_flight"] == 5, "all to wait")
    gate.release()
    for thread in threads:
        thread.join()
    lines = log.next(5)
    assert sorted(line.get("collapsed", False) for line in lines) == [False, True, True, True, True]
    assert sorted(line.get("upstream_calls", 0) for line in lines) == [0, 0, 0, 0, 1]


# ---- samples ----


def test_errors_are_logged_whatever_the_sample(logging, log, counting_upstream):
    proxy = logging(sample="0.0001%", tables=one_table())
    counting_upstream.fail("GetItem", times=1, status=500)
    with proxy.wire() as through:
        for _ in range(20):
            through.ok(*get()) if counting_upstream.count("GetItem") else through.call(*get())
        through.call("GetItem", b"{")
    line = log.next()
    assert (line["status"], line["cache"]) == (500, "MISS")


def test_0_logs_nothing(logging, log, counting_upstream):
    proxy = logging(sample="0%", tables=one_table())
    counting_upstream.fail("GetItem", times=1, status=500)
    with proxy.wire() as through:
        assert through.call(*get()).status == 500
        assert through.ok(*get(), headers={"X-Request-Id": "mine"}).headers["X-Request-Id"] == "mine"
    proxy.stop()
    assert log.lines() == []


def test_a_trace_is_sampled_as_a_whole(logging, log):
    """All requests of a trace or none, however they are answered; of ids the same."""
    proxy = logging(sample="50%", tables=one_table())
    with proxy.wire() as through:
        for i in range(40):
            for _ in range(4):
                parent = f"00-{i + 1:032x}-{PARENT}-00"
                through.ok(*get(), headers={"traceparent": parent})
                through.ok(*get(), headers={"X-Request-Id": f"of-{i}"})
    proxy.stop()
    lines = log.lines()
    traces = [line["trace_id"] for line in lines if "trace_id" in line]
    ids = [line["id"] for line in lines if "trace_id" not in line]
    for names in (traces, ids):
        assert {names.count(name) for name in names} == {4}
        assert 8 <= len(set(names)) <= 32


# ---- traces ----


def test_a_trace_goes_on_upstream(logging, log, counting_upstream):
    proxy = logging(tables=one_table())
    with proxy.wire() as through:
        for call in (get("x"), put("x"), ("ListTables", {})):
            counting_upstream.forget()
            through.ok(*call, headers={"traceparent": TRACEPARENT, "tracestate": "a=1,b=2"})
            sent = dict(counting_upstream.seen(call[0])[0].headers)
            version, trace, span, flags = sent["traceparent"].split("-")
            assert (version, trace, flags, sent["tracestate"]) == ("00", TRACE, "01", "a=1,b=2")
            assert re.fullmatch("[0-9a-f]{16}", span) and span != PARENT
            line = log.next()
            assert (line["trace_id"], line["span_id"], line["parent_id"]) == (TRACE, span, PARENT)


def test_it_goes_on_without_an_access_log_and_from_routes(proxy_factory, counting_upstream, plain):
    proxy = proxy_factory(counting_upstream.endpoint, {"routes": [ROUTE]})
    extra = (f"traceparent: {TRACEPARENT}", "tracestate: a=1", "tracestate: b=2")
    assert raw.exchange(proxy.port, raw.head(None, method="GET", path="/api/things/a", extra=extra)).status == 200
    sent = dict(counting_upstream.seen("Query")[0].headers)
    assert sent["traceparent"].split("-")[1] == TRACE and sent["tracestate"] == "a=1,b=2"


@pytest.mark.parametrize(
    "lines",
    [
        (f"traceparent: 00-{'0' * 32}-{PARENT}-01",),
        (f"traceparent: 00-{TRACE}-{'0' * 16}-01",),
        (f"traceparent: 00-{TRACE.upper()}-{PARENT}-01",),
        (f"traceparent: ff-{TRACE}-{PARENT}-01",),
        (f"traceparent: {TRACEPARENT}-more",),
        (f"traceparent: {TRACEPARENT[:-1]}",),
        ("traceparent:",),
        (f"traceparent: {TRACEPARENT}", f"traceparent: {TRACEPARENT}"),
        (),
    ],
)
def test_what_is_no_trace_is_dropped_with_its_state(proxy, plain, counting_upstream, lines):
    assert raw.exchange(proxy.port, raw.request(*get(), extra=(*lines, "tracestate: a=1"))).status == 200
    sent = {name.lower() for name, _ in counting_upstream.seen("GetItem")[0].headers}
    assert "content-type" in sent and not sent & {"traceparent", "tracestate"}


# ---- where it goes ----


@pytest.fixture
def reloading(proxy_factory, counting_upstream, readaside_binary, plain, log):
    def start(changes):
        config = whole(counting_upstream.endpoint, with_admin({"tables": one_table(), **changes}))
        return Reloading(proxy_factory(None, config=config), config, readaside_binary)

    return start


def test_the_file_is_not_for_everyone(logging, log):
    logging(tables=one_table())
    assert stat.S_IMODE(log.path.stat().st_mode) & ~0o640 == 0


def test_rotation(reloading, log, tmp_path):
    """Renamed, and told so; what comes afterwards is in a new file. All lines are in one of them."""
    r = reloading({"access_log": {"path": str(log.path)}})
    names = []
    with r.proxy.wire() as through:
        for turn in range(4):
            for i in range(50):
                names.append(f"{turn}-{i}")
                through.call(*get(), headers={"X-Request-Id": names[-1]})
            os.rename(log.path, tmp_path / f"old{turn}")
            r.hang_up()
            waiting.until(log.path.exists, "a new file")
        through.call(*get(), headers={"X-Request-Id": "last"})
    assert log.next()["id"] == "last"
    assert [line["id"] for turn in range(4) for line in AccessLog(tmp_path / f"old{turn}").lines()] == names


def test_it_is_turned_on_moved_and_off_by_a_reload(reloading, log, tmp_path):
    r = reloading({})
    other = AccessLog(tmp_path / "other.log")
    with r.proxy.wire() as through:
        through.ok(*get())
        assert r.reload({"access_log": {"path": str(log.path)}}) == (["access_log"], [])
        through.ok(*get(), headers={"X-Request-Id": "one"})
        assert log.next()["id"] == "one"
        assert r.reload({"access_log": {"path": str(other.path)}}) == (["access_log.path"], [])
        through.ok(*get(), headers={"X-Request-Id": "two"})
        assert other.next()["id"] == "two"
        assert r.reload({"access_log": {"sample": "0%"}}) == (["access_log.sample"], [])
        through.ok(*get())
        r.reload({"access_log": {"sample": "100%"}})
        through.ok(*get(), headers={"X-Request-Id": "three"})
        assert other.next()["id"] == "three"
        off = dict(r.config)
        del off["access_log"]
        through.ok(*get(), headers={"X-Request-Id": "four"})
        assert r.reload(config=off) == (["access_log"], [])
        assert "X-Request-Id" not in through.ok(*get(), headers={"X-Request-Id": "five"}).headers
        assert other.next()["id"] == "four"
    r.proxy.stop()
    assert other.lines()[-1]["id"] == "four" and len(log.lines()) == 1


def test_a_file_that_cant_be_opened_changes_nothing(reloading, log, readaside_binary, tmp_path):
    r = reloading({"access_log": {"path": str(log.path)}})
    r.change(processes.merged(r.config, {"access_log": {"path": str(tmp_path / "none" / "log")}}))
    status, answer = r.post("/admin/reload")
    assert status != 200 and "access_log.path" in json.dumps(answer) and "No such file" in json.dumps(answer)
    with r.proxy.wire() as through:
        through.ok(*get(), headers={"X-Request-Id": "still"})
    assert log.next()["id"] == "still"
    with pytest.raises(AssertionError, match="access_log.path.*No such file"):
        processes.Proxy(readaside_binary, r.config, tmp_path)


def test_standard_output(logging):
    proxy = logging(path="-", tables=one_table())
    with proxy.wire() as through:
        through.ok(*get(), headers={"X-Request-Id": "printed"})
    waiting.until(lambda: any("printed" in line for line in proxy.lines), "the line")
    assert parse(proxy.lines[-1].strip().encode())["id"] == "printed"


def test_what_was_answered_before_the_end_is_there(logging, log):
    proxy = logging(tables=one_table())
    with proxy.wire() as through:
        for i in range(300):
            through.ok(*get(), headers={"X-Request-Id": str(i)})
    proxy.stop()
    assert [line["id"] for line in log.lines()] == [str(i) for i in range(300)]


# ---- a disk, or a reader, that doesn't keep up ----


def dropped(proxy, reason):
    return metrics.Scrape(proxy).sum("readaside_access_log_dropped_total", reason=reason)


def test_a_full_disk_stops_nobody(logging):
    proxy = logging(path="/dev/full", tables=one_table())
    with proxy.wire() as through:
        for _ in range(200):
            through.ok(*get())
        waiting.until(lambda: dropped(proxy, "failed") == 200, "all lines to be lost")
    assert metrics.Scrape(proxy).sum("readaside_access_log_lines_total") == 0
    assert "No space left" in proxy.output()


def test_a_pipe_that_nobody_reads_stops_nobody(logging, tmp_path):
    """Nor, once it is full, the end of the process. What is read in the end is whole."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    proxy = logging(path=fifo, tables=one_table(), listen={"threads": 1})
    sent = {"User-Agent": "x" * 250, "X-Request-Id": "y" * 128}
    with proxy.wire() as through:
        through.ok(*get(), headers=sent)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        waiting.until(lambda: metrics.Scrape(proxy).sum("readaside_access_log_lines_total") > 0, "somebody to read")
        while not dropped(proxy, "full"):
            for _ in range(200):
                assert through.ok(*get(), headers=sent).status == 200
    scrape = metrics.Scrape(proxy)
    assert scrape.sum("readaside_access_log_lines_total") < scrape.sum("readaside_requests_total")
    waiting.until(lambda: "faster than they can be written" in proxy.output(), "it to be said")
    os.set_blocking(reader, True)
    lines = []
    with os.fdopen(reader, "rb") as pipe:
        for line in pipe:
            lines.append(parse(line.strip()))
            if len(lines) == 100:
                break
        assert all(line["id"] == sent["X-Request-Id"] for line in lines)
        proxy.stop()


def test_a_reader_that_goes_and_another_that_comes(logging, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    proxy = logging(path=fifo, tables=one_table())
    with proxy.wire() as through:
        for turn in range(2):
            with open(fifo, "rb", buffering=0) as pipe:
                through.ok(*get(), headers={"X-Request-Id": f"turn-{turn}"})
                assert parse(pipe.readline().strip())["id"] == f"turn-{turn}"
            through.ok(*get(), headers={"X-Request-Id": "lost"})
            waiting.until(lambda: dropped(proxy, "failed") == turn + 1, "the line to be lost")


def test_lines_of_all_threads_are_whole(logging, log):
    proxy = logging(tables=one_table(), listen={"threads": 4})

    def work(name):
        with proxy.wire() as through:
            for i in range(200):
                through.ok(*get(), headers={"X-Request-Id": f"{name}-{i}"})

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [line["id"] for line in log.next(1600)]
    assert len(set(ids)) == 1600
    for name in range(8):
        assert [i for i in ids if i.startswith(f"{name}-")] == [f"{name}-{i}" for i in range(200)]
