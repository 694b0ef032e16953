"""Reads: the first comes from DynamoDB, the second from the cache, and nobody can tell but by the headers."""
import json

import pytest

from support import tables, waiting

KEY = {"pk": {"S": "room-1"}, "sk": {"S": "0003"}}
IN_ROOM = "pk = :room"
ROOM = {":room": {"S": "room-1"}}


def item(room, n, **more):
    made = {
        "pk": {"S": room},
        "sk": {"S": f"{n:04}"},
        "at": {"S": f"{9999 - n:04}"},
        "owner": {"S": f"owner-{n % 3}"},
        "n": {"N": str(n)},
        "text": {"S": f"message {n} of {room}: \u00e4\u4e2d\U0001f600"},
        "blob": {"B": "AAEC/w=="},
        "nested": {"M": {"list": {"L": [{"NULL": True}, {"BOOL": False}, {"N": "9007199254740993"}]}}},
        "tags": {"SS": ["a", "b"]},
    }
    made.update(more)
    return made


@pytest.fixture
def filled(chat, direct):
    for room in ("room-1", "room-2"):
        for n in range(12):
            direct.ok("PutItem", {"TableName": chat, "Item": item(room, n)})
    return chat


def assert_is_hit(hit, miss):
    assert hit.cache == "HIT", hit
    assert hit.status == miss.status == 200
    assert hit.headers["Content-Type"] == miss.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert hit.headers["x-amz-crc32"] is not None
    assert int(hit.headers["Age"]) >= 0
    assert hit.headers["Cache-Status"].startswith("readaside;")
    assert "hit" in hit.headers["Cache-Status"]
    assert hit.headers["x-amzn-RequestId"] not in (None, "", miss.headers["x-amzn-RequestId"])


def assert_is_miss(miss):
    assert miss.status == 200 and miss.cache == "MISS", miss
    assert miss.headers["Age"] is None
    assert "fwd=" in miss.headers["Cache-Status"]
    assert miss.headers["x-amz-crc32"] is not None


def miss_then_hit(through, upstream, operation, body):
    """Sends `body` twice; returns the miss's reply after checking both, and that only one went upstream."""
    before = upstream.count(operation)
    miss = through.call(operation, body)
    assert_is_miss(miss)
    hit = through.call(operation, body)
    assert_is_hit(hit, miss)
    assert hit.body == miss.body
    assert upstream.count(operation) == before + 1
    return miss


def query(table, **more):
    return {"TableName": table, "KeyConditionExpression": IN_ROOM, "ExpressionAttributeValues": ROOM, **more}


QUERIES = {
    "plain": {},
    "descending": {"ScanIndexForward": False},
    "ascending said": {"ScanIndexForward": True},
    "limit": {"Limit": 3},
    "start key": {"Limit": 3, "ExclusiveStartKey": {"pk": {"S": "room-1"}, "sk": {"S": "0002"}}},
    "sort key": {
        "KeyConditionExpression": "pk = :room AND sk BETWEEN :a AND :b",
        "ExpressionAttributeValues": {**ROOM, ":a": {"S": "0002"}, ":b": {"S": "0005"}},
    },
    "begins with": {
        "KeyConditionExpression": "begins_with(sk, :a) and (pk = :room)",
        "ExpressionAttributeValues": {**ROOM, ":a": {"S": "000"}},
    },
    "filter": {
        "FilterExpression": "#n > :n",
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": {**ROOM, ":n": {"N": "4"}},
    },
    "projection": {
        "ProjectionExpression": "sk, #t, nested.#l[2]",
        "ExpressionAttributeNames": {"#t": "text", "#l": "list"},
    },
    "count": {"Select": "COUNT"},
    "local index": {"IndexName": "by-at"},
    "local index, page": {"IndexName": "by-at", "Limit": 2},
    "no such room": {"ExpressionAttributeValues": {":room": {"S": "room-none"}}},
}


