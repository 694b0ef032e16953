"""What is checked of Redis and of the clock before a proxy serves, and what it says of that; the sweep."""
import email.utils
import secrets
import time

import pytest
from test_redis import (  # noqa: F401  (pytest finds fixtures by their names)
    ACL,
    GET,
    PASSWORD,
    READS,
    put,
    put_through,
    redis,
    redis_factory,
    refuses_to_start,
    settings,
    until_hit,
    version,
    with_user,
)

from support import counting_proxy, processes, waiting

LINEARIZABLE = {"consistency": "linearizable"}
NEEDED = [word.lstrip("+") for word in ACL.split() if word.startswith("+")]
# What is said of a command that one can do without; None: nothing.
SPARED = {
    "client|setname": None,
    "scan": "SCAN is refused",
    "pttl": "PTTL is refused",
    "client|id": "CLIENT ID",
    "client|tracking": "CLIENT TRACKING",
    "subscribe": "SUBSCRIBE",
    "ping": "PING",
}


def linearizable(url, **redis_options):
    return {**settings(url, **redis_options), **LINEARIZABLE}


def user_without(redis, command):
    """Of what the README's line allows, all but one."""
    redis.command("ACL", "SETUSER", "narrow", "reset", "on", f">{PASSWORD}", *ACL.split(), f"-{command}")
    return with_user(redis, "narrow", PASSWORD)


def calls_of(redis, command):
    for line in redis.command("INFO", "commandstats").splitlines():
        if line.startswith(f"cmdstat_{command}:"):
            return int(line.partition("calls=")[2].partition(",")[0])
    return 0


# ---- commands ----


def test_each_command_is_here():
    assert set(SPARED) < set(NEEDED) and len(NEEDED) == len(set(NEEDED)) > len(SPARED) + 10


@pytest.mark.parametrize("command", [c for c in NEEDED if c not in SPARED])
def test_without_a_command(readaside_binary, tmp_path, redis, command):
    said = refuses_to_start(readaside_binary, tmp_path, linearizable(user_without(redis, command)))
    assert f"error: redis 127.0.0.1:{redis.port}: the server " in said
    assert (command.upper() if command == "info" else f"'{command}'") in said
    if command == "unlink":
        assert all(redis.command("PTTL", key) > 0 for key in redis.keys()), "what can't be removed goes by itself"
    else:
        assert redis.keys() == []


@pytest.mark.parametrize("command", SPARED)
def test_what_can_be_done_without(proxy_factory, counting_upstream, redis, plain, command):
    changes = settings(user_without(redis, command), heartbeat="100ms")
    changes["cache"]["near"] = {"max_bytes": "8MiB"}
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    put_through(proxy, "old")
    until_hit(proxy)
    if SPARED[command]:
        waiting.until(lambda: SPARED[command] in proxy.output(), "what is missing to be said")
        assert proxy.output().count(SPARED[command]) == 1
    assert "error" not in proxy.output()


def test_all_of_them_are_enough(proxy_factory, counting_upstream, redis, plain):
    redis.command("ACL", "SETUSER", "narrow", "reset", "on", f">{PASSWORD}", *ACL.split())
    changes = linearizable(with_user(redis, "narrow", PASSWORD), heartbeat="100ms")
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    put_through(proxy, "old")
    until_hit(proxy)
    waiting.until(lambda: calls_of(redis, "scan") > 2 and calls_of(redis, "pttl") > 0, "the sweep")
    assert redis.command("ACL", "LOG") == [], "something was asked for that the user may not"
    assert "warning" not in proxy.output()


def test_a_server_without_a_name(proxy_factory, counting_upstream, redis, plain):
    """Where nothing rests on it, it isn't used, and that is all."""
    proxy = proxy_factory(counting_upstream.endpoint, settings(user_without(redis, "info")))
    assert (proxy.call("GetItem", GET).cache, proxy.call("PutItem", put("x")).status) == ("BYPASS", 200)
    assert "the server doesn't tell who it is (INFO)" in proxy.output()
    redis.command("ACL", "SETUSER", "narrow", "+info")
    until_hit(proxy)


