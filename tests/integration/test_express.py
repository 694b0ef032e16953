"""Hits on the express way: the same replies as on the other one, in order, and never a stale or a smuggled one.

Which way a reply came can't be seen in it. But the express way takes no part in `listen.max_in_flight`: with that at 1,
and a request held upstream, what isn't an express hit gets 503. An alias lives for a second, so that whoever needs an
express hit tries again. `Content-Encoding: identity` keeps a request off the express way and changes nothing else.
"""
import concurrent.futures
import contextlib
import os
import random
import resource
import socket

import pytest
import test_broken_connections as broken
import test_redis
import test_redis_near

from support import ports, raw, tables, waiting

TABLE = "chat"
SEED = int(os.environ.get("READASIDE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
STEPS = int(os.environ.get("READASIDE_STEPS", "60"))
OTHER_WAY = ("Content-Encoding: identity",)
NARROW = {"listen": {"threads": 1, "max_in_flight": 1}, "upstream": {"request_timeout": "30s"}}

redis_factory, redis = test_redis.redis_factory, test_redis.redis


def key(sk, pk="room"):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def get(sk="1", table=TABLE):
    return {"TableName": table, "Key": key(sk)}


def put(sk, text, table=TABLE):
    return {"TableName": table, "Item": {**key(sk), "v": {"S": text}}}


def query(table=TABLE, pk="room"):
    return {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
    }


GET = raw.request("GetItem", get())
SCAN = raw.request("Scan", {"TableName": TABLE})


class Line:
    """A connection on which requests are sent in one piece."""

    def __init__(self, port):
        self.port = port
        self.sock = raw.connect(port)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = raw.ReplyReader(self.sock)

    @classmethod
    def of(cls, sock):
        line = cls.__new__(cls)
        line.port, line.sock, line.reader = sock.getpeername()[1], sock, raw.ReplyReader(sock)
        return line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def ask(self, data):
        self.send(data)
        return self.reader.next()

    def until_hit(self, data):
        """Asks until the cache answers."""

        def hit():
            reply = self.ask(data)
            assert reply.status == 200, reply
            return reply if reply.cache == "HIT" else None

        return waiting.until(hit, f"a hit on {data!r}")

    def ends(self):
        """What comes until the server closes."""
        found = []
        while True:
            reply = self.reader.next()
            if reply is None:
                return found
            found.append(reply)


@contextlib.contextmanager
def nothing_else_served(port, upstream):
    """As long as a request is held no other is taken in: only what isn't taken in at all is answered."""
    gate = upstream.hold("Scan", times=1)
    with Line(port) as held:
        held.send(SCAN)
        gate.wait_for(1)
        try:
            yield
        finally:
            gate.release()
            assert held.reader.next().status == 200


def express_hit(line, upstream, data, teach=None):
    """Teaches the proxy what `data` (or `teach`) asks for, and gives back an express hit on `data`."""

    def hit():
        line.until_hit(teach or data)
        with nothing_else_served(line.port, upstream):
            reply = line.ask(data)
        if reply.status == 503:
            return None  # a second has passed
        assert reply.status == 200 and reply.cache == "HIT", reply
        return reply

    return waiting.until(hit, "an express hit")


def refused(line, upstream, data):
    """The request isn't served by the express way, though the proxy has just served what it asks for by it."""

    def told():
        express_hit(line, upstream, GET)
        line.until_hit(GET)
        with Line(line.port) as other, nothing_else_served(line.port, upstream):
            still = line.ask(GET).status  # the alias is good
            reply = other.ask(data)
        return reply if still == 200 else None

    reply = waiting.until(told, "an express hit beside it")
    assert reply.status == 503, reply
    return reply


@pytest.fixture
def narrow(chat, direct, proxy_factory, counting_upstream):
    """A proxy that takes in one request at a time, and an item."""
    direct.ok("PutItem", put("1", "text"))
    return proxy_factory(counting_upstream.endpoint, NARROW)


def lines_of(reply, *but):
    return [(n, v) for n, v in reply.headers.items() if n not in but]


# ---- one request ----


def test_an_express_hit_takes_no_place(narrow, counting_upstream):
    with Line(narrow.port) as line:
        reply = express_hit(line, counting_upstream, GET)
        assert reply.json["Item"]["v"]["S"] == "text"
        refused(line, counting_upstream, raw.request("GetItem", get(), extra=OTHER_WAY))


@pytest.mark.parametrize("operation", ["GetItem", "Query"])
def test_both_ways_say_the_same(chat, direct, proxy_factory, counting_upstream, operation):
    """Header by header, in the same order, but for what names the reply and the moment."""
    direct.ok("PutItem", put("1", "text"))
    narrow = proxy_factory(counting_upstream.endpoint, NARROW)
    body = get() if operation == "GetItem" else query()
    ask, other_way = raw.request(operation, body), raw.request(operation, body, extra=OTHER_WAY)
    moment = ("Date", "x-amzn-RequestId")

    def all_three():
        with Line(narrow.port) as line:
            before = line.until_hit(other_way)
            express = express_hit(line, counting_upstream, ask, teach=other_way)
            after = line.until_hit(other_way)
        return (before, express, after) if lines_of(before, *moment) == lines_of(after, *moment) else None

    before, express, _ = waiting.until(all_three, "three replies within a second of the entry's life")
    assert [n for n, _ in express.headers.items()] == [n for n, _ in before.headers.items()]
    assert lines_of(express, *moment) == lines_of(before, *moment)
    assert express.body == before.body
    for name in moment:
        assert len(express.headers[name]) == len(before.headers[name])


@pytest.mark.parametrize(
    "extra",
    [
        ("Connection: keep-alive",),
        ("Content-Type: text/plain",),
        ("X-Padding: " + "x" * 2000,),
        ("Accept-Encoding: identity", "amz-sdk-request: attempt=2; max=3"),
    ],
    ids=lambda e: e[0][:24],
)
def test_other_headers_change_nothing(narrow, counting_upstream, extra):
    with Line(narrow.port) as line:
        data = raw.request("GetItem", get(), extra=extra)
        assert express_hit(line, counting_upstream, data).body == line.until_hit(GET).body


CHUNKED = raw.head(None, extra=("Transfer-Encoding: chunked",))
BODY = GET.partition(b"\r\n\r\n")[2]
NOT_EXPRESS = {
    "chunked": CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "HTTP/1.0": GET.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "close": raw.request("GetItem", get(), extra=("Connection: close",)),
    "absolute form": GET.replace(b"POST / ", b"POST http://127.0.0.1/ "),
    "expect": raw.request("GetItem", get(), extra=("Expect: 100-continue",)),
    "large head": raw.request("GetItem", get(), extra=("X-Padding: " + "x" * 9000,)),
    "another body": raw.request("GetItem", BODY + b" "),
}


@pytest.mark.parametrize("how", NOT_EXPRESS)
def test_what_the_other_way_is_for(narrow, counting_upstream, how):
    data = NOT_EXPRESS[how]
    with Line(narrow.port) as line:
        expected = line.until_hit(GET).body
        refused(line, counting_upstream, data)
    with Line(narrow.port) as line:
        assert line.until_hit(GET).cache == "HIT"
        reply = line.ask(data)
        assert reply.cache == "HIT" and reply.body == expected
        if how in ("HTTP/1.0", "close", "absolute form", "chunked"):  # the form is what a proxy is sent, for evhttp
            assert line.reader.closed()
        else:
            assert line.ask(GET).body == expected  # and back on the express way, or not


def test_a_request_in_pieces(narrow, counting_upstream):
    """Cut anywhere, waiting each time until the first piece is read: never answered early, nor twice."""
    with Line(narrow.port) as line:
        expected = line.until_hit(GET).body
        at = GET.index(b"\r\n\r\n")
        for cut in (1, 16, 17, 18, at, at + 1, at + 2, at + 3, at + 4, at + 5, len(GET) - 1):
            express_hit(line, counting_upstream, GET)
            line.send(GET[:cut])
            raw.wait_until_read(narrow.port, [line.sock])
            assert not line.reader.rest
            reply = line.ask(GET[cut:])
            assert reply.cache == "HIT" and reply.body == expected
    assert narrow.alive()


# ---- never stale ----


def test_a_write_is_seen_at_once(narrow):
    with Line(narrow.port) as line, narrow.wire() as writer:
        for n in range(100):
            line.until_hit(GET)
            assert line.ask(GET).cache == "HIT"
            writer.ok("PutItem", put("1", f"version {n}"))
            reply = line.ask(GET)
            assert reply.cache != "HIT" and reply.json["Item"]["v"]["S"] == f"version {n}"


def test_a_write_on_the_same_connection_is_seen(narrow):
    """All in one piece: hit, write, the same read again, and again."""
    with Line(narrow.port) as line:
        for n in range(50):
            line.until_hit(GET)
            write = raw.request("PutItem", put("1", f"version {n}"))
            line.send(GET + write + GET + GET)
            before, written, after, again = (line.reader.next() for _ in range(4))
            assert before.cache == "HIT" and written.status == 200
            assert after.cache != "HIT" and after.json["Item"]["v"]["S"] == f"version {n}"
            assert again.json == after.json
            if n:
                assert before.json["Item"]["v"]["S"] == f"version {n - 1}"


def test_an_entry_ends_with_its_ttl(chat, direct, proxy_factory, counting_upstream):
    direct.ok("PutItem", put("1", "old"))
    changes = {**NARROW, "tables": {"*": {"ttl": "700ms", "ttl_jitter": "0%"}}}
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    with Line(proxy.port) as line:
        for _ in range(3):
            line.until_hit(GET)
            counting_upstream.forget()
            direct.ok("PutItem", put("1", "behind its back"))
            replies = []

            def ends():
                replies.append(line.ask(GET))
                return replies[-1].cache == "MISS"

            waiting.until(ends, "the entry's end")
            assert replies[-1].json["Item"]["v"]["S"] == "behind its back"
            assert counting_upstream.count("GetItem") == 1
            for reply in replies[:-1]:
                assert reply.cache == "HIT" and reply.headers["Cache-Status"] == "readaside; hit; ttl=0", reply


def test_a_table_that_is_made_anew(narrow, counting_upstream):
    """With other keys: what was asked before has no sense any more."""
    with Line(narrow.port) as line, narrow.wire() as through:
        express_hit(line, counting_upstream, GET)
        assert through.call("DeleteTable", {"TableName": TABLE}).status == 200
        assert line.ask(GET).error == "ResourceNotFoundException"
        other = tables.definition(TABLE, {"id": "S"}, "id")
        waiting.until(lambda: through.call("CreateTable", other).status == 200, "the table to be made")
        assert line.ask(GET).error == "ValidationException"
        through.call("DeleteTable", {"TableName": TABLE})
        tables.create(through, tables.plain(TABLE))
        assert line.ask(GET).json == {}
        through.ok("PutItem", put("1", "new"))
        assert line.until_hit(GET).json["Item"]["v"]["S"] == "new"
        assert express_hit(line, counting_upstream, GET).json["Item"]["v"]["S"] == "new"


def test_an_index_that_is_added(direct, proxy_factory, counting_upstream):
    tables.create(direct, tables.plain(TABLE))
    direct.ok("PutItem", {"TableName": TABLE, "Item": {**key("1"), "owner": {"S": "ann"}}})
    proxy = proxy_factory(counting_upstream.endpoint, NARROW)
    by_owner = {
        "TableName": TABLE,
        "IndexName": "by-owner",
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": {"S": "ann"}},
    }
    ask = raw.request("Query", by_owner)
    with Line(proxy.port) as line, proxy.wire() as through:
        express_hit(line, counting_upstream, GET)
        assert line.ask(ask).error == "ValidationException"
        create = {**tables.index("by-owner", "owner"), "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}
        attributes = [tables.attribute(n, "S") for n in ("pk", "sk", "owner")]
        through.ok("UpdateTable", {"TableName": TABLE, "AttributeDefinitions": attributes, "GlobalSecondaryIndexUpdates": [{"Create": create}]})
        waiting.until(lambda: direct.call("Query", by_owner).status == 200, "the index")
        waiting.until(lambda: line.ask(ask).cache == "HIT", "a hit in the index")
        assert express_hit(line, counting_upstream, ask).json["Count"] == 1
        for n in range(2, 12):
            line.until_hit(ask)
            through.ok("PutItem", {"TableName": TABLE, "Item": {**key(str(n)), "owner": {"S": "ann"}}})
            waiting.until(lambda n=n: direct.ok("Query", by_owner).json["Count"] == n, "the index to follow")
            assert line.until_hit(ask).json["Count"] == n


def test_a_near_hit(redis, plain, direct, proxy_factory, counting_upstream):
    """In front of Redis: both ways say where it was, and a write through another proxy is heard of."""
    settings = test_redis_near.settings(redis.url, {"listen": {"max_in_flight": 1}, "upstream": {"request_timeout": "30s"}})
    proxy = proxy_factory(counting_upstream.endpoint, settings)
    other = proxy_factory(counting_upstream.endpoint, settings)
    ask = raw.request("GetItem", test_redis.GET)
    held = raw.request("Scan", {"TableName": "plain"})
    test_redis.put_through(proxy, "old")
    test_redis.put_through(other, "0")

    def express():
        with Line(proxy.port) as line, Line(proxy.port) as blocking:
            waiting.until(lambda: test_redis_near.is_near(line.ask(ask)), "a near hit")
            gate = counting_upstream.hold("Scan", times=1)
            blocking.send(held)
            gate.wait_for(1)
            reply = line.ask(ask)
            gate.release()
            assert blocking.reader.next().status == 200
        return reply if reply.status == 200 else None

    for n in range(1, 6):
        reply = waiting.until(express, "an express hit")
        assert reply.cache == "HIT" and reply.headers["Cache-Status"].endswith("; detail=near")
        assert reply.json["Item"]["version"]["S"] == str(n - 1)
        test_redis.put_through(other, str(n))
        with Line(proxy.port) as line:
            waiting.until(lambda n=n, line=line: line.ask(ask).json["Item"]["version"]["S"] == str(n), "the write to be heard of")
        test_redis.put_through(proxy, str(n))  # whose own reads see it at once
        with Line(proxy.port) as line:
            assert line.ask(ask).json["Item"]["version"]["S"] == str(n)


# ---- many requests on one connection ----


def test_pipelined_hits(narrow, direct, counting_upstream):
    """Each reply is that of its request, however the bytes arrive."""
    for n in range(8):
        direct.ok("PutItem", put(str(n), "x" * (1 + 700 * n)))
    asks = [raw.request("GetItem", get(str(n))) for n in range(8)]
    rng = random.Random(SEED)
    with Line(narrow.port) as line:
        for ask in asks:
            line.until_hit(ask)
        for _ in range(20):
            which = [rng.randrange(8) for _ in range(rng.randrange(1, 40))]
            send_in_pieces(line.sock, b"".join(asks[n] for n in which), rng)
            for n in which:
                reply = line.reader.next()
                assert reply.cache == "HIT" and len(reply.json["Item"]["v"]["S"]) == max(1, 700 * n + 1), f"READASIDE_SEED={SEED}"


def send_in_pieces(sock, data, rng):
    """Mostly in a few pieces, sometimes in many."""
    largest = rng.choice([len(data), len(data), 4096, 700, 60])
    at = 0
    while at < len(data):
        n = rng.randrange(1, largest + 1)
        sock.sendall(data[at : at + n])
        at += n
        os.sched_yield()


def random_step(rng, n):
    """(operation, body without a table's name)"""
    sk = str(rng.randrange(3))
    how = rng.randrange(20)
    if how < 11:
        return "GetItem", get(sk)
    if how < 14:
        return "Query", query()
    if how < 16:
        return "PutItem", put(sk, f"{n}" * rng.randrange(1, 300))
    if how < 17:
        return "DeleteItem", {"TableName": TABLE, "Key": key(sk)}
    if how < 18:
        return "BatchGetItem", {"RequestItems": {TABLE: {"Keys": [key("0"), key("1")]}}}
    if how < 19:
        return "GetItem", {"TableName": TABLE, "Key": {"pk": {"S": "no sort key"}}}
    return "GetItem", b'{"TableName": '


def seen(reply):
    assert reply is not None, f"READASIDE_SEED={SEED}: the connection ended"
    body = reply.body
    if reply.status == 200 and b"Responses" in body:
        items = reply.json["Responses"][TABLE]
        return reply.status, sorted(items, key=lambda i: i["sk"]["S"])
    return reply.status, body


def test_hits_misses_and_writes_in_any_order(chat, direct, proxy_factory, counting_upstream, ddb_local):
    """On one connection, in any pieces, as though each had been sent alone and by the other way: the same steps, one at
    a time and in one piece each, with the header that declines the express way, through a second proxy, after the
    table was emptied."""
    one, another = (proxy_factory(ddb_local.endpoint, {"listen": {"threads": 1}}) for _ in range(2))
    rng = random.Random(SEED)
    hits = 0
    for turn in range(STEPS):
        steps = [random_step(rng, turn * 100 + n) for n in range(rng.randrange(5, 40))]
        tables_emptied(direct)
        tables_emptied_for(one, direct)
        with Line(one.port) as line:
            data = b"".join(raw.request(operation, body) for operation, body in steps)
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                sending = pool.submit(send_in_pieces, line.sock, data, rng)
                got = [line.reader.next() for _ in steps]
                sending.result()
        hits += sum(r is not None and r.cache == "HIT" for r in got)
        tables_emptied(direct)
        tables_emptied_for(another, direct)
        with Line(another.port) as line:
            for (operation, body), reply in zip(steps, got):
                expected = line.ask(raw.request(operation, body, extra=OTHER_WAY))
                assert seen(reply) == seen(expected), f"READASIDE_SEED={SEED}: {operation} {body}"
    assert hits > STEPS
    print(f"READASIDE_SEED={SEED}: {hits} hits")


def tables_emptied(direct):
    for n in range(3):
        direct.ok("DeleteItem", {"TableName": TABLE, "Key": key(str(n))})


def tables_emptied_for(proxy, direct):
    """So that the proxy knows."""
    with proxy.wire() as through:
        tables_emptied(through)
    assert direct.ok("Query", query()).json["Count"] == 0


# ---- a request is not what looks like one ----


# What stands where no request begins is GET: on the express way it would be answered.
SMUGGLED = {
    "in a write's body": [raw.head(len(GET) + 10, "PutItem") + b'{"a": "   ', GET],
    "as a write's body": [raw.head(len(GET), "PutItem"), GET],
    "as a read's body": [raw.head(len(GET), "GetItem"), GET],
    "as two bodies": [raw.head(2 * len(GET), "GetItem"), GET + GET],
    "as a body to be announced": [raw.head(len(GET), "PutItem", extra=("Expect: 100-continue",)), GET],
    "as a chunk": [CHUNKED + b"%x\r\n" % len(GET), GET + b"\r\n0\r\n\r\n"],
    "behind a chunk": [CHUNKED + b"2\r\n{}\r\n%x\r\n" % len(GET), GET, b"\r\n0\r\n\r\n"],
    "in a trailer": [CHUNKED + b"2\r\n{}\r\n0\r\nX-Trailer: ", GET[: GET.index(b"\r\n\r\n") + 4]],
    "as a body of GET": [raw.head(len(GET), method="GET"), GET],
    "in a header's value": [b"POST / HTTP/1.1\r\nX-Anything: ", GET],
    "in a header's value, by and by": [b"POST / HTTP/1.1\r\n", b"X-Anything: ", GET],
}


# A chunked body is its connection's last.
ENDS = ("as a chunk", "behind a chunk", "in a trailer")


def send_pieces(line, port, pieces, how):
    """Each one is read before the next comes; behind the last one there may be no connection any more."""
    for n, piece in enumerate(pieces, 1):
        line.send(piece)
        if n < len(pieces) or how not in ENDS:
            raw.wait_until_read(port, [line.sock])


@pytest.mark.parametrize("how", SMUGGLED)
def test_what_looks_like_a_request(narrow, direct, counting_upstream, how):
    """In pieces that are cut exactly there, each one read before the next comes: one reply to it all, then that of
    the next request, and no more."""
    last = raw.request("ListTables", {}, extra=("Connection: close",))
    with Line(narrow.port) as line:
        for _ in range(3):
            express_hit(line, counting_upstream, GET)
            send_pieces(line, narrow.port, SMUGGLED[how], how)
            first = line.reader.next()
            if how.startswith("in a header"):
                assert first.status == 200 and first.json["Item"]["v"]["S"] == "text"
            else:
                assert first.status in (400, 405), first
                assert b"text" not in first.body
            if how in ENDS:
                assert line.reader.closed()
                return
            following = line.ask(GET)
            assert following.cache == "HIT" and following.json["Item"]["v"]["S"] == "text"
        line.send(last)
        assert ["TableNames" in reply.json for reply in line.ends()] == [True]


@pytest.mark.parametrize("how", SMUGGLED)
def test_what_looks_like_a_request_behind_another(narrow, counting_upstream, how):
    """Its first piece has arrived before the reply to the one before it is written."""
    other = raw.request("GetItem", get(), extra=OTHER_WAY)
    with Line(narrow.port) as line:
        for _ in range(3):
            express_hit(line, counting_upstream, GET)
            first, *rest = SMUGGLED[how]
            line.send(other + first)
            assert line.reader.next().cache == "HIT"
            send_pieces(line, narrow.port, rest, how)
            assert line.reader.next().status == (200 if how.startswith("in a header") else 405 if "GET" in how else 400)
            if how in ENDS:
                assert line.reader.closed()
                return
            assert line.ask(GET).json["Item"]["v"]["S"] == "text"
        line.send(raw.request("ListTables", {}, extra=("Connection: close",)))
        assert ["TableNames" in reply.json for reply in line.ends()] == [True]


@pytest.mark.parametrize(
    "broken_line",
    [b"Content-Length : 2", b"Content-Length: 2\r\nContent-Length: 3", b"Content-Length: +2", b"Content-Length:\t2", b"Content-Length: 2\r\n 3"],
    ids=repr,
)
def test_framing_that_two_could_read_differently(narrow, counting_upstream, broken_line):
    """Behind an express hit in the same piece, and with another hit behind it: refused, and the connection closed."""
    bad = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\n%s\r\n\r\n{}" % broken_line
    with Line(narrow.port) as line:
        express_hit(line, counting_upstream, GET)
        line.send(GET + bad + GET)
        replies = line.ends()
        assert [r.status for r in replies] == [200, 400], replies


# ---- slow readers ----


def large_table(direct):
    for n in range(3):
        direct.ok("PutItem", {"TableName": TABLE, "Item": {**key(str(n), "large"), "v": {"S": str(n) * 300_000}}})
    direct.ok("PutItem", put("1", "text"))


LARGE = raw.request("Query", query(pk="large"))
MANY = 6  # of them, and a small one, in one read of the server's


def stuck(proxy, data=LARGE * MANY + GET):
    """A connection whose client has read nothing yet, with a reply on the express way that its socket doesn't take: the
    server doesn't read it any more. (On the other way it would.)"""

    def unread():
        return broken.queues(proxy.port, sock)[1]

    for _ in range(20):
        with Line(proxy.port) as line:
            line.until_hit(GET)
            line.until_hit(LARGE)
            assert line.ask(LARGE).cache == "HIT" and line.ask(GET).cache == "HIT"
        sock = broken.deaf(proxy.port)
        sock.sendall(data)
        waiting.until(lambda: broken.queues(proxy.port, sock)[0] > 500_000, "replies")
        sock.sendall(GET[:1])
        pause = iter(range(30))
        try:
            waiting.until(lambda: unread() == 0 or next(pause, None) is None, "what the server does with it")
        except StopIteration:
            pass
        if unread():
            return sock
        sock.close()
    raise AssertionError("no reply got stuck")


@pytest.fixture
def slow(chat, direct, proxy_factory, counting_upstream):
    large_table(direct)

    def start(**listen):
        changes = {"listen": {"threads": 1, **listen}}
        return proxy_factory(counting_upstream.endpoint, changes)

    return start


def test_a_slow_reader_gets_everything(slow):
    proxy = slow()
    with stuck(proxy) as sock:
        sock.sendall(GET[1:] + LARGE + GET)
        reader = raw.ReplyReader(sock)
        expected = proxy.call("Query", query(pk="large")).body
        for _ in range(MANY):
            assert reader.next().body == expected
        for data in (GET, GET, LARGE, GET):
            reply = reader.next()
            assert reply.cache == "HIT" and (reply.body == expected if data == LARGE else reply.json["Item"]["v"]["S"] == "text")
        sock.sendall(GET)
        assert reader.next().cache == "HIT"


def test_what_was_set_aside_is_in_order(slow, counting_upstream):
    """Behind the stuck reply: a write, a read of it, and half a request whose other half comes later."""
    proxy = slow()
    behind = raw.request("PutItem", put("2", "written")) + raw.request("GetItem", get("2"))
    with stuck(proxy, LARGE * MANY + behind) as sock:
        assert counting_upstream.count("PutItem") == 0
        reader = raw.ReplyReader(sock)
        for _ in range(MANY):
            assert reader.next().json["Count"] == 3
        assert reader.next().json == {}
        assert reader.next().json["Item"]["v"]["S"] == "written"
        sock.sendall(GET[1:])
        assert reader.next().json["Item"]["v"]["S"] == "text"
        assert counting_upstream.count("PutItem") == 1


@pytest.mark.parametrize("where", ["set aside", "not read"])
def test_a_reader_that_is_given_up(slow, counting_upstream, where):
    """After idle_timeout it is closed, and nothing that stands behind the reply is carried out."""
    proxy = slow(idle_timeout="4s")  # far more than it takes to see that it is stuck
    write = raw.request("PutItem", put("2", "written"))
    with stuck(proxy, LARGE * MANY + (write if where == "set aside" else b"")) as sock:
        if where == "not read":
            sock.sendall(GET[1:] + write)
        raw.wait_until_gone(proxy.port, sock.getsockname()[1])
        assert proxy.call("GetItem", get()).cache == "HIT"
        assert counting_upstream.count("PutItem") == 0


@pytest.mark.parametrize("how", ["reset", "close", "half-close"])
def test_a_reader_that_leaves(slow, counting_upstream, how):
    proxy = slow()
    write = raw.request("PutItem", put("2", "written"))
    with stuck(proxy, LARGE * MANY + (b"" if how == "half-close" else write)) as sock:
        peer = sock.getsockname()[1]
        if how == "half-close":
            sock.sendall(GET[1:])
            sock.shutdown(socket.SHUT_WR)
            line = Line.of(sock)  # it counts as having left as soon as a reply goes the other way
            replies = line.ends()
            assert replies and all(r.status == 200 for r in replies)
        elif how == "reset":
            raw.reset_on_close(sock)
    raw.wait_until_gone(proxy.port, peer)
    assert proxy.call("GetItem", get()).cache == "HIT"
    assert counting_upstream.count("PutItem") == 0


def test_a_hit_in_a_drain_ends_its_connection(narrow, counting_upstream):
    with Line(narrow.port) as line, Line(narrow.port) as idle:
        express_hit(line, counting_upstream, GET)
        assert idle.until_hit(GET)
        gate = counting_upstream.hold("Scan")
        with Line(narrow.port) as held:
            held.send(SCAN)
            gate.wait_for(1)
            narrow.terminate()
            waiting.until(lambda: not ports.accepts(narrow.port), "the listener to close")
            reply = line.ask(GET)
            assert reply.headers["Connection"] == "close"
            assert line.reader.closed()
            gate.release()
            assert held.reader.next().status == 200
        assert narrow.wait() == 0


def test_a_drain_waits_for_a_slow_reader(slow):
    proxy = slow()
    with stuck(proxy, LARGE * MANY + raw.request("ListTables", {})) as sock:
        proxy.terminate()
        waiting.until(lambda: not ports.accepts(proxy.port), "the listener to close")
        assert proxy.alive()
        reader = raw.ReplyReader(sock)
        replies = []
        while True:
            replies.append(reader.next())
            if replies[-1] is None or replies[-1].headers["Connection"] == "close":
                break
        assert replies[0].json["Count"] == 3 and None not in replies[:1], replies[:1]
        assert all(r.json["Count"] == 3 for r in replies if r)
    assert proxy.wait() == 0
    assert "drain_timeout" not in proxy.output()


def test_a_drain_ends_with_a_reader_that_leaves(slow):
    proxy = slow()
    with stuck(proxy) as sock:
        proxy.terminate()
        waiting.until(lambda: not ports.accepts(proxy.port), "the listener to close")
        raw.reset_on_close(sock)
    assert proxy.wait() == 0
    assert "drain_timeout" not in proxy.output()


def test_a_drain_is_cut_short(slow):
    proxy = slow(drain_timeout="200ms")
    with stuck(proxy):
        proxy.terminate()
        assert proxy.wait() == 0
    assert "drain_timeout" in proxy.output()


# ---- connections ----


def test_a_thousand_connections(chat, direct, proxy_factory, counting_upstream):
    direct.ok("PutItem", put("1", "text"))
    proxy = proxy_factory(counting_upstream.endpoint)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(Line(proxy.port)) for _ in range(1000)]
        lines[0].until_hit(GET)
        expected = lines[0].ask(GET).body
        for _ in range(3):
            for line in lines:
                line.send(GET + GET)
            for line in lines:
                for _ in range(2):
                    reply = line.reader.next()
                    assert reply.status == 200 and reply.body == expected
        assert counting_upstream.count("GetItem") <= 2


def test_a_silent_connection_is_closed_and_a_busy_one_is_not(chat, direct, proxy_factory, counting_upstream):
    direct.ok("PutItem", put("1", "text"))
    proxy = proxy_factory(counting_upstream.endpoint, {"listen": {"idle_timeout": "3s", "threads": 1}})
    with Line(proxy.port) as busy, Line(proxy.port) as silent:
        for _ in range(2):
            assert busy.until_hit(GET) and silent.until_hit(GET)
        peer = silent.sock.getsockname()[1]

        def closed():
            assert busy.ask(GET).cache == "HIT"
            return all(p != peer or state != raw.ESTABLISHED for p, state, _ in raw.server_sockets(proxy.port))

        waiting.until(closed, "the silent connection to be closed")
        assert busy.ask(GET).cache == "HIT"
        assert silent.reader.closed()


def reader(port, rng, count, acknowledged):
    """Pipelines reads; none may show less than was acknowledged before it was sent."""
    hits = 0
    with Line(port) as line:
        for _ in range(count):
            least = list(acknowledged)
            which = [rng.randrange(3) for _ in range(rng.randrange(1, 6))]
            send_in_pieces(line.sock, b"".join(raw.request("GetItem", get(str(n))) for n in which), rng)
            for n in which:
                reply = line.reader.next()
                version = int(reply.json["Item"]["v"]["S"])
                assert version >= least[n], f"READASIDE_SEED={SEED}: {reply.cache}: {n} is {version}, was {least[n]}"
                hits += reply.cache == "HIT"
    return hits


@pytest.mark.parametrize("threads", [1, 2])
def test_no_read_is_older_than_what_was_acknowledged(chat, direct, proxy_factory, ddb_local, threads):
    proxy = proxy_factory(ddb_local.endpoint, {"listen": {"threads": threads}, "upstream": {"request_timeout": "30s"}})
    for n in range(3):
        direct.ok("PutItem", put(str(n), "0"))
    acknowledged = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(reader, proxy.port, random.Random(SEED + n), 2 * STEPS, acknowledged) for n in range(6)]
        version = 0
        with proxy.wire() as writer:
            while not all(r.done() for r in readers):
                version += 1
                for n in range(3):
                    writer.ok("PutItem", put(str(n), str(version)))
                    acknowledged[n] = version
                for _ in range(20):  # so that there are hits
                    writer.ok("GetItem", get("0"))
        hits = sum(r.result() for r in readers)
    print(f"READASIDE_SEED={SEED}: {hits} hits, {version} versions")
    assert hits > STEPS and version > 1
