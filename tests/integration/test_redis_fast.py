"""Writes and Redis: sent together with their marks, or only after them; refused, or passed on, when it can't be told."""
import itertools
import json
import random
import signal
import threading

import pytest
import test_redis as basics

from support import processes, raw, waiting

redis = basics.redis
redis_factory = basics.redis_factory
pool = basics.pool
put, version, until_hit = basics.put, basics.version, basics.until_hit
TABLE, GET, QUERY = basics.TABLE, basics.GET, basics.QUERY

PASS, REFUSE = {"writes_when_store_down": "pass"}, {"writes_when_store_down": "refuse"}
STRICT = {"consistency": "linearizable"}
# Who is told what when it can't be said to Redis first: (options, does the write go out?)
MODES = {
    "fast": ({}, True),
    "fast, refuse": (REFUSE, False),
    "eventual": ({"consistency": "eventual"}, True),
    "eventual, refuse": ({"consistency": "eventual", **REFUSE}, False),
    "strict": (STRICT, False),
    "strict, pass": ({**STRICT, **PASS}, True),
}
modes = pytest.mark.parametrize(("mode", "passes"), MODES.values(), ids=MODES)
passing = pytest.mark.parametrize("mode", [m for m, passes in MODES.values() if passes], ids=["fast", "eventual", "strict"])
CAN_TELL_LATE = "30s"  # longer than Redis is stopped in any test


def settings(url, more=None, **given):
    """Nothing is dead, or late, because a test has stopped Redis. What a process has near is seen by others only when
    it is told of a change, and these tests are about what it finds in Redis."""
    given = {"command_timeout": CAN_TELL_LATE, "heartbeat": "10s", **given}
    return processes.merged(basics.settings(url, **given), {"cache": {"near": {"max_bytes": "0"}}, **(more or {})})


def connected(proxy):
    """A hit shows it."""
    until_hit(proxy)
    return proxy


@pytest.fixture
def pair_factory(proxy_factory, counting_upstream, redis, plain, direct):
    """Two proxies on one Redis, both connected, and an item in both of its units."""

    def start(more=None, **given):
        direct.ok("PutItem", put("old"))
        made = [proxy_factory(counting_upstream.endpoint, settings(redis.url, more, **given)) for _ in range(2)]
        for proxy in made:
            until_hit(proxy)
            until_hit(proxy, "Query")
        counting_upstream.forget()
        return made

    return start


def stop(process):
    """Returns when it has stopped."""

    def stopped():
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "T"

    process.send_signal(signal.SIGSTOP)
    waiting.until(stopped, "the process to stop")


def resume(process):
    process.send_signal(signal.SIGCONT)


def turned(proxy):
    """The proxy's one loop has done what there was to be done before this."""
    assert proxy.call("ListTables", {}).status == 200


def no_stale_hit(proxies, expected):
    """Until each has hit again; not one read may be of another version."""
    for proxy in proxies:
        for operation in ("GetItem", "Query"):

            def hit(proxy=proxy, operation=operation):
                reply = proxy.call(operation, basics.READS[operation])
                assert (reply.status, version(operation, reply)) == (200, expected), reply
                return reply.cache == "HIT"

            waiting.until(hit, f"a hit on {operation} again; {proxy.output()}")


def until_unmarked(redis):
    """What is left of an index's marks, which have a little time to run, may stay until somebody reads there."""

    def live():
        now = int(redis.command("TIME")[0]) * 1000
        fields = [field for unit in redis.contents().values() for field in unit.items()]
        return [name for name, deadline in fields if name.startswith(b"w") and int(deadline) > now]

    waiting.until(lambda: live() == [], "the markers to end")


# ---- together ----