def test_a_permission_that_is_taken_and_given_back(proxy_factory, counting_upstream, redis, plain):
    redis.command("ACL", "SETUSER", "narrow", "reset", "on", f">{PASSWORD}", *ACL.split())
    changes = settings(with_user(redis, "narrow", PASSWORD), heartbeat="100ms")
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    until_hit(proxy)
    redis.command("ACL", "SETUSER", "narrow", "-hrandfield")
    redis.command("CLIENT", "KILL", "USER", "narrow")
    waiting.until(lambda: "HRANDFIELD: NOPERM" in proxy.output(), "the refusal to be said")
    assert proxy.call("GetItem", GET).cache == "BYPASS"
    waiting.until(lambda: redis.command("INFO", "commandstats").count("cmdstat_hrandfield") == 1, "another try")
    redis.command("ACL", "SETUSER", "narrow", "+hrandfield")
    until_hit(proxy)
    assert proxy.output().count("HRANDFIELD: NOPERM") == 1


def test_nothing_is_left_of_the_trial(proxy_factory, counting_upstream, redis, plain):
    proxy = proxy_factory(counting_upstream.endpoint, linearizable(redis.url))
    waiting.until(lambda: "connected" in proxy.output(), "the connection")
    assert redis.keys() == [b"ra1:epochs"]


def test_a_full_server_is_used(proxy_factory, counting_upstream, redis, plain):
    """Fills fail there; what is written is marked all the same."""
    redis.command("CONFIG", "SET", "maxmemory", "1")
    proxy = proxy_factory(counting_upstream.endpoint, linearizable(redis.url))
    put_through(proxy, "old")
    gate = counting_upstream.hold("GetItem")
    gate.release()
    assert version("GetItem", proxy.call("GetItem", GET)) == "old"
    assert redis.entries() == []
    redis.command("CONFIG", "SET", "maxmemory", "0")
    until_hit(proxy)


# ---- what the server says of itself ----


def test_a_policy_that_evicts_marks(readaside_binary, tmp_path, redis):
    redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    said = refuses_to_start(readaside_binary, tmp_path, linearizable(redis.url))
    assert "maxmemory-policy is allkeys-lfu" in said and "set it to volatile-lru or noeviction" in said
    one = {**settings(redis.url), "tables": {"*": {}, "other": LINEARIZABLE}}
    assert "maxmemory-policy is allkeys-lfu" in refuses_to_start(readaside_binary, tmp_path, one)


def test_a_policy_that_evicts_marks_where_less_is_promised(proxy_factory, counting_upstream, redis, plain):
    redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url))
    until_hit(proxy)
    assert "maxmemory-policy may evict the marks of writes under way" in proxy.output()


def test_a_policy_that_changes(proxy_factory, counting_upstream, redis, plain):
    proxy = proxy_factory(counting_upstream.endpoint, linearizable(redis.url, heartbeat="100ms"))
    put_through(proxy, "old")
    until_hit(proxy)
    redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    redis.command("CLIENT", "KILL", "TYPE", "normal")
    waiting.until(lambda: "maxmemory-policy is allkeys-lru" in proxy.output(), "the refusal to be said")
    assert proxy.call("GetItem", GET).cache == "BYPASS"
    assert proxy.call("PutItem", put("new")).status == 503
    redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    until_hit(proxy)
    assert proxy.output().count("maxmemory-policy") == 1


def test_a_replica_is_waited_for(proxy_factory, counting_upstream, redis, plain):
    redis.command("REPLICAOF", "127.0.0.1", "1")
    proxy = proxy_factory(counting_upstream.endpoint, linearizable(redis.url, heartbeat="100ms"))
    assert "READONLY" in proxy.output() and "starting all the same" in proxy.output()
    assert proxy.call("GetItem", GET).cache == "BYPASS"
    redis.command("REPLICAOF", "NO", "ONE")
    until_hit(proxy)


