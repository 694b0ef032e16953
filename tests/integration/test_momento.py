"""Momento as the store: shared by proxies, refused, throttled, lost and found; what travels to it, and what it sees.

In front of a stand-in that does what Momento's reference says (support/momento_server.py)."""
import base64
import concurrent.futures
import http.client
import json
import os
import re
import subprocess
import threading
import urllib.parse

import pytest

from support import momento_server, ports, processes, redis_server, tables, waiting

TABLE = "plain"
KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
GET = {"TableName": TABLE, "Key": KEY}
QUERY = {
    "TableName": TABLE,
    "KeyConditionExpression": "pk = :pk",
    "ExpressionAttributeValues": {":pk": {"S": "room"}},
}
BATCH = {"RequestItems": {TABLE: {"Keys": [KEY]}}}
READS = {"GetItem": GET, "Query": QUERY, "BatchGetItem": BATCH}
NOTHING_NEAR = {"cache": {"near": {"max_bytes": "0"}}}
HOUR = 3600


def put(version):
    return {"TableName": TABLE, "Item": {**KEY, "version": {"S": version}}}


def version(operation, reply):
    found = reply.json
    if operation == "GetItem":
        return found["Item"]["version"]["S"]
    items = found["Items"] if operation == "Query" else found["Responses"][TABLE]
    return items[0]["version"]["S"]


def until_hit(proxy, operation="GetItem", body=None):
    """Fills aren't waited for, and what was just written bypasses for a while."""

    def hit():
        reply = proxy.call(operation, body or READS[operation])
        assert reply.status == 200, reply
        return reply if reply.cache == "HIT" else None

    return waiting.until(hit, f"a hit on {operation}; {proxy.output()}")


@pytest.fixture
def momento_factory():
    started = []

    def start(**more):
        server = momento_server.Momento(**more)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def momento(momento_factory):
    return momento_factory()


@pytest.fixture
def start(proxy_factory, counting_upstream, momento, plain):
    """start(changes, near, environment, **cache.momento's) is a proxy on the stand-in."""

    def make(changes=None, near=None, environment=None, **given):
        config = momento_server.settings(momento, **given)
        config["admin"] = {"address": f"127.0.0.1:{ports.free_port()}"}
        config["cache"]["near"] = near or NOTHING_NEAR["cache"]["near"]
        proxy = proxy_factory(counting_upstream.endpoint, processes.merged(config, changes or {}), environment)
        proxy.admin = config["admin"]["address"]
        return proxy

    return make


@pytest.fixture
def pair(start, direct):
    """Two proxies on one cache, with a hit on the item each."""
    direct.ok("PutItem", put("old"))
    made = [start(), start()]
    for proxy in made:
        until_hit(proxy)
    return made


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(64) as executor:
        yield executor


def counters(proxy):
    connection = http.client.HTTPConnection(proxy.admin, timeout=waiting.PATIENCE)
    connection.request("GET", "/admin/cache/stats")
    found = json.loads(connection.getresponse().read())
    connection.close()
    return found


def registers(momento):
    """{unit: text}"""
    return {k: v for k, (v, _) in momento.items().items() if re.fullmatch(rb".*ra1:[0-9a-f]{64}", k, re.DOTALL)}


def entries(momento):
    """{key: (value, seconds left)}"""
    pattern = re.compile(rb".*ra1:[0-9a-f]{64}:[0-9a-f]{64}", re.DOTALL)
    return {k: v for k, v in momento.items().items() if pattern.fullmatch(k)}


def is_register(request):
    """By what stands in the target: the key hasn't been read yet when rules are asked."""
    key = momento_server.decode_base64(request.query["key_base64"][0])
    return re.fullmatch(rb".*ra1:[0-9a-f]{64}", key, re.DOTALL) is not None


def warnings(proxy, about="momento"):
    return [line for line in proxy.output().splitlines() if "warning: " in line and about in line]


# ---- one proxy ----


@pytest.mark.parametrize("operation", READS)
def test_miss_hit_and_invalidation(start, counting_upstream, direct, operation):
    direct.ok("PutItem", put("old"))
    proxy = start()
    assert proxy.call(operation, READS[operation]).cache == "MISS"
    assert version(operation, until_hit(proxy, operation)) == "old"
    counting_upstream.forget()
    assert proxy.call(operation, READS[operation]).cache == "HIT"
    assert counting_upstream.count(operation) == 0
    assert proxy.call("PutItem", put("new")).status == 200
    after = proxy.call(operation, READS[operation])
    assert after.cache in ("MISS", "BYPASS") and version(operation, after) == "new"
    assert version(operation, until_hit(proxy, operation)) == "new"


