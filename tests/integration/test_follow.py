"""Followed streams: writes behind the proxy's back invalidate, the proxies' own don't; lag. Several proxies on
one store are in test_follow_shared.py."""
import calendar
import itertools
import re
import subprocess
import time

import pytest

from support import following, processes, tables, waiting
from support.following import caught_up, stats


def key(sk="1", pk="a"):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def item(value, sk="1", pk="a", **more):
    return {**key(sk, pk), "v": {"S": value}, **{n: {"S": v} for n, v in more.items()}}


def get(table, sk="1", pk="a"):
    return "GetItem", {"TableName": table, "Key": key(sk, pk)}


def query(table, pk="a"):
    return "Query", {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
    }


def by_owner(owner):
    return "Query", {
        "TableName": "chat",
        "IndexName": "by-owner",
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": {"S": owner}},
    }


def warm(proxy, read):
    """Reads until it is a hit; that."""

    def hit():
        reply = proxy.call(*read)
        return reply if reply.cache == "HIT" else None

    return waiting.until(hit, f"a hit on {read}; {proxy.output()}")


def values(reply):
    found = reply.json
    if "Items" in found:
        return sorted(one["v"]["S"] for one in found["Items"])
    return [found["Item"]["v"]["S"]] if "Item" in found else []


def fresh_as_of(reply):
    """Its ms since the epoch; None: it doesn't say."""
    text = reply.headers.get("X-Cache-Fresh-As-Of")
    if text is None:
        return None
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z", text)
    return calendar.timegm(time.strptime(found[1], "%Y-%m-%dT%H:%M:%S")) * 1000 + int(found[2])


@pytest.fixture
def make(direct):
    """make(definition, view) makes a table with a stream; its name."""

    def with_stream(table, view=following.VIEW):
        tables.create(direct, following.streamed(table, view))
        return table["TableName"]

    return with_stream


@pytest.fixture
def following_proxy(proxy_factory, counting_upstream):
    """following_proxy(table, changes, **of_table) is a proxy that has caught up with the table's stream."""

    def start(table, changes=None, wait=True, **of_table):
        proxy = proxy_factory(counting_upstream.endpoint, following.settings(table, changes, **of_table))
        if wait:
            caught_up(proxy, table)
        return proxy

    return start


# ---- writes behind the proxy's back ----

def writes(table):
    """Every way to write, one item and partition each: {partition: (operation, body)}."""

    def made(pk):
        return {"TableName": table, "Item": item("new", pk=pk)}

    return {
        "put": ("PutItem", made("put")),
        "update": (
            "UpdateItem",
            {
                "TableName": table,
                "Key": key(pk="update"),
                "UpdateExpression": "SET v = :v",
                "ExpressionAttributeValues": {":v": {"S": "new"}},
            },
        ),
        "batch": ("BatchWriteItem", {"RequestItems": {table: [{"PutRequest": {"Item": item("new", pk="batch")}}]}}),
        "transaction": ("TransactWriteItems", {"TransactItems": [{"Put": made("transaction")}]}),
        "delete": ("DeleteItem", {"TableName": table, "Key": key(pk="delete")}),
        "statement": (
            "ExecuteStatement",
            {"Statement": f"UPDATE \"{table}\" SET v='new' WHERE pk='statement' AND sk='1'"},
        ),
    }


@pytest.mark.parametrize("view", ["NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY"])
def test_whatever_is_written_elsewhere_is_seen(make, following_proxy, direct, view):
    table = make(tables.plain(), view)
    proxy = following_proxy(table)
    for pk in writes(table):
        direct.ok("PutItem", {"TableName": table, "Item": item("old", pk=pk)})
    caught_up(proxy, table)
    for pk in writes(table):
        for read in (get(table, pk=pk), query(table, pk)):
            assert values(warm(proxy, read)) == ["old"], pk
    for operation, body in writes(table).values():
        direct.ok(operation, body)
    caught_up(proxy, table)
    for pk in writes(table):
        for read in (get(table, pk=pk), query(table, pk)):
            reply = proxy.call(*read)
            assert values(reply) == ([] if pk == "delete" else ["new"]), (pk, read, reply)
    known = stats(proxy, table)
    assert known["view"] == view and known["own"] == 0 and known["records"] == 2 * len(writes(table))


