"""Routes on tables of any other design: number and binary keys, indexes, single items, all attribute types."""
import base64
import json

import pytest

from support import rest, tables

TABLE = "sensors"

ROUTES = [
    {
        "name": "readings",
        "method": "GET",
        "path": "/sensors/{id}/readings",
        "query": {"table": TABLE, "partition_key": "{path.id}", "order": "oldest", "limit": 2},
        "reply": {"each": {"at": "at", "value": "value", "unit": "unit"}},
    },
    {
        "name": "readings-backwards",
        "method": "GET",
        "path": "/sensors/{id}/readings/backwards",
        "query": {
            "table": TABLE,
            "partition_key": "{path.id}",
            "limit": 2,
            "limit_from": "query.n",
            "before_from": "query.until",
            "after_from": "",
        },
        "reply": {"order": "newest"},
    },
    {
        "name": "by-place",
        "method": "GET",
        "path": "/places/{place}/readings",
        "query": {"table": TABLE, "index": "by-place", "partition_key": "{path.place}", "limit": 2},
        "reply": {"order": "newest", "each": {"at": "at"}},
    },
    {
        "name": "reading",
        "method": "GET",
        "path": "/sensors/{id}/readings/{at}",
        "operation": "GetItem",
        "request": {"TableName": TABLE, "Key": {"id": {"N": "{path.id}"}, "at": {"N": "{path.at}"}}},
        "reply": {"item": {"value": "value", "all": "all", "missing": "no-such-attribute"}},
    },
    {
        "name": "put",
        "method": "PUT",
        "path": "/sensors/{id}/readings/{at}",
        "validate": {"body.unit": {"required": False, "default": "°C"}},
        "operation": "PutItem",
        "request": {
            "TableName": TABLE,
            "Item": {
                "id": {"N": "{path.id}"},
                "at": {"N": "{path.at}"},
                "value": {"N": "{body.value}"},
                "unit": {"S": "{body.unit}"},
                "place": {"S": "{query.place}"},
                "all": {"M": {"list": {"L": [{"S": "{{literal}}"}, {"BOOL": True}, {"NULL": True}]}}},
            },
        },
        "reply": {"status": 201, "object": {"id": "{path.id}", "unit": "{body.unit}"}},
    },
    {
        "name": "add",
        "method": "POST",
        "path": "/sensors/{id}/readings/{at}/add",
        "operation": "UpdateItem",
        "request": {
            "TableName": TABLE,
            "Key": {"id": {"N": "{path.id}"}, "at": {"N": "{path.at}"}},
            "UpdateExpression": "ADD #v :n",
            "ConditionExpression": "attribute_exists(#v)",
            "ExpressionAttributeNames": {"#v": "value"},
            "ExpressionAttributeValues": {":n": {"N": "{body.by}"}},
        },
        "reply": {"object": {"added": "{body.by}"}},
    },
    {
        "name": "remove",
        "method": "DELETE",
        "path": "/sensors/{id}/readings/{at}",
        "operation": "DeleteItem",
        "request": {"TableName": TABLE, "Key": {"id": {"N": "{path.id}"}, "at": {"N": "{path.at}"}}},
        "reply": {"object": {}},
    },
    {
        "name": "blobs",
        "method": "GET",
        "path": "/blobs/{key}",
        "query": {"table": "blobs", "partition_key": "{path.key}"},
    },
]


@pytest.fixture
def sensors(direct):
    tables.create(
        direct,
        tables.definition(
            TABLE,
            {"id": "N", "at": "N", "place": "S"},
            "id",
            "at",
            world=[tables.index("by-place", "place", "at")],
        ),
    )
    for at in range(1, 8):
        direct.ok("PutItem", {"TableName": TABLE, "Item": reading(at)})
    return TABLE


def reading(at, **more):
    return {"id": {"N": "7"}, "at": {"N": str(at)}, "value": {"N": f"{at}.50"}, "place": {"S": "roof"}, **more}


@pytest.fixture
def start(sensors, proxy_factory, counting_upstream):
    def make(**more):
        return proxy_factory(counting_upstream.endpoint, {"routes": ROUTES, **more})

    return make


@pytest.fixture
def api(start):
    with rest.Rest(start().endpoint) as connection:
        yield connection


def test_number_keys_are_compared_as_numbers(api):
    page = api.get("/sensors/7/readings")
    assert page.json == [{"at": 1, "value": 1.5, "unit": None}, {"at": 2, "value": 2.5, "unit": None}]
    assert [r["at"] for r in api.get("/sensors/7/readings?after=5.0").json] == [6, 7]
    assert [r["at"] for r in api.get("/sensors/7/readings?before=2").json] == [1]
    assert api.get("/sensors/7.0/readings").cache == "HIT", "7 and 7.0 are one key"


def test_a_number_that_is_none_is_refused(api, counting_upstream):
    for target in ("/sensors/seven/readings", "/sensors/7/readings?after=x", "/sensors/1e999/readings", "/sensors/NaN/readings"):
        reply = api.get(target)
        assert (reply.status, reply.code) == (400, "malformed_input"), target
    assert counting_upstream.count("Query") == 0


def test_links_go_forward_where_the_oldest_come_first(api):
    target, seen = "/sensors/7/readings", []
    while target:
        reply = api.get(target)
        seen += [r["at"] for r in reply.json]
        target = reply.next
    assert seen == list(range(1, 8))


def test_parameters_have_the_names_that_the_config_gives_them(api):
    target, seen = "/sensors/7/readings/backwards?n=3", []
    while target:
        reply = api.get(target)
        seen += [r["at"] for r in reply.json]
        target = reply.next
        assert not target or "until=" in target
    assert seen == list(range(7, 0, -1))
    assert len(api.get("/sensors/7/readings/backwards?limit=5&before=3&after=1").json) == 2, "not parameters here"