@pytest.mark.parametrize("more", QUERIES.values(), ids=QUERIES.keys())
def test_query(filled, through, direct, counting_upstream, more):
    body = query(filled, **more)
    miss = miss_then_hit(through, counting_upstream, "Query", body)
    assert miss.json == direct.ok("Query", body).json


def test_query_of_a_global_index(filled, through, direct, counting_upstream):
    body = {
        "TableName": filled,
        "IndexName": "by-owner",
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": {"S": "owner-1"}},
        "Limit": 3,
    }
    miss = miss_then_hit(through, counting_upstream, "Query", body)
    assert miss.json == direct.ok("Query", body).json
    sent = counting_upstream.seen("Query")[-1].json
    assert not sent.get("ConsistentRead"), "a global index can't be read consistently"


def test_query_with_legacy_conditions(filled, through, direct, counting_upstream):
    body = {
        "TableName": filled,
        "KeyConditions": {
            "pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "room-1"}]},
            "sk": {"ComparisonOperator": "GT", "AttributeValueList": [{"S": "0004"}]},
        },
        "QueryFilter": {"n": {"ComparisonOperator": "LT", "AttributeValueList": [{"N": "9"}]}},
        "AttributesToGet": ["sk", "n"],
    }
    miss = miss_then_hit(through, counting_upstream, "Query", body)
    assert miss.json == direct.ok("Query", body).json


def test_paging_through_all(filled, through, direct):
    for expected in ("MISS", "HIT"):
        start, seen = None, []
        while True:
            body = query(filled, Limit=5)
            if start:
                body["ExclusiveStartKey"] = start
            reply = through.ok("Query", body)
            assert reply.cache == expected
            seen += reply.json["Items"]
            start = reply.json.get("LastEvaluatedKey")
            if not start:
                break
        assert seen == direct.ok("Query", query(filled)).json["Items"]


GETS = {
    "whole": {},
    "projection": {"ProjectionExpression": "#t, n", "ExpressionAttributeNames": {"#t": "text"}},
    "legacy projection": {"AttributesToGet": ["n", "text"]},
    "missing item": {"Key": {"pk": {"S": "room-1"}, "sk": {"S": "none"}}},
    "strange key": {"Key": {"pk": {"S": '\u0000"\\/\u00e9\U0001f600'}, "sk": {"S": " "}}},
}


@pytest.mark.parametrize("more", GETS.values(), ids=GETS.keys())
def test_get_item(filled, through, direct, counting_upstream, more):
    body = {"TableName": filled, "Key": KEY, **more}
    miss = miss_then_hit(through, counting_upstream, "GetItem", body)
    assert miss.json == direct.ok("GetItem", body).json


def test_a_fill_reads_consistently(filled, through, counting_upstream):
    through.ok("GetItem", {"TableName": filled, "Key": KEY})
    through.ok("Query", query(filled))
    through.ok("Query", query(filled, IndexName="by-at", ConsistentRead=False))
    assert [r.json["ConsistentRead"] for r in counting_upstream.seen() if r.operation != "DescribeTable"] == [True] * 3


def test_a_table_may_say_that_fills_are_not_consistent(filled, proxy_factory, counting_upstream):
    table = {"ttl": "10m", "consistent_fill": False}
    proxy = proxy_factory(counting_upstream.endpoint, {"tables": {"chat": table}})
    with proxy.wire() as through:
        miss_then_hit(through, counting_upstream, "GetItem", {"TableName": filled, "Key": KEY})
    assert not counting_upstream.seen("GetItem")[0].json.get("ConsistentRead")


def test_consistent_reads_go_upstream(filled, through, counting_upstream):
    body = {"TableName": filled, "Key": KEY, "ConsistentRead": True}
    through.ok("GetItem", {"TableName": filled, "Key": KEY})
    for _ in range(2):
        reply = through.ok("GetItem", body)
        assert reply.cache == "BYPASS"
        assert "fwd=" in reply.headers["Cache-Status"] and "detail=" in reply.headers["Cache-Status"]
    assert counting_upstream.count("GetItem") == 3


