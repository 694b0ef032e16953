"""What time does: entries expire, may be served stale where the config says so, but never after a write."""
import pytest

from support import waiting

TABLE = "chat"
KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
GET = {"TableName": TABLE, "Key": KEY}


def put(version):
    return {"TableName": TABLE, "Item": {**KEY, "version": {"S": version}}}


def version(reply):
    return reply.json["Item"]["version"]["S"]


@pytest.fixture
def start(chat, direct, proxy_factory, counting_upstream):
    """start(table options) starts a proxy whose table `chat` has one item of version "old"."""
    direct.ok("PutItem", put("old"))

    def make(**options):
        table = {"ttl": "200ms", "ttl_jitter": "0%", **options}
        return proxy_factory(counting_upstream.endpoint, {"tables": {TABLE: table}})

    return make


def poll(proxy, wanted, what):
    """Reads until `wanted(reply)`; returns all the replies."""
    replies = []

    def one():
        replies.append(proxy.call("GetItem", GET))
        return wanted(replies[-1])

    waiting.until(one, what)
    return replies


def test_an_entry_expires(start, direct):
    proxy = start()
    assert proxy.call("GetItem", GET).cache == "MISS"
    direct.ok("PutItem", put("new"))
    replies = poll(proxy, lambda r: r.cache == "MISS", "the entry to expire")
    assert version(replies[-1]) == "new"
    assert {r.cache for r in replies} <= {"HIT", "MISS"}, "nothing stale unless the config says so"


def test_a_missing_item_has_a_ttl_of_its_own(start, direct):
    proxy = start(ttl="10m", negative_ttl="200ms")
    other = {**GET, "Key": {**KEY, "sk": {"S": "2"}}}
    query = {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "nobody"}},
    }
    assert proxy.call("GetItem", GET).cache == "MISS"
    assert proxy.call("GetItem", other).cache == "MISS"
    assert proxy.call("Query", query).cache == "MISS"
    direct.ok("PutItem", {"TableName": TABLE, "Item": other["Key"]})
    direct.ok("PutItem", {"TableName": TABLE, "Item": {"pk": {"S": "nobody"}, "sk": {"S": "1"}}})
    waiting.until(lambda: proxy.call("GetItem", other).json != {}, "the missing item to be looked up again")
    waiting.until(lambda: proxy.call("Query", query).json["Count"] == 1, "the empty query to be asked again")
    assert proxy.call("GetItem", GET).cache == "HIT"


def test_stale_while_revalidate(start, direct, counting_upstream):
    proxy = start(ttl="1s", stale_while_revalidate="10m")
    assert proxy.call("GetItem", GET).cache == "MISS"
    direct.ok("PutItem", put("new"))
    gate = counting_upstream.hold("GetItem")
    replies = poll(proxy, lambda r: r.cache == "STALE", "the entry to be stale")
    gate.wait_for(1)
    for _ in range(20):
        replies.append(proxy.call("GetItem", GET))
        assert replies[-1].cache == "STALE"
    assert {version(r) for r in replies} == {"old"}
    assert int(replies[-1].headers["Age"]) >= 1
    assert len(gate.held) == 1, "one refresh is enough"
    gate.release()
    refreshed = poll(proxy, lambda r: version(r) == "new", "the refreshed entry")
    assert {r.cache for r in refreshed[:-1]} <= {"STALE"}


def test_nothing_stale_after_a_write(start, direct, counting_upstream):
    proxy = start(stale_while_revalidate="10m", stale_if_error="10m")
    assert proxy.call("GetItem", GET).cache == "MISS"
    gate = counting_upstream.hold("GetItem", times=1)
    poll(proxy, lambda r: r.cache == "STALE", "the entry to be stale")
    gate.wait_for(1)
    assert proxy.call("PutItem", put("new")).status == 200
    after = proxy.call("GetItem", GET)
    assert (after.cache, version(after)) == ("MISS", "new")
    gate.release()
    for _ in range(10):
        assert version(proxy.call("GetItem", GET)) == "new"


def test_a_write_overtakes_a_refresh(start, direct, counting_upstream):
    proxy = start(ttl="1s", stale_while_revalidate="10m")
    assert proxy.call("GetItem", GET).cache == "MISS"
    gate = counting_upstream.hold("GetItem", times=1, replies=True)
    poll(proxy, lambda r: r.cache == "STALE", "the entry to be stale")
    held = gate.wait_for(1)
    assert proxy.call("PutItem", put("new")).status == 200
    gate.release()
    waiting.until(held.answered.is_set, "the old reply to be on its way")
    for _ in range(10):
        assert version(proxy.call("GetItem", GET)) == "new"


FAULTS = {
    "internal error": lambda upstream: upstream.fail("GetItem", status=500),
    "throttled": lambda upstream: upstream.throttle("GetItem"),
    "cut": lambda upstream: upstream.cut("GetItem"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_stale_if_error(start, direct, counting_upstream, fault):
    proxy = start(stale_if_error="10m")
    assert proxy.call("GetItem", GET).cache == "MISS"
    direct.ok("PutItem", put("new"))
    fault(counting_upstream)
    replies = poll(proxy, lambda r: r.cache == "STALE", "the entry to be stale")
    assert {(r.status, version(r)) for r in replies} == {(200, "old")}
    counting_upstream.clear()
    recovered = poll(proxy, lambda r: r.cache != "STALE", "upstream to be asked again")
    assert version(recovered[-1]) == "new"


def test_stale_if_upstream_stalls(start, counting_upstream, proxy_factory, direct, chat):
    direct.ok("PutItem", put("old"))
    changes = {
        "upstream": {"request_timeout": "300ms"},
        "tables": {TABLE: {"ttl": "200ms", "ttl_jitter": "0%", "stale_if_error": "10m"}},
    }
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    waiting.until(lambda: proxy.call("GetItem", GET).cache == "MISS", "a first read")
    gate = counting_upstream.hold("GetItem")
    replies = poll(proxy, lambda r: r.cache == "STALE", "the entry to be stale")
    assert {version(r) for r in replies} == {"old"}
    gate.release()


def test_an_error_that_is_the_clients_own_is_not_hidden(start, counting_upstream):
    proxy = start(stale_if_error="10m")
    assert proxy.call("GetItem", GET).cache == "MISS"
    counting_upstream.fail("GetItem", status=400, error="ResourceNotFoundException", message="gone")
    replies = poll(proxy, lambda r: r.status != 200, "the error to be passed on")
    assert {r.cache for r in replies[:-1]} == {"HIT"} or len(replies) == 1
    assert (replies[-1].status, replies[-1].error) == (400, "ResourceNotFoundException")


def test_no_stale_answer_to_an_error_after_a_write(start, counting_upstream):
    proxy = start(stale_if_error="10m")
    assert proxy.call("GetItem", GET).cache == "MISS"
    assert proxy.call("PutItem", put("new")).status == 200
    counting_upstream.throttle("GetItem")
    for _ in range(5):
        reply = proxy.call("GetItem", GET)
        assert (reply.status, reply.error) == (400, "ProvisionedThroughputExceededException")


def test_without_the_options_errors_are_passed_on(start, counting_upstream):
    proxy = start()
    assert proxy.call("GetItem", GET).cache == "MISS"
    counting_upstream.fail("GetItem", status=500)
    replies = poll(proxy, lambda r: r.status == 500, "the error to be passed on")
    assert {r.cache for r in replies[:-1]} <= {"HIT"}
    assert (replies[-1].error, replies[-1].message) == ("InternalServerError", "made up")
