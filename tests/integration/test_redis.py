"""Redis as the store: shared by proxies, lost and found, behind passwords and TLS, and with what it sees."""
import concurrent.futures
import json
import os
import secrets
import signal
import subprocess
import threading
import urllib.parse

import pytest
import test_differential as differential

from support import processes, redis_server, steps, tables, waiting, wire

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

isolated = differential.isolated


def put(version):
    return {"TableName": TABLE, "Item": {**KEY, "version": {"S": version}}}


def narrower(operation):
    """A read of the same unit that is another entry."""
    name = "Query" if operation == "Query" else "GetItem"
    return name, {**READS[name], "ProjectionExpression": "version"}


def version(operation, reply):
    found = reply.json
    if operation == "GetItem":
        return found["Item"]["version"]["S"]
    items = found["Items"] if operation == "Query" else found["Responses"][TABLE]
    return items[0]["version"]["S"]


def settings(url, **redis):
    """The store at `url`. Deadlines are long, so that a busy machine doesn't decide what a test sees."""
    given = {"url": url, "command_timeout": "10s", "quarantine": "0s", **redis}
    return {"listen": {"threads": 1}, "cache": {"store": "redis", "redis": given}}


def until_hit(proxy, operation="GetItem", body=None):
    """Fills aren't waited for, and neither is the connection to Redis."""

    def hit():
        reply = proxy.call(operation, body or READS[operation])
        assert reply.status == 200, reply
        return reply if reply.cache == "HIT" else None

    return waiting.until(hit, f"a hit on {operation}; {proxy.output()}")


def put_through(proxy, text):
    """A write, tried again while the proxy refuses it because it has only just begun to connect."""
    body = put(text)
    waiting.until(lambda: proxy.call("PutItem", body).status == 200, "a write to be taken")


@pytest.fixture
def redis_factory(tmp_path_factory):
    started = []

    def start(**more):
        server = redis_server.Redis(tmp_path_factory.mktemp("redis"), **more)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def redis(redis_factory):
    return redis_factory()


# What another proxy has written a near cache knows only when Redis has pushed it, unless it asks each time.
NOTHING_NEAR = {"cache": {"near": {"max_bytes": "0"}}}
EXACT = {"consistency": "linearizable"}


@pytest.fixture
def pair(proxy_factory, counting_upstream, redis, plain):
    """Two proxies on one Redis, both connected."""
    changes = processes.merged(settings(redis.url), NOTHING_NEAR)
    made = [proxy_factory(counting_upstream.endpoint, changes) for _ in range(2)]
    for proxy in made:
        put_through(proxy, "old")
        until_hit(proxy)
    return made


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(64) as executor:
        yield executor


# ---- one proxy ----


@pytest.mark.parametrize("operation", READS)
def test_miss_hit_and_invalidation(proxy_factory, counting_upstream, redis, plain, operation):
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url))
    put_through(proxy, "old")
    filled = until_hit(proxy, operation)
    assert version(operation, filled) == "old"
    counting_upstream.forget()
    assert proxy.call(operation, READS[operation]).cache == "HIT"
    assert counting_upstream.count(operation) == 0
    assert proxy.call("PutItem", put("new")).status == 200
    after = proxy.call(operation, READS[operation])
    assert after.cache in ("MISS", "BYPASS") and version(operation, after) == "new"
    assert version(operation, until_hit(proxy, operation)) == "new"


def test_a_drain_leaves_no_marker(proxy_factory, counting_upstream, redis, plain, pool):
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url))
    put_through(proxy, "old")
    until_hit(proxy)
    gate = counting_upstream.hold("PutItem")
    writing = [pool.submit(proxy.call, "PutItem", put(str(n))) for n in range(16)]
    gate.wait_for(16)
    assert len(redis.markers()) == 32, "each write marks its item and its partition"
    proxy.terminate()
    waiting.until(lambda: "finishing what is in flight" in proxy.output(), "the drain to begin")
    gate.release()
    assert all(w.result().status == 200 for w in writing)
    assert proxy.wait() == 0
    assert redis.markers() == []


