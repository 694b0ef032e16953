"""What a write has put and what the stream shows of it have one name, however the write spells it.

Random items go through a proxy that follows their table; their records are kept back until all are written, and
then each must be known for the proxy's own: its name is that of the write. READASIDE_STEPS says how many items there
are (at most 1000, for what is noted of a write is kept for a minute), READASIDE_SEED where to begin.
"""
import base64
import os
import random

import pytest

from support import following, tables

ITEMS = min(int(os.environ.get("READASIDE_STEPS", "200")), 1000)
SEED = int(os.environ.get("READASIDE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)

STRINGS = ["", "a", "b", "aa", "a\u0000", "\u00e9\u4e2d", "\U0001f600", '"\\/\n', " ", "{}", "M.", "x" * 300]
NAMES = ["a", "b", "\u00e9", "with.dot", 'q"uote', "\u0001", "S", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
# Each in forms that mean the same, the first as DynamoDB shows it.
NUMBERS = [
    ["0", "-0", "0.0", "0e5", "+0"],
    ["1", "1.0", "01", "1e0", "10e-1", "+1", "0.1E1"],
    ["-1.5", "-15e-1", "-01.50", "-0.15E+1"],
    ["10000", "1e4", "10000.000", "0.1e5"],
    ["0.0000001", "1e-7", "0.1E-6"],
    ["12345678901234567890123456789012345678", "1.2345678901234567890123456789012345678e37"],
    ["-0.00012345678901234567890123456789012345678", "-1.2345678901234567890123456789012345678e-4"],
    ["1" + "0" * 125, "1e125", "10e124"],
    ["0." + "0" * 129 + "1", "1e-130"],
]


class Values:
    """Attribute values, each in one of the spellings that DynamoDB takes for it."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def number(self):
        return self.rng.choice(self.rng.choice(NUMBERS))

    def binary(self, most=40):
        return base64.b64encode(self.rng.randbytes(self.rng.randrange(most))).decode()

    def several(self, choices):
        found = self.rng.sample(choices, self.rng.randrange(1, len(choices)))
        self.rng.shuffle(found)
        return found

    def value(self, depth=0):
        kind = self.rng.choice(["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"][: 8 if depth > 3 else 10])
        if kind == "S":
            return {kind: self.rng.choice(STRINGS)}
        if kind == "N":
            return {kind: self.number()}
        if kind == "B":
            return {kind: self.binary()}
        if kind == "BOOL":
            return {kind: self.rng.random() < 0.5}
        if kind == "NULL":
            return {kind: True}
        if kind == "SS":
            return {kind: self.several(STRINGS)}
        if kind == "NS":
            return {kind: [self.rng.choice(forms) for forms in self.several(NUMBERS)]}
        if kind == "BS":
            return {kind: self.several(sorted({self.binary(4) for _ in range(8)} | {"", "AA=="}))}
        if kind == "L":
            return {kind: [self.value(depth + 1) for _ in range(self.rng.randrange(4))]}
        return {kind: self.attributes(depth + 1, 3)}

    def attributes(self, depth=0, most=6):
        names = self.rng.sample(NAMES, self.rng.randrange(most + 1))
        return {name: self.value(depth) for name in names}

    def item(self, sk):
        """Its attributes in any order, the key among them."""
        members = [*self.attributes().items(), ("pk", {"S": "p"}), ("sk", {"S": sk})]
        self.rng.shuffle(members)
        return dict(members)


def key(item):
    return {name: item[name] for name in ("pk", "sk")}


def update(table, item):
    """Makes the item from nothing, and asks for what it is then."""
    given = [(name, value) for name, value in item.items() if name not in ("pk", "sk")]
    body = {"TableName": table, "Key": key(item), "ReturnValues": "ALL_NEW"}
    if given:
        body["UpdateExpression"] = "SET " + ", ".join(f"#n{i} = :v{i}" for i in range(len(given)))
        body["ExpressionAttributeNames"] = {f"#n{i}": name for i, (name, _) in enumerate(given)}
        body["ExpressionAttributeValues"] = {f":v{i}": value for i, (_, value) in enumerate(given)}
    return body


def writes(table, items, rng):
    """All items, each put once in one way or another: (operation, body, how many)."""
    left = list(items)
    while left:
        way = rng.choice(["PutItem", "UpdateItem", "BatchWriteItem", "TransactWriteItems"])
        if way == "PutItem":
            yield way, {"TableName": table, "Item": left.pop()}, 1
        elif way == "UpdateItem":
            yield way, update(table, left.pop()), 1
        else:
            some = [left.pop() for _ in range(min(len(left), rng.randrange(1, 9)))]
            if way == "BatchWriteItem":
                yield way, {"RequestItems": {table: [{"PutRequest": {"Item": one}} for one in some]}}, len(some)
            else:
                puts = [{"Put": {"TableName": table, "Item": one}} for one in some]
                yield way, {"TransactItems": puts}, len(some)


@pytest.mark.parametrize("view", ["NEW_IMAGE", "NEW_AND_OLD_IMAGES"])
def test_what_is_put_and_what_the_stream_shows(direct, proxy_factory, counting_upstream, view):
    values = Values(SEED)
    table = "digests"
    tables.create(direct, following.streamed(tables.plain(table), view))
    proxy = proxy_factory(counting_upstream.endpoint,
                          following.settings(table, {"upstream": {"request_timeout": "30s"}}))
    before = following.caught_up(proxy, table)
    kept_back = counting_upstream.hold("GetRecords")
    kept_back.wait_for()
    items = [values.item(str(i)) for i in range(ITEMS)]
    for operation, body, _ in writes(table, items, values.rng):
        reply = proxy.call(operation, body)
        assert reply.status == 200, (SEED, operation, body, reply)
    # Long after each was put: of two writes of one item in the same millisecond it isn't certain whose record is whose.
    gone = items[::3]
    for item in reversed(gone):
        assert proxy.call("DeleteItem", {"TableName": table, "Key": key(item)}).status == 200
    kept_back.release()
    after = following.caught_up(proxy, table)
    told = {name: after[name] - before[name] for name in ("records", "own")}
    assert told == {"records": len(items) + len(gone), "own": len(items) + len(gone)}, (SEED, after)


def changed(item, rng):
    """Another item with the same key: one attribute more, less, or of another value."""
    other = dict(item)
    names = [name for name in item if name not in ("pk", "sk")]
    if names and rng.random() < 0.3:
        del other[rng.choice(names)]
    elif names and rng.random() < 0.7:
        name = rng.choice(names)
        other[name] = {"L": [item[name]]}
    else:
        other["more"] = {"S": ""}
    return other


def test_what_differs_is_a_strangers(direct, proxy_factory, counting_upstream):
    """The proxy's writes make no record, for they leave what is there; what a stranger makes of it isn't theirs."""
    values = Values(SEED)
    table = "digests"
    tables.create(direct, following.streamed(tables.plain(table)))
    items = [values.item(str(i)) for i in range(ITEMS // 2)]
    for item in items:
        direct.ok("PutItem", {"TableName": table, "Item": item})
    proxy = proxy_factory(counting_upstream.endpoint,
                          following.settings(table, {"upstream": {"request_timeout": "30s"}}))
    before = following.caught_up(proxy, table)
    kept_back = counting_upstream.hold("GetRecords")
    kept_back.wait_for()
    for item in items:
        assert proxy.call("PutItem", {"TableName": table, "Item": item}).status == 200
        direct.ok("PutItem", {"TableName": table, "Item": changed(item, values.rng)})
    kept_back.release()
    after = following.caught_up(proxy, table)
    told = {name: after[name] - before[name] for name in ("records", "own")}
    assert told == {"records": len(items), "own": 0}, (SEED, after)