def test_what_travels_is_what_the_reference_has(start, momento, direct):
    direct.ok("PutItem", put("old"))
    proxy = start()
    until_hit(proxy)
    assert proxy.call("PutItem", put("new")).status == 200
    until_hit(proxy)
    until_hit(proxy, "Query")
    key = next(iter(momento.keys))
    assert momento.requests
    for request in momento.requests:
        assert request.authorization == key, "as it was given out"
        assert request.path == "/cache/readaside"
        assert set(request.query) == {"key_base64"} | ({"ttl_seconds"} if request.method == "PUT" else set())
        assert request.method != "PUT" or 1 <= request.ttl <= 24 * HOUR
        assert "expect" not in request.headers
        assert request.status in (200, 204, 404)
    assert momento.count("DELETE") == 0, "a register that is gone is one that a fill can't be checked against"
    assert momento.connections <= 8, "connections are kept"


def test_nothing_outlives_its_ttl_there(start, momento, direct):
    direct.ok("PutItem", put("old"))
    proxy = start({"tables": {"*": {"ttl": "90500ms"}}})
    until_hit(proxy)
    (_, left), = entries(momento).values()
    assert 0 < left <= 90, "whole seconds, rounded down"
    assert {len(text) for text in registers(momento).values()} == {33}
    assert all(text[:1] == b"I" for text in registers(momento).values())


def test_an_entry_that_has_expired_there_is_a_miss(start, momento, direct):
    direct.ok("PutItem", put("old"))
    proxy = start()
    until_hit(proxy)
    direct.ok("PutItem", put("written past the proxy"))
    assert version("GetItem", proxy.call("GetItem", GET)) == "old"
    momento.advance(24 * HOUR)
    reply = proxy.call("GetItem", GET)
    assert (reply.cache, version("GetItem", reply)) == ("MISS", "written past the proxy")
    until_hit(proxy)


def test_what_lives_for_less_than_a_second_is_held_near_alone(start, momento, direct):
    direct.ok("PutItem", put("old"))
    proxy = start({"tables": {"*": {"ttl": "900ms", "negative_ttl": "0s"}}}, near={"max_bytes": "1MiB"})
    until_hit(proxy)
    assert entries(momento) == {}
    assert momento.count(status=400) == 0
    assert counters(proxy)["too_short"] >= 1
    direct.ok("PutItem", put("new"))
    waiting.until(lambda: version("GetItem", proxy.call("GetItem", GET)) == "new", "the entry to expire")


def test_what_lives_for_more_than_a_day_isnt_stored(start, momento, direct):
    direct.ok("PutItem", put("old"))
    proxy = start({"tables": {"*": {"ttl": "25h"}}})
    for _ in range(3):
        assert proxy.call("GetItem", GET).cache == "MISS"
    assert entries(momento) == {}
    assert counters(proxy)["too_long"] == 3
    assert momento.count(status=400) == 0


def test_what_is_too_large_isnt_stored(start, momento, counting_upstream, direct):
    direct.ok("PutItem", put("old"))
    proxy = start({"cache": {"max_entry_bytes": "16MiB"}})

    def large(_, status, body):
        found = json.loads(body)
        found["Items"][0]["version"]["S"] = "x" * 5_000_000
        return status, json.dumps(found).encode()

    counting_upstream.answer(large, "Query")
    for _ in range(3):
        reply = proxy.call("Query", QUERY)
        assert (reply.cache, len(version("Query", reply))) == ("MISS", 5_000_000)
    assert entries(momento) == {}
    assert counters(proxy)["too_large"] == 3
    assert momento.count(status=429) == 0, "nothing that the service would refuse was sent"
    counting_upstream.clear()
    until_hit(proxy, "Query")


def test_large_ones_that_fit(start, momento, counting_upstream, direct):
    direct.ok("PutItem", put("old"))
    proxy = start({"cache": {"max_entry_bytes": "16MiB"}})

    def large(_, status, body):
        found = json.loads(body)
        found["Items"][0]["version"]["S"] = "x" * 4_900_000
        return status, json.dumps(found).encode()

    counting_upstream.answer(large, "Query", times=1)
    assert len(version("Query", proxy.call("Query", QUERY))) == 4_900_000
    waiting.until(lambda: entries(momento), "the fill to land: a second miss would fill what there is by then")
    assert len(version("Query", until_hit(proxy, "Query"))) == 4_900_000