def test_an_item_that_was_not_there(make, following_proxy, direct):
    table = make(tables.plain())
    proxy = following_proxy(table)
    assert values(warm(proxy, get(table))) == [] and values(warm(proxy, query(table))) == []
    direct.ok("PutItem", {"TableName": table, "Item": item("new")})
    caught_up(proxy, table)
    assert values(proxy.call(*get(table))) == ["new"] and values(proxy.call(*query(table))) == ["new"]


def test_what_did_not_change_stays_cached(make, following_proxy, direct):
    table = make(tables.chat())
    for pk, owner in (("a", "ann"), ("b", "bob")):
        direct.ok("PutItem", {"TableName": table, "Item": item("old", "1", pk, owner=owner)})
    proxy = following_proxy(table)
    for read in (query(table, "a"), query(table, "b"), by_owner("ann"), by_owner("bob")):
        warm(proxy, read)
    direct.ok("PutItem", {"TableName": table, "Item": item("new", "1", "a", owner="ann")})
    caught_up(proxy, table)
    assert proxy.call(*query(table, "b")).cache == "HIT"
    assert proxy.call(*by_owner("bob")).cache == "HIT"
    assert values(proxy.call(*query(table, "a"))) == ["new"]
    assert values(proxy.call(*by_owner("ann"))) == ["new"]


def test_an_index_loses_what_an_item_was_in_and_gets_what_it_is_in(make, following_proxy, direct):
    table = make(tables.chat())
    direct.ok("PutItem", {"TableName": table, "Item": item("old", owner="ann")})
    proxy = following_proxy(table)
    assert values(warm(proxy, by_owner("ann"))) == ["old"] and values(warm(proxy, by_owner("bob"))) == []
    direct.ok("PutItem", {"TableName": table, "Item": item("new", owner="bob")})
    caught_up(proxy, table)
    assert values(proxy.call(*by_owner("ann"))) == [] and values(proxy.call(*by_owner("bob"))) == ["new"]
    warm(proxy, by_owner("bob"))
    direct.ok("DeleteItem", {"TableName": table, "Key": key()})
    caught_up(proxy, table)
    assert values(proxy.call(*by_owner("bob"))) == []


@pytest.mark.parametrize("view, costs", [("NEW_IMAGE", "MODIFY and REMOVE"), ("KEYS_ONLY", "change of an item")])
def test_without_the_old_image_a_whole_index_is_dropped(make, following_proxy, direct, view, costs):
    table = make(tables.chat(), view)
    direct.ok("PutItem", {"TableName": table, "Item": item("old", owner="ann")})
    direct.ok("PutItem", {"TableName": table, "Item": item("old", "1", "b", owner="bob")})
    proxy = following_proxy(table)
    assert f"has the view {view}, so that each {costs}" in proxy.output()
    warm(proxy, by_owner("ann"))
    warm(proxy, by_owner("bob"))
    direct.ok("PutItem", {"TableName": table, "Item": item("new", owner="eve")})
    caught_up(proxy, table)
    assert proxy.call(*by_owner("bob")).cache == "MISS"
    assert values(proxy.call(*by_owner("ann"))) == [] and values(proxy.call(*by_owner("eve"))) == ["new"]


# ---- the proxy's own writes ----