def test_the_request_goes_out_before_the_mark_is_acknowledged(pair_factory, redis, counting_upstream, pool):
    one, other = pair_factory()
    gate = counting_upstream.hold("PutItem", replies=True)
    stop(redis.process)
    writing = pool.submit(one.call, "PutItem", put("new"))
    held = gate.wait_for(1)  # Redis can't have acknowledged anything
    gate.release()
    held.answered.wait(waiting.PATIENCE)
    turned(one)
    assert not writing.done(), "the client is answered when both have come"
    resume(redis.process)
    assert writing.result().status == 200
    assert version("GetItem", other.call("GetItem", GET)) == "new"
    no_stale_hit((one, other), "new")
    until_unmarked(redis)


def test_the_mark_may_come_first(pair_factory, redis, counting_upstream, pool):
    one, other = pair_factory()
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(one.call, "PutItem", put("new"))
    gate.wait_for(1)
    waiting.until(lambda: len(redis.markers()) == 2, "the marks")
    assert other.call("GetItem", GET).cache == "BYPASS"
    assert not writing.done()
    gate.release()
    assert writing.result().status == 200
    no_stale_hit((one, other), "new")
    until_unmarked(redis)


@pytest.mark.parametrize("mode", [STRICT, {**STRICT, **PASS}, REFUSE], ids=["strict", "strict, pass", "fast, refuse"])
def test_others_are_sent_only_once_they_are_marked(pair_factory, redis, counting_upstream, pool, chat, mode):
    """Its own loop sends another table's write meanwhile: what is missing upstream waits for Redis."""
    default = processes.base_config("")["tables"]["*"]
    # A window for signing that doesn't run out while Redis is stopped.
    mode = {"unknown_write_hold": "17m", "tables": {"*": {**default, **mode}, "chat": default}}
    one, _ = pair_factory(mode)
    until_hit(one, "GetItem", {"TableName": chat, "Key": basics.KEY})  # its schema is known
    stop(redis.process)
    with raw.connect(one.port) as client:
        client.sendall(raw.request("PutItem", put("new")))
        raw.wait_until_read(one.port, [client])
        quick = {"TableName": "chat", "Item": {"pk": {"S": "room"}, "sk": {"S": "1"}}}
        writing = pool.submit(one.call, "PutItem", quick)
        waiting.until(lambda: counting_upstream.count("PutItem"), "the other write")
        assert [seen.json["TableName"] for seen in counting_upstream.seen("PutItem")] == ["chat"]
        resume(redis.process)
        assert raw.ReplyReader(client).next().status == 200
        assert writing.result().status == 200
    assert counting_upstream.count("PutItem") == 2
    no_stale_hit((one,), "new")


def test_a_rejected_write_ends_its_marks(pair_factory, redis, counting_upstream, pool):
    one, other = pair_factory()
    stop(redis.process)
    never = {**put("never"), "ConditionExpression": "attribute_not_exists(pk)"}
    writing = pool.submit(one.call, "PutItem", never)
    waiting.until(lambda: counting_upstream.count("PutItem"), "the request")
    resume(redis.process)
    assert writing.result().error == "ConditionalCheckFailedException"
    no_stale_hit((one, other), "old")
    until_unmarked(redis)


@pytest.mark.parametrize("redis_stalls", [False, True])
@pytest.mark.parametrize("mode", [{}, STRICT], ids=["fast", "strict"])
def test_a_write_that_cant_be_sent_ends_its_marks(pair_factory, redis, counting_upstream, pool, mode, redis_stalls):
    one, _ = pair_factory({**mode, "unknown_write_hold": "17m"})
    counting_upstream.server.shutdown()
    counting_upstream.server.server_close()
    counting_upstream.cut("Scan")  # what it has kept of connections

    def unreachable():
        return "can't be reached" in one.call("Scan", {"TableName": TABLE}).message

    waiting.until(unreachable, "the last connection's end")
    if redis_stalls:
        stop(redis.process)
    writing = pool.submit(one.call, "PutItem", put("never"))
    resume(redis.process)
    reply = writing.result()
    assert reply.status == 503 and "can't be reached" in reply.message
    assert counting_upstream.count("PutItem") == 0
    until_unmarked(redis)