def test_consistent_reads_served_where_the_operator_says_so(filled, proxy_factory, counting_upstream):
    changes = {
        "consistency": "linearizable",
        "tables": {"chat": {"ttl": "10m", "serve_consistent_reads": True}},
        # After a start that may follow a crash the cache keeps quiet for as long as a lost write may take.
        "upstream": {"request_timeout": "1s"},
        "unknown_write_hold": "1100ms",
    }
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    with proxy.wire() as through:
        body = {"TableName": filled, "Key": batch_key("room-2", 1), "ConsistentRead": True}
        assert through.ok("GetItem", body).cache == "BYPASS"
        waiting.until(lambda: through.ok("GetItem", body).cache == "HIT", "the quiet time to end")
        body = {"TableName": filled, "Key": KEY, "ConsistentRead": True}
        miss_then_hit(through, counting_upstream, "GetItem", body)
        miss_then_hit(through, counting_upstream, "Query", query(filled, ConsistentRead=True))


def test_consumed_capacity_of_a_hit_is_nothing(filled, through):
    for mode in ("TOTAL", "INDEXES"):
        body = query(filled, ReturnConsumedCapacity=mode)
        miss, hit = through.ok("Query", body), through.ok("Query", body)
        assert (miss.cache, hit.cache) == ("MISS", "HIT")
        assert miss.json["ConsumedCapacity"]["CapacityUnits"] > 0
        assert hit.json["ConsumedCapacity"]["TableName"] == filled
        assert hit.json["ConsumedCapacity"]["CapacityUnits"] == 0
        assert hit.json["Items"] == miss.json["Items"]
        body = {"TableName": filled, "Key": KEY, "ReturnConsumedCapacity": mode}
        miss, hit = through.ok("GetItem", body), through.ok("GetItem", body)
        assert (miss.cache, hit.cache) == ("MISS", "HIT")
        assert hit.json["ConsumedCapacity"]["CapacityUnits"] == 0
        assert hit.json["Item"] == miss.json["Item"]
    body = query(filled, ReturnConsumedCapacity="NONE")
    assert "ConsumedCapacity" not in through.ok("Query", body).json


SAME_QUERY = """\
{"TableName":"chat","KeyConditionExpression":"#p = :r and #s > :s","ExpressionAttributeNames":{"#p":"pk",\
"#s":"sk"},"ExpressionAttributeValues":{":r":{"S":"room-1"},":s":{"S":"0004"}}}"""
OTHER_SPELLINGS = {
    "members reordered": """\
{"ExpressionAttributeValues":{":s":{"S":"0004"},":r":{"S":"room-1"}},"ExpressionAttributeNames":{"#s":"sk",\
"#p":"pk"},"KeyConditionExpression":"#p = :r and #s > :s","TableName":"chat"}""",
    "placeholders renamed": """\
{"TableName":"chat","KeyConditionExpression":"#x = :y and #z > :w","ExpressionAttributeNames":{"#x":"pk",\
"#z":"sk"},"ExpressionAttributeValues":{":y":{"S":"room-1"},":w":{"S":"0004"}}}""",
    "white space": " \n"
    + SAME_QUERY.replace(",", " ,\t").replace(":{", " : { ")
    + "\r\n",
    "escapes": SAME_QUERY.replace("room-1", "\\u0072oom-1").replace('"TableName"', '"Table\\u004eame"'),
    "defaults said": SAME_QUERY[:-1] + ',"ScanIndexForward":true,"ConsistentRead":false,"ReturnConsumedCapacity":"NONE"}',
}


@pytest.mark.parametrize("spelling", OTHER_SPELLINGS.values(), ids=OTHER_SPELLINGS.keys())
def test_spellings_of_one_request_share_an_entry(filled, through, spelling):
    miss = through.ok("Query", SAME_QUERY)
    assert_is_miss(miss)
    hit = through.ok("Query", spelling)
    assert_is_hit(hit, miss)
    assert hit.body == miss.body


