"""The stand-in for DynamoDB does what the histories rely on. Its time passes by hand."""
import asyncio
import calendar
import json
import time

import http1
import pytest
import timing
import upstream


class Wire:
    """What a connection sends back."""

    def __init__(self):
        self.sent = []
        self.heads = []
        self.closed = False

    def is_closing(self):
        return self.closed

    def abort(self):
        self.closed = True

    def write(self, data):
        head, _, body = data.partition(http1.HEAD_END)
        self.heads.append(head)
        self.sent.append((int(head[9:12]), json.loads(body)))


class Loop:
    """What has been put off, in the order of its time."""

    def __init__(self):
        self.now = 0.0
        self.later = []

    def call_later(self, delay, call, *arguments):
        self.later.append((self.now + delay, len(self.later), call, arguments))

    def run(self, until=float("inf")):
        while self.later and min(self.later)[0] <= until:
            first = min(self.later)
            self.later.remove(first)
            self.now, _, call, arguments = first
            call(*arguments)


class Log:
    def __init__(self):
        self.lines = []

    def write(self, line):
        self.lines.append(line.split(" "))


@pytest.fixture
def loop(monkeypatch):
    made = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: made)
    return made


@pytest.fixture
def server(loop):
    made = upstream.Server()
    made.table, made.hazards, made.fence = upstream.Table(Log()), upstream.Hazards(1), timing.FENCE
    made.hazards.WRITES = made.hazards.READS = ()
    made.transport = Wire()
    return made


def send(server, operation, body, signed=None):
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() if signed is None else signed))
    data = http1.request(operation, json.dumps(body).encode()).replace(b"Host:", b"X-Amz-Date: %s\r\nHost:" % stamp.encode(), 1)
    # In two pieces, as a network may have it.
    server.data_received(data[:50])
    server.data_received(data[50:])


def put(server, value, sk="a", **more):
    send(server, "PutItem", {"Item": {"pk": {"S": "x"}, "sk": {"S": sk}, "v": {"N": str(value)}}}, **more)


def get(server, loop, sk="a", consistent=True):
    send(server, "GetItem", {"Key": {"pk": {"S": "x"}, "sk": {"S": sk}}, "ConsistentRead": consistent})
    loop.run()
    return server.transport.sent[-1][1].get("Item", {}).get("v", {}).get("N")


def test_it_says_what_time_it_is(server):
    server.data_received(b"GET / HTTP/1.1\r\nHost: dynamodb\r\n\r\n")
    assert server.transport.sent[-1][0] == 200
    date = http1.header(server.transport.heads[-1], b"date").decode()
    assert abs(calendar.timegm(time.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")) - time.time()) < 60


def query(server, loop, **more):
    asked = {"ExpressionAttributeValues": {":pk": {"S": "x"}}, "ConsistentRead": True, **more}
    send(server, "Query", asked)
    loop.run()
    return server.transport.sent[-1][1]


def mishap(server, name, what="WRITES"):
    setattr(server.hazards, what, ((name, 1.0),))


def test_a_write_is_committed_noted_and_read(server, loop):
    assert get(server, loop) is None
    put(server, 1)
    loop.run()
    assert server.transport.sent[-1] == (200, {})
    assert get(server, loop) == "1"
    assert [line[1:] for line in server.table.log.lines] == [["x", "a", "1\n"]]


def test_a_read_that_is_not_consistent_sees_the_table_as_it_was(server, loop):
    for value in (1, 2):
        put(server, value)
        loop.run()
    server.hazards.between = lambda least, most: most
    assert get(server, loop, consistent=False) == "1"
    assert get(server, loop) == "2"


def test_what_a_read_has_seen_stays(server, loop):
    put(server, 1)
    loop.run()
    mishap(server, "slow", "READS")
    send(server, "GetItem", {"Key": {"pk": {"S": "x"}, "sk": {"S": "a"}}, "ConsistentRead": True})
    put(server, 2)
    loop.run()
    assert {"N": "1"} in [body.get("Item", {}).get("v") for _, body in server.transport.sent]
    server.hazards.READS = ()
    assert get(server, loop) == "2"


def test_queries(server, loop):
    for value, sk in enumerate("dbca"):
        put(server, value, sk)
    loop.run()
    names = lambda found: [item["sk"]["S"] for item in found["Items"]]  # noqa: E731
    assert names(query(server, loop)) == ["a", "b", "c", "d"]
    page = query(server, loop, Limit=2)
    assert (names(page), page["LastEvaluatedKey"]["sk"], page["Count"]) == (["a", "b"], {"S": "b"}, 2)
    page = query(server, loop, Limit=1, ScanIndexForward=False)
    assert (names(page), page["LastEvaluatedKey"]["sk"]) == (["d"], {"S": "d"})
    assert "LastEvaluatedKey" not in query(server, loop, Limit=4)


def test_late_writes_commit_after_the_deadline_unless_their_signature_is_too_old(server, loop):
    mishap(server, "late")
    put(server, 1)
    put(server, 2, signed=time.time() - timing.FENCE - 1.5)
    loop.run(until=timing.REQUEST_TIMEOUT * 0.99)
    assert server.table.log.lines == []
    loop.run()
    assert [line[3] for line in server.table.log.lines] == ["1\n"]
    assert sorted(status for status, _ in server.transport.sent) == [200, 400]
    assert get(server, loop) == "1"


@pytest.mark.parametrize(
    ("name", "status", "committed"),
    [
        ("refused", 400, False),
        ("failed", 500, False),
        ("failed-done", 500, True),
        ("failed-late", 500, True),
        ("lost", None, False),
        ("lost-done", None, True),
        ("silent-done", None, True),
    ],
)
def test_mishaps(server, loop, name, status, committed):
    mishap(server, name)
    put(server, 1)
    loop.run()
    assert [s for s, _ in server.transport.sent] == ([] if status is None else [status])
    assert server.transport.closed == name.startswith("lost")
    assert bool(server.table.log.lines) == committed
    assert server.hazards.counts[f"write {name}"] == 1


def test_more_late_writes_by_order(server, loop):
    server.hazards.order("late 1.0\n")
    assert {server.hazards.of_write() for _ in range(20)} == {"late"}
    server.hazards.order("late 0\n")
    assert {server.hazards.of_write() for _ in range(20)} == {None}
    assert server.hazards.counts["write late"] == 20


def test_the_shares_of_mishaps_are_as_stated():
    hazards = upstream.Hazards(7)
    drawn = 200_000
    for _ in range(drawn):
        hazards.of_write()
    for name, share in hazards.WRITES:
        assert abs(hazards.counts[f"write {name}"] / drawn - share) < 0.002, name