def test_a_client_that_leaves_while_both_are_awaited(pair_factory, redis, counting_upstream):
    one, other = pair_factory()
    gate = counting_upstream.hold("PutItem")
    stop(redis.process)
    with raw.connect(one.port) as client:
        raw.reset_on_close(client)
        client.sendall(raw.request("PutItem", put("new")))
        gate.wait_for(1)
    turned(one)
    resume(redis.process)
    gate.release()
    until_unmarked(redis)
    no_stale_hit((one, other), "new")


@pytest.mark.parametrize("redis_first", [True, False])
def test_a_drain_with_both_awaited(pair_factory, redis, counting_upstream, pool, redis_first):
    one, other = pair_factory()
    gate = counting_upstream.hold("PutItem", replies=True)
    stop(redis.process)
    writing = pool.submit(one.call, "PutItem", put("new"))
    held = gate.wait_for(1)
    one.terminate()
    waiting.until(lambda: "finishing what is in flight" in one.output(), "the drain to begin")
    if redis_first:
        resume(redis.process)
        waiting.until(lambda: len(redis.markers()) == 2, "the marks")
        gate.release()
    else:
        gate.release()
        held.answered.wait(waiting.PATIENCE)
        resume(redis.process)
    assert writing.result().status == 200
    assert one.wait() == 0
    assert redis.markers() == []
    no_stale_hit((other,), "new")


def test_a_drain_that_is_cut_short_with_both_awaited(pair_factory, redis, counting_upstream, pool):
    one, _ = pair_factory({"listen": {"threads": 1, "drain_timeout": "100ms"}})
    counting_upstream.hold("PutItem")
    stop(redis.process)
    writing = pool.submit(one.call, "PutItem", put("new"))
    waiting.until(lambda: counting_upstream.count("PutItem"), "the request")
    one.stop()  # and a sanitizer has nothing to say
    assert writing.exception() is not None
    resume(redis.process)


# ---- Redis can't be told ----


@modes
def test_redis_is_down(pair_factory, redis, counting_upstream, mode, passes):
    one, other = pair_factory(mode)
    redis.kill()
    for proxy in (one, other):
        waiting.until(lambda p=proxy: p.call("GetItem", GET).cache == "BYPASS", "the loss to be noticed")
    counting_upstream.forget()
    reply = one.call("PutItem", put("new"))
    now = "new" if passes else "old"
    assert (reply.status, counting_upstream.count("PutItem")) == ((200, 1) if passes else (503, 0))
    assert reply.error == (None if passes else "ServiceUnavailable")
    for proxy in (one, other):
        found = proxy.call("GetItem", GET)
        assert (found.status, found.cache, version("GetItem", found)) == (200, "BYPASS", now)
    redis.start()
    no_stale_hit((one, other), now)
    until_unmarked(redis)


@passing
@pytest.mark.parametrize("reply_first", [True, False])
def test_redis_goes_while_a_write_is_under_way(pair_factory, redis, counting_upstream, pool, mode, reply_first):
    """One that was marked, or asked to be; linearizable isn't sent before that has come to an end."""
    one, other = pair_factory({**mode, "unknown_write_hold": "17m"})
    sent_first = reply_first and mode.get("consistency") != "linearizable"
    gate = counting_upstream.hold("PutItem")
    stop(redis.process)
    writing = pool.submit(one.call, "PutItem", put("new"))
    if sent_first:
        held = gate.wait_for(1)
        gate.release()
        held.answered.wait(waiting.PATIENCE)
        turned(one)
        assert not writing.done()
    redis.kill()
    gate.wait_for(1)
    gate.release()
    assert writing.result().status == 200
    assert version("GetItem", one.call("GetItem", GET)) == "new"
    redis.start()
    no_stale_hit((one, other), "new")
    until_unmarked(redis)


