"""After an acknowledged write the next read is fresh, whatever wrote and whatever reads; and a write takes no
more from the cache than it has to."""
import json

import pytest

from support import quirks, tables, waiting

TABLE = "chat"
PK, SK = "room-1", "0001"
KEY = {"pk": {"S": PK}, "sk": {"S": SK}}


def item(version, pk=PK, sk=SK, owner="ann"):
    return {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "at": {"S": f"at-{sk}"},
        "owner": {"S": owner},
        "version": {"S": version},
    }


@pytest.fixture
def filled(chat, direct):
    for n in range(5):
        direct.ok("PutItem", {"TableName": TABLE, "Item": item("old", sk=f"{n:04}")})
    direct.ok("PutItem", {"TableName": TABLE, "Item": item("old", pk="room-2")})
    return chat


def update(version, **more):
    return {
        "TableName": TABLE,
        "Key": KEY,
        "UpdateExpression": "SET #v = :v",
        "ExpressionAttributeNames": {"#v": "version"},
        "ExpressionAttributeValues": {":v": {"S": version}},
        **more,
    }


def legacy_update(version):
    return {
        "TableName": TABLE,
        "Key": KEY,
        "AttributeUpdates": {"version": {"Action": "PUT", "Value": {"S": version}}},
        "Expected": {"pk": {"Exists": True, "Value": {"S": PK}}},
    }


INSERT = f"INSERT INTO \"{TABLE}\" VALUE {{'pk':'{PK}','sk':'new','owner':'ann','at':'a','version':'new'}}"
UPDATE = f"UPDATE \"{TABLE}\" SET version='new' WHERE pk='{PK}' AND sk='{SK}'"
DELETE = f"DELETE FROM \"{TABLE}\" WHERE pk='{PK}' AND sk='{SK}'"
PARAMETER = {"Statement": f'UPDATE "{TABLE}" SET version=? WHERE pk=? AND sk=?'}
PARAMETER["Parameters"] = [{"S": "new"}, {"S": PK}, {"S": SK}]

WRITES = {
    "PutItem": ("PutItem", {"TableName": TABLE, "Item": item("new")}),
    "PutItem, ALL_OLD": ("PutItem", {"TableName": TABLE, "Item": item("new"), "ReturnValues": "ALL_OLD"}),
    "UpdateItem": ("UpdateItem", update("new")),
    "UpdateItem, UPDATED_NEW": ("UpdateItem", update("new", ReturnValues="UPDATED_NEW")),
    "UpdateItem, ALL_NEW": ("UpdateItem", update("new", ReturnValues="ALL_NEW")),
    "UpdateItem, legacy": ("UpdateItem", legacy_update("new")),
    "DeleteItem": ("DeleteItem", {"TableName": TABLE, "Key": KEY}),
    "BatchWriteItem, put": (
        "BatchWriteItem",
        {"RequestItems": {TABLE: [{"PutRequest": {"Item": item("new")}}]}},
    ),
    "BatchWriteItem, delete": ("BatchWriteItem", {"RequestItems": {TABLE: [{"DeleteRequest": {"Key": KEY}}]}}),
    "TransactWriteItems, put": (
        "TransactWriteItems",
        {"TransactItems": [{"Put": {"TableName": TABLE, "Item": item("new")}}]},
    ),
    "TransactWriteItems, update": ("TransactWriteItems", {"TransactItems": [{"Update": update("new")}]}),
    "TransactWriteItems, delete": (
        "TransactWriteItems",
        {"TransactItems": [{"Delete": {"TableName": TABLE, "Key": KEY}}]},
    ),
    "ExecuteStatement, insert": ("ExecuteStatement", {"Statement": INSERT}),
    "ExecuteStatement, update": ("ExecuteStatement", {"Statement": UPDATE}),
    "ExecuteStatement, delete": ("ExecuteStatement", {"Statement": DELETE}),
    "BatchExecuteStatement": ("BatchExecuteStatement", {"Statements": [PARAMETER]}),
    "ExecuteTransaction": ("ExecuteTransaction", {"TransactStatements": [{"Statement": UPDATE}]}),
}

