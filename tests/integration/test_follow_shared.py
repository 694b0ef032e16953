"""Followed streams with stores that several proxies share: the work divided, takeover, restart, a store that fails."""
import os
import time

import pytest
import test_follow
import test_momento
import test_redis
from test_follow import by_owner, get, item, query, values, warm

from support import momento_server, processes, tables, waiting
from support.following import caught_up, stats

redis_factory, redis = test_redis.redis_factory, test_redis.redis
make, following_proxy = test_follow.make, test_follow.following_proxy
momento_factory, momento = test_momento.momento_factory, test_momento.momento


def test_with_momento(make, following_proxy, direct, momento):
    table = make(tables.chat())
    direct.ok("PutItem", {"TableName": table, "Item": item("old", owner="ann")})
    proxy = following_proxy(table, momento_server.settings(momento))
    for read in (get(table), query(table), by_owner("ann")):
        assert values(warm(proxy, read)) == ["old"]
    direct.ok("PutItem", {"TableName": table, "Item": item("new", owner="ann")})
    caught_up(proxy, table)
    for read in (get(table), query(table), by_owner("ann")):
        assert values(proxy.call(*read)) == ["new"]


def test_more_than_momento_takes_in_a_second(make, following_proxy, direct, momento):
    """A batch of many units is marked bit by bit; not all is dropped because it can't be done at once."""
    table = make(tables.chat())
    limited = {"cache": {"momento": {"operations_per_second": 100}}}
    proxy = following_proxy(table, processes.merged(momento_server.settings(momento), limited))
    for at in range(0, 100, 25):
        puts = [{"PutRequest": {"Item": item("v", str(n), f"p{n}", owner=f"o{n}")}} for n in range(at, at + 25)]
        direct.ok("BatchWriteItem", {"RequestItems": {table: puts}})
    known = caught_up(proxy, table)
    assert known["records"] == 100 and known["lost"] == 1  # once, at the start
    assert known["invalidated"] >= 300


def shared(redis):
    return {
        "cache": {
            "store": "redis",
            "redis": {"url": redis.url, "quarantine": "100ms"},
            "near": {"max_age": "200ms"},
        }
    }


def test_proxies_that_share_a_store_divide_the_work(make, following_proxy, direct, redis):
    """And who is killed is replaced."""
    table = make(tables.plain())
    direct.ok("PutItem", {"TableName": table, "Item": item("old")})
    pair = [following_proxy(table, shared(redis), fresh_as_of=True) for _ in range(2)]
    pair.sort(key=lambda proxy: -stats(proxy, table)["shards_held"])
    held = [stats(proxy, table)["shards_held"] for proxy in pair]
    assert held in ([1, 0], [2, 0]), held  # DynamoDB Local may have split one
    for proxy in pair:
        assert values(warm(proxy, get(table))) == ["old"]
    direct.ok("PutItem", {"TableName": table, "Item": item("new")})
    for proxy in pair:
        caught_up(proxy, table)
        assert values(proxy.call(*get(table))) == ["new"]
    assert sum(stats(proxy, table)["records"] for proxy in pair) == 1
    warm(pair[1], get(table))
    pair[0].stop = lambda: None  # it doesn't end as it would by itself
    pair[0].process.kill()
    pair[0].process.wait()
    direct.ok("PutItem", {"TableName": table, "Item": item("newer")})
    known = caught_up(pair[1], table)
    assert values(pair[1].call(*get(table))) == ["newer"]
    assert known["takeovers"] >= 1 and known["shards_held"] >= 1 and known["lost"] == 0


@pytest.mark.skipif("READASIDE_LONG" not in os.environ, reason="takes a minute")
def test_own_writes_are_known_to_whoever_reads_the_shard(make, following_proxy, redis):
    """Not in the first minute after all was dropped: what was noted before that is of unknown use."""
    table = make(tables.plain())
    pair = [following_proxy(table, shared(redis)) for _ in range(2)]

    def known():
        for number, proxy in enumerate(pair):
            proxy.call("PutItem", {"TableName": table, "Item": item(str(time.time()), str(number))})
        return sum(caught_up(proxy, table)["own"] for proxy in pair) >= 4

    waiting.until(known, "writes through both to be known", patience=120)


def test_what_was_written_while_nobody_followed(make, following_proxy, direct, redis):
    """The cache outlives the proxy, and so does what it knew of the stream."""
    table = make(tables.plain())
    for sk in "12":
        direct.ok("PutItem", {"TableName": table, "Item": item("old", sk)})
    proxy = following_proxy(table, shared(redis))
    direct.ok("PutItem", {"TableName": table, "Item": item("old", "3")})
    caught_up(proxy, table)
    for sk in "12":
        warm(proxy, get(table, sk))
    proxy.stop()
    direct.ok("PutItem", {"TableName": table, "Item": item("new")})
    proxy = following_proxy(table, shared(redis))
    assert values(proxy.call(*get(table))) == ["new"]
    assert proxy.call(*get(table, "2")).cache == "HIT" and stats(proxy, table)["lost"] == 0


def test_redis_loses_its_data(make, following_proxy, direct, redis):
    table = make(tables.plain())
    direct.ok("PutItem", {"TableName": table, "Item": item("old")})
    proxy = following_proxy(table, shared(redis))
    warm(proxy, get(table))
    redis.command("FLUSHALL")
    direct.ok("PutItem", {"TableName": table, "Item": item("new")})
    caught_up(proxy, table)
    assert values(proxy.call(*get(table))) == ["new"]
    redis.restart()
    direct.ok("PutItem", {"TableName": table, "Item": item("newer")})
    caught_up(proxy, table)
    assert values(proxy.call(*get(table))) == ["newer"]