def test_a_drain_waits_for_ends_that_are_stuck(proxy_factory, counting_upstream, redis, plain, direct, pool):
    """Behind fills, more of them than the sockets' buffers hold."""
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url, heartbeat="10s"))
    direct.ok("PutItem", {"TableName": TABLE, "Item": {**KEY, "version": {"S": "x" * 390_000}}})
    until_hit(proxy)
    reads, writes = counting_upstream.hold("GetItem", replies=True), counting_upstream.hold("PutItem")
    wanted = [{**GET, "ProjectionExpression": f"version, a{n}"} for n in range(48)]
    reading = [pool.submit(proxy.call, "GetItem", body) for body in wanted]
    reads.wait_for(48)
    written = {"TableName": TABLE, "Item": {"pk": {"S": "another room"}, "sk": {"S": "1"}}}
    writing = pool.submit(proxy.call, "PutItem", written)
    writes.wait_for(1)
    redis.process.send_signal(signal.SIGSTOP)
    reads.release()
    assert all(r.result().status == 200 for r in reading)
    writes.release()
    assert writing.result().status == 200
    proxy.terminate()
    waiting.until(lambda: "finishing what is in flight" in proxy.output(), "the drain to begin")
    redis.process.send_signal(signal.SIGCONT)
    assert proxy.wait() == 0
    assert redis.markers() == []


def test_redis_is_restarted(proxy_factory, counting_upstream, redis, plain):
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url))
    put_through(proxy, "old")
    until_hit(proxy)
    redis.kill()
    for _ in range(20):
        reply = proxy.call("GetItem", GET)
        assert (reply.status, reply.cache, version("GetItem", reply)) == (200, "BYPASS", "old")
    redis.start()
    until_hit(proxy)


def test_a_redis_that_comes_back_with_old_data_gives_no_stale_hit(
    proxy_factory, counting_upstream, redis, plain, direct
):
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url))
    put_through(proxy, "old")
    until_hit(proxy)
    assert redis.command("SAVE") == "OK"
    redis.kill()
    direct.ok("PutItem", put("new"))  # as a proxy would do it that has no Redis
    redis.start()
    assert len(redis.entries()) == 1, "the old server's entry is there again"
    assert version("GetItem", until_hit(proxy)) == "new"


def test_writes_are_refused_while_redis_is_away(proxy_factory, counting_upstream, redis, plain):
    changes = {**settings(redis.url), "consistency": "linearizable"}
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    put_through(proxy, "old")
    redis.kill()
    waiting.until(lambda: proxy.call("GetItem", GET).cache == "BYPASS", "the loss to be noticed")
    counting_upstream.forget()
    refused = proxy.call("PutItem", put("new"))
    assert (refused.status, refused.error) == (503, "ServiceUnavailable")
    assert counting_upstream.count("PutItem") == 0, "a refused write must not be sent"
    assert proxy.call("GetItem", GET).status == 200
    redis.start()
    put_through(proxy, "new")
    assert version("GetItem", until_hit(proxy)) == "new"


def test_redis_comes_later_than_the_proxy(proxy_factory, counting_upstream, redis, plain):
    redis.kill()
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url))
    reply = proxy.call("GetItem", GET)
    assert (reply.status, reply.cache) == (200, "BYPASS")
    where = f"redis 127.0.0.1:{redis.port}: "
    waiting.until(lambda: f"warning: {where}" in proxy.output(), "the proxy to say that it isn't there")
    redis.start()
    until_hit(proxy)
    assert f"{where}connected" in proxy.output()


def test_no_read_fails_while_redis_comes_and_goes(proxy_factory, counting_upstream, redis, plain, pool):
    changes = processes.merged(settings(redis.url), {"listen": {"threads": 2}})
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    put_through(proxy, "old")
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
        redis.restart()
        until_hit(proxy)
    done.set()
    seen = [reply for reader in readers for reply in reader.result()]
    assert {reply[:2] for reply in seen} == {(200, "old")}
    assert {"HIT", "BYPASS"} <= {reply[2] for reply in seen}


