"""The near cache in front of Redis: what it saves, what Redis tells it, and what it never shows."""
import random
import re

import pytest
import test_redis
from test_redis import KEY, PASSWORD, READS, TABLE, put, put_through, until_hit, version

from support import processes, waiting

redis_factory, redis = test_redis.redis_factory, test_redis.redis


def settings(url, changes=None, **near):
    """Heartbeats are scripts, which are counted as the commands within them: so they are rare."""
    given = test_redis.settings(url, heartbeat="10s")
    given["cache"]["near"] = {"max_age": "30s", **near}
    return processes.merged(given, changes or {})


LINEARIZABLE = {"consistency": "linearizable"}


@pytest.fixture
def pair_of(proxy_factory, counting_upstream, redis, plain):
    """pair_of(changes) is two proxies on one Redis, both connected."""

    def start(changes=None):
        made = [proxy_factory(counting_upstream.endpoint, settings(redis.url, changes)) for _ in range(2)]
        for proxy in made:
            put_through(proxy, "old")
            until_hit(proxy)
        return made

    return start


def is_near(reply):
    return reply.cache == "HIT" and "detail=near" in reply.headers["Cache-Status"]


def until_near(proxy, operation="GetItem"):
    def near():
        reply = proxy.call(operation, READS[operation])
        return reply if is_near(reply) else None

    return waiting.until(near, f"a near hit on {operation}; {proxy.output()}")


def calls(redis, command):
    found = re.search(rf"^cmdstat_{command}:calls=(\d+)", redis.command("INFO", "commandstats"), re.MULTILINE)
    return int(found[1]) if found else 0


def asked(redis):
    """How many questions proxies have asked about units."""
    return calls(redis, "hget") + calls(redis, "hmget")


def until_unasked(redis, proxy, operation="GetItem"):
    """A near hit that Redis wasn't asked about: what was pushed of the fill and of the write is in."""

    def unasked():
        before = asked(redis)
        return is_near(proxy.call(operation, READS[operation])) and asked(redis) == before

    waiting.until(unasked, f"a near hit on {operation} without a question; {proxy.output()}")


def tracking(redis):
    """The connections that hear of changes, by their ids."""
    return re.findall(r"^id=(\d+) .*name=readaside-tracking ", redis.command("CLIENT", "LIST"), re.MULTILINE)


# ---- one proxy ----


@pytest.mark.parametrize("operation", READS)
def test_a_near_hit_asks_nobody(proxy_factory, counting_upstream, redis, plain, operation):
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url))
    put_through(proxy, "old")
    until_unasked(redis, proxy, operation)
    counting_upstream.forget()
    before = asked(redis)
    for _ in range(50):
        reply = proxy.call(operation, READS[operation])
        assert is_near(reply) and version(operation, reply) == "old", reply
    assert counting_upstream.count(operation) == 0
    assert asked(redis) - before < 50, "a heartbeat may have come in between, but not one per hit"
    assert proxy.call("PutItem", put("new")).status == 200
    after = proxy.call(operation, READS[operation])
    assert not is_near(after) and version(operation, after) == "new"
    assert version(operation, until_near(proxy, operation)) == "new"


@pytest.mark.parametrize("operation", READS)
def test_it_can_be_turned_off(proxy_factory, counting_upstream, redis, plain, operation):
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url, max_bytes="0"))
    put_through(proxy, "old")
    until_hit(proxy, operation)
    before = calls(redis, "hmget")
    for _ in range(50):
        reply = proxy.call(operation, READS[operation])
        assert reply.cache == "HIT" and not is_near(reply) and version(operation, reply) == "old"
    assert calls(redis, "hmget") - before == 50
    assert tracking(redis) == []


def test_flushall_is_heard_of(proxy_factory, counting_upstream, redis, plain, direct):
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url))
    put_through(proxy, "old")
    until_unasked(redis, proxy)
    direct.ok("PutItem", put("new"))
    assert version("GetItem", proxy.call("GetItem", READS["GetItem"])) == "old", "nobody has told it"
    redis.command("FLUSHALL")
    waiting.until(
        lambda: version("GetItem", proxy.call("GetItem", READS["GetItem"])) == "new", "what was flushed to be gone"
    )


def test_a_unit_that_is_deleted_is_heard_of(proxy_factory, counting_upstream, redis, plain, direct):
    """As a tool of an operator's might do it."""
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url))
    put_through(proxy, "old")
    until_unasked(redis, proxy)
    direct.ok("PutItem", put("new"))
    [(unit, _)] = redis.entries()
    assert redis.command("DEL", unit) == 1
    waiting.until(
        lambda: version("GetItem", proxy.call("GetItem", READS["GetItem"])) == "new", "what was deleted to be gone"
    )


def test_the_loss_of_what_hears_of_changes(proxy_factory, counting_upstream, redis, plain):
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url))
    put_through(proxy, "old")
    until_unasked(redis, proxy)
    [lost] = tracking(redis)
    redis.command("CLIENT", "KILL", "ID", lost)
    waiting.until(lambda: tracking(redis) not in ([], [lost]), "another connection")
    until_unasked(redis, proxy)
    reply = proxy.call("GetItem", READS["GetItem"])
    assert version("GetItem", reply) == "old"
    assert proxy.output().count("changes aren't heard of") == 1


# ---- two proxies ----


