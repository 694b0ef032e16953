"""Followed streams where it is hardest: keys that are written in several ways, indexes under each view, tables
and streams that come and go, records that are gone, reads of several tables."""
import base64
import itertools

import pytest
import test_follow
import test_redis
from test_follow import fresh_as_of, get, item, key, query, warm
from test_follow_shared import shared

from support import following, tables, waiting
from support.following import caught_up, stats

make, following_proxy = test_follow.make, test_follow.following_proxy
redis_factory, redis = test_redis.redis_factory, test_redis.redis


# ---- keys ----


def typed(kind):
    """A table whose keys and index are all of one type."""
    return tables.definition(
        "typed", {"pk": kind, "sk": kind, "owner": kind}, "pk", "sk", world=[tables.index("by-owner", "owner", "sk")]
    )


def binary(value):
    return {"B": base64.b64encode(value).decode()}


@pytest.mark.parametrize(
    "kind, spellings",
    [
        ("N", [{"N": "1"}, {"N": "1.0"}, {"N": "10e-1"}, {"N": "+01.00"}]),
        ("N", [{"N": "-0"}, {"N": "0"}, {"N": "0.000"}]),
        ("N", [{"N": "12345678901234567890123456789012345678"}, {"N": "1.2345678901234567890123456789012345678E37"}]),
        ("B", [binary(b"\x00\xff\"")]),
        ("S", [{"S": "\u00e9\n\"#\u2028\U0001f600"}]),
    ],
)
def test_keys_that_are_written_in_several_ways(make, following_proxy, direct, kind, spellings):
    table = make(typed(kind))

    def put(value, spelling):
        direct.ok(
            "PutItem",
            {"TableName": table, "Item": {"pk": spelling, "sk": spelling, "owner": spelling, "v": {"S": value}}},
        )

    def reads(spelling):
        yield "GetItem", {"TableName": table, "Key": {"pk": spelling, "sk": spelling}}
        for index, name in ((None, "pk"), ("by-owner", "owner")):
            body = {
                "TableName": table,
                "KeyConditionExpression": "#n = :v",
                "ExpressionAttributeNames": {"#n": name},
                "ExpressionAttributeValues": {":v": spelling},
            }
            yield "Query", {**body, "IndexName": index} if index else body

    put("0", spellings[0])
    proxy = following_proxy(table)
    for turn, spelling in enumerate(spellings):
        for read in itertools.chain.from_iterable(reads(one) for one in spellings):
            assert f'"v":{{"S":"{turn}"}}' in warm(proxy, read).body.decode().replace(" ", ""), read
        put(str(turn + 1), spelling)
        caught_up(proxy, table)


# ---- indexes ----


def by(index, attribute, value):
    return "Query", {
        "TableName": "wide",
        "IndexName": index,
        "KeyConditionExpression": "#a = :v",
        "ExpressionAttributeNames": {"#a": attribute},
        "ExpressionAttributeValues": {":v": {"S": value}},
    }


def wide():
    """Indexes of each kind: by an attribute, by the sort key (the same in every image), sparse, keys only."""
    return tables.definition(
        "wide",
        {"pk": "S", "sk": "S", "owner": "S", "rare": "S"},
        "pk",
        "sk",
        local=[tables.index("by-rare-too", "pk", "rare")],
        world=[
            tables.index("by-owner", "owner", "sk"),
            tables.index("by-sk", "sk", "pk"),
            tables.index("by-rare", "rare", projection="KEYS_ONLY"),
        ],
    )


IMAGES = [None, {}, {"owner": "ann"}, {"owner": "bob", "rare": "x"}, {"owner": "ann", "rare": "y"}]
ROUNDS = {  # together, since one MODIFY without its old image drops what all others would have to
    "INSERT": [(None, after) for after in IMAGES[1:]],
    "MODIFY": list(itertools.product(IMAGES[1:], repeat=2)),
    "REMOVE": [(before, None) for before in IMAGES[1:]],
}


def image_of(pk, value, image):
    """An item with index partitions of its own."""
    return item(value, pk, pk, **{name: text + pk for name, text in image.items()})


def reads_of(pk):
    yield from (get("wide", pk, pk), query("wide", pk), by("by-sk", "sk", pk))
    yield from (by("by-owner", "owner", one + pk) for one in ("ann", "bob"))
    yield from (by("by-rare", "rare", one + pk) for one in "xy")


@pytest.mark.parametrize("view", ["NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY"])
def test_every_index_under_every_view(make, following_proxy, direct, view):
    """From each image to each other one, to none and back: each read of anything is what DynamoDB says."""
    table = make(wide(), view)
    proxy = following_proxy(table)
    for event, steps in ROUNDS.items():
        pks = [f"{event}{n}" for n in range(len(steps))]
        for pk, (before, _) in zip(pks, steps):
            if before is not None:
                direct.ok("PutItem", {"TableName": table, "Item": image_of(pk, "old", before)})
        caught_up(proxy, table)
        reads = [read for pk in pks for read in reads_of(pk)]
        with proxy.wire() as connection:
            for read in reads:
                waiting.until(lambda: connection.call(*read).cache == "HIT", f"a hit on {read}")
        for pk, (_, after) in zip(pks, steps):
            if after is None:
                direct.ok("DeleteItem", {"TableName": table, "Key": key(pk, pk)})
            else:
                direct.ok("PutItem", {"TableName": table, "Item": image_of(pk, "new", after)})
        caught_up(proxy, table)
        with proxy.wire() as connection:
            for read in reads:
                assert connection.call(*read).json == direct.call(*read).json, read