@pytest.mark.parametrize("covered", [True, False])
def test_replicas(proxy_factory, counting_upstream, redis, redis_factory, plain, covered):
    replica = redis_factory(options=["--repl-diskless-sync-delay", "0"])
    replica.command("REPLICAOF", "127.0.0.1", redis.port)
    waiting.until(lambda: "state=online" in redis.command("INFO", "replication"), "the replica")
    redis.command("CONFIG", "SET", "min-replicas-to-write", int(covered))
    proxy = proxy_factory(counting_upstream.endpoint, linearizable(redis.url))
    until_hit(proxy)
    assert ("min-replicas-to-write is 0" in proxy.output()) == (not covered)


# ---- one Redis, one pact ----

OTHER_PROMISES = [
    LINEARIZABLE,
    {"unknown_write_hold": "61s"},
    {"cache": {"redis": {"quarantine": "1s"}}},
    {"cache": {"redis": {"heartbeat": "2s"}}},
    {"cache": {"encryption_key": ["00" * 32]}},
    {"tables": {"*": {"settle": "6s"}}},
    {"tables": {"plain": {"consistency": "eventual"}}},
    {"tables": {"*": {"patterns": [{"name": "some", "partition_key": "x*", "consistent_fill": False}]}}},
]
SAME_PROMISES = [
    {"tables": {"*": {"ttl": "1m"}}},
    {"tables": {"plain": {"settle": "50ms", "ttl": "2m"}}},
    {"cache": {"redis": {"command_timeout": "9s", "connect_timeout": "4s"}}},
    {"writes_when_store_down": "refuse"},
]


@pytest.fixture
def first(proxy_factory, counting_upstream, redis, plain):
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url))
    until_hit(proxy)
    return proxy


@pytest.mark.parametrize("changes", OTHER_PROMISES)
def test_other_promises_on_one_redis(readaside_binary, tmp_path, first, redis, proxy_factory, counting_upstream, changes):
    changes = processes.merged(settings(redis.url), changes)
    said = refuses_to_start(readaside_binary, tmp_path, changes)
    assert "another proxy on this Redis has a configuration with other promises" in said
    elsewhere = processes.merged(changes, {"cache": {"key_prefix": "elsewhere:"}})
    until_hit(proxy_factory(counting_upstream.endpoint, elsewhere))
    assert first.call("GetItem", GET).cache == "HIT", "who was there first stays"


@pytest.mark.parametrize("changes", SAME_PROMISES)
def test_what_each_decides_for_itself(first, redis, proxy_factory, counting_upstream, changes):
    assert first.alive()
    until_hit(proxy_factory(counting_upstream.endpoint, processes.merged(settings(redis.url), changes)))


def test_the_pact_ends_with_those_who_made_it(first, redis, proxy_factory, counting_upstream):
    first.stop()
    until, _, pact = redis.command("HGET", "ra1:epochs", "@").partition(":")
    now = int(redis.command("TIME")[0]) * 1000
    assert 0 < int(until) - now <= 12000 and len(pact) == 16
    redis.command("HSET", "ra1:epochs", "@", f"{now}:{pact}")
    until_hit(proxy_factory(counting_upstream.endpoint, linearizable(redis.url)))
    assert not redis.command("HGET", "ra1:epochs", "@").endswith(pact)


# ---- the sweep ----


def test_the_sweep(proxy_factory, counting_upstream, redis, plain):
    now = int(redis.command("TIME")[0]) * 1000
    write, unit = "w" + secrets.token_hex(16), lambda: secrets.token_hex(32)
    expired = [f"a?b*[c]\\:ra1:{unit()}" for _ in range(300)]
    kept = {
        f"a?b*[c]\\:ra1:{unit()}": {write: str(now + 3_600_000)},
        f"a?b*[c]\\:ra1:{unit()}": {"!": "generation", "r1": "entry"},
        f"axbyc\\:ra1:{unit()}": {write: "0"},
        f"ra1:{unit()}": {write: "0"},
        "a?b*[c]\\:ra1:notes": {write: "0"},
        f"a?b*[c]\\:ra1:{unit()[:-1]}x": {write: "0"},
        "somebody's": {"w": "0"},
    }
    both = f"a?b*[c]\\:ra1:{unit()}"
    redis.command("HSET", both, write, "0", "wlive", str(now + 3_600_000))
    redis.command("SET", f"a?b*[c]\\:ra1:{unit()}", "no hash")
    for key in expired:
        redis.command("HSET", key, write, "0")
    for key, fields in kept.items():
        redis.command("HSET", key, *[word for field in fields.items() for word in field])
    changes = processes.merged(settings(redis.url, heartbeat="100ms"), {"cache": {"key_prefix": "a?b*[c]\\:"}})
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    waiting.until(lambda: not any(redis.command("EXISTS", key) for key in expired), "the expired to go")
    rounds = calls_of(redis, "scan")
    waiting.until(lambda: calls_of(redis, "scan") > rounds + 4, "the sweep to come round")
    found = redis.contents()
    for key, fields in kept.items():
        assert found[key.encode()] == {f.encode(): v.encode() for f, v in fields.items()}
    assert set(found[both.encode()]) == {b"wlive"}
    until_hit(proxy)


