"""Hits that are asked for in Redis on the express way: the same replies as on the other one, in order, never a stale one,
each exactly once, whatever becomes of the client or of Redis meanwhile.

As in test_express.py, an express hit takes no place in `listen.max_in_flight`: with that at 1, and a request held
upstream, whoever is answered has come the express way. Between the proxy and Redis stands a gate, which holds the
questions of lookups, with all that comes behind them.
"""
import concurrent.futures
import contextlib
import random
import re
import select
import socket
import threading

import pytest
import test_broken_connections as broken
import test_express as express
import test_redis
import test_redis_fast
import test_redis_herd
from test_express import GET, LARGE, MANY, SEED, TABLE, Line, express_hit, get, key, put, query

from support import ports, processes, raw, waiting

redis_factory, redis = test_redis.redis_factory, test_redis.redis

HELD = raw.request("Scan", {"TableName": TABLE})
EXACT = {"consistency": "linearizable"}
NEAR_OFF = {"cache": {"near": {"max_bytes": "0"}}}
NEAR_ON = {"cache": {"near": {"max_bytes": "16MiB", "max_age": "30s"}}}
PLACES = 6
WIDE = {"listen": {"max_in_flight": PLACES}}
# Where a hit is asked for: what is held near is served unasked unless the table is linearizable.
ASKING = {
    "linearizable": {**EXACT, **NEAR_OFF},
    "linearizable, near": {**EXACT, **NEAR_ON},
    "read_after_write": {"consistency": "read_after_write", **NEAR_OFF},
}


class Gate(test_redis_herd.Between):
    """Once armed it holds the next question of a lookup, and all that comes behind it, until it is released."""

    def _commands(self, proxy, server):
        with contextlib.suppress(OSError), proxy.makefile("rb") as file:
            while True:
                words, whole = test_redis_herd.read_command(file)
                if words is None:
                    break
                if self.armed and words[0] in (b"HGET", b"HMGET"):
                    self.held.set()
                    self.gate.wait()
                server.sendall(whole)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def unread(self):
        """Bytes of one connection that have come to the proxy and that it hasn't read."""
        found = [0]
        for sock in self.sockets:
            with contextlib.suppress(OSError, AssertionError):
                found.append(broken.queues(sock.getpeername()[1], sock)[1])
        return max(found)

    def cut(self):
        """Ends the connections."""
        for sock in self.sockets:
            if sock is not self.listening:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def gate(redis):
    made = Gate(redis.port)
    yield made
    made.stop()


@pytest.fixture(params=ASKING)
def how(request):
    return ASKING[request.param]


@pytest.fixture
def start(chat, direct, proxy_factory, counting_upstream, gate):
    """start(changes) is a proxy behind the gate that takes in one request at a time; there is an item."""
    direct.ok("PutItem", put("1", "text"))

    def make(*changes, url=None):
        settings = test_redis.settings(url or gate.url, heartbeat="10s")
        for change in ({"listen": {"max_in_flight": 1}, "upstream": {"request_timeout": "30s"}}, *changes):
            settings = processes.merged(settings, change)
        return proxy_factory(counting_upstream.endpoint, settings)

    return make


class Asked:
    """Clients whose requests, one each, wait on the express way for Redis; meanwhile nothing else is taken in. With more
    than one client the proxy is a WIDE one."""

    def __init__(self, proxy, gate, upstream, count=1, behind=b"", data=GET):
        self.proxy, self.gate, self.upstream = proxy, gate, upstream
        self.places = PLACES if count > 1 else 1
        self.data, self.behind = data, behind
        waiting.until(lambda: self._try(count), "a request that waits for Redis")

    def _try(self, count):
        self.lines = [Line(self.proxy.port) for _ in range(count)]
        for line in self.lines:
            line.until_hit(self.data)
        self.place = self.upstream.hold("Scan", times=self.places)
        self.holders = [Line(self.proxy.port) for _ in range(self.places)]
        for holder in self.holders:
            holder.send(HELD)
        self.place.wait_for(self.places)
        self.gate.arm()
        for line in self.lines:
            line.send(self.data + self.behind)
        if len(self.behind) < 10_000:
            raw.wait_until_read(self.proxy.port, [line.sock for line in self.lines])
        with Line(self.proxy.port) as other:  # what came before it has been dealt with
            assert other.ask(HELD).status == 503
        if not any(self._has_reply(line) for line in self.lines):
            assert self.gate.held.wait(waiting.PATIENCE)
            return True
        self.let_others_in()  # a second has passed: it isn't known any more
        self.gate.release()
        for line in self.lines:
            line.sock.close()
        return False

    @staticmethod
    def _has_reply(line):
        return bool(select.select([line.sock], [], [], 0)[0])

    def let_others_in(self):
        self.place.release()
        for holder in self.holders:
            assert holder.reader.next().status == 200
            holder.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gate.release()
        self.place.release()
        for line in (*self.lines, *self.holders):
            line.sock.close()


