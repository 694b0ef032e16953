"""A record that isn't understood doesn't block what follows a stream: it counts as a change of anything."""
import json

import pytest
import test_follow
from test_follow import get, item, values, warm

from support import tables
from support.following import caught_up, stats

make, following_proxy = test_follow.make, test_follow.following_proxy


def spoilt(change):
    """Replies whose last record is another than DynamoDB's."""

    def make_reply(request, status, body):
        reply = json.loads(body)
        if reply.get("Records"):
            change(reply["Records"])
        return status, json.dumps(reply).encode()

    return make_reply


def unknown_event(records):
    records[-1]["eventName"] = "UPSERT"


def no_number(records):
    del records[-1]["dynamodb"]["SequenceNumber"]


def no_record(records):
    records[-1] = 7


@pytest.mark.parametrize("change", [unknown_event, no_number, no_record])
def test_a_record_that_is_not_understood(make, following_proxy, direct, counting_upstream, change):
    table = make(tables.plain())
    for sk in ("1", "2"):
        direct.ok("PutItem", {"TableName": table, "Item": item("old", sk)})
    proxy = following_proxy(table)
    for sk in ("1", "2"):
        warm(proxy, get(table, sk))
    counting_upstream.answer(spoilt(change), operation="GetRecords")
    direct.ok("PutItem", {"TableName": table, "Item": item("new", "1")})
    caught_up(proxy, table)
    for sk, value in (("1", "new"), ("2", "old")):
        reply = proxy.call(*get(table, sk))
        assert reply.cache == "MISS" and values(reply) == [value], (sk, reply)
    assert stats(proxy, table)["batches"] >= 1
