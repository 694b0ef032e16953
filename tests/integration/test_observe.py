"""Trying the cache on live traffic: with caching "observe" DynamoDB answers and what the cache would have said is
compared; with `compare` a share of the hits is, afterwards. Only what no write explains is a mismatch."""
import json
import threading

import pytest

from support import metrics, redis_server, waiting
from support.reloading import Reloading, whole, with_admin

KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
GET = {"TableName": "chat", "Key": KEY}
QUERY = {
    "TableName": "chat",
    "KeyConditionExpression": "pk = :pk",
    "ExpressionAttributeValues": {":pk": {"S": "room"}},
}
BY_OWNER = {
    "TableName": "chat",
    "IndexName": "by-owner",
    "KeyConditionExpression": "#o = :o",
    "ExpressionAttributeNames": {"#o": "owner"},
    "ExpressionAttributeValues": {":o": {"S": "ann"}},
}
BATCH = {"RequestItems": {"chat": {"Keys": [KEY, {**KEY, "sk": {"S": "2"}}]}}}
ENTRY = {"ttl": "10m", "negative_ttl": "10m", "ttl_jitter": "0%", "settle": "0s"}
READS = [("GetItem", GET), ("Query", QUERY), ("BatchGetItem", BATCH), ("Query", BY_OWNER)]


def put(text, sk="1", **more):
    key = {**KEY, "sk": {"S": sk}}
    return {"TableName": "chat", "Item": {**key, "v": {"S": text}, "owner": {"S": "ann"}, **more}}