@modes
def test_redis_does_not_answer(pair_factory, redis, counting_upstream, mode, passes):
    one, other = pair_factory({**mode, "unknown_write_hold": "17m"}, command_timeout="300ms")
    stop(redis.process)
    reply = one.call("PutItem", put("new"))
    now = "new" if passes else "old"
    assert (reply.status, counting_upstream.count("PutItem")) == ((200, 1) if passes else (503, 0))
    found = one.call("GetItem", GET)
    assert (found.status, found.cache, version("GetItem", found)) == (200, "BYPASS", now)
    resume(redis.process)
    until_hit(one)  # by then it has told Redis
    no_stale_hit((one, other), now)
    until_unmarked(redis)


@modes
def test_quarantine(proxy_factory, redis, counting_upstream, plain, direct, mode, passes):
    direct.ok("PutItem", put("old"))
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url, mode, quarantine="1h"))
    waiting.until(lambda: "nothing is served from it at first" in proxy.output(), "the quarantine to be said")
    reply = proxy.call("PutItem", put("new"))
    assert (reply.status, counting_upstream.count("PutItem")) == ((200, 1) if passes else (503, 0))
    found = proxy.call("GetItem", GET)
    assert (found.status, found.cache) == (200, "BYPASS")
    assert version("GetItem", found) == ("new" if passes else "old")
    until_unmarked(redis)


def test_a_write_that_outlasts_the_quarantine(proxy_factory, redis, counting_upstream, plain, direct, pool):
    """It is marked while Redis is new, so that nobody fills what it is about to change."""
    direct.ok("PutItem", put("old"))
    quiet = settings(redis.url, quarantine="3s", heartbeat="200ms")
    one, other = (proxy_factory(counting_upstream.endpoint, quiet) for _ in range(2))
    waiting.until(lambda: "nothing is served from it at first" in one.output(), "the quarantine to be said")
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(one.call, "PutItem", put("new"))
    gate.wait_for(1)
    for proxy in (one, other):

        def served(proxy=proxy):
            return proxy.call("GetItem", {**GET, "Key": {**basics.KEY, "sk": {"S": "2"}}}).cache == "HIT"

        waiting.until(served, f"the quarantine's end; {proxy.output()}")
        found = proxy.call("GetItem", GET)
        assert found.cache == "BYPASS" and "write-in-progress" in found.headers["Cache-Status"]
    gate.release()
    assert writing.result().status == 200
    no_stale_hit((one, other), "new")
    until_unmarked(redis)


def test_one_proxy_alone_has_lost_redis(proxy_factory, redis, counting_upstream, plain, direct):
    """Its writes promise the other nothing; once it is back they do, before it serves a hit itself."""
    redis.command("ACL", "SETUSER", "one", "reset", "on", ">word", "~*", "+@all")
    direct.ok("PutItem", put("old"))
    one = proxy_factory(counting_upstream.endpoint, settings(f"redis://one:word@127.0.0.1:{redis.port}"))
    other = proxy_factory(counting_upstream.endpoint, settings(redis.url))
    connected(one), connected(other)
    redis.command("ACL", "SETUSER", "one", "off")
    redis.command("CLIENT", "KILL", "USER", "one")
    waiting.until(lambda: one.call("GetItem", GET).cache == "BYPASS", "the loss to be noticed")
    for number in range(3):
        assert one.call("PutItem", put(f"new {number}")).status == 200
    assert version("GetItem", one.call("GetItem", GET)) == "new 2"
    still = other.call("GetItem", GET)
    assert (still.cache, version("GetItem", still)) == ("HIT", "old"), "nobody has told it: the test is about nothing"
    redis.command("ACL", "SETUSER", "one", "on")
    assert version("GetItem", until_hit(one)) == "new 2"
    no_stale_hit((other, one), "new 2")
    until_unmarked(redis)


