"""The key that the cache used and the item that DynamoDB touched must never disagree.

Random mutations of the bodies of writes and reads (duplicate members, escapes in names and values, NULs, number
forms, overlong UTF-8, white space, member order) are sent byte for byte through the proxy. After each write, every
item of a small key space is read through the cache and directly: an entry that the write should have taken away
would show. After each read, the reply is compared with DynamoDB's own. READASIDE_FUZZ says how many bodies are
sent, READASIDE_SEED where to begin.
"""
import json
import os
import random

import pytest

from support import tables

COUNT = int(os.environ.get("READASIDE_FUZZ", "1500"))
SEED = int(os.environ.get("READASIDE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)

STRING, NUMBER = "fuzz-string", "fuzz-number"
PARTITIONS = {STRING: [{"S": "a"}, {"S": "b"}, {"S": "\u00e9"}], NUMBER: [{"N": "1"}, {"N": "10"}, {"N": "-0.5"}]}
SORTS = {STRING: [{"S": "x"}, {"S": "y"}], NUMBER: [{"N": "0"}, {"N": "2"}]}


class Text:
    """Prints JSON in one of the many ways that mean (or nearly mean) the same."""

    def __init__(self, rng, wildness):
        self.rng = rng
        self.wildness = wildness

    def odd(self, p=1.0):
        return self.rng.random() < self.wildness * p

    def space(self):
        return self.rng.choice([b" ", b"\n", b"\t", b"\r", b"  "]) if self.odd() else b""

    def character(self, char):
        code = ord(char)
        if char in '"\\':
            return b"\\" + char.encode()
        if not self.odd():
            return char.encode() if code >= 0x20 else b"\\u%04x" % code
        how = self.rng.randrange(12)
        if how < 6:
            return b"\\u%04x" % code if how < 3 else b"\\u%04X" % code
        if how == 6 and code < 0x80:
            return bytes([0xC0 | code >> 6, 0x80 | code & 0x3F])  # overlong
        if how == 7:
            return self.rng.choice([b"\\u0000", b"\x00", b"\\x61", b"\\ud800", b"\xff", b"\xed\xa0\x80"]) + char.encode()
        if how == 8:
            return char.encode() + self.rng.choice([b"\\u0000", b" ", b"\\u200b"])
        return char.encode()

    def string(self, value):
        return b'"' + b"".join(self.character(c) for c in value) + b'"'

    def members(self, value):
        pairs = list(value.items())
        if self.odd():
            self.rng.shuffle(pairs)
        parts = [self.pair(n, v) for n, v in pairs]
        if pairs and self.odd(0.5):
            # The same name twice, with another value: which of them counts?
            name, own = self.rng.choice(pairs)
            parts.insert(self.rng.randrange(len(parts) + 1), self.pair(name, self.other(own)))
        return parts

    def other(self, value):
        if isinstance(value, str):
            return self.rng.choice(["a", "b", "x", "y", "1", "10", STRING, NUMBER, ""])
        if isinstance(value, dict) and value:
            return {n: self.other(v) for n, v in value.items()}
        return self.rng.choice([None, {}, [], 1, value])

    def pair(self, name, value):
        return self.string(name) + self.space() + b":" + self.space() + self.value(value)

    def number(self, text):
        """The text of an N, spelled in one of the ways that may be the same number."""
        if not self.odd(2):
            return text
        return self.rng.choice(
            [text + ".0", text + "e0", text + "E+0", "0" + text, "+" + text, " " + text, text + " ", text + "."]
            + [text + "0e-1", text + ".000000000000000000000000000000000000000", text + "e00000", "\u0661", text + "\u0000"]
            + [text.replace("0.5", ".5"), text.replace("-", "\u2212"), text + "d", text + "f", "0x" + text, text + "_0"]
        )

    def value(self, value):
        if isinstance(value, dict):
            if set(value) == {"N"}:
                value = {"N": self.number(value["N"])}
            inner = (self.space() + b"," + self.space()).join(self.members(value))
            return b"{" + self.space() + inner + self.space() + b"}"
        if isinstance(value, list):
            return b"[" + b",".join(self.value(v) for v in value) + b"]"
        if isinstance(value, str):
            return self.string(value)
        return json.dumps(value).encode()


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.count = 0

    def key(self, table):
        return {"pk": self.rng.choice(PARTITIONS[table]), "sk": self.rng.choice(SORTS[table])}

    def item(self, table):
        self.count += 1
        return {**self.key(table), "v": {"S": f"v{self.count}"}}

    def write(self):
        table = self.rng.choice([STRING, NUMBER])
        how = self.rng.randrange(6)
        if how <= 1:
            return table, "PutItem", {"TableName": table, "Item": self.item(table)}
        if how == 2:
            return table, "DeleteItem", {"TableName": table, "Key": self.key(table)}
        if how == 3:
            self.count += 1
            return table, "UpdateItem", {
                "TableName": table,
                "Key": self.key(table),
                "UpdateExpression": "SET #v = :v",
                "ExpressionAttributeNames": {"#v": "v"},
                "ExpressionAttributeValues": {":v": {"S": f"v{self.count}"}},
            }
        if how == 4:
            requests = [{"PutRequest": {"Item": self.item(table)}}, {"DeleteRequest": {"Key": self.key(table)}}]
            return table, "BatchWriteItem", {"RequestItems": {table: requests}}
        return table, "TransactWriteItems", {"TransactItems": [{"Put": {"TableName": table, "Item": self.item(table)}}]}

    def read(self):
        table = self.rng.choice([STRING, NUMBER])
        how = self.rng.randrange(3)
        if how == 0:
            return "GetItem", {"TableName": table, "Key": self.key(table)}
        if how == 1:
            return "BatchGetItem", {"RequestItems": {table: {"Keys": [self.key(table)]}}}
        return "Query", {
            "TableName": table,
            "KeyConditionExpression": "#p = :p",
            "ExpressionAttributeNames": {"#p": "pk"},
            "ExpressionAttributeValues": {":p": self.rng.choice(PARTITIONS[table])},
        }

    def text(self, body):
        wildness = self.rng.choice([0.0, 0.01, 0.03, 0.1])
        return Text(self.rng, wildness).value(body)


@pytest.fixture
def filled(direct):
    kinds = {STRING: "S", NUMBER: "N"}
    for table, kind in kinds.items():
        tables.create(direct, tables.definition(table, {"pk": kind, "sk": kind}, "pk", "sk"))


def all_reads():
    for table, partitions in PARTITIONS.items():
        for pk in partitions:
            yield "Query", {
                "TableName": table,
                "KeyConditionExpression": "pk = :p",
                "ExpressionAttributeValues": {":p": pk},
            }
            for sk in SORTS[table]:
                yield "GetItem", {"TableName": table, "Key": {"pk": pk, "sk": sk}}


CHECKS = [(operation, json.dumps(body).encode()) for operation, body in all_reads()]


def assert_fresh(through, direct, where):
    hits = 0
    for operation, body in CHECKS:
        got, expected = through.call(operation, body), direct.call(operation, body)
        hits += got.cache == "HIT"
        assert (got.status, got.json) == (expected.status, expected.json), f"{where}\nthen {operation} {body}: {got}"
    return hits


def test_writes_invalidate_what_they_touch(filled, proxy_factory, counting_upstream, direct):
    # A 500 of upstream leaves a write's fate unknown; a short hold brings the cache back into play soon.
    changes = {"unknown_write_hold": "1100ms", "upstream": {"request_timeout": "1s"}}
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    made = Maker(SEED)
    accepted = hits = 0
    with proxy.wire() as through:
        assert_fresh(through, direct, "at the start")
        for number in range(COUNT):
            _, operation, body = made.write()
            text = made.text(body)
            where = f"READASIDE_SEED={SEED}, write {number}: {operation} {text!r}"
            accepted += through.call(operation, text).status == 200
            hits += assert_fresh(through, direct, where)
    print(f"seed {SEED}: {COUNT} writes, {accepted} accepted, {hits} of {COUNT * len(CHECKS)} checks were hits")
    assert accepted > COUNT // 4 and hits > COUNT, "the fuzz shows nothing"


def sorted_batch(found):
    for items in found.get("Responses", {}).values():
        items.sort(key=lambda i: json.dumps(i, sort_keys=True))
    return found


def test_reads_are_never_answered_from_another_items_entry(filled, proxy, direct):
    made = Maker(SEED + 1)
    for table, partitions in PARTITIONS.items():
        for pk in partitions:
            for sk in SORTS[table]:
                item = {"pk": pk, "sk": sk, "v": {"S": json.dumps([pk, sk])}}
                direct.ok("PutItem", {"TableName": table, "Item": item})
    hits = 0
    with proxy.wire() as through:
        for number in range(COUNT * 4):
            operation, body = made.read()
            text = made.text(body)
            got, expected = through.call(operation, text), direct.call(operation, text)
            where = f"READASIDE_SEED={SEED}, read {number}: {operation} {text!r}\ngot {got}\nexpected {expected}"
            if got.error == "SerializationException":
                continue  # stricter than DynamoDB Local is allowed, looser is not
            # Which of several mistakes DynamoDB complains of may depend on what a fill adds to the body.
            assert (got.status == 200) == (expected.status == 200), where
            if got.status == 200:
                assert sorted_batch(got.json) == sorted_batch(expected.json), where
            hits += got.cache == "HIT"
    print(f"seed {SEED}: {hits} of {COUNT * 4} reads were hits")
    assert hits > COUNT, "the fuzz shows nothing"