ROOM = {":pk": {"S": PK}}
READS = {
    "GetItem": ("GetItem", {"TableName": TABLE, "Key": KEY}),
    "GetItem, projection": (
        "GetItem",
        {"TableName": TABLE, "Key": KEY, "ProjectionExpression": "#v", "ExpressionAttributeNames": {"#v": "version"}},
    ),
    "BatchGetItem": ("BatchGetItem", {"RequestItems": {TABLE: {"Keys": [KEY]}}}),
    "GetItem, the inserted": ("GetItem", {"TableName": TABLE, "Key": {"pk": {"S": PK}, "sk": {"S": "new"}}}),
    "Query": (
        "Query",
        {"TableName": TABLE, "KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": ROOM},
    ),
    "Query, one": (
        "Query",
        {
            "TableName": TABLE,
            "KeyConditionExpression": "pk = :pk AND sk = :sk",
            "ExpressionAttributeValues": {**ROOM, ":sk": {"S": SK}},
        },
    ),
    "Query, descending": (
        "Query",
        {
            "TableName": TABLE,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": ROOM,
            "ScanIndexForward": False,
        },
    ),
    "Query, local index": (
        "Query",
        {
            "TableName": TABLE,
            "IndexName": "by-at",
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": ROOM,
        },
    ),
    "Query, global index": (
        "Query",
        {
            "TableName": TABLE,
            "IndexName": "by-owner",
            "KeyConditionExpression": "#o = :o",
            "ExpressionAttributeNames": {"#o": "owner"},
            "ExpressionAttributeValues": {":o": {"S": "ann"}},
        },
    ),
}


def comparable(operation, reply):
    """The reply without what may differ from one call to the next: the order in a batch."""
    found = reply.json
    for items in found.get("Responses", {}).values():
        items.sort(key=lambda i: json.dumps(i, sort_keys=True))
    return operation, found


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_every_read_is_fresh_after_every_write(filled, through, direct, write):
    for read in READS.values():
        through.ok(*read)
    for name, read in READS.items():
        assert through.ok(*read).cache == "HIT", name
    through.ok(*write)
    for name, read in READS.items():
        after = through.ok(*read)
        expected = direct.ok(*read)
        assert comparable(name, after) == comparable(name, expected), (name, after.cache)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_caching_goes_on_after_every_write(filled, through, write):
    through.ok(*write)
    for name, read in READS.items():
        waiting.until(lambda r=read: through.ok(*r).cache == "HIT", f"{name} to be cached again")


def owner_query(owner):
    return {
        "TableName": TABLE,
        "IndexName": "by-owner",
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": {"S": owner}},
    }


MOVES = {
    "PutItem": ("PutItem", {"TableName": TABLE, "Item": item("new", owner="bob")}),
    "PutItem, ALL_OLD": (
        "PutItem",
        {"TableName": TABLE, "Item": item("new", owner="bob"), "ReturnValues": "ALL_OLD"},
    ),
    "UpdateItem": (
        "UpdateItem",
        {
            "TableName": TABLE,
            "Key": KEY,
            "UpdateExpression": "SET #o = :o",
            "ExpressionAttributeNames": {"#o": "owner"},
            "ExpressionAttributeValues": {":o": {"S": "bob"}},
        },
    ),
    "UpdateItem, computed": (
        "UpdateItem",
        {
            "TableName": TABLE,
            "Key": KEY,
            "UpdateExpression": "SET #o = if_not_exists(nothing, :o)",
            "ExpressionAttributeNames": {"#o": "owner"},
            "ExpressionAttributeValues": {":o": {"S": "bob"}},
        },
    ),
    "UpdateItem, legacy": (
        "UpdateItem",
        {"TableName": TABLE, "Key": KEY, "AttributeUpdates": {"owner": {"Value": {"S": "bob"}}}},
    ),
    "BatchWriteItem": (
        "BatchWriteItem",
        {"RequestItems": {TABLE: [{"PutRequest": {"Item": item("new", owner="bob")}}]}},
    ),
    "TransactWriteItems": (
        "TransactWriteItems",
        {"TransactItems": [{"Put": {"TableName": TABLE, "Item": item("new", owner="bob")}}]},
    ),
    "PartiQL": (
        "ExecuteStatement",
        {"Statement": f"UPDATE \"{TABLE}\" SET owner='bob' WHERE pk='{PK}' AND sk='{SK}'"},
    ),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES.keys())
def test_a_move_between_index_partitions_is_seen_in_both(filled, through, direct, move):
    for owner in ("ann", "bob"):
        through.ok("Query", owner_query(owner))
        assert through.ok("Query", owner_query(owner)).cache == "HIT"
    reply = through.ok(*move)
    for owner, count in (("ann", 5), ("bob", 1)):
        got = through.ok("Query", owner_query(owner))
        assert got.json["Count"] == count, (owner, got.cache)
        assert got.json == direct.ok("Query", owner_query(owner)).json
    if "ReturnValues" not in move[1]:
        assert "Attributes" not in reply.json, "the client did not ask for the old item"
    else:
        assert reply.json["Attributes"] == item("old")