# ---- tables and streams that come and go ----


def test_a_table_that_is_made_anew(make, following_proxy, direct):
    """Behind the proxy's back, with other keys: what was cached of the old one isn't served as fresh."""
    table = make(tables.plain())
    direct.ok("PutItem", {"TableName": table, "Item": item("old")})
    proxy = following_proxy(table, fresh_as_of=True, max_stream_lag="30s")
    warm(proxy, get(table))
    warm(proxy, query(table))
    make(tables.plain())
    direct.ok("PutItem", {"TableName": table, "Item": item("new")})
    since = following.now()

    def passed():
        reply = proxy.call(*get(table))
        fresh = fresh_as_of(reply)
        assert not fresh or fresh < since or "new" in reply.body.decode(), reply
        return fresh and fresh >= since

    waiting.until(passed, "the new table's stream to be followed")
    assert "new" in proxy.call(*query(table)).body.decode()


def test_a_stream_that_is_switched_off_and_on(make, following_proxy, direct):
    table = make(tables.plain())
    direct.ok("PutItem", {"TableName": table, "Item": item("old")})
    proxy = following_proxy(table, fresh_as_of=True)
    warm(proxy, get(table))
    specification = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    direct.ok("UpdateTable", {"TableName": table, "StreamSpecification": {"StreamEnabled": False}})
    direct.ok("PutItem", {"TableName": table, "Item": item("unseen")})
    since = following.now()
    for _ in range(200):
        fresh = fresh_as_of(proxy.call(*get(table)))
        assert not fresh or fresh < since
    direct.ok("UpdateTable", {"TableName": table, "StreamSpecification": specification})
    caught_up(proxy, table, since)
    assert "unseen" in proxy.call(*get(table)).body.decode()
    assert stats(proxy, table)["view"] == "NEW_IMAGE"


# ---- records that are gone ----


@pytest.mark.parametrize("operation", ["GetRecords", "GetShardIterator"])
def test_trimmed_records(make, following_proxy, direct, counting_upstream, operation):
    table = make(tables.chat())
    direct.ok("PutItem", {"TableName": table, "Item": item("old", owner="ann")})
    proxy = following_proxy(table)
    warm(proxy, get(table))
    if operation == "GetShardIterator":
        counting_upstream.fail("GetRecords", 1, status=400, error="ExpiredIteratorException")
    counting_upstream.fail(operation, 1, status=400, error="TrimmedDataAccessException")
    waiting.until(lambda: stats(proxy, table)["lost"] == 2, "all to be dropped once more")
    caught_up(proxy, table)
    assert proxy.call(*get(table)).cache == "MISS"


def test_iterators_that_expire_all_the_time(make, following_proxy, direct, counting_upstream):
    table = make(tables.plain())
    proxy = following_proxy(table)
    direct.ok("PutItem", {"TableName": table, "Item": item("first")})  # now there is a position to go on from
    caught_up(proxy, table)
    turns = itertools.count()
    counting_upstream.fail(
        "GetRecords", when=lambda _: next(turns) % 7 == 0, status=400, error="ExpiredIteratorException"
    )
    for number in range(5):
        direct.ok("PutItem", {"TableName": table, "Item": item(str(number))})
        caught_up(proxy, table)
        assert f'"{number}"' in proxy.call(*get(table)).body.decode()
        warm(proxy, get(table))
    assert stats(proxy, table)["lost"] == 1


# ---- reads of several tables, and of the bound ----


def test_a_batch_over_a_followed_and_another_table(make, following_proxy, direct, counting_upstream):
    table = make(tables.plain())
    tables.create(direct, tables.plain("other"))
    for one in (table, "other"):
        direct.ok("PutItem", {"TableName": one, "Item": item("old")})
    changes = {"tables": {"other": {"ttl": "10m"}}}
    proxy = following_proxy(table, changes, fresh_as_of=True, max_stream_lag="1s")

    def batch(*of):
        return "BatchGetItem", {"RequestItems": {one: {"Keys": [key()]} for one in of}}

    assert fresh_as_of(warm(proxy, batch(table))) is not None
    assert fresh_as_of(warm(proxy, batch(table, "other"))) is None  # nobody knows it of the other one
    gate = counting_upstream.hold("GetRecords")
    waiting.until(lambda: proxy.call(*get(table)).cache == "BYPASS", "the followed table to lag")
    assert proxy.call(*batch(table, "other")).cache == "BYPASS"
    assert proxy.call(*get("other")).cache == "HIT"
    with proxy.wire() as connection:
        assert [connection.call(*get("other")).cache for _ in range(3)] == ["HIT"] * 3
    assert gate.held


def test_what_is_held_near_in_another_proxy(make, following_proxy, direct, redis):
    """Each of two serves what it holds near; after its own word has passed a write neither serves older."""
    table = make(tables.plain())
    direct.ok("PutItem", {"TableName": table, "Item": item("0")})
    changes = shared(redis)
    pair = [following_proxy(table, changes, fresh_as_of=True) for _ in range(2)]
    for number in range(1, 4):
        for proxy in pair:
            for _ in range(3):
                warm(proxy, get(table))
        direct.ok("PutItem", {"TableName": table, "Item": item(str(number))})
        since = following.now()
        passed = set()
        while len(passed) < 2:
            for at, proxy in enumerate(pair):
                reply = proxy.call(*get(table))
                fresh = fresh_as_of(reply)
                if fresh and fresh >= since:
                    assert f'"{number}"' in reply.body.decode(), (at, reply)
                    passed.add(at)