class Observing(Reloading):
    """A proxy, and what it has counted since it was made or `forget` was called."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.forget()

    def forget(self):
        self.since = metrics.Since(self.proxy)

    def compared(self):
        return self.since.now().by("readaside_compared_total", "result")

    def observed(self):
        return self.since.now().by("readaside_observed_reads_total", "outcome")

    def reads(self):
        return self.since.now().sum("readaside_compare_reads_total")

    def come(self, **wanted):
        waiting.until(lambda: self.compared() == wanted, f"the comparisons {wanted}, not {self.compared()}")

    def mismatches(self):
        status, _, body = metrics.ask(self.proxy, "/admin/mismatches")
        assert status == 200, body
        return json.loads(body)

    def compare(self):
        return metrics.live(self.proxy)["compare"]


@pytest.fixture
def observing(proxy_factory, counting_upstream, readaside_binary, chat):
    """observing(changes) starts a proxy; {} observes."""

    def start(changes=None):
        changes = with_admin({"caching": "observe", **(changes or {})})
        config = whole(counting_upstream.endpoint, changes)
        config["tables"] = {chat: {**ENTRY, **(changes.get("tables", {}).get(chat, {}))}}
        return Observing(proxy_factory(None, config=config), config, readaside_binary)

    return start


def is_observed(reply):
    return reply.status == 200 and reply.cache == "BYPASS" and "caching-observe" in reply.headers["Cache-Status"]


def warm(wire, *reads):
    """What a miss fills is there when its reply is: the store is in this process."""
    for operation, body in reads:
        wire.ok(operation, body)


# ---- observing ----


def test_dynamodb_answers_every_read_and_misses_fill(observing, counting_upstream, direct):
    o = observing()
    direct.ok("PutItem", put("old"))
    with o.proxy.wire() as wire:
        for operation, body in READS:
            counting_upstream.forget()
            for i in range(3):
                reply = wire.call(operation, body)
                assert is_observed(reply)
                assert reply.json == direct.ok(operation, body).json
                assert ("stored" in reply.headers["Cache-Status"]) == (i == 0 and body is not BATCH) or body is BATCH
            assert counting_upstream.count(operation) == 3
            sent = [r.json for r in counting_upstream.seen(operation)]
            own = {**body, "ReturnConsumedCapacity": "TOTAL"}
            assert sent[1:] == [own, own], "would-be hits are the client's own reads"
    # the batch finds one of its two items, which GetItem has filled, the first time already
    assert o.observed() == {"miss": 4, "hit": 2 + 2 + 1 + 2 * 2 + 2}
    assert o.compared() == {"equal": 2 + 2 + 1 + 2 * 2, "index_equal": 2}
    live = metrics.live(o.proxy)
    assert live["caching"] == "observe" and live["observed"]["hit"] == 11
    assert live["observed"]["units_saved"] == 5.5 and live["upstream"]["reads_saved"] == 0
    assert live["requests"]["hit"] == 0 and live["requests"]["bypass"] == 12
    assert o.reads() == 0 and o.mismatches() == []


@pytest.mark.parametrize("read", READS[:3], ids=["get", "query", "batch"])
def test_a_write_behind_the_proxys_back_is_found(observing, direct, read):
    o = observing()
    direct.ok("PutItem", put("old"))
    with o.proxy.wire() as wire:
        warm(wire, read, read)
        o.forget()
        direct.ok("PutItem", put("new"))
        assert b"new" in wire.ok(*read).body, "it is DynamoDB that answers"
        o.come(**{"mismatch": 1, **({"equal": 1} if read[1] is BATCH else {})})
        found = o.mismatches()[0]
        assert {k: found[k] for k in ("kind", "by", "table", "pattern", "operation", "cached", "upstream")} == {
            "kind": "mismatch", "by": "observe", "table": "chat", "pattern": None, "operation": read[0],
            "cached": None, "upstream": None}
        assert len(found["digest"]) == len(found["request"]) == 64
        assert o.since.now().by("readaside_invalidations_total", "cause") == {"mismatch": 1}
        o.forget()
        warm(wire, read)  # it was voided
        assert o.observed()["miss"] == 1
    output = o.proxy.output()
    assert "mismatch: what is cached of table chat" in output and found["digest"][:16] in output
    assert '"old"' not in output and '"new"' not in output
    events = [e for e in metrics.live(o.proxy)["events"] if e["kind"] == "mismatch"]
    assert len(events) == 1 and found["digest"][:16] in events[0]["text"]


def test_writes_through_it_are_none(observing):
    o = observing()
    with o.proxy.wire() as wire:
        for i in range(20):
            wire.ok("PutItem", put(str(i)))
            for read in READS:
                warm(wire, read, read)
    compared = o.compared()
    assert set(compared) == {"equal", "index_equal"} and compared["equal"] > 60


def test_what_is_missing(observing, direct):
    """A negative entry is right, and then not any more; the other way round too."""
    o = observing()
    with o.proxy.wire() as wire:
        warm(wire, ("GetItem", GET), ("GetItem", GET))
        o.come(equal=1)
        direct.ok("PutItem", put("new"))
        warm(wire, ("GetItem", GET))
        o.come(equal=1, mismatch=1)
        warm(wire, ("GetItem", GET), ("GetItem", GET))
        direct.ok("DeleteItem", GET)
        warm(wire, ("GetItem", GET))
        o.come(equal=2, mismatch=2)


def test_the_same_in_other_words_is_equal(observing, counting_upstream, direct):
    """Order of attributes and of set members, spellings of numbers: another text of the same item."""
    o = observing()
    direct.ok("PutItem", put("old", n={"N": "10"}, tags={"SS": ["a", "b"]}))

    def respelt(request, status, body):
        item = json.loads(body)["Item"]
        item = {**dict(reversed(item.items())), "n": {"N": "1e1"}, "tags": {"SS": ["b", "a"]}}
        return status, json.dumps({"Item": item}).encode()

    with o.proxy.wire() as wire:
        warm(wire, ("GetItem", GET))
        counting_upstream.answer(respelt, "GetItem", times=1)
        warm(wire, ("GetItem", GET))
    assert o.compared() == {"equal": 1} and o.reads() == 0


def test_upstream_may_be_the_older_one(observing, counting_upstream, direct):
    """An eventually consistent read shows an old item: it is read again, consistently, and the cache was right."""
    o = observing()
    direct.ok("PutItem", put("old"))
    old = direct.ok("GetItem", GET).body
    direct.ok("PutItem", put("new"))
    with o.proxy.wire() as wire:
        warm(wire, ("GetItem", GET))
        counting_upstream.forget()
        counting_upstream.answer(lambda *_: (200, old), "GetItem", when=lambda r: not r.json.get("ConsistentRead"))
        assert wire.ok("GetItem", GET).body == old, "it is what the client would have got"
        o.come(equal=1)
        assert [bool(r.json.get("ConsistentRead")) for r in counting_upstream.seen("GetItem")] == [False, True]
    assert o.reads() == 1 and o.mismatches() == []


def test_a_write_that_comes_between_explains_it(observing, counting_upstream, direct):
    o = observing()
    direct.ok("PutItem", put("old"))
    with o.proxy.wire() as wire:
        warm(wire, ("GetItem", GET))
        held = counting_upstream.hold("GetItem", times=1)
        reader = threading.Thread(target=lambda: o.proxy.call("GetItem", GET))
        reader.start()
        held.wait_for()
        wire.ok("PutItem", put("new"))
        held.release()
        reader.join()
        o.come(raced=1)
    assert o.reads() == 0 and o.mismatches() == []


def test_an_index_has_a_count_of_its_own(observing, direct):
    o = observing({"admin": {**with_admin()["admin"], "show_keys": True}})
    direct.ok("PutItem", put("old"))
    with o.proxy.wire() as wire:
        warm(wire, ("Query", BY_OWNER))
        direct.ok("PutItem", put("new"))
        warm(wire, ("Query", BY_OWNER))
        o.come(index_lag=1)
    assert [m["kind"] for m in o.mismatches()] == ["index_lag"]
    assert o.compare()["compared"] == 0 and o.compare()["nines"] is None
    assert "mismatch:" not in o.proxy.output()


def test_dynamodbs_error_is_no_mismatch(observing, counting_upstream, direct):
    o = observing({"tables": {"chat": {"stale_if_error": "10m"}}})
    direct.ok("PutItem", put("old"))
    with o.proxy.wire() as wire:
        warm(wire, ("GetItem", GET))
        counting_upstream.fail("GetItem", times=1)
        assert wire.call("GetItem", GET).status == 500, "nothing is served from the cache"
        assert o.compared() == {"failed": 1}
        direct.ok("PutItem", put("new"))
        counting_upstream.fail("GetItem", when=lambda r: r.json.get("ConsistentRead"))
        warm(wire, ("GetItem", GET))
        o.come(failed=2)  # what would have told couldn't be had
    assert o.mismatches() == []


def test_only_an_operator_who_may_sees_items(observing, direct):
    o = observing({"admin": {**with_admin()["admin"], "show_keys": True}})
    direct.ok("PutItem", put("old"))
    with o.proxy.wire() as wire:
        warm(wire, ("GetItem", GET))
        direct.ok("PutItem", put("new"))
        warm(wire, ("GetItem", GET))
        o.come(mismatch=1)
    found = o.mismatches()[0]
    assert found["cached"]["Item"]["v"] == {"S": "old"} and found["upstream"]["Item"]["v"] == {"S": "new"}
    assert '{"S":"old"}' in o.proxy.output() and '{"S":"new"}' in o.proxy.output()
    assert o.reload({"admin": {"show_keys": False}}) == (["admin.show_keys"], [])
    assert (o.mismatches()[0]["cached"], o.mismatches()[0]["upstream"]) == (None, None)


def test_the_last_ones_are_kept(observing, direct):
    o = observing()
    with o.proxy.wire() as wire:
        for i in range(40):
            read = ("GetItem", {**GET, "Key": {**KEY, "sk": {"S": str(i)}}})
            warm(wire, read)
            direct.ok("PutItem", put("new", sk=str(i)))
            warm(wire, read)
            o.come(mismatch=i + 1)
    found = o.mismatches()
    assert len(found) == 32 and len({m["digest"] for m in found}) == 32
    assert found == sorted(found, key=lambda m: -m["at"])
    assert o.proxy.output().count("mismatch: what is cached") <= 2, "the log isn't flooded"


# ---- no false alarm ----


def storm(o, comparisons, readers=4):
    """Readers and writers of the same items through the proxy, until so many comparisons have been made."""
    done = threading.Event()
    failures = []

    def work(job):
        try:
            with o.proxy.wire() as wire:
                i = 0
                while not done.is_set():
                    job(wire, i)
                    i += 1
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    def read(wire, i):
        wire.ok(*READS[i % len(READS)])

    def write(wire, i):
        for read_ in READS:
            wire.ok(*read_)
        wire.ok("PutItem", put(str(i), sk=str(1 + i % 2)))

    def write_seldom(wire, i):
        for read_ in READS * 3:
            wire.ok(*read_)
        wire.ok("UpdateItem", {"TableName": "chat", "Key": KEY, "UpdateExpression": "SET n = :n",
                               "ExpressionAttributeValues": {":n": {"N": str(i)}}})

    threads = [threading.Thread(target=work, args=(job,)) for job in [read] * readers + [write] + [write_seldom] * 3]
    for thread in threads:
        thread.start()
    try:
        waiting.until(lambda: failures or sum(o.compared().values()) >= comparisons, "enough comparisons")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[0]


@pytest.mark.parametrize("store", ["memory", "redis"])
def test_a_storm_through_it_raises_no_alarm(observing, tmp_path, store):
    server = redis_server.Redis(tmp_path) if store == "redis" else None
    cache = {"store": store, "redis": {"url": server.url, "quarantine": "0s"}} if server else {"store": store}
    o = observing({"cache": cache, "tables": {"chat": {"settle": "50ms"}}})
    try:
        storm(o, 3000 if store == "memory" else 1000)
        compared = o.compared()
    finally:
        if server:
            server.stop()
    assert compared.get("mismatch", 0) == 0 and compared["equal"] > 200 and compared["raced"] > 0, compared
    assert [m for m in o.mismatches() if m["kind"] == "mismatch"] == []


def test_switched_under_load(observing):
    o = observing({"compare": "5%"})
    stop = threading.Event()

    def switch():
        while not stop.is_set():
            for word in ("on", "observe", "off", "observe"):
                assert o.post("/admin/caching", {"caching": word})[0] == 200

    switcher = threading.Thread(target=switch)
    switcher.start()
    try:
        storm(o, 800)
    finally:
        stop.set()
        switcher.join()
    assert o.compared().get("mismatch", 0) == 0
    done = o.command("caching", "observe")
    assert (done.returncode, done.stdout) == (0, "caching is observe until the next reload or restart\n"), done


# ---- a share of the hits ----


@pytest.mark.parametrize("read", READS[:3], ids=["get", "query", "batch"])
def test_hits_are_compared_after_they_are_served(observing, counting_upstream, direct, read):
    o = observing({"caching": "on"})
    for sk in "12":
        direct.ok("PutItem", put("old", sk=sk))
    items = 2 if read[1] is BATCH else 1
    with o.proxy.wire() as wire:
        warm(wire, read, read)
        assert o.compared() == {}
        assert o.reload({"compare": "100%"}) == (["compare"], [])
        held = counting_upstream.hold(read[0], times=1)
        assert wire.ok(*read).cache == "HIT", "whoever asks doesn't wait for it"
        held.wait_for()
        held.release()
        o.come(equal=items)
        counting_upstream.forget()
        for _ in range(3):  # the express way, too
            assert wire.ok(*read).cache == "HIT"
        o.come(equal=4 * items)
        assert counting_upstream.count(read[0]) == 3
        direct.ok("PutItem", put("new"))
        reply = wire.ok(*read)
        assert reply.cache == "HIT" and b'"new"' not in reply.body
        o.come(equal=4 * items + items - 1, mismatch=1)
        assert o.mismatches()[0]["by"] == "compare"
        assert b'"new"' in wire.ok(*read).body, "it was voided"
    assert o.compare()["nines"] == (1 if items == 2 else 0) and o.compare()["at_least"] is False


def test_the_client_that_is_eventually_consistent_is_compared_consistently(observing, counting_upstream, direct):
    """Also where misses aren't read so."""
    o = observing({"caching": "on", "compare": "100%", "tables": {"chat": {"consistent_fill": False}}})
    direct.ok("PutItem", put("old"))
    with o.proxy.wire() as wire:
        for operation, body in READS[:3]:
            warm(wire, (operation, body))
            counting_upstream.forget()
            assert wire.ok(operation, body).cache == "HIT"
            waiting.until(lambda: counting_upstream.count(operation) == 1, "it to be compared")
            sent = counting_upstream.seen(operation)[0].json
            assert (sent["RequestItems"]["chat"] if operation == "BatchGetItem" else sent)["ConsistentRead"] is True


