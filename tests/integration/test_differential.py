"""The same random requests through the proxy and straight to DynamoDB: nobody may see a difference.

Both sides work on databases of their own (DynamoDB Local keeps one per access key), which get the same writes in
the same order. READASIDE_STEPS says how many steps each operation gets, READASIDE_SEED where to begin.
"""
import json
import os
import random

import pytest

from support import processes, quirks, steps, tables, wire

STEPS = int(os.environ.get("READASIDE_STEPS", "3000"))
SEED = int(os.environ.get("READASIDE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
# The proxy signs with credentials of its own; these are the ones of the other database.
DIRECT_KEY = "direct"


@pytest.fixture(scope="module")
def isolated(tmp_path_factory):
    local = processes.DynamoDBLocal(tmp_path_factory.mktemp("isolated") / "log", shared=False)
    yield local
    local.stop()


@pytest.fixture
def sides(isolated, proxy_factory):
    """(through the proxy, direct), tables made on both. Index reads are compared, so nothing may settle late:
    DynamoDB Local's indexes are never behind."""
    proxy = proxy_factory(isolated.endpoint, {"tables": {"*": {"settle": "0s"}}})
    own = processes.CREDENTIALS["AWS_ACCESS_KEY_ID"]
    with wire.Wire(isolated.endpoint, own) as behind, wire.Wire(isolated.endpoint, DIRECT_KEY) as direct:
        for table in steps.TABLES:
            tables.create(behind, table)
            tables.create(direct, table)
        with proxy.wire() as through:
            yield through, direct


def unordered(found):
    """A batch's items come in any order."""
    for items in (found.get("Responses") or {}).values() if isinstance(found.get("Responses"), dict) else ():
        items.sort(key=lambda i: json.dumps(i, sort_keys=True))
    return found


def without_capacity(found):
    """What a hit costs differs by design; that it is said at all must not."""
    capacity = found.get("ConsumedCapacity")
    if isinstance(capacity, dict):
        found["ConsumedCapacity"] = capacity["TableName"]
    elif isinstance(capacity, list):
        found["ConsumedCapacity"] = sorted(c["TableName"] for c in capacity)
    return found


def ordered_sets(value):
    """Sets have no order."""
    if isinstance(value, dict):
        return {k: sorted(v) if k in ("SS", "NS", "BS") and isinstance(v, list) else ordered_sets(v) for k, v in value.items()}
    if isinstance(value, list):
        return [ordered_sets(v) for v in value]
    return value


def seen(reply, operation, body):
    """What a client sees, less what may differ between two calls."""
    if reply.status != 200:
        return reply.status, reply.error, reply.message
    found = without_capacity(unordered(reply.json))
    if quirks.says_capacity_unasked(operation, body):
        found.pop("ConsumedCapacity", None)
    return reply.status, ordered_sets(found)


def compare(sides, operation, body, where):
    through, direct = sides
    text = json.dumps(body)
    got, expected = through.call(operation, text), direct.call(operation, text)
    if expected.status >= 500 and got.status == 400 and got.error == "SerializationException":
        return got  # DynamoDB Local falls over bodies that DynamoDB refuses
    assert seen(got, operation, body) == seen(expected, operation, body), f"{where}: {operation} {text}\ngot {got}\nexpected {expected}"
    return got


@pytest.mark.parametrize("operation", ["GetItem", "Query", "BatchGetItem"])
def test_no_difference(sides, operation):
    made = steps.Steps(SEED)
    recent, hits, stored = [], 0, 0
    for number in range(STEPS):
        where = f"READASIDE_SEED={SEED}, step {number}"
        if made.chance(0.25):
            compare(sides, *made.write(), where)
            continue
        if recent and made.chance(0.6):
            request = made.one(recent)
        else:
            request = made.read(operation)
            recent = [*recent[-30:], request]
        cache = compare(sides, *request, where).cache
        hits += cache == "HIT"
        stored += cache == "MISS"
    print(f"seed {SEED}: {STEPS} steps, {hits} hits, {stored} misses")
    assert hits > STEPS // 50, "the cache was hardly met: the test shows nothing"


def test_no_difference_in_any_order(sides):
    """All operations mixed, and every page of every query followed."""
    made = steps.Steps(SEED + 1)
    for number in range(STEPS):
        where = f"READASIDE_SEED={SEED}, mixed step {number}"
        if made.chance(0.3):
            compare(sides, *made.write(), where)
            continue
        operation, body = made.read(made.one(["GetItem", "Query", "Query", "BatchGetItem"]))
        for _ in range(20):
            reply = compare(sides, operation, body, where)
            last = reply.json.get("LastEvaluatedKey") if reply.status == 200 and operation == "Query" else None
            if not last:
                break
            body = {**body, "ExclusiveStartKey": last}


def test_the_databases_end_alike(sides):
    made = steps.Steps(SEED + 2)
    for number in range(STEPS // 4):
        compare(sides, *made.write(), f"READASIDE_SEED={SEED}, write {number}")
    for table in steps.TABLES:
        contents = [
            sorted(json.dumps(ordered_sets(i), sort_keys=True) for i in side.ok("Scan", {"TableName": table["TableName"]}).json["Items"])
            for side in sides
        ]
        assert contents[0] == contents[1], table["TableName"]