DIFFERENT = {
    "limit": {"Limit": 1},
    "order": {"ScanIndexForward": False},
    "index": {"IndexName": "by-at"},
    "projection": {"ProjectionExpression": "sk"},
    "filter": {"FilterExpression": "attribute_exists(n)"},
    "count": {"Select": "COUNT"},
    "start": {"ExclusiveStartKey": {"pk": {"S": "room-1"}, "sk": {"S": "0002"}}},
    "capacity": {"ReturnConsumedCapacity": "TOTAL"},
    "partition": {"ExpressionAttributeValues": {":room": {"S": "room-2"}}},
}


@pytest.mark.parametrize("more", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_different_requests_never_share_an_entry(filled, through, direct, more):
    through.ok("Query", query(filled))
    assert_is_miss(through.ok("Query", query(filled, **more)))
    expected = direct.ok("Query", query(filled, **more)).json
    assert expected.pop("ConsumedCapacity", {}).keys() == (
        {"TableName", "CapacityUnits"} if "ReturnConsumedCapacity" in more else set()
    )
    hit = through.ok("Query", query(filled, **more)).json
    hit.pop("ConsumedCapacity", None)
    assert hit == expected


def test_number_keys_share_an_entry_however_they_are_written(direct, through, counting_upstream):
    tables.create(direct, tables.definition("numbers", {"n": "N"}, "n"))
    direct.ok("PutItem", {"TableName": "numbers", "Item": {"n": {"N": "100"}, "v": {"S": "x"}}})
    first = through.ok("GetItem", {"TableName": "numbers", "Key": {"n": {"N": "100"}}})
    assert_is_miss(first)
    for form in ("100.0", "1e2", "1E+2", "0100", "1000e-1"):
        hit = through.ok("GetItem", {"TableName": "numbers", "Key": {"n": {"N": form}}})
        assert_is_hit(hit, first)
        assert hit.body == first.body
    other = through.ok("GetItem", {"TableName": "numbers", "Key": {"n": {"N": "100.00000000000000000000000000000000001"}}})
    assert other.json == {}
    assert counting_upstream.count("GetItem") == 2


def test_a_table_may_be_named_by_its_arn(filled, through, direct):
    arn = direct.ok("DescribeTable", {"TableName": filled}).json["Table"]["TableArn"]
    by_name = through.ok("GetItem", {"TableName": filled, "Key": KEY})
    by_arn = through.call("GetItem", {"TableName": arn, "Key": KEY})
    said_by_itself = direct.call("GetItem", {"TableName": arn, "Key": KEY})
    assert by_arn.status == said_by_itself.status
    if by_arn.status == 200:
        assert by_arn.json == by_name.json
    else:
        assert by_arn.body == said_by_itself.body


def test_errors_are_passed_on_and_never_kept(filled, through, direct, counting_upstream):
    wrong = {"TableName": filled, "Key": {"pk": {"S": "only half of the key"}}}
    expected = direct.call("GetItem", wrong)
    for _ in range(2):
        got = through.call("GetItem", wrong)
        assert (got.status, got.body) == (expected.status, expected.body)
    assert counting_upstream.count("GetItem") == 2


def test_an_unused_placeholder_is_refused_as_dynamodb_does(filled, through, direct):
    through.ok("Query", query(filled))
    wrong = query(filled, ExpressionAttributeNames={"#unused": "x"})
    expected, got = direct.call("Query", wrong), through.call("Query", wrong)
    assert expected.status == 400
    assert (got.status, got.body) == (expected.status, expected.body)


def test_scan_and_transact_get_bypass(filled, through, direct):
    for _ in range(2):
        scan = through.ok("Scan", {"TableName": filled, "Limit": 5})
        assert scan.cache == "BYPASS"
        assert scan.json == direct.ok("Scan", {"TableName": filled, "Limit": 5}).json
        body = {"TransactItems": [{"Get": {"TableName": filled, "Key": KEY}}]}
        got = through.ok("TransactGetItems", body)
        assert got.cache == "BYPASS"
        assert got.json == direct.ok("TransactGetItems", body).json


# ---- BatchGetItem ----


def batch_key(room, n):
    return {"pk": {"S": room}, "sk": {"S": f"{n:04}"}}


def batch(table, ns, **more):
    return {"RequestItems": {table: {"Keys": [batch_key("room-1", n) for n in ns], **more}}}


def sorted_items(reply, table):
    return sorted((json.dumps(i, sort_keys=True) for i in reply.json["Responses"][table]))


def test_batch_get_item(filled, through, direct, counting_upstream):
    body = batch(filled, [0, 1, 2, 77])
    miss, hit = through.ok("BatchGetItem", body), through.ok("BatchGetItem", body)
    assert_is_miss(miss)
    assert_is_hit(hit, miss)
    assert sorted_items(hit, filled) == sorted_items(miss, filled)
    assert sorted_items(miss, filled) == sorted_items(direct.ok("BatchGetItem", body), filled)
    assert hit.json["UnprocessedKeys"] == {}
    assert counting_upstream.count("BatchGetItem") == 1


def test_batch_asks_only_for_what_is_missing(filled, through, direct, counting_upstream):
    through.ok("BatchGetItem", batch(filled, [0, 1, 77]))
    body = batch(filled, [0, 1, 2, 3, 77])
    reply = through.ok("BatchGetItem", body)
    assert reply.cache == "MISS"
    assert sorted_items(reply, filled) == sorted_items(direct.ok("BatchGetItem", body), filled)
    asked = counting_upstream.seen("BatchGetItem")[-1].json["RequestItems"][filled]["Keys"]
    assert sorted(k["sk"]["S"] for k in asked) == ["0002", "0003"]


def test_batch_and_get_share_entries(filled, through, counting_upstream):
    through.ok("GetItem", {"TableName": filled, "Key": batch_key("room-1", 5)})
    assert through.ok("BatchGetItem", batch(filled, [5])).cache == "HIT"
    through.ok("BatchGetItem", batch(filled, [6]))
    hit = through.ok("GetItem", {"TableName": filled, "Key": batch_key("room-1", 6)})
    assert hit.cache == "HIT"
    assert hit.json["Item"]["n"] == {"N": "6"}
    assert counting_upstream.count("BatchGetItem") == 1


def test_batch_over_two_tables_and_a_projection(filled, plain, through, direct):
    direct.ok("PutItem", {"TableName": plain, "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}, "v": {"N": "1"}}})
    body = batch(filled, [1, 2], ProjectionExpression="pk, sk, #t", ExpressionAttributeNames={"#t": "text"})
    body["RequestItems"][plain] = {"Keys": [{"pk": {"S": "a"}, "sk": {"S": "b"}}]}
    expected = direct.ok("BatchGetItem", body)
    for cache in ("MISS", "HIT"):
        reply = through.ok("BatchGetItem", body)
        assert reply.cache == cache
        for table in (filled, plain):
            assert sorted_items(reply, table) == sorted_items(expected, table)


def test_batch_refuses_what_dynamodb_refuses_even_when_all_would_hit(filled, through, direct):
    through.ok("BatchGetItem", batch(filled, [1]))
    for wrong in (batch(filled, [1, 1]), batch(filled, [1] + list(range(1000, 1100)))):
        expected, got = direct.call("BatchGetItem", wrong), through.call("BatchGetItem", wrong)
        assert expected.status == 400
        assert (got.status, got.body) == (expected.status, expected.body)


def test_batch_capacity(filled, through):
    body = batch(filled, [1, 2])
    body["ReturnConsumedCapacity"] = "TOTAL"
    miss, hit = through.ok("BatchGetItem", body), through.ok("BatchGetItem", body)
    assert (miss.cache, hit.cache) == ("MISS", "HIT")
    assert sum(c["CapacityUnits"] for c in miss.json["ConsumedCapacity"]) > 0
    assert [(c["TableName"], c["CapacityUnits"]) for c in hit.json["ConsumedCapacity"]] == [(filled, 0)]


def test_batch_hands_on_unprocessed_keys(filled, through, counting_upstream):
    keys = [batch_key("room-1", n) for n in (1, 2)]

    def half(_, status, body):
        whole = json.loads(body)
        rest = [i for i in whole["Responses"][filled] if i["n"] == {"N": "1"}]
        made = {"Responses": {filled: rest}, "UnprocessedKeys": {filled: {"Keys": keys[1:], "ConsistentRead": True}}}
        return status, json.dumps(made).encode()

    counting_upstream.answer(half, "BatchGetItem", times=1)
    reply = through.ok("BatchGetItem", batch(filled, [1, 2])).json
    assert [i["n"] for i in reply["Responses"][filled]] == [{"N": "1"}]
    assert reply["UnprocessedKeys"][filled]["Keys"] == keys[1:]
    assert "ConsistentRead" not in reply["UnprocessedKeys"][filled], "the client did not ask for that"
    again = through.ok("BatchGetItem", {"RequestItems": reply["UnprocessedKeys"]}).json
    assert [i["n"] for i in again["Responses"][filled]] == [{"N": "2"}]
    asked = counting_upstream.seen("BatchGetItem")[-1].json["RequestItems"][filled]["Keys"]
    assert asked == keys[1:]


# ---- what the config says ----


def test_only_configured_tables_are_cached(filled, plain, proxy_factory, counting_upstream):
    proxy = proxy_factory(
        counting_upstream.endpoint,
        config={
            "listen": {"address": "127.0.0.1:0"},
            "upstream": {"endpoint": counting_upstream.endpoint, "region": "us-east-1"},
            "tables": {"plain": {"ttl": "10m"}},
        },
    )
    with proxy.wire() as through:
        for _ in range(2):
            assert through.ok("GetItem", {"TableName": filled, "Key": KEY}).cache == "BYPASS"
        body = {"TableName": plain, "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}
        assert [through.ok("GetItem", body).cache for _ in range(2)] == ["MISS", "HIT"]


def test_a_ttl_of_nothing_turns_a_pattern_off(filled, proxy_factory, counting_upstream):
    table = {"ttl": "10m", "patterns": [{"name": "second", "partition_key": "*-2", "ttl": "0s"}]}
    proxy = proxy_factory(counting_upstream.endpoint, {"tables": {"chat": table}})
    with proxy.wire() as through:
        first = {"TableName": filled, "Key": batch_key("room-1", 1)}
        second = {"TableName": filled, "Key": batch_key("room-2", 1)}
        assert [through.ok("GetItem", first).cache for _ in range(2)] == ["MISS", "HIT"]
        assert [through.ok("GetItem", second).cache for _ in range(2)] == ["BYPASS", "BYPASS"]


def test_the_schema_may_come_from_the_config(filled, proxy_factory, counting_upstream):
    counting_upstream.fail("DescribeTable", status=400, error="AccessDeniedException", message="not allowed")
    schema = {
        "partition_key": "pk",
        "sort_key": "sk",
        "global_secondary_indexes": [{"name": "by-owner", "partition_key": "owner", "sort_key": "sk"}],
        "local_secondary_indexes": [{"name": "by-at", "partition_key": "pk", "sort_key": "at"}],
    }
    proxy = proxy_factory(counting_upstream.endpoint, {"tables": {"chat": {"ttl": "10m", "schema": schema}}})
    with proxy.wire() as through:
        miss_then_hit(through, counting_upstream, "Query", query(filled))


def test_a_table_that_may_not_be_described_passes_through(filled, proxy_factory, counting_upstream, direct):
    counting_upstream.fail("DescribeTable", status=400, error="AccessDeniedException", message="not allowed")
    proxy = proxy_factory(counting_upstream.endpoint)
    with proxy.wire() as through:
        for _ in range(3):
            reply = through.ok("Query", query(filled))
            assert reply.cache == "BYPASS"
            assert reply.json == direct.ok("Query", query(filled)).json
    assert proxy.output().count("dynamodb:DescribeTable") == 1, "the log says once which action is missing"