# ---- the clock ----


class Clocked(counting_proxy.CountingUpstream):
    """An upstream whose clock is ahead by `ahead` seconds; None: it doesn't say."""

    def __init__(self, target):
        super().__init__(target)
        self.ahead = 0
        upstream, handler = self, self.server.RequestHandlerClass
        forward = handler._forward

        def dates():
            if upstream.ahead is None:
                return []
            return [("Date", email.utils.formatdate(time.time() + upstream.ahead, usegmt=True))]

        def with_date(one, request):
            status, reason, headers, body = forward(one, request)
            return status, reason, [h for h in headers if h[0].lower() != "date"] + dates(), body

        def get(one):
            one._reply(400, "Bad Request", [*dates(), ("Content-Length", "0")], b"")

        handler._forward, handler.do_GET = with_date, get


@pytest.fixture
def clocked(ddb_local):
    upstream = Clocked(ddb_local.endpoint)
    yield upstream
    upstream.stop()


@pytest.mark.parametrize("ahead", [-62, 63, 86400 * 365])
def test_a_clock_that_differs(readaside_binary, tmp_path, clocked, ahead):
    clocked.ahead = ahead
    said = refuses_to_start(readaside_binary, tmp_path, {**LINEARIZABLE, "upstream": {"endpoint": clocked.endpoint}})
    assert f"s {'ahead of' if ahead < 0 else 'behind'} DynamoDB's (here 2" in said and ", there 2" in said
    assert "unknown_write_hold" in said
    assert clocked.count() == 0


@pytest.mark.parametrize("ahead", [-55, 55])
def test_a_clock_that_differs_a_little(proxy_factory, clocked, ahead):
    clocked.ahead = ahead
    assert "DynamoDB's" not in proxy_factory(clocked.endpoint, LINEARIZABLE).output()


def test_a_clock_that_nobody_tells(proxy_factory, clocked):
    clocked.ahead = None
    said = proxy_factory(clocked.endpoint, LINEARIZABLE).output()
    assert "warning: consistency linearizable: whether the clock agrees with DynamoDB's isn't known" in said
    assert "no Date" in said
    said = proxy_factory("http://127.0.0.1:1", LINEARIZABLE).output()
    assert "whether the clock agrees with DynamoDB's isn't known" in said


def test_a_clock_that_nothing_rests_on(proxy_factory, clocked, plain):
    clocked.ahead = 3600
    proxy = proxy_factory(clocked.endpoint)
    assert proxy.call("GetItem", GET).status == 200
    assert "clock" not in proxy.output()


def test_a_clock_that_is_set(proxy_factory, clocked, plain):
    proxy = proxy_factory(clocked.endpoint, {**LINEARIZABLE, "listen": {"threads": 1}})
    clocked.ahead = 3600
    assert proxy.call("GetItem", GET).status == 200
    assert "error: the clock is 3" in proxy.output() and "behind DynamoDB's" in proxy.output()
    write = {"TableName": GET["TableName"], "Item": GET["Key"]}
    assert proxy.call("PutItem", write).status == 503, "unknown_write_hold rests on the clock"
    assert clocked.count("PutItem") == 0
    clocked.ahead = 0
    waiting.until(lambda: "the clock agrees with DynamoDB's again" in proxy.output(), "the proxy to ask again")
    assert proxy.output().count("error: ") == 1
    assert proxy.call("PutItem", write).status == 200