def test_what_the_process_has_near(proxy_factory, redis, counting_upstream, plain, direct):
    """Its own writes are seen at once, whether Redis can be told or not."""
    direct.ok("PutItem", put("old"))
    near = {"cache": {"near": {"max_bytes": "1MiB", "max_age": "60s"}}}
    proxy = proxy_factory(counting_upstream.endpoint, settings(redis.url, near))

    def near_hit():
        reply = until_hit(proxy)
        return reply if "detail=near" in reply.headers["Cache-Status"] else None

    for number in range(4):
        waiting.until(near_hit, f"a hit in the near cache; {proxy.output()}")
        if number % 2:
            redis.kill()
        assert proxy.call("PutItem", put(str(number))).status == 200
        assert version("GetItem", proxy.call("GetItem", GET)) == str(number)
        if number % 2:
            redis.start()
        no_stale_hit([proxy], str(number))


# ---- several tables ----


def both_tables(text):
    def item(table, **more):
        return {"Put": {"TableName": table, "Item": {**basics.KEY, "version": {"S": text}, **more}}}

    return {"TransactItems": [item(TABLE), item("chat", owner={"S": "ann"})]}


@pytest.mark.parametrize(
    ("of_chat", "passes"),
    [({}, True), (REFUSE, False), (STRICT, False), ({**STRICT, **PASS}, True)],
    ids=["pass", "refuse", "strict", "strict, pass"],
)
def test_a_write_to_two_tables_while_redis_is_down(pair_factory, redis, counting_upstream, direct, chat, of_chat, passes):
    default = processes.base_config("")["tables"]["*"]
    one, _ = pair_factory({"tables": {"chat": {**default, **of_chat}}})
    redis.kill()
    waiting.until(lambda: one.call("GetItem", GET).cache == "BYPASS", "the loss to be noticed")
    assert one.call("PutItem", put("alone")).status == 200
    reply = one.call("TransactWriteItems", both_tables("both"))
    sent = counting_upstream.count("TransactWriteItems")
    assert (reply.status, sent) == ((200, 1) if passes else (503, 0))
    assert version("GetItem", direct.call("GetItem", GET)) == ("both" if passes else "alone")


@pytest.mark.parametrize("of_chat", [{}, {**STRICT, **PASS}], ids=["fast", "strict, pass"])
def test_of_two_tables_the_stricter_counts(pair_factory, redis, counting_upstream, pool, chat, of_chat):
    default = processes.base_config("")["tables"]["*"]
    one, _ = pair_factory({"unknown_write_hold": "17m", "tables": {"chat": {**default, **of_chat}}})
    read = {"TableName": "chat", "Key": basics.KEY}
    until_hit(one, "GetItem", read)  # its schema is known: nothing else is asked upstream
    stop(redis.process)
    writing = pool.submit(one.call, "TransactWriteItems", both_tables("both"))
    if of_chat:
        quick = pool.submit(one.call, "PutItem", {**put("1"), "Item": {"pk": {"S": "other"}, "sk": {"S": "1"}}})
        waiting.until(lambda: counting_upstream.count("PutItem"), "the quick write")
        assert counting_upstream.count("TransactWriteItems") == 0
    else:
        waiting.until(lambda: counting_upstream.count("TransactWriteItems"), "the request")
    resume(redis.process)
    assert writing.result().status == 200
    if of_chat:
        assert quick.result().status == 200
    until_unmarked(redis)


@pytest.mark.parametrize("of_another", [{}, REFUSE, STRICT], ids=["pass", "refuse", "strict"])
def test_a_write_that_may_touch_any_table(pair_factory, redis, counting_upstream, of_another):
    default = processes.base_config("")["tables"]["*"]
    one, _ = pair_factory({"tables": {"another": {**default, **of_another}}})
    redis.kill()
    waiting.until(lambda: one.call("GetItem", GET).cache == "BYPASS", "the loss to be noticed")
    reply = one.call("ExecuteStatement", {"Statement": "not a statement"})
    sent = counting_upstream.count("ExecuteStatement")
    assert (reply.status, sent) == ((503, 0) if of_another else (400, 1))