def test_a_redis_that_hangs(proxy_factory, counting_upstream, redis, plain):
    changes = {**settings(redis.url, command_timeout="50ms", heartbeat="200ms"), "writes_when_store_down": "refuse"}
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    put_through(proxy, "old")
    until_hit(proxy)
    redis.process.send_signal(signal.SIGSTOP)

    def bypassed():
        """For at most near.max_age the near cache knows that it is good."""
        reply = proxy.call("GetItem", GET)
        assert (reply.status, version("GetItem", reply)) == (200, "old")
        return reply.cache == "BYPASS"

    waiting.until(bypassed, "the near cache to ask")
    for _ in range(100):
        assert bypassed()
    assert proxy.call("PutItem", put("new")).status == 503
    redis.process.send_signal(signal.SIGCONT)
    put_through(proxy, "newer")
    reply = proxy.call("GetItem", GET)
    assert version("GetItem", reply) == "newer"
    waiting.until(lambda: redis.markers() == [], "the marker of the refused write to end")
    assert version("GetItem", until_hit(proxy)) == "newer"


def test_a_name_that_isnt_there(proxy_factory, counting_upstream, plain):
    """The proxy ends while it looks the name up, or between two attempts."""
    proxy = proxy_factory(counting_upstream.endpoint, settings("redis://no-such-host.invalid"))
    assert proxy.call("GetItem", GET).cache == "BYPASS"


def test_a_new_redis_is_in_quarantine(proxy_factory, counting_upstream, redis, plain, direct):
    changes = {**settings(redis.url, quarantine="1h"), "writes_when_store_down": "refuse"}
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    direct.ok("PutItem", put("old"))
    waiting.until(lambda: "nothing is served from it at first" in proxy.output(), "the quarantine to be said")
    reply = proxy.call("GetItem", GET)
    assert (reply.status, reply.cache) == (200, "BYPASS")
    assert "store-quarantine" in reply.headers["Cache-Status"]
    assert redis.entries() == []
    refused = proxy.call("PutItem", put("new"))
    assert (refused.status, refused.error) == (503, "ServiceUnavailable")
    assert counting_upstream.count("PutItem") == 0, "others may still be served by the Redis of before"


def test_it_is_said_once_for_all_loops(proxy_factory, counting_upstream, redis):
    changes = processes.merged(settings(redis.url), {"listen": {"threads": 4}})
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    waiting.until(lambda: "connected" in proxy.output(), "the connection")
    waiting.until(lambda: redis.command("CLIENT", "LIST").count("name=readaside ") == 4, "the other loops'")
    redis.kill()
    waiting.until(lambda: "warning: redis" in proxy.output(), "the loss to be said")
    redis.start()
    waiting.until(lambda: redis.command("CLIENT", "LIST").count("name=readaside ") == 4, "them all again")
    losses = [line for line in proxy.output().splitlines() if "warning: redis" in line]
    assert len(losses) == len(set(losses)) <= 2, "by the store, and by what hears of changes"


# ---- two proxies ----


@pytest.mark.parametrize("operation", READS)
def test_a_hit_on_the_others_fill(pair, counting_upstream, operation):
    one, other = pair
    assert one.call("PutItem", put("shared")).status == 200
    until_hit(one, operation)
    counting_upstream.forget()
    reply = other.call(operation, READS[operation])
    assert (reply.cache, version(operation, reply)) == ("HIT", "shared")
    assert counting_upstream.count(operation) == 0


@pytest.mark.parametrize("operation", READS)
def test_a_write_through_one_is_seen_through_the_other(pair, operation):
    hits = 0
    for number in range(60):
        writer, reader = pair if number % 2 else reversed(pair)
        assert writer.call("PutItem", put(str(number))).status == 200
        for proxy in (reader, writer, reader):
            reply = proxy.call(operation, READS[operation])
            assert version(operation, reply) == str(number)
            hits += reply.cache == "HIT"
    assert hits > 0, "the cache was never met: the test shows nothing"


@pytest.mark.parametrize("operation", READS)
def test_a_write_in_flight_keeps_the_other_from_filling(pair, redis, counting_upstream, pool, operation):
    one, other = pair
    until_hit(other, operation)
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(one.call, "PutItem", put("new"))
    gate.wait_for(1)
    for _ in range(3):
        during = other.call(operation, READS[operation])
        assert (during.cache, version(operation, during)) == ("BYPASS", "old")
    if operation != "BatchGetItem":  # of a batch each item may have a reason of its own
        assert "write-in-progress" in during.headers["Cache-Status"]
    gate.release()
    assert writing.result().status == 200
    assert version(operation, other.call(operation, READS[operation])) == "new"
    assert version(operation, until_hit(other, operation)) == "new"
    waiting.until(lambda: redis.markers() == [], "the markers to end")