def test_removal_from_an_index_is_seen(filled, through):
    assert through.ok("Query", owner_query("ann")).json["Count"] == 6
    body = {
        "TableName": TABLE,
        "Key": KEY,
        "UpdateExpression": "REMOVE #o",
        "ExpressionAttributeNames": {"#o": "owner"},
    }
    assert through.ok("UpdateItem", body).json == {}
    assert through.ok("Query", owner_query("ann")).json["Count"] == 5


def test_index_partitions_stay_marked_for_the_settle_time(filled, proxy_factory, counting_upstream):
    proxy = proxy_factory(counting_upstream.endpoint, {"tables": {"*": {"settle": "10m"}}})
    with proxy.wire() as through:
        through.ok("Query", owner_query("ann"))
        through.ok("Query", owner_query("zoe"))
        through.ok("PutItem", {"TableName": TABLE, "Item": item("new")})
        assert through.ok("Query", owner_query("ann")).cache == "BYPASS"
        assert through.ok("Query", owner_query("zoe")).cache == "HIT", "another partition of the index"
        assert through.ok(*READS["GetItem"]).cache == "MISS", "the base table needs no settling"


def test_replies_of_writes_are_what_the_client_asked_for(filled, through, direct):
    def both(operation, body):
        """The same write straight to a twin of the item, so that the replies can be compared."""
        expected = direct.ok(operation, json.loads(json.dumps(body).replace(PK, "room-2")))
        got = through.ok(operation, body)
        expected = json.loads(expected.body.decode().replace("room-2", PK))
        if quirks.says_capacity_unasked(operation, body):
            expected.pop("ConsumedCapacity", None)
        assert got.json == expected, (operation, body)

    for values in ("NONE", "ALL_OLD"):
        both("PutItem", {"TableName": TABLE, "Item": item("newer"), "ReturnValues": values})
        both("PutItem", {"TableName": TABLE, "Item": item("newer"), "ReturnValues": values, "ReturnConsumedCapacity": "INDEXES"})
        both("PutItem", {"TableName": TABLE, "Item": item("newer"), "ReturnItemCollectionMetrics": "SIZE"})
    for values in ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"):
        both("UpdateItem", update(f"by {values}", ReturnValues=values))
        both("UpdateItem", update(f"by {values}", ReturnValues=values, ReturnConsumedCapacity="TOTAL"))
    both("PutItem", {"TableName": TABLE, "Item": item("last")})
    both("DeleteItem", {"TableName": TABLE, "Key": KEY, "ReturnValues": "ALL_OLD"})
    both("DeleteItem", {"TableName": TABLE, "Key": KEY})