def test_keys_with_every_byte(start, momento, direct):
    """Of items, which are kept apart; and of the configured prefix, which goes into the keys as it is."""
    tables.create(direct, tables.definition("blobs", {"id": "B"}, "id"))
    prefix = "ä?&=/+ %00#;'\"\\:"
    proxy = start({"cache": {"key_prefix": prefix}})
    wanted = [bytes([n]) for n in range(256)] + [bytes(range(256))]
    for key in wanted:
        item = {"id": {"B": base64.b64encode(key).decode()}, "is": {"S": key.hex()}}
        direct.ok("PutItem", {"TableName": "blobs", "Item": item})
    for cache in ("MISS", "HIT"):
        for key in wanted:
            body = {"TableName": "blobs", "Key": {"id": {"B": base64.b64encode(key).decode()}}}
            reply = until_hit(proxy, "GetItem", body) if cache == "HIT" else proxy.call("GetItem", body)
            assert (reply.cache, reply.json["Item"]["is"]["S"]) == (cache, key.hex())
    assert len(entries(momento)) == len(wanted)
    assert all(key.startswith(prefix.encode()) for key in momento.items())


def test_whoever_reads_the_cache_sees_no_rows(start, momento, direct):
    direct.ok("PutItem", put("a secret version"))
    keys = ["11" * 32, "22" * 32]
    proxy = start({"cache": {"encryption_key": keys[:1]}})
    until_hit(proxy)
    assert not any(b"secret" in value for value, _ in entries(momento).values())
    both = start({"cache": {"encryption_key": keys[::-1]}})
    assert both.call("GetItem", GET).cache == "HIT", "all open"
    other = start({"cache": {"encryption_key": keys[1:]}})
    assert other.call("GetItem", GET).cache == "MISS"
    assert counters(other)["foreign"] == 1


def test_an_entry_that_is_damaged_or_somebody_elses(start, momento, direct):
    direct.ok("PutItem", put("old"))
    proxy = start()
    for change in (lambda v: v[:-1], lambda v: v[:-1] + bytes([v[-1] ^ 1]), lambda v: b"", lambda v: b"\0" * 1000):
        until_hit(proxy)
        (key, (value, _)), = entries(momento).items()
        momento.put(key, change(value))
        reply = proxy.call("GetItem", GET)
        assert (reply.cache, version("GetItem", reply)) == ("MISS", "old")
    until_hit(proxy)
    for text in (b"", b"I", b"X" * 33, b"I" + b"z" * 32, b"\xff" * 5000):
        for unit in registers(momento):
            momento.put(unit, text, ttl=HOUR)
        reply = proxy.call("GetItem", GET)
        assert (reply.status, version("GetItem", reply)) == (200, "old")
        until_hit(proxy)
    assert proxy.call("PutItem", put("new")).status == 200
    assert version("GetItem", until_hit(proxy)) == "new"


# ---- what the other stores have too ----


def test_one_read_for_many(start, counting_upstream, direct, pool):
    direct.ok("PutItem", put("old"))
    proxy = start()
    gate = counting_upstream.hold("GetItem")
    reading = [pool.submit(proxy.call, "GetItem", GET) for _ in range(20)]
    gate.wait_for(1)
    waiting.until(lambda: counters(proxy)["misses"] >= 20, "all of them to have missed")
    gate.release()
    assert {version("GetItem", r.result()) for r in reading} == {"old"}
    assert counting_upstream.count("GetItem") == 1


def test_a_missing_item_is_remembered(start, momento, counting_upstream):
    proxy = start()
    assert proxy.call("GetItem", GET).cache == "MISS"
    assert until_hit(proxy).json == {}
    assert len(entries(momento)) == 1
    counting_upstream.forget()
    assert proxy.call("PutItem", put("new")).status == 200
    assert version("GetItem", until_hit(proxy)) == "new"