def is_text(reply, text="text"):
    assert reply is not None and reply.status == 200, reply
    return reply.json["Item"]["v"]["S"] == text


def still_serves(proxy):
    with Line(proxy.port) as line:
        assert is_text(line.until_hit(GET))


def calls(redis, command):
    found = re.search(rf"^cmdstat_{command}:calls=(\d+)", redis.command("INFO", "commandstats"), re.MULTILINE)
    return int(found[1]) if found else 0


# ---- the reply ----


@pytest.mark.parametrize("operation", ["GetItem", "Query"])
def test_both_ways_say_the_same(start, how, counting_upstream, operation):
    """Header by header, in the same order, but for what names the reply and the moment."""
    proxy = start(how)
    body = get() if operation == "GetItem" else query()
    ask, other_way = raw.request(operation, body), raw.request(operation, body, extra=express.OTHER_WAY)
    but = ("Date", "x-amzn-RequestId")

    def all_three():
        with Line(proxy.port) as line:
            line.until_hit(other_way)
            before = line.until_hit(other_way)
            reply = express_hit(line, counting_upstream, ask, teach=other_way)
            after = line.until_hit(other_way)
        same = express.lines_of(before, *but) == express.lines_of(after, *but)
        return (before, reply) if same else None

    before, reply = waiting.until(all_three, "three replies within a second of the entry's life")
    assert [n for n, _ in reply.headers.items()] == [n for n, _ in before.headers.items()]
    assert express.lines_of(reply, *but) == express.lines_of(before, *but)
    assert reply.body == before.body
    assert ("detail=near" in reply.headers["Cache-Status"]) == ("16MiB" in str(how))


def test_what_is_asked(start, how, redis, counting_upstream):
    """One command for the unit, and one for its table; of what is held near no payload travels."""
    proxy = start(how)
    near = "16MiB" in str(how)
    with Line(proxy.port) as line:
        express_hit(line, counting_upstream, GET)
        for _ in range(20):
            line.until_hit(GET)
            before = calls(redis, "hget"), calls(redis, "hmget")
            assert line.ask(GET).cache == "HIT"
            after = calls(redis, "hget"), calls(redis, "hmget")
            assert (after[0] - before[0], after[1] - before[1]) == ((2, 0) if near else (1, 1))


# ---- never stale ----


@pytest.mark.parametrize("what", ["item", "table"])
def test_a_write_through_another_proxy_is_seen_at_once(start, how, counting_upstream, what):
    reader, writer = start(how, {"listen": {"max_in_flight": 100}}), start(how, {"listen": {"max_in_flight": 100}})
    update = {"Statement": f"UPDATE {TABLE} SET v=? WHERE pk=? AND sk=?"}
    hits = 0
    with Line(reader.port) as line, writer.wire() as through:
        for n in range(40):
            line.until_hit(GET)
            for _ in range(3):
                reply = line.ask(GET)
                hits += reply.cache == "HIT"
            text = f"version {n}"
            if what == "item":
                through.ok("PutItem", put("1", text))
            else:  # marks the whole table
                values = [{"S": text}, {"S": "room"}, {"S": "1"}]
                through.ok("ExecuteStatement", {**update, "Parameters": values})
            assert is_text(line.ask(GET), text), n
    assert hits > 60