def test_an_index_with_its_own_keys(api):
    first = api.get("/places/roof/readings")
    assert [r["at"] for r in first.json] == [7, 6]
    assert [r["at"] for r in api.get(first.next).json] == [5, 4]
    assert api.get("/places/cellar/readings").json == []


def test_a_single_item_and_what_is_missing(api):
    reply = api.get("/sensors/7/readings/3")
    assert (reply.status, reply.json, reply.cache) == (200, {"value": 3.5, "all": None, "missing": None}, "MISS")
    assert api.get("/sensors/7/readings/3").cache == "HIT"
    missing = api.get("/sensors/7/readings/99")
    assert (missing.status, missing.code) == (404, "not_found")
    head = api.call("HEAD", "/sensors/7/readings/99")
    assert (head.status, head.body) == (404, b"")


def test_writes_make_reads_fresh(api):
    target = "/sensors/7/readings/3"
    assert [api.get(target).cache for _ in range(2)] == ["MISS", "HIT"]
    put = api.call("PUT", target + "?place=cellar", {"value": 12345678901234567890.0, "unit": None})
    assert (put.status, put.json) == (201, {"id": "7", "unit": "°C"})
    fresh = api.get(target)
    assert fresh.cache == "MISS"
    assert fresh.json["all"] == {"list": ["{literal}", True, None]}
    added = api.post(target + "/add", {"by": -0.5})
    assert (added.status, added.json) == (200, {"added": "-0.5"})
    assert api.get(target).cache == "MISS"
    assert api.call("DELETE", target).json == {}
    assert api.get(target).status == 404


def test_a_condition_that_fails_is_a_conflict(api):
    reply = api.post("/sensors/7/readings/99/add", {"by": "1"})
    assert (reply.status, reply.code) == (409, "conflict")


def test_what_dynamodb_refuses_is_told_in_its_words(api):
    reply = api.call("PUT", "/sensors/7/readings/3?place=x", {"value": "many"})
    assert (reply.status, reply.code) == (400, "invalid_request")


def test_every_digit_of_a_number_is_kept(api, direct):
    digits = "12345678901234567890123456789012345678"
    direct.ok("PutItem", {"TableName": TABLE, "Item": reading(50, value={"N": digits})})
    assert f'"value":{digits}'.encode() in api.get("/sensors/7/readings/50").body.replace(b" ", b"")


def test_all_attribute_types_are_plain_json(api, direct):
    everything = {
        "S": {"S": "\u0000\"\\é👋"},
        "B": {"B": base64.b64encode(b"\x00\xff").decode()},
        "SS": {"SS": ["a"]},
        "NS": {"NS": ["1.5"]},
        "BS": {"BS": ["AP8="]},
        "deep": {"L": [{"M": {"x": {"L": [{"N": "1"}, {"S": ""}]}}}]},
        "empty": {"M": {}},
    }
    direct.ok("PutItem", {"TableName": TABLE, "Item": reading(60, all={"M": everything})})
    assert api.get("/sensors/7/readings/60").json["all"] == {
        "S": "\u0000\"\\é👋",
        "B": "AP8=",
        "SS": ["a"],
        "NS": [1.5],
        "BS": ["AP8="],
        "deep": [{"x": [1, ""]}],
        "empty": {},
    }


def test_without_a_mapping_every_attribute_is_shown(api, direct):
    direct.ok("PutItem", {"TableName": TABLE, "Item": reading(70)})
    first = api.get("/sensors/7/readings/backwards").json[0]
    assert first == {"id": 7, "at": 70, "value": 70.5, "place": "roof"}


def test_binary_keys_are_base64(api, direct):
    tables.create(direct, tables.definition("blobs", {"key": "B"}, "key"))
    direct.ok("PutItem", {"TableName": "blobs", "Item": {"key": {"B": "AP8="}, "note": {"S": "x"}}})
    assert api.get("/blobs/AP8%3D").json == [{"key": "AP8=", "note": "x"}]
    assert api.get("/blobs/AP8=").cache == "HIT"
    assert api.get("/blobs/no%21").code == "malformed_input"
    sorted_by_nothing = api.get("/blobs/AP8=?before=x")
    assert (sorted_by_nothing.status, sorted_by_nothing.code) == (500, "no_sort_key")


def test_a_schema_from_the_config_has_string_keys(direct, proxy_factory, counting_upstream):
    tables.create(direct, tables.chat("conversations"))
    direct.ok("PutItem", {"TableName": "conversations", "Item": {"pk": {"S": "a"}, "sk": {"S": "1"}}})
    route = {"name": "list", "method": "GET", "path": "/c/{id}", "query": {"table": "conversations", "partition_key": "{path.id}"}}
    schema = {"partition_key": "pk", "sort_key": "sk"}
    proxy = proxy_factory(
        counting_upstream.endpoint, {"routes": [route], "tables": {"conversations": {"schema": schema}}}
    )
    with rest.Rest(proxy.endpoint) as api:
        assert api.get("/c/a").json == [{"pk": "a", "sk": "1"}]
    assert counting_upstream.count("DescribeTable") == 0


def test_a_reply_that_is_not_dynamodbs_is_502(api, counting_upstream):
    api.get("/sensors/1/readings")
    for body in (b"[]", b'{"Items": 5}', b'{"Items": [5]}', b'{"Items": [{"at": {"S": 5}}]}', b"nope", b""):
        counting_upstream.answer(lambda request, status, sent, body=body: (200, body), "Query")
        reply = api.get("/sensors/2/readings")
        assert (reply.status, reply.code) == (502, "bad_reply"), body
        counting_upstream.clear()
    assert json.loads(api.get("/sensors/2/readings").body) == []