def test_a_failed_condition_changes_nothing_and_is_passed_on(filled, through, direct):
    through.ok(*READS["GetItem"])
    failing = {"TableName": TABLE, "Item": item("never"), "ConditionExpression": "attribute_not_exists(pk)"}
    expected, got = direct.call("PutItem", failing), through.call("PutItem", failing)
    assert (got.status, got.body) == (expected.status, expected.body)
    assert got.error == "ConditionalCheckFailedException"
    failing["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    expected, got = direct.call("PutItem", failing), through.call("PutItem", failing)
    assert (got.status, got.json) == (expected.status, expected.json)
    assert through.ok(*READS["GetItem"]).json["Item"]["version"] == {"S": "old"}


def test_a_cancelled_transaction_is_passed_on(filled, through, direct):
    through.ok(*READS["GetItem"])
    body = {
        "TransactItems": [
            {"Put": {"TableName": TABLE, "Item": item("never")}},
            {
                "ConditionCheck": {
                    "TableName": TABLE,
                    "Key": {"pk": {"S": "nobody"}, "sk": {"S": "x"}},
                    "ConditionExpression": "attribute_exists(pk)",
                }
            },
        ]
    }
    expected, got = direct.call("TransactWriteItems", body), through.call("TransactWriteItems", body)
    assert got.error == "TransactionCanceledException"
    assert (got.status, got.json) == (expected.status, expected.json)
    assert through.ok(*READS["GetItem"]).json["Item"]["version"] == {"S": "old"}


def test_unprocessed_items_are_handed_on_and_what_was_processed_is_fresh(filled, through, counting_upstream, direct):
    other = {"pk": {"S": PK}, "sk": {"S": "0002"}}
    for key in (KEY, other):
        through.ok("GetItem", {"TableName": TABLE, "Key": key})
    rest = [{"PutRequest": {"Item": item("new", sk="0002")}}]

    def half(_, status, body):
        """As if only the first had been written: what was, is put back."""
        direct.ok("PutItem", {"TableName": TABLE, "Item": item("old", sk="0002")})
        return status, json.dumps({"UnprocessedItems": {TABLE: rest}}).encode()

    counting_upstream.answer(half, "BatchWriteItem", times=1)
    body = {"RequestItems": {TABLE: [{"PutRequest": {"Item": item("new")}}, *rest]}}
    assert through.ok("BatchWriteItem", body).json["UnprocessedItems"] == {TABLE: rest}
    assert through.ok("GetItem", {"TableName": TABLE, "Key": KEY}).json["Item"]["version"] == {"S": "new"}
    assert through.ok("GetItem", {"TableName": TABLE, "Key": other}).json["Item"]["version"] == {"S": "old"}
    assert through.ok("BatchWriteItem", {"RequestItems": {TABLE: rest}}).json["UnprocessedItems"] == {}
    assert through.ok("GetItem", {"TableName": TABLE, "Key": other}).json["Item"]["version"] == {"S": "new"}


def room_query(room):
    return {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": room}},
    }


@pytest.mark.parametrize("name", ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem, put", "TransactWriteItems, put"])
def test_a_write_leaves_the_rest_cached(filled, through, name):
    other = {"TableName": TABLE, "Key": {"pk": {"S": PK}, "sk": {"S": "0002"}}}
    kept = [("GetItem", other), ("Query", room_query("room-2"))]
    for read in kept:
        through.ok(*read)
    through.ok(*WRITES[name])
    for read in kept:
        assert through.ok(*read).cache == "HIT", read


def test_a_table_dropped_and_made_again_is_another_table(filled, through, direct):
    assert through.ok(*READS["GetItem"]).json != {}
    assert through.ok(*READS["GetItem"]).cache == "HIT"
    through.ok("DeleteTable", {"TableName": TABLE})
    waiting.until(
        lambda: direct.call("DescribeTable", {"TableName": TABLE}).error == "ResourceNotFoundException",
        "the table to be gone",
    )
    gone = through.call(*READS["GetItem"])
    assert gone.error == "ResourceNotFoundException"
    tables.create(through, tables.chat())
    assert through.ok(*READS["GetItem"]).json == {}
    through.ok("PutItem", {"TableName": TABLE, "Item": item("second life")})
    assert through.ok(*READS["GetItem"]).json["Item"]["version"] == {"S": "second life"}


def test_an_index_made_later_is_cached_and_invalidated(plain, through, direct):
    by_owner = tables.index("by-owner", "owner", "sk")
    through.ok("PutItem", {"TableName": plain, "Item": item("old")})
    body = {
        "TableName": plain,
        "AttributeDefinitions": [tables.attribute("owner", "S"), tables.attribute("sk", "S")],
        "GlobalSecondaryIndexUpdates": [{"Create": by_owner}],
    }
    through.ok("UpdateTable", body)
    read = {**owner_query("ann"), "TableName": plain}
    waiting.until(lambda: direct.call("Query", read).status == 200, "the index to be queried")
    waiting.until(lambda: through.call("Query", read).cache == "HIT", "the index to be cached")
    through.ok("PutItem", {"TableName": plain, "Item": item("new", sk="0009")})
    assert through.ok("Query", read).json["Count"] == 2


def test_a_write_whose_key_is_not_understood_still_invalidates(filled, through, direct):
    """A form of number that DynamoDB takes for a key and the proxy may not: the table is marked as a whole."""
    tables.create(direct, tables.definition("numbers", {"n": "N"}, "n"))
    read = {"TableName": "numbers", "Key": {"n": {"N": "1"}}}
    for form in ("1.0", "1e0", "+1", " 1", "1 ", "01", "1.", "10e-1"):
        through.ok("GetItem", read)
        write = {"TableName": "numbers", "Item": {"n": {"N": form}, "form": {"S": form}}}
        through.call("PutItem", write)
        assert through.ok("GetItem", read).json == direct.ok("GetItem", read).json, form