@pytest.mark.parametrize("threads", [1, 2])
def test_no_read_is_older_than_what_was_acknowledged(start, how, threads):
    """Readers and a writer, each through a proxy of its own and one through both; tables' guards are shared by all."""
    wide = {"listen": {"threads": threads, "max_in_flight": 1000}}
    proxies = [start(how, wide) for _ in range(2)]
    acknowledged = [0, 0, 0]
    with proxies[0].wire() as writer:
        for n in range(3):
            waiting.until(lambda n=n: writer.call("PutItem", put(str(n), "0")).status == 200, "a write to be taken")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        readers = [
            pool.submit(express.reader, proxies[n % 2].port, random.Random(SEED + n), 2 * express.STEPS, acknowledged)
            for n in range(6)
        ]
        version = 0
        with proxies[0].wire() as one, proxies[1].wire() as other:
            while not all(r.done() for r in readers):
                version += 1
                for n in range(3):
                    (one if version % 2 else other).ok("PutItem", put(str(n), str(version)))
                    acknowledged[n] = version
                for _ in range(20):  # so that there are hits
                    one.ok("GetItem", get("0"))
        hits = sum(r.result() for r in readers)
    print(f"READASIDE_SEED={SEED}: {hits} hits, {version} versions")
    assert hits > express.STEPS and version > 1


def test_a_write_while_it_is_asked(start, how, counting_upstream, gate):
    """That read may have either; the next one has the new one."""
    proxy, other = start(how), start(how)
    with Asked(proxy, gate, counting_upstream) as asked:
        with other.wire() as through:  # its words to Redis are held too, so it isn't acknowledged before
            asked.let_others_in()
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                written = pool.submit(through.ok, "PutItem", put("1", "new"))
                gate.release()
                reply = asked.lines[0].reader.next()
                assert is_text(reply) or is_text(reply, "new")
                written.result()
        assert is_text(asked.lines[0].ask(GET), "new")


# ---- clients ----


@pytest.mark.parametrize("leaves", ["close", "reset", "half-close"])
@pytest.mark.parametrize("hit", [True, False], ids=["hit", "no hit"])
def test_a_client_that_leaves(start, how, counting_upstream, gate, redis, leaves, hit):
    proxy = start(how, WIDE)
    with Asked(proxy, gate, counting_upstream, count=3) as asked:
        peers = [line.sock.getsockname()[1] for line in asked.lines]
        for line in asked.lines[:2]:
            if leaves == "half-close":
                line.sock.shutdown(socket.SHUT_WR)
            else:
                if leaves == "reset":
                    raw.reset_on_close(line.sock)
                line.sock.close()
        for peer in peers[:2]:
            raw.wait_until_told(proxy.port, peer)
        asked.let_others_in()
        if not hit:
            for name in redis.keys(b"*ra1:*"):
                if not name.endswith(b"epochs"):
                    redis.command("DEL", name)
        gate.release()
        assert is_text(asked.lines[2].reader.next())
        if leaves == "half-close" and hit:
            for line in asked.lines[:2]:
                replies = line.ends()
                assert len(replies) == 1 and is_text(replies[0])
        for peer in peers[:2]:
            raw.wait_until_gone(proxy.port, peer)
        assert is_text(asked.lines[2].ask(GET))
    still_serves(proxy)


def test_requests_behind_it(start, how, counting_upstream, gate):
    """A hit, a write, a read of it, and one that ends the connection: in order, each once."""
    proxy = start(how)
    behind = (
        GET + raw.request("PutItem", put("2", "written")) + raw.request("GetItem", get("2")) + GET
        + raw.request("GetItem", get(), extra=("Connection: close",)) + GET
    )
    with Asked(proxy, gate, counting_upstream, behind=behind) as asked:
        assert counting_upstream.count("PutItem") == 0
        asked.let_others_in()
        gate.release()
        replies = asked.lines[0].ends()
        texts = [r.json["Item"]["v"]["S"] if r.json else None for r in replies]
        assert texts == ["text", "text", None, "written", "text", "text"]
        assert counting_upstream.count("PutItem") == 1
    still_serves(proxy)


