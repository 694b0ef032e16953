"""A read that misses what another process is filling right now waits for that fill: once, briefly, on no guess."""
import contextlib
import socket
import threading

import pytest
from test_redis import (  # noqa: F401  (pytest finds fixtures by their names)
    GET,
    KEY,
    READS,
    TABLE,
    narrower,
    pool,
    put,
    put_through,
    redis,
    redis_factory,
    settings,
    until_hit,
    version,
)
from test_redis_checks import calls_of

from support import raw, waiting

TRIES = 200

# As the MISS of another process leaves it, just now.
STAND_IN = """
local t = redis.call('TIME')
local g = ARGV[1] .. string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)) .. ARGV[2]
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], '!', g, '?', ARGV[3])
redis.call('PEXPIRE', KEYS[1], 60000)
return g
"""
# As its FILL does it.
FILL = """
if redis.call('HGET', KEYS[1], '!') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
"""


def read_command(file):
    """One command as a proxy sends it, and its bytes; None at the end."""
    line = file.readline()
    if not line:
        return None, b""
    words, whole = [], line
    for _ in range(int(line[1:])):
        size = file.readline()
        word = file.read(int(size[1:]) + 2)
        words.append(word[:-2])
        whole += size + word
    return words, whole


class Between:
    """Between a proxy and Redis. Once armed: after the lookup in which the proxy asks who fills, it holds the
    next one that the proxy makes, with all that comes behind it, until it is released."""

    def __init__(self, port):
        self.port = port
        self.armed = False
        self.asked = 0  # lookups that asked who fills
        self.held, self.gate = threading.Event(), threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.listening.getsockname()[1]}"
        self.sockets = [self.listening]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self):
        self.asked = 0
        self.held.clear()
        self.gate.clear()
        self.armed = True

    def release(self):
        self.armed = False
        self.gate.set()

    def stop(self):
        self.release()
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                proxy, _ = self.listening.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
                for sock in (proxy, server):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.sockets += [proxy, server]
                threading.Thread(target=self._commands, args=(proxy, server), daemon=True).start()
                threading.Thread(target=self._replies, args=(server, proxy), daemon=True).start()

    def _commands(self, proxy, server):
        with contextlib.suppress(OSError), proxy.makefile("rb") as file:
            while True:
                words, whole = read_command(file)
                if words is None:
                    break
                if words[0] == b"HMGET" and self.armed:
                    self._lookup(asks=b"?" in words)
                server.sendall(whole)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _lookup(self, asks):
        if asks:
            self.asked += 1
        elif self.asked:
            self.held.set()
            self.gate.wait()

    @staticmethod
    def _replies(server, proxy):
        with contextlib.suppress(OSError):
            while got := server.recv(65536):
                proxy.sendall(got)
            proxy.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def between(redis):
    made = Between(redis.port)
    yield made
    made.stop()


class Filler:
    """Another process that fills what `operation` reads. Its reply is the one that was read before: "old"."""

    def __init__(self, redis, operation):
        self.redis = redis
        ((self.key, self.field),) = redis.entries()
        unit = redis.contents()[self.key]
        self.value, self.epoch = unit[self.field], unit[b"!"][:8]
        assert unit[b"?"] == self.field[1:33]

    def begin(self):
        self.generation = self.redis.command(
            "EVAL", STAND_IN, "1", self.key, self.epoch, "0123456789abcdef01234567", self.field[1:33]
        )

    def fill(self):
        return self.redis.command("EVAL", FILL, "1", self.key, self.generation, self.field, self.value)


@pytest.fixture(params=["GetItem", "Query"])
def operation(request):
    return request.param


@pytest.fixture
def proxy(proxy_factory, counting_upstream, between, plain):
    """Of one thread, so that its lookups are one after the other; and without what would spare it some."""
    changes = settings(between.url, heartbeat="10s")
    changes["cache"]["near"] = {"max_bytes": "0"}
    return proxy_factory(counting_upstream.endpoint, changes)


@pytest.fixture
def filler(proxy, redis, direct, operation, counting_upstream, pool):
    put_through(proxy, "old")
    gate = counting_upstream.hold(operation, times=1)
    first = pool.submit(lambda: proxy.call(operation, READS[operation]))
    gate.wait_for(1)
    for _ in range(50):  # so that the proxy learns that a fill takes long, as this machine goes just now
        direct.ok("ListTables", {})
    gate.release()
    first.result()
    until_hit(proxy, operation)
    direct.ok("PutItem", put("new"))  # past the cache: who reads upstream from here on is seen
    return Filler(redis, operation)


@pytest.fixture
def waiting_read(proxy, between, filler, operation, pool, counting_upstream):
    """A read that has waited, and whose second lookup is held. A machine may be so slow that the fill which it
    finds is overdue: then it doesn't wait, and another is made."""

    def read():
        with proxy.wire() as connection:
            return connection.call(operation, READS[operation])

    for _ in range(TRIES):
        counting_upstream.forget()
        between.arm()
        filler.begin()
        reading = pool.submit(read)
        waiting.until(lambda: between.held.is_set() or reading.done(), "the read to wait")
        if between.held.is_set():
            assert counting_upstream.count() == 0
            return reading
        between.release()
        assert reading.result().cache == "MISS"
    raise AssertionError("no read ever waits")


def status(reply):
    return reply.headers["Cache-Status"]