def test_own_writes_do_not_drop_what_was_refilled(make, following_proxy, direct):
    table = make(tables.plain())
    for pk in writes(table):
        direct.ok("PutItem", {"TableName": table, "Item": item("old", pk=pk)})
    proxy = following_proxy(table)
    for operation, body in writes(table).values():
        reply = proxy.call(operation, body)
        assert reply.status == 200 and "Attributes" not in reply.json
    for pk in writes(table):
        warm(proxy, get(table, pk=pk))
        warm(proxy, query(table, pk))
    known = caught_up(proxy, table)
    for pk in writes(table):
        if pk != "statement":  # what that does isn't looked into
            assert proxy.call(*get(table, pk=pk)).cache == "HIT", (pk, known)
            assert proxy.call(*query(table, pk)).cache == "HIT", (pk, known)
    assert known["records"] == 6 and known["own"] == 5 and known["own_share"] == 0.8333
    assert known["invalidated"] == 1 + 2  # at the start the table as a whole; and the statement's item


def test_own_writes_of_a_table_with_an_index(make, following_proxy):
    table = make(tables.chat())
    proxy = following_proxy(table)
    for sk, owner in (("1", "ann"), ("2", "bob"), ("3", "bob")):
        assert proxy.call("PutItem", {"TableName": table, "Item": item("x", sk, owner=owner)}).json == {}
    caught_up(proxy, table)
    assert proxy.call("DeleteItem", {"TableName": table, "Key": key()}).json == {}
    known = caught_up(proxy, table)
    assert known["records"] == known["own"] == 4


def test_a_stranger_between_own_writes_is_not_taken_for_one(make, following_proxy, direct):
    """The same images again and again, from both sides: what is read is always what is there."""
    table = make(tables.plain())
    proxy = following_proxy(table)

    def write(through, pk, value):
        through("PutItem", {"TableName": table, "Item": item(value, pk=pk)})

    orders = ["".join(order) for order in itertools.product("xyXY", repeat=3)]
    for turn in range(3):
        for pk in orders:
            for letter in pk[: turn + 1]:  # capitals are strangers'
                write(direct.ok if letter.isupper() else proxy.call, pk, letter.lower())
                proxy.call(*get(table, pk=pk))
        caught_up(proxy, table)
        for pk in orders:
            assert values(proxy.call(*get(table, pk=pk))) == [pk[turn].lower()], (pk, turn)


# ---- how fresh, and how far behind ----


def test_hits_say_how_fresh_they_are_where_that_is_asked_for(make, following_proxy, direct):
    table = make(tables.plain())
    direct.ok("PutItem", {"TableName": table, "Item": item("old")})
    proxy = following_proxy(table, fresh_as_of=True)
    miss = proxy.call(*get(table))
    assert miss.cache == "MISS" and fresh_as_of(miss) is None
    before = 0
    for _ in range(20):
        hit = warm(proxy, get(table))
        assert before <= fresh_as_of(hit) <= following.now()
        before = fresh_as_of(hit)
    since = following.now()
    waiting.until(lambda: fresh_as_of(warm(proxy, get(table))) >= since, "the header to go on")
    batch = {"RequestItems": {table: {"Keys": [key()]}}}
    assert fresh_as_of(warm(proxy, ("BatchGetItem", batch))) >= since


def test_hits_do_not_say_it_where_it_was_not_asked_for(make, following_proxy, direct):
    table = make(tables.plain())
    direct.ok("PutItem", {"TableName": table, "Item": item("old")})
    proxy = following_proxy(table)
    assert fresh_as_of(warm(proxy, get(table))) is None