def test_how_many_nines_at_least(observing, direct):
    o = observing()
    direct.ok("PutItem", put("old"))
    with o.proxy.wire() as wire:
        warm(wire, *[("GetItem", GET)] * 32)
        assert (o.compare()["compared"], o.compare()["nines"], o.compare()["at_least"]) == (31, 1, True)
        warm(wire, *[("GetItem", GET)] * 300)
        assert (o.compare()["nines"], o.compare()["at_least"]) == (2, True)
        direct.ok("PutItem", put("new"))
        warm(wire, ("GetItem", GET))
        o.come(equal=331, mismatch=1)
    assert (o.compare()["nines"], o.compare()["at_least"]) == (2, False)


def test_a_table_of_its_own_share(observing, direct):
    o = observing({"caching": "on", "compare": "100%"})
    direct.ok("PutItem", put("old"))
    with o.proxy.wire() as wire:
        assert o.reload({"tables": {"chat": {"compare": "0%"}}}) == (["tables.chat.compare"], [])
        warm(wire, *[("GetItem", GET)] * 20)
        assert o.compared() == {} and o.reads() == 0
        o.reload({"tables": {"chat": {"compare": "50%"}}})
        warm(wire, *[("GetItem", GET)] * 60)
        waiting.until(lambda: sum(o.compared().values()) > 5, "some to be drawn")
        assert sum(o.compared().values()) < 60


def test_no_more_are_read_than_may_be(observing, counting_upstream, direct):
    """16 at once; what is drawn beyond that is skipped, and nobody waits."""
    o = observing({"caching": "on", "compare": "100%"})
    direct.ok("PutItem", put("old"))
    with o.proxy.wire() as wire:
        warm(wire, ("GetItem", GET))
        held = counting_upstream.hold("GetItem")
        warm(wire, *[("GetItem", GET)] * 40)
        held.wait_for(16)
        assert o.compared() == {"skipped": 24}
        held.release()
        o.come(skipped=24, equal=16)


def test_it_ends_with_comparisons_under_way(observing, counting_upstream, direct):
    o = observing({"caching": "on", "compare": "100%", "listen": {"drain_timeout": "100ms"}})
    direct.ok("PutItem", put("old"))
    with o.proxy.wire() as wire:
        warm(wire, ("GetItem", GET))
        held = counting_upstream.hold("GetItem")
        warm(wire, *[("GetItem", GET)] * 8)
        held.wait_for(8)
    o.proxy.terminate()
    o.proxy.wait()
    held.release()