# ---- global indexes: marks that only the reply tells of ----


def test_the_old_items_index_partition_while_redis_is_down(pair_factory, redis, counting_upstream, direct, chat, pool):
    one, other = pair_factory()
    item = {**basics.KEY, "owner": {"S": "ann"}}
    direct.ok("PutItem", {"TableName": "chat", "Item": item})
    by_owner = {
        "TableName": "chat",
        "IndexName": "by-owner",
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": {"S": "ann"}},
    }
    for proxy in (one, other):
        assert until_hit(proxy, "Query", by_owner).json["Count"] == 1
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(one.call, "PutItem", {"TableName": "chat", "Item": {**item, "owner": {"S": "bob"}}})
    gate.wait_for(1)
    waiting.until(lambda: len(redis.markers()) == 3, "the item's mark, its partition's and the new owner's")
    redis.kill()
    waiting.until(lambda: one.call("GetItem", GET).cache == "BYPASS", "the loss to be noticed")
    gate.release()
    assert writing.result().status == 200
    assert one.call("Query", by_owner).json["Count"] == 0
    redis.start()
    for proxy in (one, other):
        assert until_hit(proxy, "Query", by_owner).json["Count"] == 0
    waiting.until(lambda: other.call("Query", by_owner).json["Count"] == 0, "the index")


# ---- a process that was stopped past its marks' time ----

HELD = {"unknown_write_hold": "6s"}


def filled_meanwhile(other):
    """The marks have run out, and another proxy has cached what was there."""
    assert version("GetItem", until_hit(other)) == "old"


def a_write_without_marks(pair_factory, redis, counting_upstream, direct, pool):
    """A write through the first proxy, which was stopped when it had the reply but not Redis's answer. Its marks have
    run out, and the upstream that has said that it is done does it only then."""
    one, other = pair_factory(HELD)
    counting_upstream.fail("PutItem", status=200)
    stop(redis.process)
    writing = pool.submit(one.call, "PutItem", put("new"))
    waiting.until(lambda: counting_upstream.count("PutItem"), "the request")
    counting_upstream.seen("PutItem")[0].answered.wait(waiting.PATIENCE)
    turned(one)
    stop(one.process)
    resume(redis.process)
    filled_meanwhile(other)
    direct.ok("PutItem", put("new"))
    assert not writing.done()
    return one, other, writing


def test_marks_that_have_run_out_are_set_again(pair_factory, redis, counting_upstream, direct, pool):
    one, other, writing = a_write_without_marks(pair_factory, redis, counting_upstream, direct, pool)
    assert version("GetItem", other.call("GetItem", GET)) == "old", "or the test shows nothing"
    stop(redis.process)
    resume(one.process)
    turned(one)
    turned(one)
    assert not writing.done(), "what the other has cached must be dropped before"
    resume(redis.process)
    assert writing.result().status == 200
    assert version("GetItem", other.call("GetItem", GET)) == "new"
    no_stale_hit((one, other), "new")
    until_unmarked(redis)


def test_marks_that_cant_be_set_again(pair_factory, redis, counting_upstream, direct, pool):
    one, other, writing = a_write_without_marks(pair_factory, redis, counting_upstream, direct, pool)
    redis.kill()
    resume(one.process)
    assert writing.result().status == 200
    redis.start()
    no_stale_hit((one, other), "new")
    until_unmarked(redis)