def test_reads_bypass_the_cache_while_following_lags(make, following_proxy, direct, counting_upstream):
    table = make(tables.plain())
    direct.ok("PutItem", {"TableName": table, "Item": item("old")})
    proxy = following_proxy(table, max_stream_lag="1s")
    warm(proxy, get(table))
    warm(proxy, query(table))
    counting_upstream.fail("GetRecords")
    direct.ok("PutItem", {"TableName": table, "Item": item("new")})

    def lags():
        reply = proxy.call(*get(table))
        return reply if reply.cache == "BYPASS" else None

    reply = waiting.until(lags, "reads to bypass the cache")
    assert "detail=stream-lag" in reply.headers["Cache-Status"] and values(reply) == ["new"]
    many = proxy.call("BatchGetItem", {"RequestItems": {table: {"Keys": [key()]}}})
    assert "detail=stream-lag" in many.headers["Cache-Status"] and "stored" not in many.headers["Cache-Status"]
    with proxy.wire() as connection:  # the express way knows it as well
        assert [connection.call(*query(table)).cache for _ in range(3)] == ["BYPASS"] * 3
    waiting.until(lambda: "more than max_stream_lag" in proxy.output(), "the log to say so")
    counting_upstream.clear()
    assert values(warm(proxy, get(table))) == ["new"]
    assert "has caught up" in proxy.output()


def test_a_table_without_a_stream_and_one_that_gets_it(direct, following_proxy):
    tables.create(direct, tables.plain())
    proxy = following_proxy("plain", wait=False, max_stream_lag="5s")
    waiting.until(lambda: "it has no stream" in proxy.output(), "the log to say so")
    assert "detail=stream-lag" in proxy.call(*get("plain")).headers["Cache-Status"]
    assert stats(proxy, "plain")["fresh_as_of"] is None
    specification = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    direct.ok("UpdateTable", {"TableName": "plain", "StreamSpecification": specification})
    caught_up(proxy, "plain")
    assert "table plain: following arn:" in proxy.output()
    warm(proxy, get("plain"))
    direct.ok("PutItem", {"TableName": "plain", "Item": item("new")})
    caught_up(proxy, "plain")
    assert values(proxy.call(*get("plain"))) == ["new"]


def test_streams_that_fail_for_a_while(make, following_proxy, direct, counting_upstream):
    table = make(tables.plain())
    direct.ok("PutItem", {"TableName": table, "Item": item("old")})
    proxy = following_proxy(table)
    warm(proxy, get(table))
    for trouble in (
        lambda: counting_upstream.fail("GetRecords", times=2),
        lambda: counting_upstream.throttle("GetRecords", times=1),
        lambda: counting_upstream.cut("GetRecords", times=1, forwarded=True),
    ):
        rule = trouble()
        direct.ok("PutItem", {"TableName": table, "Item": item(repr(rule))})
        caught_up(proxy, table)
        assert rule.left == 0
        assert values(warm(proxy, get(table))) == [repr(rule)]


def test_many_records_at_once(make, following_proxy, direct):
    """More than one batch, each of more units than are marked at a time."""
    table = make(tables.chat())
    proxy = following_proxy(table)
    for at in range(0, 1500, 25):
        puts = [{"PutRequest": {"Item": item("v", str(n), f"p{n % 50}", owner=f"o{n % 7}")}} for n in range(at, at + 25)]
        direct.ok("BatchWriteItem", {"RequestItems": {table: puts}})
    known = caught_up(proxy, table)
    assert known["records"] == 1500 and known["own"] == 0 and known["batches"] > 1


def test_it_is_shown_by_the_cache_command(make, following_proxy, readaside_binary):
    table = make(tables.plain())
    proxy = following_proxy(table)
    done = subprocess.run(
        [readaside_binary, "cache", "stats", "-c", proxy.config_path],
        env=processes.child_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ("records", "own_share", "lag_ms", "shards_held", "takeovers", "view"):
        assert re.search(rf"^streams\.plain\.{name} ", done.stdout, re.MULTILINE), done.stdout


def test_an_end_in_the_middle_of_it(make, proxy_factory, counting_upstream, direct):
    """While the stream is asked, before it has been found, and with a store that is away."""
    table = make(tables.plain())
    for held in ("DescribeTable", "DescribeStream", "GetShardIterator", "GetRecords"):
        gate = counting_upstream.hold(held)
        proxy = proxy_factory(counting_upstream.endpoint, following.settings(table))
        gate.wait_for()
        proxy.stop()
        counting_upstream.clear()