def test_a_stale_reply_instead_of_an_error(start, counting_upstream, direct):
    direct.ok("PutItem", put("old"))
    proxy = start({"tables": {"*": {"ttl": "1s", "stale_if_error": "10m"}}})
    until_hit(proxy)
    counting_upstream.fail("GetItem", 500, "InternalServerError")

    def stale():
        reply = proxy.call("GetItem", GET)
        assert (reply.status, version("GetItem", reply)) == (200, "old")
        return reply.cache == "STALE"

    waiting.until(stale, "the entry to be past its TTL")
    assert proxy.call("PutItem", put("new")).status == 200
    assert proxy.call("GetItem", GET).status != 200, "never after a write"


def test_a_near_hit_asks_nobody(start, momento, direct):
    direct.ok("PutItem", put("old"))
    proxy = start(near={"max_bytes": "1MiB", "max_age": "1m"})

    def near():
        reply = proxy.call("GetItem", GET)
        return reply.cache == "HIT" and "detail=near" in reply.headers["Cache-Status"]

    waiting.until(near, "a near hit")
    momento.forget()
    for _ in range(50):
        assert near()
    assert momento.requests == []
    assert proxy.call("PutItem", put("new")).status == 200
    assert version("GetItem", proxy.call("GetItem", GET)) == "new", "what is written here is dropped here"


def test_an_old_near_hit_is_asked_about_without_its_payload(start, momento, direct):
    direct.ok("PutItem", put("old"))
    proxy = start(near={"max_bytes": "1MiB", "max_age": "1ms"})
    until_hit(proxy)
    momento.forget()
    for _ in range(10):
        assert until_hit(proxy)
    asked = list(momento.requests)
    assert asked and all(is_register(r) for r in asked), "no entry travels"


# ---- two proxies ----


@pytest.mark.parametrize("operation", READS)
def test_a_hit_on_the_others_fill(pair, counting_upstream, operation):
    one, other = pair
    until_hit(one, operation)
    counting_upstream.forget()
    reply = other.call(operation, READS[operation])
    assert (reply.cache, version(operation, reply)) == ("HIT", "old")
    assert counting_upstream.count(operation) == 0


@pytest.mark.parametrize("operation", READS)
def test_a_write_through_one_reaches_the_other(pair, operation):
    """Nothing is lost here, so best effort is enough."""
    writer, reader = pair
    for number in range(3):
        until_hit(reader, operation)
        assert writer.call("PutItem", put(str(number))).status == 200
        assert version(operation, reader.call(operation, READS[operation])) == str(number)
        assert version(operation, writer.call(operation, READS[operation])) == str(number)
    assert version(operation, until_hit(reader, operation)) == "2"


def test_a_write_in_flight_keeps_the_other_from_filling(pair, momento, counting_upstream, pool):
    one, other = pair
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(one.call, "PutItem", put("new"))
    gate.wait_for(1)
    waiting.until(lambda: b"W" in {v[:1] for v in registers(momento).values()}, "the register to say so")
    for _ in range(3):
        during = other.call("GetItem", GET)
        assert (during.cache, version("GetItem", during)) == ("BYPASS", "old")
    gate.release()
    assert writing.result().status == 200
    assert version("GetItem", until_hit(other)) == "new"


def test_a_fill_that_a_write_has_overtaken_is_dead(pair, counting_upstream, pool):
    one, other = pair
    assert one.call("PutItem", put("older")).status == 200
    until_hit(one)
    narrow = {**GET, "ProjectionExpression": "version"}
    gate = counting_upstream.hold("GetItem", times=1, replies=True)
    reading = pool.submit(other.call, "GetItem", narrow)
    gate.wait_for(1)
    assert one.call("PutItem", put("new")).status == 200
    until_hit(one)  # the unit has a generation again, and it isn't the held read's
    gate.release()
    overtaken = reading.result()
    assert version("GetItem", overtaken) == "older", "it began before the write: either answer is right"
    for proxy in (other, one):
        assert version("GetItem", proxy.call("GetItem", narrow)) == "new"