def test_more_behind_it_than_is_taken(start, how, counting_upstream, gate):
    """What doesn't fit stays in the socket, and comes in its turn."""
    proxy = start(how)
    many = 60
    large = raw.request("GetItem", get(), extra=("X-Padding: " + "x" * 4000,))
    with Asked(proxy, gate, counting_upstream) as asked:
        line = asked.lines[0]
        sender = threading.Thread(target=line.send, args=(large * many,))
        sender.start()
        waiting.until(lambda: broken.queues(proxy.port, line.sock)[1] > 0, "the server to read no more")
        asked.let_others_in()
        gate.release()
        for _ in range(1 + many):
            assert is_text(line.reader.next())
        sender.join()
        assert is_text(line.ask(GET))


def test_the_rest_of_the_next_request_comes_later(start, how, counting_upstream, gate):
    proxy = start(how)
    for cut in (1, 17, GET.index(b"\r\n\r\n") + 4, len(GET) - 1):
        with Asked(proxy, gate, counting_upstream, behind=GET[:cut]) as asked:
            asked.let_others_in()
            line = asked.lines[0]
            if cut % 2:
                line.send(GET[cut:])  # while it is asked
                raw.wait_until_read(proxy.port, [line.sock])
            gate.release()
            assert is_text(line.reader.next())
            if not cut % 2:
                line.send(GET[cut:])
            assert is_text(line.reader.next())
            assert is_text(line.ask(GET))


def test_idle_timeout_while_it_is_asked(start, how, counting_upstream, gate):
    """Redis has that long; the client isn't told off for it."""
    proxy = start(how, {"listen": {"idle_timeout": "1s"}})
    with Asked(proxy, gate, counting_upstream) as asked:
        with Line(proxy.port) as silent:
            assert silent.ask(HELD).status == 503
            assert silent.reader.closed()
        gate.release()
        assert is_text(asked.lines[0].reader.next())
        asked.let_others_in()
        assert is_text(asked.lines[0].ask(GET))
    still_serves(proxy)


# ---- slow readers ----


@pytest.fixture
def stuck_in_the_end(monkeypatch):
    """On a busy machine a second may pass again and again before what was asked is known."""
    once = express.stuck

    def tried(*given):
        try:
            return once(*given)
        except AssertionError:
            return None

    monkeypatch.setattr(express, "stuck", lambda *given: waiting.until(lambda: tried(*given), "a reply that is stuck"))


@pytest.fixture(params=["linearizable", "linearizable, near"])
def slow(request, direct, start, stuck_in_the_end):
    express.large_table(direct)

    def make(**listen):
        return start(ASKING[request.param], {"listen": {"threads": 1, "max_in_flight": 100, **listen}})

    return make


def test_a_slow_reader_gets_everything(slow):
    express.test_a_slow_reader_gets_everything(slow)


def test_what_was_set_aside_is_in_order(slow, counting_upstream):
    express.test_what_was_set_aside_is_in_order(slow, counting_upstream)


@pytest.mark.parametrize("leaves", ["reset", "close", "half-close"])
def test_a_slow_reader_that_leaves(slow, counting_upstream, leaves):
    express.test_a_reader_that_leaves(slow, counting_upstream, leaves)


def test_a_drain_waits_for_a_slow_reader(slow):
    express.test_a_drain_waits_for_a_slow_reader(slow)


# ---- Redis ----


def test_no_hit_any_more(start, how, counting_upstream, gate, redis):
    """Another one has written, or Redis has evicted it: the request takes the other way, once."""
    proxy = start(how)
    with Asked(proxy, gate, counting_upstream, behind=GET) as asked:
        asked.let_others_in()
        counting_upstream.forget()
        for name in redis.keys(b"*ra1:*"):
            if not name.endswith(b"epochs"):
                redis.command("DEL", name)
        gate.release()
        first, second = (asked.lines[0].reader.next() for _ in range(2))
        assert is_text(first) and is_text(second) and first.cache == "MISS"
        assert counting_upstream.count("GetItem") in (1, 2)
        assert is_text(asked.lines[0].ask(GET))
        assert not asked.lines[0].reader.rest
    still_serves(proxy)


