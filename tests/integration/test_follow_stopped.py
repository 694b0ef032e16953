"""A proxy that follows a stream is stopped for longer than its lease, and goes on: it takes nothing back."""
import signal

import test_follow
import test_redis
from test_follow import fresh_as_of, get, item, values, warm
from test_follow_shared import shared

from support import following, tables, waiting
from support.following import caught_up, stats

redis_factory, redis = test_redis.redis_factory, test_redis.redis
make, following_proxy = test_follow.make, test_follow.following_proxy


def notes(redis):
    """How far the shards' posts say that they have been handled."""
    found = [redis.command("HGET", key, "note") for key in redis.command("KEYS", "*ra1:s*")]
    return sorted(note.split()[1] for note in found if note)


def test_who_was_stopped_takes_nothing_back(make, following_proxy, direct, redis):
    table = make(tables.plain())
    direct.ok("PutItem", {"TableName": table, "Item": item("0")})
    pair = [following_proxy(table, shared(redis), fresh_as_of=True) for _ in range(2)]
    pair.sort(key=lambda proxy: -stats(proxy, table)["shards_held"])
    stopped, other = pair
    direct.ok("PutItem", {"TableName": table, "Item": item("1")})
    for proxy in pair:
        caught_up(proxy, table)
        assert values(warm(proxy, get(table))) == ["1"]
    stopped.process.send_signal(signal.SIGSTOP)
    try:
        direct.ok("PutItem", {"TableName": table, "Item": item("2")})
        caught_up(other, table)
        since = following.now()
        other.stop()  # it gives its posts up
        handled = notes(redis)
    finally:
        stopped.process.send_signal(signal.SIGCONT)

    def not_older():
        reply = stopped.call(*get(table))
        fresh = fresh_as_of(reply)
        if fresh and fresh >= since:
            assert values(reply) == ["2"]
        assert notes(redis) >= handled
        return fresh and fresh >= since

    waiting.until(not_older, "the one that was stopped to catch up")
    assert stats(stopped, table)["lost"] <= 1 and stats(stopped, table)["records"] == 1