def test_read_your_writes_under_load(start, momento, pool):
    """On one proxy, while another one fills all the time, and Momento takes its time and drops some."""
    one, other = start({"listen": {"threads": 2}}, near={"max_bytes": "1MiB"}), start()
    momento.latency = 0.002
    drops = iter(range(10**9))
    momento.fail(503, when=lambda _: next(drops) % 23 == 0)
    done = threading.Event()

    def key(n):
        return {"pk": {"S": "room"}, "sk": {"S": str(n)}}

    def write_and_read(n):
        with one.wire() as connection:
            for number in range(25):
                item = {**key(n), "version": {"S": str(number)}}
                assert connection.call("PutItem", {"TableName": TABLE, "Item": item}).status == 200
                for _ in range(3):
                    seen = connection.call("GetItem", {"TableName": TABLE, "Key": key(n)})
                    assert version("GetItem", seen) == str(number), seen
                page = connection.call("Query", {**QUERY, "ConsistentRead": False}).json["Items"]
                assert {i["sk"]["S"]: i["version"]["S"] for i in page}[str(n)] == str(number)

    def fill():
        with other.wire() as connection:
            while not done.is_set():
                for n in range(6):
                    assert connection.call("GetItem", {"TableName": TABLE, "Key": key(n)}).status == 200
                assert connection.call("Query", QUERY).status == 200

    filling = [pool.submit(fill) for _ in range(2)]
    writing = [pool.submit(write_and_read, n) for n in range(6)]
    try:
        for w in writing:
            w.result()
    finally:
        done.set()
    for f in filling:
        f.result()


def test_what_the_other_misses_ends_with_the_ttl(start, momento, direct):
    """A proxy that can't tell Momento of its writes."""
    direct.ok("PutItem", put("old"))
    table = {"tables": {"*": {"ttl": "3s", "negative_ttl": "3s"}}}
    one, other = start(table), start(table)
    until_hit(other)
    rule = momento.cut("before", "PUT", when=is_register)
    assert one.call("PutItem", put("new")).status == 200, "eventual: it is sent all the same"
    assert version("GetItem", one.call("GetItem", GET)) == "new", "through the proxy that made the write"
    waiting.until(lambda: version("GetItem", other.call("GetItem", GET)) == "new", "the TTL to be over")
    for _ in range(20):
        assert version("GetItem", other.call("GetItem", GET)) == "new"
    rule.stop()


def test_what_couldnt_be_told_is_told_later(start, momento, direct):
    direct.ok("PutItem", put("old"))
    one, other = start(), start()
    until_hit(other)
    momento.kill()
    assert one.call("PutItem", put("new")).status == 200
    assert version("GetItem", one.call("GetItem", GET)) == "new"
    momento.start()
    waiting.until(lambda: version("GetItem", other.call("GetItem", GET)) == "new", "the other to be told")
    assert version("GetItem", until_hit(other)) == "new"
    assert version("GetItem", until_hit(one)) == "new"
    waiting.until(lambda: counters(one)["untold"] == 0, "nothing to be left untold")


# ---- each answer that the reference has ----


@pytest.mark.parametrize("bodies", ["text", "json"])
@pytest.mark.parametrize("refusal", ["no cache", "401", "403"])
def test_a_wrong_configuration_is_said_once(start, momento, direct, refusal, bodies):
    direct.ok("PutItem", put("old"))
    momento.bodies = bodies
    key = next(iter(momento.keys))
    if refusal == "no cache":
        caches, momento.caches = momento.caches, {}
    else:
        momento.fail(int(refusal), words="the token is not good enough")
    proxy = start({"listen": {"threads": 2}}, cache="readaside")
    for _ in range(50):
        reply = proxy.call("GetItem", GET)
        assert (reply.status, reply.cache, version("GetItem", reply)) == (200, "BYPASS", "old")
    assert proxy.call("PutItem", put("new")).status == 200
    assert version("GetItem", proxy.call("GetItem", GET)) == "new"
    said = warnings(proxy)
    assert len(said) == 1, said
    assert {"no cache": "the cache doesn't exist", "401": "API key", "403": "API key"}[refusal] in said[0]
    assert "'readaside'" in said[0] or "readaside at " in said[0]
    assert key not in proxy.output()
    assert momento.count() < 30, "it isn't asked again for each read"
    found = counters(proxy)
    assert (found["misses"], set(found["health"])) == (0, {"misconfigured"})
    if bodies == "json":
        return  # it takes a while until Momento is asked again
    if refusal == "no cache":
        momento.caches = caches
    momento.rules.clear()
    until_hit(proxy)
    assert "used again" in proxy.output()


def test_a_wrong_configuration_is_found_at_start(start, momento):
    momento.keys.clear()
    proxy = start(api_key=momento_server.v2_key())
    assert len(warnings(proxy)) == 1, "before the first request"