@pytest.mark.parametrize("operation", READS)
def test_the_other_drops_a_fill_that_a_write_has_overtaken(pair, redis, counting_upstream, pool, operation):
    one, other = pair
    assert one.call("PutItem", put("older")).status == 200  # the entries of before are gone
    waiting.until(lambda: redis.markers() == [], "the markers to end")
    gate = counting_upstream.hold(operation, times=1, replies=True)
    reading = pool.submit(other.call, operation, READS[operation])
    gate.wait_for(1)
    assert one.call("PutItem", put("new")).status == 200
    until_hit(one, *narrower(operation))  # the unit has a generation again, and it isn't the held read's
    gate.release()
    overtaken = reading.result()
    assert overtaken.cache == "MISS", "it had the right to fill"
    assert version(operation, overtaken) == "older", "it began before the write: either answer is right"
    # Behind the fill, on the same connection.
    assert version(operation, other.call(operation, READS[operation])) == "new"
    assert version(operation, until_hit(other, operation)) == "new"


def test_kill_9_with_a_write_in_flight(
    readaside_binary, tmp_path, proxy_factory, counting_upstream, redis, plain, pool
):
    changes = {**settings(redis.url), "unknown_write_hold": "6s"}
    config = processes.merged(processes.base_config(counting_upstream.endpoint), changes)
    other = proxy_factory(counting_upstream.endpoint, changes)
    victim = processes.Proxy(readaside_binary, config, tmp_path)
    put_through(victim, "old")
    until_hit(victim)
    until_hit(other)
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(victim.call, "PutItem", put("new"))
    gate.wait_for(1)
    victim.process.kill()
    victim.process.wait()
    assert writing.exception() is not None
    marked = redis.contents()
    deadlines = [int(marked[key][field]) for key, field in redis.markers()]
    assert len(deadlines) == 2, "the item's marker and the partition's"

    def hit():
        reply = other.call("GetItem", GET)
        seconds, microseconds = redis.command("TIME")
        now = int(seconds) * 1000 + int(microseconds) // 1000
        assert reply.cache == "BYPASS" or now >= min(deadlines), "nothing else may happen while it is held"
        return reply.cache == "HIT"

    assert not hit()
    waiting.until(hit, "a hit once the hold is over")


@pytest.mark.parametrize("mode", [NOTHING_NEAR, EXACT])
def test_random_requests_through_two_proxies_in_turn(isolated, proxy_factory, redis, mode):
    """As the differential test, but nobody knows through which proxy the next request goes."""
    changes = processes.merged(processes.merged(settings(redis.url), mode), {"tables": {"*": {"settle": "0s"}}, "listen": {"threads": 2}})
    made = [proxy_factory(isolated.endpoint, changes) for _ in range(2)]
    own = processes.CREDENTIALS["AWS_ACCESS_KEY_ID"]
    with wire.Wire(isolated.endpoint, own) as behind, wire.Wire(isolated.endpoint, differential.DIRECT_KEY) as direct:
        for table in steps.TABLES:
            tables.create(behind, table)
            tables.create(direct, table)
        with made[0].wire() as one, made[1].wire() as other:
            for side in (one, other):
                probe = {"TableName": steps.ALONE, "Key": {"pk": {"S": "probe"}}}
                waiting.until(lambda s=side: s.call("GetItem", probe).cache == "HIT", "both to be connected")
            compare_in_turn(one, other, direct)


def compare_in_turn(one, other, direct):
    made, recent, hits = steps.Steps(differential.SEED + 7), [], 0
    for number in range(differential.STEPS):
        where = f"READASIDE_SEED={differential.SEED}, in turn, step {number}"
        sides = (made.one([one, other]), direct)
        if made.chance(0.25):
            differential.compare(sides, *made.write(), where)
            continue
        if recent and made.chance(0.6):
            request = made.one(recent)
        else:
            request = made.read(made.one(["GetItem", "Query", "BatchGetItem"]))
            recent = [*recent[-30:], request]
        hits += differential.compare(sides, *request, where).cache == "HIT"
    assert hits > differential.STEPS // 50, "the cache was hardly met: the test shows nothing"


