"""A fill that a write has overtaken is dropped; and nothing read before a write is served after it."""
import concurrent.futures

import pytest

from support import waiting

TABLE = "chat"
KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
GET = {"TableName": TABLE, "Key": KEY}
QUERY = {
    "TableName": TABLE,
    "KeyConditionExpression": "pk = :pk",
    "ExpressionAttributeValues": {":pk": {"S": "room"}},
}
BATCH = {"RequestItems": {TABLE: {"Keys": [KEY]}}}
READS = {"GetItem": GET, "Query": QUERY, "BatchGetItem": BATCH}


def put(version):
    return {"TableName": TABLE, "Item": {**KEY, "version": {"S": version}, "owner": {"S": "ann"}}}


def version(operation, reply):
    found = reply.json
    if operation == "GetItem":
        return found["Item"]["version"]["S"]
    items = found["Items"] if operation == "Query" else found["Responses"][TABLE]
    return items[0]["version"]["S"]


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(16) as executor:
        yield executor


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("replies", [True, False], ids=["reply held", "request held"])
def test_an_overtaken_fill_is_dropped(chat, proxy, direct, counting_upstream, pool, operation, replies):
    direct.ok("PutItem", put("old"))
    gate = counting_upstream.hold(operation, replies=replies)
    reading = pool.submit(proxy.call, operation, READS[operation])
    gate.wait_for(1)
    assert proxy.call("PutItem", put("new")).status == 200
    gate.release()
    overtaken = reading.result()
    assert overtaken.status == 200
    if replies:
        assert version(operation, overtaken) == "old", "it began before the write: either answer is right"
    after = proxy.call(operation, READS[operation])
    assert after.cache == "MISS", "the overtaken fill must not be there"
    assert version(operation, after) == "new"
    assert proxy.call(operation, READS[operation]).cache == "HIT"


@pytest.mark.parametrize("operation", READS)
def test_reads_during_a_write_bypass(chat, proxy, direct, counting_upstream, pool, operation):
    direct.ok("PutItem", put("old"))
    assert proxy.call(operation, READS[operation]).status == 200
    gate = counting_upstream.hold("PutItem", replies=True)
    writing = pool.submit(proxy.call, "PutItem", put("new"))
    gate.wait_for(1)
    for _ in range(2):
        during = proxy.call(operation, READS[operation])
        assert during.cache == "BYPASS"
        assert version(operation, during) == "new", "it is committed, though not acknowledged yet"
    gate.release()
    assert writing.result().status == 200
    after = proxy.call(operation, READS[operation])
    assert (after.cache, version(operation, after)) == ("MISS", "new")


def test_two_writes_at_once_each_keep_their_marker(chat, proxy, direct, counting_upstream, pool):
    direct.ok("PutItem", put("old"))
    first = counting_upstream.hold("PutItem", replies=True, when=lambda r: b"first" in r.body)
    second = counting_upstream.hold("PutItem", replies=True, when=lambda r: b"second" in r.body)
    writers = [pool.submit(proxy.call, "PutItem", put(v)) for v in ("first", "second")]
    first.wait_for(1)
    second.wait_for(1)
    first.release()
    assert writers[0].result().status == 200
    assert proxy.call("GetItem", GET).cache == "BYPASS", "the second write is still under way"
    second.release()
    assert writers[1].result().status == 200
    assert proxy.call("GetItem", GET).cache == "MISS"


def test_a_transaction_marks_all_its_units(chat, proxy, direct, counting_upstream, pool):
    keys = [{"pk": {"S": "room"}, "sk": {"S": str(n)}} for n in range(3)]
    gate = counting_upstream.hold("TransactWriteItems", replies=True)
    puts = [{"Put": {"TableName": TABLE, "Item": {**k, "version": {"S": "new"}}}} for k in keys]
    writing = pool.submit(proxy.call, "TransactWriteItems", {"TransactItems": puts})
    gate.wait_for(1)
    for key in keys:
        assert proxy.call("GetItem", {"TableName": TABLE, "Key": key}).cache == "BYPASS"
    gate.release()
    assert writing.result().status == 200


def test_a_write_whose_fate_is_unknown_stays_marked(chat, proxy, direct, counting_upstream):
    direct.ok("PutItem", put("old"))
    proxy.call("GetItem", GET)
    counting_upstream.cut("PutItem", times=1, forwarded=True)
    lost = proxy.call("PutItem", put("new"))
    assert lost.status in (500, 503) and lost.error in ("ServiceUnavailable", "InternalServerError")
    assert counting_upstream.count("PutItem") == 1, "a write is sent at most once"
    for _ in range(2):
        after = proxy.call("GetItem", GET)
        assert (after.cache, version("GetItem", after)) == ("BYPASS", "new")
    other = {"TableName": TABLE, "Key": {"pk": {"S": "elsewhere"}, "sk": {"S": "1"}}}
    assert [proxy.call("GetItem", other).cache for _ in range(2)] == ["MISS", "HIT"]


def test_a_write_of_unknown_fate_is_let_go_after_its_hold(chat, proxy_factory, direct, counting_upstream):
    changes = {"unknown_write_hold": "300ms", "upstream": {"request_timeout": "200ms"}}
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    gate = counting_upstream.hold("PutItem", times=1)
    lost = proxy.call("PutItem", put("new"))
    assert lost.status == 503
    gate.release()
    waiting.until(lambda: proxy.call("GetItem", GET).cache == "HIT", "the marker to run out")


def test_an_upstream_error_leaves_the_write_marked(chat, proxy, direct, counting_upstream):
    """A 500 does not say whether the write was carried out."""
    counting_upstream.fail("PutItem", times=1, status=500)
    failed = proxy.call("PutItem", put("new"))
    assert (failed.status, failed.error) == (500, "InternalServerError")
    assert proxy.call("GetItem", GET).cache == "BYPASS"


def test_a_refused_write_is_not_left_marked(chat, proxy, direct, counting_upstream):
    direct.ok("PutItem", put("old"))
    counting_upstream.throttle("PutItem", times=1)
    refused = proxy.call("PutItem", put("new"))
    assert (refused.status, refused.error) == (400, "ProvisionedThroughputExceededException")
    assert [proxy.call("GetItem", GET).cache for _ in range(2)] == ["MISS", "HIT"]