def test_a_key_that_may_only_read(start, momento, direct):
    direct.ok("PutItem", put("old"))
    momento.keys[next(iter(momento.keys))] = {"GET"}
    proxy = start()
    for _ in range(20):
        reply = proxy.call("GetItem", GET)
        assert (reply.status, version("GetItem", reply)) == (200, "old") and reply.cache != "HIT"
    assert any("API key" in line for line in warnings(proxy))


def many_keys(proxy, pool, n=100):
    def read(i):
        reply = proxy.call("GetItem", {"TableName": TABLE, "Key": {"pk": {"S": "room"}, "sk": {"S": str(i)}}})
        assert reply.status == 200, reply
        return reply.cache

    return list(pool.map(read, range(n)))


@pytest.mark.parametrize("retry_after", [None, 1])
def test_a_storm_of_429(start, momento, direct, pool, retry_after):
    direct.ok("PutItem", put("old"))
    proxy = start()
    until_hit(proxy)
    momento.limit(0, retry_after)
    assert "BYPASS" in many_keys(proxy, pool)
    for _ in range(5):
        assert set(many_keys(proxy, pool)) <= {"BYPASS", "MISS"}
    found = counters(proxy)
    assert found["throttled"] >= 1 and found["bypassed_429"] >= 100
    assert momento.count(status=429) < 300, "600 reads, two questions each: most weren't asked"
    assert proxy.call("PutItem", put("new")).status == 200
    assert version("GetItem", proxy.call("GetItem", GET)) == "new"
    momento.limit(None)
    assert version("GetItem", until_hit(proxy)) == "new"
    assert len(warnings(proxy)) <= 2


def test_a_limit_of_our_own(start, momento, pool):
    proxy = start({"listen": {"threads": 2}}, operations_per_second=20)
    assert set(many_keys(proxy, pool, 400)) <= {"BYPASS", "MISS"}
    found = counters(proxy)
    assert found["rate_limited"] > 200
    waiting.until(
        lambda: momento.count() == counters(proxy)["operations"] + 1,
        "each to be counted, and one by which the proxy has tried it",
    )


def test_the_limit_holds(start, momento, pool):
    """The stand-in allows the same, by a clock that can't be behind: it never has to say 429."""
    momento.limit(60)
    proxy = start(operations_per_second=20)
    for _ in range(5):
        many_keys(proxy, pool, 100)
    assert momento.count() > 5, "it is asked"
    assert momento.count(status=429) == 0