def test_installations_with_other_prefixes_share_nothing(proxy_factory, counting_upstream, redis, plain):
    one = proxy_factory(counting_upstream.endpoint, processes.merged(settings(redis.url), {"cache": {"key_prefix": "one:"}}))
    put_through(one, "old")
    until_hit(one)
    two = proxy_factory(counting_upstream.endpoint, processes.merged(settings(redis.url), {"cache": {"key_prefix": "two:"}}))
    waiting.until(lambda: "connected" in two.output(), "the connection")
    assert all(key.startswith(b"one:ra1:") for key, _ in redis.entries())
    counting_upstream.forget()
    until_hit(two)
    assert counting_upstream.count("GetItem") > 0, "its first hit was its own fill"
    assert {key[:8] for key, _ in redis.entries()} == {b"one:ra1:", b"two:ra1:"}


# ---- who may connect ----

PASSWORD = "p@ss/w:rd%#?é"


def with_user(redis, user, password):
    info = f"{urllib.parse.quote(user, safe='')}:{urllib.parse.quote(password, safe='')}"
    return f"redis://{info}@127.0.0.1:{redis.port}"


def never_connects(proxy, words):
    """Reads go on without; why is said, without a secret."""
    waiting.until(lambda: "warning: redis" in proxy.output(), "the reason to be said")
    assert words in proxy.output()
    for _ in range(5):
        reply = proxy.call("GetItem", GET)
        assert (reply.status, reply.cache) == (200, "BYPASS")
    assert "connected" not in proxy.output()
    for secret in (PASSWORD, urllib.parse.quote(PASSWORD, safe="")):
        assert secret not in proxy.output()


def refuses_to_start(binary, folder, changes):
    """What only somebody can change: the program ends with status 1. What it has said, without a secret."""
    folder.mkdir(exist_ok=True)
    config = processes.merged(processes.base_config("http://127.0.0.1:1"), changes)
    with pytest.raises(AssertionError, match="exit 1") as ended:
        processes.Proxy(binary, config, folder)
    said = str(ended.value)
    assert not processes.SANITIZER_SPOKE.search(said), said
    for secret in (PASSWORD, urllib.parse.quote(PASSWORD, safe="")):
        assert secret not in said
    return said


def test_a_password(readaside_binary, tmp_path, proxy_factory, counting_upstream, redis_factory, plain):
    redis = redis_factory(password=PASSWORD)
    right = proxy_factory(counting_upstream.endpoint, settings(with_user(redis, "", PASSWORD)))
    until_hit(right)
    assert PASSWORD not in right.output()
    wrong = settings(with_user(redis, "", PASSWORD + "x"))
    assert "WRONGPASS" in refuses_to_start(readaside_binary, tmp_path, wrong)
    assert "NOAUTH" in refuses_to_start(readaside_binary, tmp_path, settings(redis.url))


# What the proxy needs, and nothing else.
ACL = (
    "~ra1:* &__redis__:invalidate -@all +info +client|setname +eval +evalsha +time +hget +hmget +hexists +hgetall +hlen +hrandfield "
    "+hset +hdel +pexpire +unlink +scan +pttl +client|id +client|tracking +subscribe +ping"
)


def test_a_user_that_may_only_what_is_needed(proxy_factory, counting_upstream, redis, plain):
    redis.command("ACL", "SETUSER", "the:proxy", "reset", "on", f">{PASSWORD}", *ACL.split())
    proxy = proxy_factory(counting_upstream.endpoint, settings(with_user(redis, "the:proxy", PASSWORD)))
    put_through(proxy, "old")
    for operation in READS:
        until_hit(proxy, operation)
    assert proxy.call("PutItem", put("new")).status == 200
    assert version("GetItem", until_hit(proxy)) == "new"
    assert redis.command("ACL", "LOG") == [], "something was asked for that the user may not"


