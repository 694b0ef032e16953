"""Writes on their way while their table is made, made anew, gets an index, or is known by another name.

A write marks what its table looked like when it was planned. A reader that learns more in the meantime must not be
served, after the write was acknowledged, what it read before.
"""
import concurrent.futures
import uuid

import pytest

from support import tables, waiting

KEY = {"pk": {"S": "a"}, "sk": {"S": "s"}}
ITEM = {**KEY, "v": {"S": "new"}, "owner": {"S": "ann"}}
ADD_INDEX = {
    "AttributeDefinitions": [tables.attribute(n, "S") for n in ("pk", "sk", "owner")],
    "GlobalSecondaryIndexUpdates": [
        {"Create": {**tables.index("by-owner", "owner"), "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}}
    ],
}


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(32) as executor:
        yield executor


@pytest.fixture
def name():
    return "table-" + uuid.uuid4().hex[:8]


def get(name):
    return {"TableName": name, "Key": KEY}


def by_owner(name):
    return {
        "TableName": name,
        "IndexName": "by-owner",
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": {"S": "ann"}},
    }


def assert_fresh(proxy, name):
    got = proxy.call("GetItem", get(name))
    assert got.json.get("Item") == ITEM, got


def test_a_partiql_write_whose_table_is_learnt_meanwhile(proxy, direct, counting_upstream, pool, name):
    tables.create(direct, tables.plain(name))
    direct.ok("PutItem", {"TableName": name, "Item": {**ITEM, "v": {"S": "old"}}})
    gate = counting_upstream.hold("ExecuteStatement")
    # A form whose table can't be told from its first words: it marks every table that is known.
    statement = f"FROM \"{name}\" WHERE pk='a' AND sk='s' SET v='new'"
    writing = pool.submit(proxy.call, "ExecuteStatement", {"Statement": statement})
    gate.wait_for(1)
    assert proxy.call("GetItem", get(name)).json["Item"]["v"]["S"] == "old"
    gate.release()
    assert writing.result().status == 200
    assert_fresh(proxy, name)


def test_a_write_to_a_table_that_is_made_meanwhile(proxy, direct, counting_upstream, pool, name):
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(proxy.call, "PutItem", {"TableName": name, "Item": ITEM})
    gate.wait_for(1)
    with proxy.wire() as through:
        tables.create(through, tables.plain(name))
    assert proxy.call("GetItem", get(name)).json == {}
    gate.release()
    assert writing.result().status == 200
    assert_fresh(proxy, name)


def held_write(proxy, through, counting_upstream, pool, name):
    """A write to a table that the proxy knows, on its way upstream."""
    tables.create(through, tables.plain(name))
    assert through.call("GetItem", get(name)).cache == "MISS"
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(proxy.call, "PutItem", {"TableName": name, "Item": ITEM})
    gate.wait_for(1)
    return gate, writing


def test_a_write_to_a_table_that_is_made_anew_meanwhile(proxy, direct, counting_upstream, pool, name):
    with proxy.wire() as through:
        gate, writing = held_write(proxy, through, counting_upstream, pool, name)
        tables.create(through, tables.plain(name))
    assert proxy.call("GetItem", get(name)).json == {}
    gate.release()
    assert writing.result().status == 200
    assert_fresh(proxy, name)


def hit(proxy, operation, body):
    """Waits until the cache answers."""
    return waiting.until(
        lambda: (lambda reply: reply if reply.cache == "HIT" else None)(proxy.call(operation, body)),
        f"{operation} to hit",
    )


def test_a_write_to_a_table_that_gets_an_index_meanwhile(proxy, direct, counting_upstream, pool, name):
    with proxy.wire() as through:
        gate, writing = held_write(proxy, through, counting_upstream, pool, name)
        through.ok("UpdateTable", {"TableName": name, **ADD_INDEX})
    assert hit(proxy, "Query", by_owner(name)).json["Count"] == 0
    gate.release()
    assert writing.result().status == 200
    waiting.until(lambda: direct.ok("Query", by_owner(name)).json["Count"] == 1, "the index to follow")
    assert hit(proxy, "Query", by_owner(name)).json["Count"] == 1


def arn_of(direct, name):
    return direct.ok("DescribeTable", {"TableName": name}).json["Table"]["TableArn"]


@pytest.fixture
def takes_arns(counting_upstream, direct):
    """DynamoDB Local refuses an ARN as TableName, which DynamoDB takes."""

    def plainly(request, _status, _body):
        whole = {**request.json, "TableName": request.json["TableName"].rpartition("/")[2]}
        reply = direct.call(request.operation, whole)
        return reply.status, reply.body

    counting_upstream.answer(plainly, when=lambda request: b"arn:aws" in request.body)


def index_states(direct, name):
    """Of the table's global indexes. While it makes one, DynamoDB Local now and then answers DescribeTable with a 500."""
    described = direct.call("DescribeTable", {"TableName": name})
    if described.status != 200:
        return None
    return [i["IndexStatus"] for i in described.json["Table"].get("GlobalSecondaryIndexes", [])]


def test_an_index_learnt_under_another_name(proxy, direct, takes_arns, name):
    tables.create(direct, tables.plain(name))
    other = arn_of(direct, name)
    assert proxy.call("GetItem", get(name)).cache == "MISS"  # the plain name knows no index
    direct.ok("UpdateTable", {"TableName": name, **ADD_INDEX})
    waiting.until(lambda: index_states(direct, name) == ["ACTIVE"], "the index to be active")
    assert hit(proxy, "Query", by_owner(other)).json["Count"] == 0
    assert proxy.call("PutItem", {"TableName": name, "Item": ITEM}).status == 200
    waiting.until(lambda: direct.ok("Query", by_owner(name)).json["Count"] == 1, "the index to follow")
    assert hit(proxy, "Query", by_owner(other)).json["Count"] == 1


def test_name_and_arn_are_one_table(proxy, direct, takes_arns, name):
    tables.create(direct, tables.plain(name))
    other = arn_of(direct, name)
    assert proxy.call("GetItem", get(name)).cache == "MISS"
    assert proxy.call("GetItem", get(other)).cache == "HIT"
    assert proxy.call("PutItem", {"TableName": other, "Item": ITEM}).status == 200
    assert_fresh(proxy, name)


def test_with_a_schema_in_the_config_an_arn_is_not_cached(proxy_factory, counting_upstream, direct, takes_arns, name):
    """It could be another account's table of the same name."""
    tables.create(direct, tables.plain(name))
    schema = {"partition_key": "pk", "sort_key": "sk"}
    proxy = proxy_factory(counting_upstream.endpoint, {"tables": {name: {"schema": schema}}})
    foreign = f"arn:aws:dynamodb:us-east-1:222222222222:table/{name}"
    assert [proxy.call("GetItem", get(name)).cache for _ in range(2)] == ["MISS", "HIT"]
    assert [proxy.call("GetItem", get(foreign)).cache for _ in range(2)] == ["BYPASS", "BYPASS"]
    assert proxy.call("PutItem", {"TableName": arn_of(direct, name), "Item": ITEM}).status == 200
    assert_fresh(proxy, name)
    assert counting_upstream.count("DescribeTable") == 0


@pytest.mark.parametrize("round_number", range(5))
def test_many_first_readers_of_a_table(proxy_factory, counting_upstream, direct, pool, name, round_number):
    tables.create(direct, tables.plain(name))
    proxy = proxy_factory(counting_upstream.endpoint, {"listen": {"threads": 4}})
    replies = list(pool.map(lambda _: proxy.call("GetItem", get(name)), range(32)))
    assert {r.status for r in replies} == {200}
    assert counting_upstream.count("DescribeTable") == 1


def doubt(proxy, name):
    """DynamoDB's answer says that the table may be another than the proxy knows, so that it is learnt anew."""
    reply = proxy.call("Query", {**by_owner(name), "IndexName": "no-such-index"})
    assert (reply.status, reply.error) == (400, "ValidationException")


def test_a_doubted_table_is_still_marked_by_partiql(proxy, direct, name):
    tables.create(direct, tables.plain(name))
    direct.ok("PutItem", {"TableName": name, "Item": {**ITEM, "v": {"S": "old"}}})
    assert [proxy.call("GetItem", get(name)).cache for _ in range(2)] == ["MISS", "HIT"]
    doubt(proxy, name)
    statement = f"FROM \"{name}\" WHERE pk='a' AND sk='s' SET v='new'"
    assert proxy.call("ExecuteStatement", {"Statement": statement}).status == 200
    assert_fresh(proxy, name)


@pytest.mark.parametrize("error", ["ResourceNotFoundException", "AccessDeniedException"])
def test_a_doubted_table_is_still_marked_while_it_cannot_be_described(proxy, direct, counting_upstream, name, error):
    tables.create(direct, tables.plain(name))
    direct.ok("PutItem", {"TableName": name, "Item": {**ITEM, "v": {"S": "old"}}})
    assert [proxy.call("GetItem", get(name)).cache for _ in range(2)] == ["MISS", "HIT"]
    counting_upstream.fail("DescribeTable", status=400, error=error, message="not now")
    doubt(proxy, name)
    assert proxy.call("PutItem", {"TableName": name, "Item": ITEM}).status == 200
    counting_upstream.clear()
    assert_fresh(proxy, name)


def test_a_refresh_that_fails_is_not_repeated_with_every_read(proxy, direct, counting_upstream, name):
    """An index that is being made makes the schema's refreshes frequent; a throttled DescribeTable must not make them a storm."""
    tables.create(direct, {**tables.chat(name)})

    def creating(_request, status, body):
        return status, body.replace(b'"IndexStatus":"ACTIVE"', b'"IndexStatus":"CREATING"')

    counting_upstream.answer(creating, operation="DescribeTable", times=1)
    assert proxy.call("GetItem", get(name)).status == 200
    counting_upstream.throttle("DescribeTable")
    with proxy.wire() as through:

        def refreshed():
            through.ok("GetItem", get(name))
            return counting_upstream.count("DescribeTable") >= 2

        waiting.until(refreshed, "the first refresh")
        before = counting_upstream.count("DescribeTable")
        for _ in range(1000):
            through.ok("GetItem", get(name))
    assert counting_upstream.count("DescribeTable") - before < 100