def test_where_writes_are_refused_the_client_is_not_told_that_it_is_done(
    pair_factory, redis, counting_upstream, direct, chat, pool
):
    """The index partition of the old item is being marked when Redis stops."""
    one, other = pair_factory({**HELD, **REFUSE})
    item = {**basics.KEY, "owner": {"S": "ann"}}
    direct.ok("PutItem", {"TableName": "chat", "Item": item})
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(one.call, "PutItem", {"TableName": "chat", "Item": {**item, "owner": {"S": "bob"}}})
    held = gate.wait_for(1)
    stop(redis.process)
    gate.release()
    held.answered.wait(waiting.PATIENCE)
    turned(one)
    stop(one.process)
    resume(redis.process)
    read = {"TableName": "chat", "Key": basics.KEY}
    assert until_hit(other, "GetItem", read).json["Item"]["owner"] == {"S": "bob"}
    redis.kill()
    resume(one.process)
    reply = writing.result()
    assert (reply.status, reply.error) == (503, "ServiceUnavailable")
    assert "was carried out" in reply.message
    redis.start()
    for proxy in (one, other):
        assert until_hit(proxy, "GetItem", read).json["Item"]["owner"] == {"S": "bob"}
    until_unmarked(redis)


# ---- random ----


def test_no_read_is_older_than_an_acknowledged_write(pair_factory, redis):
    """One writer, through either proxy; readers through both. Redis stalls now and then."""
    proxies = pair_factory()
    acknowledged, over = [0], threading.Event()
    dice = random.Random(processes_seed())
    assert proxies[0].call("PutItem", put("0")).status == 200

    def read(proxy, operation):
        hits, seen = 0, 0
        with proxy.wire() as connection:
            while not over.is_set():
                due = acknowledged[0]
                reply = connection.ok(operation, basics.READS[operation])
                found = int(version(operation, reply))
                assert found >= due, f"{reply.cache}: {found} after {due} was acknowledged"
                hits += reply.cache == "HIT"
                seen += 1
        return hits, seen

    with basics.concurrent.futures.ThreadPoolExecutor(8) as readers:
        pairs = itertools.product(proxies, ("GetItem", "Query"))
        reading = [readers.submit(read, *pair) for pair in pairs]
        try:
            for number in range(1, 301):
                if dice.random() < 0.1:
                    redis.command("CLIENT", "PAUSE", dice.randrange(1, 30), "ALL")
                assert dice.choice(proxies).call("PutItem", put(str(number))).status == 200
                acknowledged[0] = number
                if dice.random() < 0.3:
                    until_hit(dice.choice(proxies))
        finally:
            over.set()
        results = [r.result() for r in reading]
    assert all(hits > 0 for hits, _ in results), f"the cache was hardly met: {results}"


def processes_seed():
    return basics.differential.SEED + 11


# ---- BatchGetItem ----


def test_a_batch_says_why_it_bypasses(pair_factory, redis, counting_upstream, pool):
    one, other = pair_factory()
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(one.call, "PutItem", put("new"))
    gate.wait_for(1)
    waiting.until(lambda: len(redis.markers()) == 2, "the marks")
    keys = [{**basics.KEY, "sk": {"S": str(n)}} for n in (3, 1, 2)]
    for several in ([basics.KEY], keys):
        reply = other.call("BatchGetItem", {"RequestItems": {TABLE: {"Keys": several}}})
        assert reply.status == 200 and "detail=write-in-progress" in reply.headers["Cache-Status"], reply
    gate.release()
    assert writing.result().status == 200


# ---- the command line ----


@modes
def test_check_says_what_becomes_of_writes(readaside_binary, tmp_path, redis, mode, passes):
    done = basics.check(readaside_binary, tmp_path, settings(redis.url, mode), {})
    assert done.returncode == 0, done.stderr
    assert ("writes_when_store_down pass: " in done.stdout) == passes
    assert ("writes_when_store_down refuse: " in done.stdout) == (not passes)
    assert ("nothing is linearizable" in done.stdout) == (passes and mode.get("consistency") == "linearizable")


def test_check_refuses_the_option_where_nothing_is_ever_down(readaside_binary, tmp_path):
    done = basics.check(readaside_binary, tmp_path, PASS, {})
    assert done.returncode == 2
    assert "writes_when_store_down: " in done.stderr and "never down" in done.stderr, json.dumps(done.stderr)