def test_a_unix_socket_and_a_database(proxy_factory, counting_upstream, redis, plain):
    url = f"unix://{redis.socket_path}?db=2"
    proxy = proxy_factory(counting_upstream.endpoint, settings(url))
    put_through(proxy, "old")
    until_hit(proxy)
    assert redis.entries() == [], "nothing is in database 0"
    assert "keys=" in redis.command("INFO", "keyspace").partition("db2:")[2]
    assert f"redis {redis.socket_path}: connected" in proxy.output()


def test_a_database_behind_a_host(proxy_factory, counting_upstream, redis, plain):
    until_hit(proxy_factory(counting_upstream.endpoint, settings(f"redis://localhost:{redis.port}/3")))
    assert "keys=" in redis.command("INFO", "keyspace").partition("db3:")[2]


# ---- TLS ----


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    for authority in ("right", "wrong"):
        redis_server.make_authority(folder, authority)
    return {
        "server": redis_server.make_certificate(folder, "right", "server", "IP:127.0.0.1,DNS:localhost"),
        "client": redis_server.make_certificate(folder, "right", "client", "DNS:client"),
        "stranger": redis_server.make_certificate(folder, "wrong", "stranger", "DNS:client"),
        "elsewhere": redis_server.make_certificate(folder, "right", "elsewhere", "DNS:elsewhere.example"),
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls(proxy_factory, counting_upstream, redis_factory, plain, certificates, host):
    redis = redis_factory(tls=certificates["server"])
    changes = settings(f"rediss://{host}:{redis.tls_port}", ca_file=certificates["server"].authority)
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    put_through(proxy, "old")
    until_hit(proxy)


def test_tls_with_a_wrong_authority(proxy_factory, counting_upstream, redis_factory, plain, certificates):
    redis = redis_factory(tls=certificates["server"])
    url = f"rediss://:{urllib.parse.quote(PASSWORD, safe='')}@127.0.0.1:{redis.tls_port}"
    proxy = proxy_factory(counting_upstream.endpoint, settings(url, ca_file=certificates["stranger"].authority))
    never_connects(proxy, "certificate")
    system = proxy_factory(counting_upstream.endpoint, settings(url))
    never_connects(system, "certificate")


def test_tls_with_another_hosts_certificate(proxy_factory, counting_upstream, redis_factory, plain, certificates):
    redis = redis_factory(tls=certificates["elsewhere"])
    changes = settings(f"rediss://127.0.0.1:{redis.tls_port}", ca_file=certificates["server"].authority)
    never_connects(proxy_factory(counting_upstream.endpoint, changes), "mismatch")


def test_tls_with_our_own_certificate(proxy_factory, counting_upstream, redis_factory, plain, certificates):
    redis = redis_factory(tls=certificates["server"], options=["--tls-auth-clients", "yes"])
    shown = certificates["client"]
    url, trusted = f"rediss://127.0.0.1:{redis.tls_port}", shown.authority
    changes = settings(url, ca_file=trusted, cert_file=shown.certificate, key_file=shown.key)
    until_hit(proxy_factory(counting_upstream.endpoint, changes))
    never_connects(proxy_factory(counting_upstream.endpoint, settings(url, ca_file=trusted)), "warning: redis")


def test_tls_that_cant_be_set_up(readaside_binary, tmp_path, certificates):
    shown = certificates["client"]
    changes = settings("rediss://127.0.0.1:1", cert_file=shown.certificate, key_file=certificates["server"].key)
    config = processes.merged(processes.base_config("http://127.0.0.1:1"), changes)
    with pytest.raises(AssertionError, match="exit 1") as ended:
        processes.Proxy(readaside_binary, config, tmp_path)
    assert "TLS can't be set up" in str(ended.value)


# ---- what Redis sees ----

TEXT = "a text that nobody else should read"


def everything(redis):
    return b"\n".join(
        part for key, unit in redis.contents().items() for field, value in unit.items() for part in (key, field, value)
    )


def sealed_settings(redis, *keys):
    return processes.merged(settings(redis.url), {"cache": {"encryption_key": list(keys)}})


@pytest.mark.parametrize("sealed", [True, False])
def test_what_is_seen_in_redis(proxy_factory, counting_upstream, redis, plain, sealed):
    changes = sealed_settings(redis, secrets.token_hex(32)) if sealed else settings(redis.url)
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    put_through(proxy, TEXT)
    for operation in READS:
        assert version(operation, until_hit(proxy, operation)) == TEXT
    seen = everything(redis)
    assert redis.entries() and len(seen) > 500
    for secret in (TEXT, "version", "room", TABLE):
        assert (secret.encode() in seen) == (not sealed and secret != TABLE), secret


def test_keys_rotate(proxy_factory, counting_upstream, redis, plain):
    old, new = secrets.token_hex(32), secrets.token_hex(32)
    first = proxy_factory(counting_upstream.endpoint, sealed_settings(redis, old))
    put_through(first, "old")
    until_hit(first)
    counting_upstream.fail("GetItem")  # from here on only a hit can answer
    both = proxy_factory(counting_upstream.endpoint, sealed_settings(redis, new, old))
    waiting.until(lambda: both.call("GetItem", GET).cache == "HIT", "a hit on what the old key has sealed")
    counting_upstream.clear()
    last = proxy_factory(counting_upstream.endpoint, sealed_settings(redis, new))
    waiting.until(lambda: "connected" in last.output(), "the connection")
    assert last.call("GetItem", GET).cache == "MISS", "it can't open what the old key has sealed"
    until_hit(last)


def cut(value, _):
    return value[:-1]


def changed(value, _):
    return value[:-1] + bytes([value[-1] ^ 1])


def swapped(value, another):
    return another


@pytest.mark.parametrize("forge", [cut, changed, swapped])
def test_a_forged_value_is_a_miss(proxy_factory, counting_upstream, redis, plain, forge):
    changes = processes.merged(sealed_settings(redis, secrets.token_hex(32)), {"cache": {"near": {"max_bytes": "0"}}})
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    put_through(proxy, "old")
    until_hit(proxy)
    until_hit(proxy, "GetItem", {**GET, "Key": {"pk": {"S": "room"}, "sk": {"S": "2"}}})
    everything = redis.contents()
    first, second = [(key, field, everything[key][field]) for key, field in redis.entries()]
    for (key, field, value), (_, _, another) in ((first, second), (second, first)):
        redis.command("HSET", key, field, forge(value, another))
    reply = proxy.call("GetItem", GET)
    assert (reply.status, reply.cache, version("GetItem", reply)) == (200, "MISS", "old")


# ---- the command line ----


def check(binary, folder, changes, environment):
    path = folder / "config.jsonc"
    path.write_text(json.dumps(processes.merged(processes.base_config("http://127.0.0.1:1"), changes)))
    return subprocess.run(
        [binary, "check", "-c", path], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_check_says_where_and_no_secret(readaside_binary, tmp_path):
    changes = processes.merged(settings("env:REDIS_URL"), {"cache": {"encryption_key": ["env:CACHE_KEY"]}})
    key = secrets.token_hex(32)
    environment = {"CACHE_KEY": key, "REDIS_URL": "rediss://ann:secret-word@cache.example:7000/4"}
    done = check(readaside_binary, tmp_path, changes, environment)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "store redis at cache.example:7000 over TLS, database 4" in said
    assert "sealed with AES-256-GCM: 1 key," in said
    assert "no read through a proxy that shares the store is older" in said
    for secret in ("ann", "secret-word", key):
        assert secret not in said.replace(str(tmp_path), "")


def test_check_says_what_a_store_without_keys_means(readaside_binary, tmp_path):
    done = check(readaside_binary, tmp_path, settings("unix:///run/redis.sock"), {})
    assert "store redis at the unix socket /run/redis.sock, database 0" in done.stdout
    assert "isn't encrypted: whoever reads Redis sees rows" in done.stdout


def test_check_refuses_without_showing_a_secret(readaside_binary, tmp_path):
    url, key = "redis://ann:secret-word@cache.example:70000", "hush" * 8
    done = check(readaside_binary, tmp_path, processes.merged(settings(url), {"cache": {"encryption_key": [key]}}), {})
    assert done.returncode == 2
    assert "cache.redis.url: the value holds no valid port" in done.stderr
    assert "cache.encryption_key[0]: the value isn't accepted" in done.stderr
    assert "secret-word" not in done.stderr and key not in done.stderr