def test_what_another_one_fills_is_served(waiting_read, filler, between, operation, counting_upstream):
    assert filler.fill() == 1
    between.release()
    reply = waiting_read.result()
    assert (reply.status, reply.cache, version(operation, reply)) == (200, "HIT", "old"), reply
    assert "detail=awaited" in status(reply)
    assert counting_upstream.count() == 0


def test_a_filler_that_dies_costs_one_wait(waiting_read, proxy, between, operation, counting_upstream):
    between.release()
    reply = waiting_read.result()
    assert (reply.status, reply.cache, version(operation, reply)) == (200, "MISS", "new"), reply
    assert "detail=awaited" in status(reply)
    assert counting_upstream.count() == 1
    assert between.asked == 1
    assert version(operation, until_hit(proxy, operation)) == "new", "it fills in the other's place"
    assert counting_upstream.count() == 1


def test_a_write_in_between_makes_the_fill_void(
    waiting_read, filler, between, operation, counting_upstream, proxy_factory, redis
):
    another = proxy_factory(counting_upstream.endpoint, settings(redis.url, heartbeat="10s"))
    put_through(another, "newest")
    waiting.until(lambda: redis.markers() == [], "the write's end")
    assert filler.fill() == 0
    between.release()
    reply = waiting_read.result()
    assert (reply.cache, version(operation, reply)) == ("MISS", "newest"), reply


def test_a_drain_waits_for_who_waits(waiting_read, proxy, filler, between, operation):
    proxy.terminate()
    waiting.until(lambda: "finishing what is in flight" in proxy.output(), "the drain to begin")
    assert filler.fill() == 1
    between.release()
    assert waiting_read.result().cache == "HIT"
    assert proxy.wait() == 0


def test_a_client_that_leaves_waits_no_longer(proxy, filler, operation, redis):
    for n in range(60):
        filler.begin()
        with raw.connect(proxy.port) as sock:
            if n % 2:
                raw.reset_on_close(sock)
            sock.sendall(raw.request(operation, READS[operation]))
            raw.wait_until_read(proxy.port, [sock])
            peer = sock.getsockname()[1]
        raw.wait_until_gone(proxy.port, peer)
    redis.command("DEL", filler.key)
    assert version(operation, until_hit(proxy, operation)) == "new"
    proxy.terminate()
    assert proxy.wait() == 0, "no request was left behind"


def test_only_the_very_entry_is_waited_for(proxy, between, filler, operation, counting_upstream):
    """Another read of the same unit: it asks who fills, and it isn't what it wants."""
    name, body = narrower(operation)
    counting_upstream.forget()
    between.arm()
    filler.begin()
    reply = proxy.call(name, body)
    assert reply.cache == "MISS" and "awaited" not in status(reply)
    assert counting_upstream.count() == 1 and not between.held.is_set()


def test_a_batch_waits_for_nobody(proxy, between, redis, direct, counting_upstream):
    put_through(proxy, "old")
    until_hit(proxy)
    filler = Filler(redis, "GetItem")
    direct.ok("PutItem", put("new"))
    counting_upstream.forget()
    between.arm()
    filler.begin()
    reply = proxy.call("BatchGetItem", READS["BatchGetItem"])
    assert version("BatchGetItem", reply) == "new"
    assert counting_upstream.count() == 1 and between.asked == 0


def test_hits_ask_nothing_more(proxy, filler, operation, redis):
    redis.command("CONFIG", "RESETSTAT")
    for _ in range(20):
        assert proxy.call(operation, READS[operation]).cache == "HIT"
    assert calls_of(redis, "hmget") == 20
    assert calls_of(redis, "hget") == 20, "its table's"
    assert calls_of(redis, "evalsha") == calls_of(redis, "eval") == 0


def test_a_herd_on_three_proxies_reads_upstream_at_most_three_times(
    proxy_factory, counting_upstream, redis, plain, direct
):
    """Each of 900 clients has missed before upstream answers anything: each process goes there once at most, with
    one read for all of its own."""
    direct.ok("PutItem", put("old"))
    proxies = [proxy_factory(counting_upstream.endpoint, settings(redis.url)) for _ in range(3)]
    other = {"TableName": TABLE, "Key": {**KEY, "sk": {"S": "other"}}}
    for proxy in proxies:  # which know the table and its marks from here on
        waiting.until(lambda p=proxy: p.call("GetItem", other).cache == "HIT", "a hit on another item")
    counting_upstream.forget()
    redis.command("CONFIG", "RESETSTAT")
    gate = counting_upstream.hold("GetItem")
    with contextlib.ExitStack() as stack:
        socks = []
        for proxy in proxies:
            mine = [stack.enter_context(raw.connect(proxy.port)) for _ in range(300)]
            for sock in mine:
                sock.sendall(raw.request("GetItem", GET))
            raw.wait_until_read(proxy.port, mine)
            socks += mine
        waiting.until(lambda: calls_of(redis, "hmget") >= 900, "all to have missed")
        gate.wait_for(3)
        gate.release()
        replies = [raw.ReplyReader(sock).next() for sock in socks]
    assert {r.status for r in replies} == {200}
    assert len({r.body for r in replies}) == 1
    assert counting_upstream.count() <= 3, counting_upstream.seen()
    assert all(p.call("GetItem", GET).cache == "HIT" for p in proxies)