def test_the_other_hears_of_it(pair_of, redis):
    one, other = pair_of()
    for number in range(5):
        until_unasked(redis, other)
        assert one.call("PutItem", put(str(number))).status == 200

        def shows(wanted=str(number)):
            return version("GetItem", other.call("GetItem", READS["GetItem"])) == wanted

        waiting.until(shows, "the write to be seen through the other")


def write_and_read(pair, operation, writes, check):
    """Random writes through either, each read through both; how many hits were near."""
    chosen = random.Random()
    near = 0
    with pair[0].wire() as first, pair[1].wire() as second:
        for number in range(writes):
            writer, other = chosen.sample([first, second], 2)
            for _ in range(chosen.randrange(4)):
                chosen.choice([writer, other]).call(operation, READS[operation])
            assert writer.call("PutItem", put(str(number))).status == 200
            for reader in (writer, other) if chosen.randrange(2) else (other, writer):
                reply = check(reader, reader is writer, operation, str(number))
                for _ in range(chosen.randrange(4)):
                    reply = reader.call(operation, READS[operation])
                    assert version(operation, reply) == str(number), "it has been seen through this one before"
                    near += is_near(reply)
    return near


def the_writer_at_once(reader, wrote, operation, wanted):
    reply = reader.call(operation, READS[operation])
    if wrote:
        assert version(operation, reply) == wanted, "a client sees what it has written through the same proxy"
        return reply
    waiting.until(
        lambda: version(operation, reader.call(operation, READS[operation])) == wanted, "the push of the other's write"
    )
    return reply


def both_at_once(reader, wrote, operation, wanted):
    reply = reader.call(operation, READS[operation])
    assert version(operation, reply) == wanted, "linearizable"
    return reply


@pytest.mark.parametrize("operation", READS)
def test_own_writes_at_once_the_others_when_pushed(pair_of, operation):
    near = write_and_read(pair_of(), operation, 500, the_writer_at_once)
    assert near > 50, "the near cache was hardly met: the test shows nothing"


@pytest.mark.parametrize("operation", READS)
def test_linearizable_is_always_at_once(pair_of, redis, operation):
    near = write_and_read(pair_of(LINEARIZABLE), operation, 250, both_at_once)
    assert near > 25, "the near cache was hardly met: the test shows nothing"
    assert tracking(redis) == [], "nothing is served unasked, so nobody has to hear of changes"


# ---- what is asked instead ----


def sent(redis):
    """Bytes that Redis has sent."""
    return int(re.search(r"^total_net_output_bytes:(\d+)", redis.command("INFO", "stats"), re.MULTILINE)[1])


@pytest.mark.parametrize("near_bytes", ["0", "64MiB"])
def test_linearizable_saves_the_payload(proxy_factory, counting_upstream, redis, plain, direct, near_bytes):
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url, LINEARIZABLE, max_bytes=near_bytes))
    size, hits = 300_000, 50
    direct.ok("PutItem", {"TableName": TABLE, "Item": {**KEY, "version": {"S": "x" * size}}})
    until_hit(proxy)
    before, hgets, hmgets = sent(redis), calls(redis, "hget"), calls(redis, "hmget")
    for _ in range(hits):
        reply = proxy.call("GetItem", READS["GetItem"])
        assert reply.cache == "HIT" and is_near(reply) == (near_bytes != "0")
    if near_bytes == "0":
        assert sent(redis) - before >= size * hits
    else:
        assert sent(redis) - before < size, "each hit is validated, and none is fetched"
        assert calls(redis, "hget") - hgets >= 2 * hits, "the item's generation, and the table's"
        assert calls(redis, "hmget") == hmgets


def test_without_tracking_each_near_hit_is_validated(proxy_factory, counting_upstream, redis, plain):
    """A user of Redis who may do all but that; some managed caches refuse it to everybody."""
    allowed = test_redis.ACL.replace(" +client|tracking", "")
    assert allowed != test_redis.ACL
    redis.command("ACL", "SETUSER", "the:proxy", "reset", "on", f">{PASSWORD}", *allowed.split())
    url = test_redis.with_user(redis, "the:proxy", PASSWORD)
    proxy = proxy_factory(counting_upstream.endpoint, settings(url, {"listen": {"threads": 2}}))
    put_through(proxy, "old")
    until_near(proxy)
    hits = 50
    hgets, hmgets = calls(redis, "hget"), calls(redis, "hmget")
    for _ in range(hits):
        assert is_near(proxy.call("GetItem", READS["GetItem"]))
    assert calls(redis, "hget") - hgets >= 2 * hits
    assert calls(redis, "hmget") == hmgets
    [lost] = tracking(redis)
    redis.command("CLIENT", "KILL", "ID", lost)
    waiting.until(lambda: tracking(redis) not in ([], [lost]), "another connection")
    assert is_near(proxy.call("GetItem", READS["GetItem"]))
    refusals = [line for line in proxy.output().splitlines() if "NOPERM" in line]
    assert len(refusals) == 1, refusals
    assert "warning: " in refusals[0] and "each near hit is validated: CLIENT TRACKING" in refusals[0]
    assert version("GetItem", proxy.call("GetItem", READS["GetItem"])) == "old"
    assert proxy.call("PutItem", put("new")).status == 200
    assert version("GetItem", until_near(proxy)) == "new"
