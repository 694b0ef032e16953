"""Identical concurrent misses make one upstream read; the others wait for it."""
import contextlib

import pytest

from support import raw, waiting

TABLE = "chat"
KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
GET = {"TableName": TABLE, "Key": KEY}
QUERY = {
    "TableName": TABLE,
    "KeyConditionExpression": "pk = :pk",
    "ExpressionAttributeValues": {":pk": {"S": "room"}},
}
READS = {"GetItem": GET, "Query": QUERY}


def put(version):
    return {"TableName": TABLE, "Item": {**KEY, "version": {"S": version}}}


@pytest.fixture(params=[1, 2], ids=["1 thread", "2 threads"])
def proxy(request, proxy_factory, counting_upstream, chat, direct):
    """Knows the table already, so that DescribeTable doesn't come between."""
    direct.ok("PutItem", put("old"))
    # A deadline so far off that what is cancelled sooner was not cancelled by it.
    changes = {"listen": {"threads": request.param}, "upstream": {"request_timeout": "30s"}}
    made = proxy_factory(counting_upstream.endpoint, changes)
    assert made.call("GetItem", {"TableName": TABLE, "Key": {**KEY, "sk": {"S": "other"}}}).cache == "MISS"
    counting_upstream.forget()
    return made


@contextlib.contextmanager
def readers(proxy, count, operation="GetItem"):
    """`count` connections that have each sent the same read, which the proxy has received."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(raw.connect(proxy.port)) for _ in range(count)]
        for sock in socks:
            sock.sendall(raw.request(operation, READS[operation]))
        raw.wait_until_read(proxy.port, socks)
        yield socks


@pytest.mark.parametrize("operation", READS)
def test_200_identical_misses_make_one_upstream_request(proxy, counting_upstream, operation):
    gate = counting_upstream.hold(operation)
    with readers(proxy, 200, operation) as socks:
        gate.wait_for(1)
        gate.release()
        replies = [raw.ReplyReader(s).next() for s in socks]
    assert {r.status for r in replies} == {200}
    assert len({r.body for r in replies}) == 1
    assert counting_upstream.count() == 1, counting_upstream.seen()
    assert proxy.call(operation, READS[operation]).cache == "HIT"


def test_an_error_reaches_all_who_wait(proxy, counting_upstream):
    gate = counting_upstream.hold("GetItem", times=1)
    with readers(proxy, 20) as socks:
        gate.wait_for(1)
        gate.release()
        assert {raw.ReplyReader(s).next().status for s in socks} == {200}
    counting_upstream.fail("Query", status=400, error="ThrottlingException", message="slow down")
    with readers(proxy, 20, "Query") as socks:
        replies = [raw.ReplyReader(s).next() for s in socks]
    assert {(r.status, r.error, r.message) for r in replies} == {(400, "ThrottlingException", "slow down")}


def test_after_a_write_readers_start_a_flight_of_their_own(proxy, counting_upstream):
    gate = counting_upstream.hold("GetItem", times=1, replies=True)
    with readers(proxy, 5) as early:
        gate.wait_for(1)
        assert proxy.call("PutItem", put("new")).status == 200
        late = proxy.call("GetItem", GET)
        assert late.json["Item"]["version"] == {"S": "new"}, "joined a flight that began before the write"
        assert counting_upstream.count("GetItem") == 2
        gate.release()
        versions = {raw.ReplyReader(s).next().json["Item"]["version"]["S"] for s in early}
    assert versions == {"old"}, "they began before the write"
    assert proxy.call("GetItem", GET).json["Item"]["version"] == {"S": "new"}


def test_a_client_that_leaves_does_not_cancel_the_others(proxy, counting_upstream):
    gate = counting_upstream.hold("GetItem")
    with readers(proxy, 1) as (leader,):
        gate.wait_for(1)
        with readers(proxy, 4) as others:
            leaving = [leader, others[1]]
            for sock in leaving:
                peer = sock.getsockname()[1]
                sock.close()
                raw.wait_until_gone(proxy.port, peer)
            gate.release()
            for sock in (others[0], others[2], others[3]):
                assert raw.ReplyReader(sock).next().json["Item"]["version"] == {"S": "old"}
    assert counting_upstream.count("GetItem") == 1


def test_the_last_client_that_leaves_cancels(proxy, counting_upstream):
    gate = counting_upstream.hold("GetItem")
    with readers(proxy, 3) as socks:
        held = gate.wait_for(1)
        for sock in socks[:-1]:
            peer = sock.getsockname()[1]
            sock.close()
            raw.wait_until_gone(proxy.port, peer)
        assert not held.closed.is_set()
        socks[-1].close()
        waiting.until(held.closed.is_set, "the upstream call to be cancelled", patience=15)
    gate.release()
    assert proxy.call("GetItem", GET).json["Item"]["version"] == {"S": "old"}


def test_a_reset_is_a_leave_too(proxy, counting_upstream):
    gate = counting_upstream.hold("GetItem")
    with readers(proxy, 1) as (sock,):
        held = gate.wait_for(1)
        raw.reset_on_close(sock)
        sock.close()
        waiting.until(held.closed.is_set, "the upstream call to be cancelled", patience=15)
    gate.release()


def test_a_write_goes_on_when_its_client_leaves(proxy, counting_upstream, direct):
    """Once sent it can't be taken back: what the proxy owes is that nothing stale is served."""
    gate = counting_upstream.hold("PutItem", replies=True)
    with raw.connect(proxy.port) as sock:
        sock.sendall(raw.request("PutItem", put("new")))
        gate.wait_for(1)
        peer = sock.getsockname()[1]
    raw.wait_until_told(proxy.port, peer)
    gate.release()
    waiting.until(counting_upstream.seen("PutItem")[0].answered.is_set, "the write to be answered")
    for _ in range(3):
        assert proxy.call("GetItem", GET).json["Item"]["version"] == {"S": "new"}


def test_who_asks_for_capacity_and_did_not_pay_is_told_so(proxy, counting_upstream):
    gate = counting_upstream.hold("GetItem")
    body = {**GET, "ReturnConsumedCapacity": "TOTAL"}
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(raw.connect(proxy.port)) for _ in range(10)]
        for sock in socks:
            sock.sendall(raw.request("GetItem", body))
        raw.wait_until_read(proxy.port, socks)
        gate.wait_for(1)
        gate.release()
        units = [raw.ReplyReader(s).next().json["ConsumedCapacity"]["CapacityUnits"] for s in socks]
    assert sorted(u > 0 for u in units) == [False] * 9 + [True], "one read was paid for"
    assert counting_upstream.count("GetItem") == 1