@pytest.mark.parametrize("hit", [True, False], ids=["hit", "no hit"])
def test_more_arrives_together_with_the_answer(start, how, counting_upstream, gate, redis, hit):
    """In one turn of the loop, behind it."""
    proxy = start(how)
    with Asked(proxy, gate, counting_upstream) as asked:
        asked.let_others_in()
        if not hit:
            for name in redis.keys(b"*ra1:*"):
                if not name.endswith(b"epochs"):
                    redis.command("DEL", name)
        test_redis_fast.stop(proxy.process)
        try:
            gate.release()
            waiting.until(lambda: gate.unread() >= (10 if "16MiB" in str(how) else 19), "the answer")
            asked.lines[0].send(GET + GET)
            waiting.until(lambda: broken.queues(proxy.port, asked.lines[0].sock)[1] == 2 * len(GET), "the requests")
        finally:
            test_redis_fast.resume(proxy.process)
        for _ in range(3):
            assert is_text(asked.lines[0].reader.next()), proxy.output()
    still_serves(proxy)


def test_redis_goes_while_it_is_asked(start, how, counting_upstream, gate):
    proxy = start(how, WIDE)
    with Asked(proxy, gate, counting_upstream, count=5, behind=GET) as asked:
        asked.let_others_in()
        counting_upstream.forget()
        gate.cut()
        replies = [line.reader.next() for line in asked.lines for _ in range(2)]
        assert all(is_text(r) for r in replies)
        assert replies[0].cache != "HIT"
        gate.release()
        for line in asked.lines:
            assert is_text(line.ask(GET))
    still_serves(proxy)


def test_redis_hangs_while_it_is_asked(start, how, counting_upstream, gate):
    proxy = start(how, WIDE, {"cache": {"redis": {"command_timeout": "500ms"}}})
    with Asked(proxy, gate, counting_upstream, count=5) as asked:
        asked.let_others_in()
        for line in asked.lines:
            reply = line.reader.next()
            assert is_text(reply) and reply.cache != "HIT"
        gate.release()
        for line in asked.lines:
            assert is_text(line.ask(GET))
            assert not line.reader.rest
    still_serves(proxy)


# ---- the end ----


@pytest.mark.parametrize("end", ["hits", "Redis goes"])
def test_a_drain_waits_for_redis(start, how, counting_upstream, gate, end):
    """And the replies end their connections, as all in a drain do."""
    proxy = start(how, WIDE)
    with Asked(proxy, gate, counting_upstream, count=3) as asked:
        proxy.terminate()
        waiting.until(lambda: not ports.accepts(proxy.port), "the listener to close")
        asked.let_others_in()
        assert proxy.alive()
        if end == "hits":
            gate.release()
        else:
            gate.cut()
        for line in asked.lines:
            replies = line.ends()
            assert len(replies) == 1 and is_text(replies[0])
            assert replies[0].headers["Connection"] == "close"
    assert proxy.wait() == 0
    assert "drain_timeout" not in proxy.output()


def test_a_drain_with_clients_that_have_left(start, how, counting_upstream, gate):
    proxy = start(how, WIDE)
    with Asked(proxy, gate, counting_upstream, count=3) as asked:
        peers = [line.sock.getsockname()[1] for line in asked.lines]
        for line in asked.lines:
            raw.reset_on_close(line.sock)
            line.sock.close()
        for peer in peers:
            raw.wait_until_told(proxy.port, peer)
        proxy.terminate()
        waiting.until(lambda: not ports.accepts(proxy.port), "the listener to close")
        asked.let_others_in()
        gate.release()
        assert proxy.wait() == 0
    assert "drain_timeout" not in proxy.output()


def test_a_drain_is_cut_short(start, how, counting_upstream, gate):
    proxy = start(how, WIDE, {"listen": {"drain_timeout": "200ms"}})
    with Asked(proxy, gate, counting_upstream, count=3, behind=GET):
        proxy.terminate()
        assert proxy.wait() == 0
    assert "drain_timeout" in proxy.output()


# ---- many ----


def test_many_connections_share_questions(start, counting_upstream, redis):
    proxy = start(ASKING["linearizable"], {"listen": {"max_in_flight": 1000}})
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(Line(proxy.port)) for _ in range(300)]
        lines[0].until_hit(GET)
        before = calls(redis, "hget"), calls(redis, "hmget")
        for _ in range(5):
            for line in lines:
                line.send(GET + GET)
            for line in lines:
                for _ in range(2):
                    assert is_text(line.reader.next())
        after = calls(redis, "hget"), calls(redis, "hmget")
        assert after[1] - before[1] >= 3000
        assert after[0] - before[0] < after[1] - before[1]