FAULTS = {
    "500": lambda m: m.fail(500),
    "503": lambda m: m.fail(503, headers={"Retry-After": "1"}),
    "400": lambda m: m.fail(400),
    "a status of no API": lambda m: m.fail(302),
    "reset before": lambda m: m.cut("before"),
    "reset after": lambda m: m.cut("after"),
    "reset within": lambda m: m.cut("within"),
    "stalled": lambda m: m.stall(),
    "held": lambda m: m.hold(),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_read_fails(start, momento, direct, fault):
    direct.ok("PutItem", put("old"))
    proxy = start({"listen": {"threads": 2}}, request_timeout="200ms")
    until_hit(proxy)
    rule = FAULTS[fault](momento)
    for number in range(8):
        assert proxy.call("PutItem", put(str(number))).status == 200
        for _ in range(4):
            reply = proxy.call("GetItem", GET)
            assert (reply.status, version("GetItem", reply)) == (200, str(number))
            assert reply.cache != "HIT"

    def said():
        assert version("GetItem", proxy.call("GetItem", GET)) == "7"
        return warnings(proxy)

    waiting.until(said, "somebody to be told")
    rule.stop()
    if fault == "held":
        rule.release()
    momento.restart()  # what was stalled
    assert version("GetItem", until_hit(proxy)) == "7"


def test_killed_in_mid_flight(start, momento, direct, pool):
    direct.ok("PutItem", put("old"))
    proxy = start({"listen": {"threads": 2}}, request_timeout="1s")
    until_hit(proxy)
    done = threading.Event()

    def read():
        seen = []
        with proxy.wire() as connection:
            while not done.is_set():
                reply = connection.call("GetItem", GET)
                seen.append((reply.status, version("GetItem", reply), reply.cache))
        return seen

    readers = [pool.submit(read) for _ in range(8)]
    for _ in range(3):
        gate = momento.hold()
        gate.wait_for(4)
        momento.kill()
        gate.release()
        momento.start()
        until_hit(proxy)
    done.set()
    seen = [reply for reader in readers for reply in reader.result()]
    assert {reply[:2] for reply in seen} == {(200, "old")}
    assert {"HIT", "BYPASS"} <= {reply[2] for reply in seen}


def test_momento_comes_later_than_the_proxy(start, momento, direct):
    direct.ok("PutItem", put("old"))
    momento.kill()
    proxy = start()
    reply = proxy.call("GetItem", GET)
    assert (reply.status, reply.cache) == (200, "BYPASS")
    assert warnings(proxy)
    momento.start()
    until_hit(proxy)


def test_everything_is_lost_there(start, momento, direct):
    direct.ok("PutItem", put("old"))
    one, other = start(), start()
    until_hit(one)
    momento.flush()
    for proxy in (one, other):
        reply = proxy.call("GetItem", GET)
        assert (reply.status, version("GetItem", reply)) == (200, "old")
        until_hit(proxy)


def test_a_register_that_is_evicted_voids_its_entries(start, momento, direct):
    direct.ok("PutItem", put("old"))
    proxy = start()
    until_hit(proxy)
    direct.ok("PutItem", put("new"))
    for unit in registers(momento):
        momento.put(unit, b"", ttl=-1)
    reply = proxy.call("GetItem", GET)
    assert (reply.cache, version("GetItem", reply)) == ("MISS", "new")


def test_a_drain_tells_what_is_left_to_tell(start, momento, counting_upstream, direct, pool):
    direct.ok("PutItem", put("old"))
    proxy = start()
    until_hit(proxy)
    gate = counting_upstream.hold("PutItem")
    writing = [pool.submit(proxy.call, "PutItem", put(str(n))) for n in range(8)]
    gate.wait_for(8)
    proxy.terminate()
    waiting.until(lambda: "finishing what is in flight" in proxy.output(), "the drain to begin")
    gate.release()
    assert all(w.result().status == 200 for w in writing)
    assert proxy.wait() == 0
    assert {text[:1] for text in registers(momento).values()} == {b"I"}


# ---- whose key, and where ----


@pytest.fixture
def tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    redis_server.make_authority(folder, "authority")
    redis_server.make_authority(folder, "stranger")
    names = "IP:127.0.0.1,DNS:api.cache.cell-1.localhost"
    made = redis_server.make_certificate(folder, "authority", "momento", names)
    made.stranger = str(folder / "stranger.crt")
    return made


def test_over_tls(proxy_factory, counting_upstream, momento_factory, tls, plain, direct):
    direct.ok("PutItem", put("old"))
    momento = momento_factory(tls=tls)
    proxy = proxy_factory(counting_upstream.endpoint, momento_server.settings(momento))
    until_hit(proxy)
    assert warnings(proxy) == []


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_certificate_that_isnt_trusted(proxy_factory, counting_upstream, momento_factory, tls, plain, direct, wrong):
    direct.ok("PutItem", put("old"))
    momento = momento_factory(tls=tls)
    changes = {"ca_file": tls.stranger} if wrong == "authority" else {"endpoint": f"https://localhost:{momento.port}"}
    proxy = proxy_factory(counting_upstream.endpoint, momento_server.settings(momento, **changes))
    for _ in range(10):
        reply = proxy.call("GetItem", GET)
        assert (reply.status, reply.cache) == (200, "BYPASS")
    assert momento.requests == []
    assert any("certificate" in line or "SSL" in line for line in warnings(proxy)), proxy.output()


@pytest.mark.parametrize("kind", ["v1", "v2", "legacy"])
def test_each_kind_of_api_key(proxy_factory, counting_upstream, momento_factory, tls, plain, direct, kind):
    """The endpoint is what the key names, or the environment."""
    direct.ok("PutItem", put("old"))
    port = ports.free_port()
    cell = f"cell-1.localhost:{port}"
    key = {
        "v1": momento_server.v1_key("inner-token", cell),
        "v2": momento_server.v2_key(),
        "legacy": momento_server.legacy_jwt(f"cache.{cell}"),
    }[kind]
    momento = momento_factory(tls=tls, keys=[key], port=port)
    config = momento_server.settings(momento)
    config["cache"]["momento"].pop("endpoint")
    config["cache"]["momento"].pop("api_key")
    environment = {"MOMENTO_API_KEY": key, **({"MOMENTO_ENDPOINT": cell} if kind == "v2" else {})}
    proxy = proxy_factory(counting_upstream.endpoint, config, environment)
    until_hit(proxy)
    assert {r.headers["host"] for r in momento.requests} == {f"api.cache.{cell}"}
    assert {r.authorization for r in momento.requests} == {key}
    assert key not in proxy.output() and "inner-token" not in proxy.output()


# ---- what can't be promised ----

SENTENCE = (
    "With Momento, a read through the proxy that made a write sees that write, and reads through other proxies may be "
    "stale for at most the TTL."
)


def check(binary, folder, config, *words):
    path = folder / "check.jsonc"
    path.write_text(json.dumps(config, indent=1))
    return path, subprocess.run([binary, "check", "-c", path, *words], check=False, capture_output=True, text=True,
                                env=processes.child_environment())


@pytest.mark.parametrize("where", ["top", "table"])
@pytest.mark.parametrize("mode", ["linearizable", "read_after_write"])
def test_a_stronger_promise_is_refused(readaside_binary, tmp_path, momento, mode, where):
    config = processes.merged(processes.base_config("http://127.0.0.1:1"), momento_server.settings(momento))
    config = processes.merged(config, {"consistency": mode} if where == "top" else {"tables": {"*": {"consistency": mode}}})
    path, done = check(readaside_binary, tmp_path, config)
    assert done.returncode == 2
    place = "consistency" if where == "top" else r'tables\["\*"\]\.consistency'
    assert re.search(rf"^{re.escape(str(path))}:\d+: {place}: ", done.stderr, re.MULTILINE), done.stderr
    assert SENTENCE.rstrip(".") in done.stderr
    assert momento.requests == []


def test_what_is_promised_is_said(readaside_binary, tmp_path, momento):
    config = processes.merged(processes.base_config("http://127.0.0.1:1"), momento_server.settings(momento))
    for changes in ({}, {"consistency": "eventual"}):
        _, done = check(readaside_binary, tmp_path, {**config, **changes})
        assert done.returncode == 0, done
        assert SENTENCE.rstrip(".") in " ".join(done.stdout.split())
    readme = (processes.ROOT / "README.md").read_text()
    assert SENTENCE.rstrip(".") in " ".join(readme.split()), "the README says the same"


def test_urls_are_quoted_in_no_other_way_than_the_service_reads_them():
    """Of the stand-in: both forms of a key name the same."""
    server = momento_server.Momento(keys=["k"])
    connection = http.client.HTTPConnection("127.0.0.1", server.port)

    def ask(method, query, body=None, headers=None):
        connection.request(method, f"/cache/readaside?{query}", body, {"Authorization": "k"} if headers is None else headers)
        reply = connection.getresponse()
        return reply.status, reply.read()

    for text in ("plain", "ä€ + & = %", "\x01\x7f"):
        encoded = base64.urlsafe_b64encode(text.encode()).decode()
        assert ask("PUT", f"key={urllib.parse.quote(text, safe='')}&ttl_seconds=60", b"v" + text.encode()) == (204, b"")
        for form in (encoded, encoded.rstrip("=")):
            assert ask("GET", f"key_base64={form}") == (200, b"v" + text.encode())
    everything = base64.urlsafe_b64encode(bytes(range(256))).decode()
    assert ask("PUT", f"key_base64={everything}&ttl_seconds=60", b"\0\xff") == (204, b"")
    assert server.items()[bytes(range(256))][0] == b"\0\xff"
    assert ask("DELETE", f"key_base64={everything}") == (204, b"")
    assert ask("DELETE", f"key_base64={everything}") == (204, b""), "nothing to delete is no error"
    assert ask("GET", f"key_base64={everything}") == (404, b"Key Not Found")
    for query in ("", "key=a", "key=a&ttl_seconds=x", "key=a&ttl_seconds=0", "key=a&ttl_seconds=86401",
                  "key=a&key_base64=YQ&ttl_seconds=1", "key_base64=%2B%2F&ttl_seconds=1", "key=&ttl_seconds=1"):
        assert ask("PUT", query, b"v")[0] == 400, query
    assert ask("GET", "key=a", headers={})[0] == 401
    assert ask("GET", "key=a&token=k", headers={})[0] == 404
    assert ask("GET", "key=a&token=k")[0] == 400
    assert ask("GET", "key=a&token=other", headers={})[0] == 401
    server.put(b"old", b"v", ttl=10)
    assert ask("GET", "key=old")[0] == 200
    server.advance(11)
    assert ask("GET", "key=old")[0] == 404
    connection.close()
    server.stop()
