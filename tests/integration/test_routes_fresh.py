"""No read over a route, or over the wire, is older than a write that was acknowledged before it, over either."""
import concurrent.futures
import itertools
import os
import random
import string
import uuid

import pytest

from support import ports, raw, rest, tables, waiting

TABLE = "journal"
SEED = int(os.environ.get("READASIDE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)


def entry(book, kind="Put"):
    item = {"pk": {"S": book}, "sk": {"S": "{uuid.entry}"}, "text": {"S": "{body.text}"}}
    return {kind: {"TableName": TABLE, "Item": item}}


ROUTES = [
    {
        "name": "list",
        "method": "GET",
        "path": "/journal/{book}",
        "query": {"table": TABLE, "partition_key": "{path.book}", "limit": 1000, "max_limit": 1000},
        "reply": {"each": {"entry": "sk", "text": "text"}},
    },
    {
        "name": "one",
        "method": "GET",
        "path": "/journal/{book}/{entry}",
        "operation": "GetItem",
        "request": {"TableName": TABLE, "Key": {"pk": {"S": "{path.book}"}, "sk": {"S": "{path.entry}"}}},
    },
    {
        "name": "both",
        "method": "POST",
        "path": "/journal",
        "when": ["body.other"],
        "operation": "TransactWriteItems",
        "request": {"TransactItems": [entry("{body.book}"), entry("{body.other}")]},
        "reply": {"object": {"entry": "{uuid.entry}"}},
    },
    {
        "name": "add",
        "method": "POST",
        "path": "/journal",
        "operation": "PutItem",
        "request": entry("{body.book}")["Put"],
        "reply": {"object": {"entry": "{uuid.entry}"}},
    },
    {
        "name": "remove",
        "method": "DELETE",
        "path": "/journal/{book}/{entry}",
        "operation": "DeleteItem",
        "request": {"TableName": TABLE, "Key": {"pk": {"S": "{path.book}"}, "sk": {"S": "{path.entry}"}}},
        "reply": {"status": 204, "object": {}},
    },
]


@pytest.fixture
def proxy(direct, proxy_factory, counting_upstream):
    tables.create(direct, tables.plain(TABLE))
    changes = {"routes": ROUTES, "unknown_write_hold": "1100ms", "upstream": {"request_timeout": "1s"}}
    return proxy_factory(counting_upstream.endpoint, changes)


@pytest.fixture
def patient(direct, proxy_factory, counting_upstream):
    """A proxy whose upstream may take its time, and whose doubts last."""
    tables.create(direct, tables.plain(TABLE))
    return proxy_factory(counting_upstream.endpoint, {"routes": ROUTES, "unknown_write_hold": "10m"})


@pytest.fixture
def api(patient):
    with rest.Rest(patient.endpoint) as connection:
        yield connection


def texts(reply):
    assert reply.status == 200, reply
    return [entry["text"] for entry in reply.json]


def cached(api, *books):
    for book in books:
        assert api.get(f"/journal/{book}").status == 200
        assert api.get(f"/journal/{book}").cache == "HIT"


def in_background(call):
    pool = concurrent.futures.ThreadPoolExecutor(1)
    done = pool.submit(call)
    pool.shutdown(wait=False)
    return done


def post(proxy, body):
    with rest.Rest(proxy.endpoint) as connection:
        return connection.post("/journal", body)


BOTH = {"book": "a", "other": "b", "text": "new"}


@pytest.mark.parametrize("replies", [False, True], ids=["before DynamoDB", "after DynamoDB"])
def test_a_transaction_marks_all_its_partitions_before_it_is_sent(api, patient, counting_upstream, replies):
    cached(api, "a", "b", "c")
    held = counting_upstream.hold("TransactWriteItems", replies=replies)
    written = in_background(lambda: post(patient, BOTH))
    held.wait_for(1)
    for book in "ab":
        reply = api.get(f"/journal/{book}")
        assert (reply.cache, texts(reply)) == ("BYPASS", ["new"] if replies else [])
    assert api.get("/journal/c").cache == "HIT", "the others aren't touched"
    held.release()
    assert written.result().status == 200
    for book in "ab":
        assert texts(api.get(f"/journal/{book}")) == ["new"]
        assert api.get(f"/journal/{book}").cache == "HIT"


@pytest.mark.parametrize("forwarded", [False, True], ids=["lost", "done"])
@pytest.mark.parametrize("body, operation", [(BOTH, "TransactWriteItems"), ({"book": "a", "text": "new"}, "PutItem")])
def test_a_write_whose_fate_is_unknown_keeps_its_partitions_uncached(api, patient, counting_upstream, body, operation, forwarded):
    cached(api, "a", "b")
    counting_upstream.cut(operation, forwarded=forwarded)
    reply = post(patient, body)
    assert (reply.status, reply.code) == (503, "unavailable")
    assert counting_upstream.count(operation) == 1, "a write is sent once"
    for book in {body["book"], body.get("other", "a")}:
        for _ in range(2):
            reply = api.get(f"/journal/{book}")
            assert (reply.cache, texts(reply)) == ("BYPASS", ["new"] if forwarded else [])


def test_a_read_that_a_write_has_overtaken_does_not_fill(api, patient, counting_upstream):
    api.get("/journal/z")  # the table is known from here on
    held = counting_upstream.hold("Query", replies=True)
    read = in_background(lambda: rest.Rest(patient.endpoint).get("/journal/a"))
    held.wait_for(1)
    assert post(patient, {"book": "a", "text": "new"}).status == 200
    held.release()
    assert texts(read.result()) == [], "it began before the write"
    assert texts(api.get("/journal/a")) == ["new"]


def test_a_single_item_over_a_route_and_its_list(api, patient):
    made = post(patient, {"book": "a", "text": "one"}).json["entry"]
    target = f"/journal/a/{made}"
    assert [api.get(target).cache for _ in range(2)] == ["MISS", "HIT"]
    cached(api, "a")
    assert api.call("DELETE", target).status == 204
    assert api.get(target).status == 404
    assert texts(api.get("/journal/a")) == []


def test_acknowledged_writes_are_seen_whatever_befalls_others(proxy, counting_upstream):
    def every(n):
        """A partition with a write of unknown fate stays uncached: few are cut, of many partitions."""
        numbers = itertools.count(1)
        return lambda _: next(numbers) % n == 0

    counting_upstream.cut("PutItem", when=every(25), forwarded=True)
    counting_upstream.cut("TransactWriteItems", when=every(25))
    counting_upstream.fail("Query", when=every(50))
    books = string.ascii_lowercase
    acknowledged = {book: set() for book in books}
    seen = {"HIT": 0, "MISS": 0, "BYPASS": 0}

    def over_the_wire(through, book):
        name = str(uuid.uuid4())
        item = {"pk": {"S": book}, "sk": {"S": name}, "text": {"S": "wire"}}
        return name if through.call("PutItem", {"TableName": TABLE, "Item": item}).status == 200 else None

    def over_a_route(api, body):
        reply = api.post("/journal", body)
        return reply.json["entry"] if reply.status == 200 else None

    def write(api, through, own):
        book, other = own.sample(books, 2)
        how = own.randrange(3)
        if how == 0:
            return [book], over_the_wire(through, book)
        if how == 1:
            return [book], over_a_route(api, {"book": book, "text": "route"})
        return [book, other], over_a_route(api, {"book": book, "other": other, "text": "both"})

    def writer(number):
        own = random.Random(SEED + number)
        with rest.Rest(proxy.endpoint) as api, proxy.wire() as through:
            for _ in range(50):
                written, made = write(api, through, own)
                for book in written if made else []:
                    acknowledged[book].add(made)

    def reader(number):
        own = random.Random(SEED - number)
        with rest.Rest(proxy.endpoint) as api:
            for _ in range(200):
                book = own.choice(books)
                before = set(acknowledged[book])
                reply = api.get(f"/journal/{book}")
                if reply.status != 200:
                    assert (reply.status, reply.code) == (503, "unavailable"), f"READASIDE_SEED={SEED}: {reply}"
                    continue
                seen[reply.cache] += 1
                missing = before - {entry["entry"] for entry in reply.json}
                assert not missing, f"READASIDE_SEED={SEED}: {reply.cache} without {missing}"

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        work = [pool.submit(writer, n) for n in range(4)] + [pool.submit(reader, n) for n in range(4)]
        for done in work:
            done.result()
    counting_upstream.clear()
    with rest.Rest(proxy.endpoint) as api:
        for book, made in acknowledged.items():
            assert made <= {entry["entry"] for entry in api.get(f"/journal/{book}").json}
    print(f"seed {SEED}: {seen}, {sum(len(made) for made in acknowledged.values())} written")
    assert seen["HIT"] and seen["MISS"] and seen["BYPASS"], f"the test shows nothing: {seen}"


# ---- who leaves ----


@pytest.mark.parametrize("reset", [False, True], ids=["closes", "resets"])
@pytest.mark.parametrize(
    "operation, method, body", [("DescribeTable", "GET", b""), ("Query", "GET", b""), ("PutItem", "POST", b'{"book":"a","text":"x"}')]
)
def test_a_client_that_leaves(patient, counting_upstream, direct, operation, method, body, reset):
    target = "/journal/a" if method == "GET" else "/journal"
    held = counting_upstream.hold(operation)
    sock = raw.connect(patient.port)
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    sock.sendall(head.encode() + body)
    held.wait_for(1)
    if reset:
        raw.reset_on_close(sock)
    peer = sock.getsockname()[1]
    sock.close()
    raw.wait_until_told(patient.port, peer)
    held.release()
    with rest.Rest(patient.endpoint) as api:
        assert api.get("/journal/b").status == 200
        if method == "POST":  # a write runs to its end, and invalidates
            wanted = {"TableName": TABLE, "Select": "COUNT"}
            counting_upstream.seen(operation)[0].answered.wait(60)
            assert direct.ok("Scan", wanted).json["Count"] == 1
            assert texts(api.get("/journal/a")) == ["x"]


def test_a_drain_waits_for_what_is_in_flight_on_routes(patient, counting_upstream):
    with rest.Rest(patient.endpoint) as api:
        api.get("/journal/z")
    held = [counting_upstream.hold("Query"), counting_upstream.hold("PutItem")]
    read = in_background(lambda: rest.Rest(patient.endpoint).get("/journal/a"))
    written = in_background(lambda: post(patient, {"book": "b", "text": "x"}))
    for gate in held:
        gate.wait_for(1)
    patient.terminate()
    waiting.until(lambda: not ports.accepts(patient.port), "the proxy to stop accepting")
    for gate in held:
        gate.release()
    assert (read.result().status, written.result().status) == (200, 200)
    assert (read.result().headers["Connection"], written.result().headers["Connection"]) == ("close", "close")
    assert patient.wait() == 0
