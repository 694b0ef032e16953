"""Followed streams under fire: no read is older than what the proxy says has been invalidated.

READASIDE_STREAM_WRITES=10000 is the full size.
"""
import os
import threading

import pytest
import test_redis

from support import behind, following, processes, tables, waiting
from support.following import stats

redis_factory, redis = test_redis.redis_factory, test_redis.redis

WRITES = int(os.environ.get("READASIDE_STREAM_WRITES", "900"))
WRITERS, READERS = 2, 4
PATIENCE = waiting.PATIENCE + WRITES / 10


@pytest.fixture
def ddb_local(tmp_path):
    """One for each test: it gets slow with the records of all streams that it ever had."""
    local = processes.DynamoDBLocal(tmp_path / "dynamodb-local.log")
    yield local
    local.stop()


@pytest.fixture
def table(direct):
    tables.create(direct, following.streamed(tables.chat()))
    return behind.TABLE


@pytest.fixture
def following_proxy(table, proxy_factory, ddb_local):
    def start(changes=None):
        proxy = proxy_factory(ddb_local.endpoint, following.settings(table, changes, fresh_as_of=True))
        following.caught_up(proxy, table)
        return proxy

    return start


def run(history, ddb_local, proxies, through=None, meanwhile=None):
    """Writers until they have written all, readers and a watcher for as long; then until all has been seen."""
    readers = [threading.Thread(target=history.read, args=(proxies[r % len(proxies)], r)) for r in range(READERS)]
    watcher = threading.Thread(target=history.watch, args=(proxies,))
    writers = [threading.Thread(target=history.write, args=(ddb_local.endpoint, through, WRITES // WRITERS, w, WRITERS))
               for w in range(WRITERS)]
    for thread in [watcher, *readers, *writers]:
        thread.start()
    if meanwhile:
        meanwhile()
    for writer in writers:
        writer.join()
    last = following.now()
    for proxy in proxies:
        if not getattr(proxy, "killed", False):
            waiting.until(lambda p=proxy: history.failures or getattr(p, "fresh", 0) >= last, "the stream to be followed to its end",
                          PATIENCE)
    # some more reads, for which everything must be seen
    so_far = history.reads
    waiting.until(lambda: history.failures or history.reads > so_far + 200, "more reads")
    history.done.set()
    for thread in [watcher, *readers]:
        thread.join()
    history.assert_sound()


def assert_told_something(history):
    """Hits there were, with their times, and reads that were older than the table: so a mistake would have been seen."""
    assert history.written == WRITES
    assert history.hits > 100 and history.dated > 100, vars(history)
    assert history.behind > 0, "no read was ever older than the table"


def test_no_read_is_older_than_what_was_invalidated(following_proxy, ddb_local):
    history = behind.History()
    run(history, ddb_local, [following_proxy()])
    assert_told_something(history)


def test_nor_with_writes_through_the_proxy_among_them(following_proxy, ddb_local):
    history = behind.History(seed=2)
    proxy = following_proxy()
    run(history, ddb_local, [proxy], through=lambda: proxy.endpoint)
    assert_told_something(history)
    assert stats(proxy, behind.TABLE)["own"] > 0


def test_nor_though_the_leading_one_of_two_proxies_is_killed(following_proxy, ddb_local, redis):
    history = behind.History(seed=3)
    shared = {"cache": {"store": "redis", "redis": {"url": redis.url, "quarantine": "100ms"}}}
    pair = [following_proxy(shared) for _ in range(2)]

    leading = max(pair, key=lambda proxy: stats(proxy, behind.TABLE)["shards_held"])
    (survivor,) = [proxy for proxy in pair if proxy is not leading]
    own = []

    def kill_the_leading_one():
        waiting.until(lambda: history.failures or history.written > WRITES // 3, "a third of the writes", PATIENCE)
        known = stats(leading, behind.TABLE)
        assert known["shards_held"] > 0
        own.append(known["own"])
        leading.killed = True
        leading.stop = lambda: None  # it doesn't end as it would by itself
        leading.process.kill()
        leading.process.wait()

    run(history, ddb_local, pair, through=lambda: survivor.endpoint, meanwhile=kill_the_leading_one)
    assert_told_something(history)
    known = stats(survivor, behind.TABLE)
    assert known["shards_held"] > 0 and known["lost"] == 0, known
    assert own[0] > 0 and known["own"] > 0, (own, known)  # written through the other, and then through itself
