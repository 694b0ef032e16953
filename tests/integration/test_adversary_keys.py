"""An adversary of the cache's keys and of the JSON that they are made from: what is different is never the same entry, and
what the cache takes a request for is what DynamoDB takes it for.

Different values are written under keys that look alike, and all of them are read twice through the cache: whatever ran
together would show another's value.
"""
import base64
import json

import pytest

from support import counting_proxy, processes, tables, wire

STRING, NUMBER, BINARY, MIXED = "adv-string", "adv-number", "adv-binary", "adv-mixed"
INDEXED = "adv-indexed"
JOINED = [("aaa.bbb", "ccc"), ("aaa", "bbb.ccc"), ("aaa.bbb.ccc", "ddd"), ("aaa.bbb.", "ccc.ddd"), ("aaa-bbb", "ccc"), ("aaabbb", "ccc"), ("aaab", "bbccc")]


@pytest.fixture(scope="module")
def sides(ddb_local, readaside_binary, tmp_path_factory):
    """(through the proxy, directly, the upstream between them)"""
    upstream = counting_proxy.CountingUpstream(ddb_local.endpoint)
    with wire.Wire(ddb_local.endpoint) as direct:
        tables.create(direct, tables.plain(STRING))
        tables.create(direct, tables.definition(NUMBER, {"pk": "N", "sk": "N"}, "pk", "sk"))
        tables.create(direct, tables.definition(BINARY, {"pk": "B", "sk": "B"}, "pk", "sk"))
        tables.create(direct, tables.definition(MIXED, {"pk": "S", "sk": "N"}, "pk", "sk"))
        for table, index in JOINED:
            tables.create(direct, tables.definition(table, {"pk": "S", "sk": "S", "owner": "S"}, "pk", "sk", world=[tables.index(index, "owner", "sk")]))
        proxy = processes.Proxy(readaside_binary, processes.base_config(upstream.endpoint), tmp_path_factory.mktemp("proxy"))
        with proxy.wire() as through:
            yield through, direct, upstream
    upstream.stop()
    proxy.stop()


def answer(reply):
    return reply.status, reply.error, reply.message if reply.status != 200 else reply.json


def same(sides, operation, body, times=2):
    """Asked through the cache as often as it takes to hit: each time what DynamoDB says. Gives that."""
    through, direct, _ = sides
    expected = answer(direct.call(operation, body))
    for _ in range(times):
        assert answer(through.call(operation, body)) == expected, (operation, body)
    return expected


def get(table, pk, sk):
    return {"TableName": table, "Key": {"pk": pk, "sk": sk}}


def query(table, pk):
    return {"TableName": table, "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": pk}}


def check_family(sides, table, keys, put="through"):
    """Every key is its own: written with its number as the value, read by GetItem, Query and BatchGetItem, twice; then
    overwritten one by one through the proxy, with all of them cached."""
    through, direct, _ = sides
    for n, (pk, sk) in enumerate(keys):
        (through if put == "through" else direct).ok("PutItem", {"TableName": table, "Item": {"pk": pk, "sk": sk, "n": {"N": str(n)}}})

    def check(values):
        for _ in range(2):
            for (pk, sk), value in zip(keys, values):
                reply = through.ok("GetItem", get(table, pk, sk))
                assert reply.json["Item"]["n"] == {"N": value}, (pk, sk, reply)
                assert reply.json == direct.ok("GetItem", get(table, pk, sk)).json
                listed = through.ok("Query", query(table, pk)).json
                assert {"N": value} in [i["n"] for i in listed["Items"]], (pk, sk)
                assert listed == direct.ok("Query", query(table, pk)).json
        for at in range(0, len(keys), 25):
            body = {"RequestItems": {table: {"Keys": [{"pk": pk, "sk": sk} for pk, sk in keys[at : at + 25]]}}}
            found = through.ok("BatchGetItem", body).json["Responses"][table]
            assert sorted(i["n"]["N"] for i in found) == sorted(values[at : at + 25])

    values = [str(n) for n in range(len(keys))]
    check(values)
    for n, (pk, sk) in enumerate(keys):
        values[n] = str(1000 + n)
        through.ok("PutItem", {"TableName": table, "Item": {"pk": pk, "sk": sk, "n": {"N": values[n]}}})
        assert through.ok("GetItem", get(table, pk, sk)).json["Item"]["n"] == {"N": values[n]}
    check(values)


# ---- strings that join to the same string ----

SEPARATORS = ["|", ":", "#", "/", ",", ".", ";", "&", "=", " ", "\t", "\n", "\r\n", "\0", "\x1e", "\x1f", "\x7f", "\\", '"', "'", "%", "*", "?", "\u2028", "\U0001f511"]  # fmt: skip


@pytest.mark.parametrize("s", SEPARATORS, ids=repr)
def test_values_that_join_to_the_same_string(sides, s):
    check_family(sides, STRING, [({"S": pk}, {"S": sk}) for pk, sk in ((f"a{s}b", "c"), ("a", f"b{s}c"), (f"a{s}", f"b{s}c"), (f"a{s}b{s}", "c"), (f"a{s}b", f"{s}c"), ("a", f"{s}b{s}c"))])  # fmt: skip


LOOK_LIKE_AN_ENCODING = [
    ("1a", "b"), ("1", "ab"), ("a1", "b"), ("11", "1"), ("1", "11"), ("12:a", "b"), ("2:a", "b"), ("\x01a", "b"), ("\x00\x00\x00\x01a", "b"),
    ("pk", "sk"), ("sk", "pk"), ("S", "S"), ("Sa", "Sb"), ("{}", "{}"), ('{"S":"a"}', "b"), ('a"},"sk":{"S":"b', "c"), ('"a"', '"b"'),
    ("YQ==", "Yg=="), ("a", "b"), ("ab", "ab"), ("#adv-string", "b"), ("adv-string", "adv-string"), ("null", "null"), (":p", ":s"), ("%61", "b"),
    ("\\u0061", "b"), ("&#97;", "b"), ("?", "?"), ("*", "*"), ("env:HOME", "file:/etc/passwd"), ("a" * 255, "b"), ("a" * 256, "b"), ("a" * 257, "b"),
    ("a" * 2047 + "b", "c"), ("a" * 2048, "c"), ("a" * 2047 + "c", "c"), ("long", "a" * 1024), ("long", "a" * 1023 + "b"), ("long", "a" * 1023),
]  # fmt: skip


def test_values_that_look_like_an_encoding(sides):
    check_family(sides, STRING, [({"S": pk}, {"S": sk}) for pk, sk in LOOK_LIKE_AN_ENCODING])


ALIKE = [
    "\u00e9", "e\u0301", "e", "E", "\u00c9", "E\u0301", "\u00c5", "A\u030a", "\u212b", "\ufb01", "fi", "\u00df", "ss", "SS", "\u1e9e",
    "I", "i", "\u0130", "\u0131", "i\u0307", "\uac00", "\u1100\u1161", "\u03a9", "\u2126", "K", "\u212a", "k", "\uff21", "A", "\u0410",
    "a", "a ", " a", "a\u00a0", "a\u200b", "a\u200d", "a\ufeff", "\ufeffa", "a\u00ad", "a\u0000", "a\u0000b", "\u0000a", "\u0000", "a\t", "a\n",
    "a\r", "\u202ea", "\ud7ff", "\ue000", "\ufffd", "\ufffe", "\uffff", "\U00010000", "\U0010ffff", "\U0001f600", "\U0001f600\ufe0f",
    "\u1e0b\u0323", "\u1e0d\u0307", "d\u0323\u0307", "d\u0307\u0323",
]  # fmt: skip


def test_unicode_that_looks_alike(sides):
    """NFC, NFD, compatibility forms, case, white space that isn't seen: DynamoDB compares bytes."""
    check_family(sides, STRING, [({"S": text}, {"S": "1"}) for text in ALIKE])
    check_family(sides, STRING, [({"S": "alike"}, {"S": text}) for text in ALIKE], put="directly")


def test_a_string_in_escapes_is_the_string(sides):
    """One key in several spellings: one entry; and another key that looks like a spelling of it: another one."""
    through, direct, upstream = sides
    texts = ["\u00e9\U0001f600a/", "\\u00e9", "\\"]
    for n, text in enumerate(texts):
        through.ok("PutItem", {"TableName": STRING, "Item": {"pk": {"S": text}, "sk": {"S": "spelt"}, "n": {"N": str(n)}}})
    spellings = [[b"\\u00e9\\ud83d\\ude00\\u0061\\/", b"\\u00E9\\uD83D\\uDE00a\\u002f", "\u00e9\U0001f600a/".encode()], [b"\\\\u00e9", b"\\u005cu00e9", b"\\u005c\\u0075\\u0030\\u0030e9"], [b"\\\\", b"\\u005c", b"\\u005C"]]  # fmt: skip
    for n, forms in enumerate(spellings):
        upstream.forget()
        for form in forms:
            reply = through.ok("GetItem", b'{"TableName":"%s","Key":{"pk":{"S":"%s"},"sk":{"S":"spelt"}}}' % (STRING.encode(), form))
            assert reply.json["Item"]["n"] == {"N": str(n)}, form
        assert upstream.count("GetItem") == 1


def test_a_megabyte_of_escapes(sides):
    through, direct, upstream = sides
    text = "\U0001f600" * 87_000  # 348 KB as UTF-8, and 1 MiB as escapes
    body = b'{"TableName":"%s","Item":{"pk":{"S":"escapes"},"sk":{"S":"1"},"v":{"S":"%s"}}}' % (STRING.encode(), b"\\ud83d\\ude00" * 87_000)
    assert through.ok("PutItem", body).json == {}
    for expected in ("MISS", "HIT"):
        reply = through.ok("GetItem", get(STRING, {"S": "escapes"}, {"S": "1"}))
        assert reply.json["Item"]["v"]["S"] == text and reply.cache == expected
    same(sides, "GetItem", b'{"TableName":"%s","Key":{"pk":{"S":"%s"},"sk":{"S":"1"}}}' % (STRING.encode(), b"\\u0061" * 170_000))


# ---- numbers ----

NUMBERS = [
    "0", "1", "-1", "10", "100", "0.1", "0.01", "9007199254740992", "9007199254740993", "9007199254740994", "1.0000000000000000001",
    "1.0000000000000000002", "12345678901234567890123456789012345678", "12345678901234567890123456789012345679", "1e125", "9.9e125", "1e-130",
    "1e-129", "-1e-130", "18446744073709551616", "18446744073709551617", "4294967296", "2147483648", "-2147483648", "0.30000000000000004", "0.3",
]  # fmt: skip
SPELLINGS = {
    "0": ["-0", "0.0", "-0.0", "0e5", "0E-130", "00", "-0e0"],
    "1": ["1.0", "01", "1e0", "10e-1", "0.1e1", "1.00000000000000000000000000000000000000", "1E+0", "1E0000000000000000000000000000001e-1"],
    "100": ["1e2", "1E2", "100.0", "0.1e3", "1000e-1"],
}
NOT_NUMBERS = ["1e400", "1e126", "-1e126", "1e-131", "1e999999999999999999999", "1e-999999999999999999999", "NaN", "Infinity", "-Infinity", "", " ", "1 ", " 1", "1\n", "+1", "0x1", "1f", "1d", "1_0", "1,0", "--1", "1e", "e1", ".", "-", ".5", "5.", "\u0661", "\uff11", "1\u0000", "123456789012345678901234567890123456789", "0." + "0" * 131 + "1"]  # fmt: skip


def test_numbers_that_are_different(sides):
    check_family(sides, NUMBER, [({"N": n}, {"N": "1"}) for n in NUMBERS])
    check_family(sides, NUMBER, [({"N": "77"}, {"N": n}) for n in NUMBERS])
    check_family(sides, MIXED, [({"S": "1"}, {"N": n}) for n in NUMBERS] + [({"S": n}, {"N": "5"}) for n in NUMBERS if n != "1"])


def test_numbers_that_are_the_same_or_none(sides):
    """What DynamoDB says to each spelling, before and after the number was changed under another one."""
    through, direct, _ = sides
    for value in ("old", "new"):
        for number, spellings in SPELLINGS.items():
            through.ok("PutItem", {"TableName": NUMBER, "Item": {"pk": {"N": number}, "sk": {"N": "1"}, "v": {"S": value + number}}})
            for spelling in [number, *spellings]:
                same(sides, "GetItem", get(NUMBER, {"N": spelling}, {"N": "1"}))
                same(sides, "Query", query(NUMBER, {"N": spelling}))
    for text in NOT_NUMBERS:
        for body in (get(NUMBER, {"N": text}, {"N": "1"}), get(NUMBER, {"N": "1"}, {"N": text})):
            same(sides, "GetItem", body)
        same(sides, "Query", query(NUMBER, {"N": text}))


def test_a_write_under_any_spelling_is_seen_under_every_other(sides):
    through, direct, _ = sides
    spellings = [(number, spelling) for number, more in SPELLINGS.items() for spelling in more]
    for n, (number, spelling) in enumerate(spellings):
        assert same(sides, "GetItem", get(NUMBER, {"N": number}, {"N": "1"}))[0] == 200  # cached
        through.call("PutItem", {"TableName": NUMBER, "Item": {"pk": {"N": spelling}, "sk": {"N": "1"}, "v": {"N": str(n)}}})
        same(sides, "GetItem", get(NUMBER, {"N": number}, {"N": "1"}))


# ---- types ----


def test_types_are_not_confused(sides):
    """A cached entry of one type is no answer to the same text as another type."""
    through, direct, _ = sides
    as_base64 = base64.b64encode(b"1").decode()
    through.ok("PutItem", {"TableName": STRING, "Item": {"pk": {"S": "1"}, "sk": {"S": "1"}}})
    through.ok("PutItem", {"TableName": STRING, "Item": {"pk": {"S": as_base64}, "sk": {"S": "1"}}})
    through.ok("PutItem", {"TableName": NUMBER, "Item": {"pk": {"N": "1"}, "sk": {"N": "1"}}})
    through.ok("PutItem", {"TableName": BINARY, "Item": {"pk": {"B": as_base64}, "sk": {"B": as_base64}}})
    forms = [{"S": "1"}, {"N": "1"}, {"B": as_base64}, {"S": as_base64}, {"BOOL": True}, {"NULL": True}, {"SS": ["1"]}, {"NS": ["1"]}, {"L": [{"S": "1"}]}, {"M": {"S": {"S": "1"}}}, {"S": "1", "N": "1"}, {}, {"s": "1"}, {"X": "1"}]  # fmt: skip
    for table, right in ((STRING, {"S": "1"}), (NUMBER, {"N": "1"}), (BINARY, {"B": as_base64})):
        assert same(sides, "GetItem", get(table, right, right))[0] == 200
        for form in forms:
            same(sides, "GetItem", get(table, form, right))
            same(sides, "GetItem", get(table, right, form))
            same(sides, "Query", query(table, form))


BINARIES = [b"a", b"a\0", b"\0a", b"\0", b"\0\0", b"\xff", b"\xff\xff", b"ab", b"abc", b"abcd", b"\xc3\xa9", b"e\xcc\x81", b"\xed\xa0\x80", b"\xc0\x80", b"YQ==", b'"', b"\\", b"|", bytes(range(256)), bytes(range(255, -1, -1))]  # fmt: skip


def test_bytes_that_are_different(sides):
    as_value = [{"B": base64.b64encode(b).decode()} for b in BINARIES]
    check_family(sides, BINARY, [(b, {"B": "YQ=="}) for b in as_value])
    check_family(sides, BINARY, [({"B": "/w=="}, b) for b in as_value if b != {"B": "YQ=="}])


def test_base64_that_is_odd(sides):
    """Unpadded, with bits that count for nothing, of the other alphabet, with white space: as DynamoDB takes it."""
    through, direct, _ = sides
    through.ok("PutItem", {"TableName": BINARY, "Item": {"pk": {"B": "YQ=="}, "sk": {"B": "YQ=="}, "v": {"S": "a"}}})
    through.ok("PutItem", {"TableName": BINARY, "Item": {"pk": {"B": "+/+/"}, "sk": {"B": "YQ=="}, "v": {"S": "plus"}}})
    for form in ("YQ==", "YQ", "YQ=", "YR==", "YQ===", "YQ==\n", " YQ==", "Y Q==", "YQ==YQ==", "-_-_", "+/+/", "YQ=!", "Y", "=", "", "YQ\u0000==", "YQ==\u0000"):
        same(sides, "GetItem", get(BINARY, {"B": form}, {"B": "YQ=="}))
        same(sides, "Query", query(BINARY, {"B": form}))


# ---- names ----


def test_placeholders_that_change_places(sides):
    through, direct, _ = sides
    for pk, sk, v, w in (("x", "y", "1", "2"), ("y", "x", "3", "4")):
        through.ok("PutItem", {"TableName": STRING, "Item": {"pk": {"S": pk}, "sk": {"S": sk}, "v": {"S": v}, "w": {"S": w}}})

    def asked(a, b, condition="pk = :a AND sk = :b", more=None):
        return {"TableName": STRING, "KeyConditionExpression": condition, "ExpressionAttributeValues": {":a": {"S": a}, ":b": {"S": b}}, **(more or {})}

    seen = [same(sides, "Query", asked("x", "y")), same(sides, "Query", asked("y", "x"))]
    assert seen[0] != seen[1]
    assert same(sides, "Query", asked("x", "y", "pk = :b AND sk = :a")) == seen[1]
    names = [{"#p": "pk", "#s": "sk"}, {"#p": "sk", "#s": "pk"}]
    seen = [same(sides, "Query", asked("x", "y", "#p = :a AND #s = :b", {"ExpressionAttributeNames": n})) for n in names]
    assert seen[0] != seen[1]
    for filtered, named in (("#v = :v", {"#v": "v"}), ("#v = :v", {"#v": "w"})):
        for value in ("1", "2"):
            body = {**query(STRING, {"S": "x"}), "FilterExpression": filtered, "ExpressionAttributeNames": named}
            body["ExpressionAttributeValues"] = {":p": {"S": "x"}, ":v": {"S": value}}
            found = same(sides, "Query", body)[2]["Count"]
            assert found == (named["#v"] == {"1": "v", "2": "w"}[value])
    for named in ({"#a": "v", "#b": "w"}, {"#a": "w", "#b": "v"}, {"#a": "v", "#b": "pk"}, {"#a": "v.w", "#b": "w"}):
        for projected in ("#a", "#b", "#a, #b", "#a.#b"):
            used = {n: v for n, v in named.items() if n in projected}
            same(sides, "GetItem", {**get(STRING, {"S": "x"}, {"S": "y"}), "ProjectionExpression": projected, "ExpressionAttributeNames": used})


NAMES = ["v", "v ", " v", "V", "v\u0000", "v\u0000w", "v.w", "v[0]", "#v", ":v", "", "e\u0301", "\u00e9", '"', "\\", "v,w", "v AND w", "S", "pk ", "pk\u0000", "PK"]


def test_attribute_names_that_look_alike(sides):
    """In items, in projections and in filters: none is taken for another."""
    through, direct, _ = sides
    named = [n for n in NAMES if n]
    through.ok("PutItem", {"TableName": STRING, "Item": {"pk": {"S": "names"}, "sk": {"S": "1"}, **{n: {"S": f"value of {n}"} for n in named}}})
    for name in NAMES:
        body = {**get(STRING, {"S": "names"}, {"S": "1"}), "ProjectionExpression": "#n", "ExpressionAttributeNames": {"#n": name}}
        status, _, reply = same(sides, "GetItem", body)
        assert status != 200 or reply["Item"] == {name: {"S": f"value of {name}"}}
        same(sides, "GetItem", {**get(STRING, {"S": "names"}, {"S": "1"}), "AttributesToGet": [name]})
        same(sides, "GetItem", {"TableName": STRING, "Key": {"pk": {"S": "names"}, "sk": {"S": "1"}, name: {"S": "x"}}})
        same(sides, "GetItem", {"TableName": STRING, "Key": {name or "x": {"S": "names"}, "sk": {"S": "1"}}})


def test_a_table_and_its_index_that_join_to_the_same_name(sides):
    through, direct, _ = sides
    for n, (table, _) in enumerate(JOINED):
        through.ok("PutItem", {"TableName": table, "Item": {"pk": {"S": "p"}, "sk": {"S": "s"}, "owner": {"S": "p"}, "n": {"N": str(n)}}})
    for _ in range(2):
        for n, (table, index) in enumerate(JOINED):
            by_index = {"TableName": table, "IndexName": index, "KeyConditionExpression": "#o = :p", "ExpressionAttributeNames": {"#o": "owner"}, "ExpressionAttributeValues": {":p": {"S": "p"}}}
            for operation, body in (("Query", by_index), ("Query", query(table, {"S": "p"}))):
                assert [i["n"]["N"] for i in through.ok(operation, body).json["Items"]] == [str(n)], (table, index)
            assert through.ok("GetItem", get(table, {"S": "p"}, {"S": "s"})).json["Item"]["n"]["N"] == str(n)
            same(sides, "Query", {**by_index, "IndexName": index + "x"})
            same(sides, "Query", {**by_index, "IndexName": index.upper()})


def test_names_of_a_table(sides):
    """Its name, its ARN, and what is nearly one of them, of another account, region or service: as DynamoDB takes it."""
    through, direct, _ = sides
    arn = direct.ok("DescribeTable", {"TableName": STRING}).json["Table"]["TableArn"]
    parts = arn.split(":")
    account = ":".join([*parts[:4], "123456789012", parts[5]])
    region = ":".join([*parts[:3], "eu-west-1", *parts[4:]])
    service = arn.replace(":dynamodb:", ":s3:")
    names = [STRING, arn, account, region, service, STRING.upper(), STRING + " ", " " + STRING, STRING + "\u0000", STRING + "/", arn + "/", arn + "/index/x", arn.replace("table/", "table/x/"), arn.upper(), "arn:aws:dynamodb:::table/" + STRING, "", "*", "../" + STRING]  # fmt: skip
    for n, value in enumerate(("old", "new", "newest")):
        through.call("PutItem", {"TableName": names[n], "Item": {"pk": {"S": "arn"}, "sk": {"S": "1"}, "v": {"S": value}}})
        for name in names:
            same(sides, "GetItem", get(name, {"S": "arn"}, {"S": "1"}))
            same(sides, "Query", query(name, {"S": "arn"}))
    for name in names[2:]:  # whatever DynamoDB does with a write there, the cache knows
        through.call("PutItem", {"TableName": name, "Item": {"pk": {"S": "arn"}, "sk": {"S": "1"}, "v": {"S": name}}})
        same(sides, "GetItem", get(STRING, {"S": "arn"}, {"S": "1"}))
        same(sides, "GetItem", get(arn, {"S": "arn"}, {"S": "1"}))


# ---- JSON ----

A, B = b'{"S":"dup-a"}', b'{"S":"dup-b"}'
TABLE_MEMBER = b'"TableName":"%s"' % STRING.encode()
SORT = b'"sk":{"S":"1"}'
TWICE = {
    "key attribute": ("DeleteItem", b'{%s,"Key":{"pk":%s,"pk":%s,%s}}' % (TABLE_MEMBER, A, B, SORT)),
    "key attribute, spelt": ("DeleteItem", b'{%s,"Key":{"pk":%s,"p\\u006b":%s,%s}}' % (TABLE_MEMBER, A, B, SORT)),
    "type": ("DeleteItem", b'{%s,"Key":{"pk":{"S":"dup-a","S":"dup-b"},%s}}' % (TABLE_MEMBER, SORT)),
    "key": ("DeleteItem", b'{%s,"Key":{"pk":%s,%s},"Key":{"pk":%s,%s}}' % (TABLE_MEMBER, A, SORT, B, SORT)),
    "key, spelt": ("DeleteItem", b'{%s,"Key":{"pk":%s,%s},"\\u004bey":{"pk":%s,%s}}' % (TABLE_MEMBER, A, SORT, B, SORT)),
    "table": ("DeleteItem", b'{"TableName":"other",%s,"Key":{"pk":%s,%s}}' % (TABLE_MEMBER, A, SORT)),
    "item": ("PutItem", b'{%s,"Item":{"pk":%s,%s},"Item":{"pk":%s,%s}}' % (TABLE_MEMBER, A, SORT, B, SORT)),
    "item attribute": ("PutItem", b'{%s,"Item":{"pk":%s,%s,"pk":%s}}' % (TABLE_MEMBER, A, SORT, B)),
    "another attribute": ("PutItem", b'{%s,"Item":{"pk":%s,%s,"v":%s,"v":%s}}' % (TABLE_MEMBER, A, SORT, A, B)),
    "in a map": ("PutItem", b'{%s,"Item":{"pk":%s,%s,"v":{"M":{"x":%s,"x":%s}}}}' % (TABLE_MEMBER, A, SORT, A, B)),
    "batch": ("BatchWriteItem", b'{"RequestItems":{"%s":[{"DeleteRequest":{"Key":{"pk":%s,%s}}}],"%s":[{"DeleteRequest":{"Key":{"pk":%s,%s}}}]}}' % (STRING.encode(), A, SORT, STRING.encode(), B, SORT)),
    "request": ("BatchWriteItem", b'{"RequestItems":{"%s":[{"DeleteRequest":{"Key":{"pk":%s,%s}},"DeleteRequest":{"Key":{"pk":%s,%s}}}]}}' % (STRING.encode(), A, SORT, B, SORT)),
    "transaction": ("TransactWriteItems", b'{"TransactItems":[],"TransactItems":[{"Delete":{%s,"Key":{"pk":%s,%s}}}]}' % (TABLE_MEMBER, A, SORT)),
    "statement": ("ExecuteStatement", b'{"Statement":"SELECT * FROM \\"%s\\"","Statement":"DELETE FROM \\"%s\\" WHERE pk=\'dup-a\' AND sk=\'1\'"}' % (STRING.encode(), STRING.encode())),
    "expression's values": ("UpdateItem", b'{%s,"Key":{"pk":%s,%s},"UpdateExpression":"SET v=:v","ExpressionAttributeValues":{":v":%s,":v":%s}}' % (TABLE_MEMBER, A, SORT, A, B)),
    "expression's names": ("UpdateItem", b'{%s,"Key":{"pk":%s,%s},"UpdateExpression":"REMOVE #n","ExpressionAttributeNames":{"#n":"v","#n":"w"}}' % (TABLE_MEMBER, A, SORT)),
    "a member that says nothing": ("DeleteItem", b'{%s,"Key":{"pk":%s,%s},"X":{"a":1,"a":2}}' % (TABLE_MEMBER, A, SORT)),
    "an empty name": ("DeleteItem", b'{%s,"Key":{"pk":%s,%s},"":1,"":2}' % (TABLE_MEMBER, A, SORT)),
}  # fmt: skip


def rows(sides):
    """The two items that duplicates are about, as the cache and as DynamoDB has them."""
    through, direct, _ = sides
    return [side.ok("GetItem", get(STRING, {"S": pk}, {"S": "1"})).json for side in (through, direct) for pk in ("dup-a", "dup-b")]


@pytest.mark.parametrize("how", TWICE)
def test_members_twice(sides, how):
    """Refused before anything is sent: there is nothing that cache and DynamoDB could read differently."""
    through, direct, upstream = sides
    operation, body = TWICE[how]
    for pk in ("dup-a", "dup-b"):
        through.ok("PutItem", {"TableName": STRING, "Item": {"pk": {"S": pk}, "sk": {"S": "1"}, "v": {"S": pk}, "w": {"S": pk}}})
    before = rows(sides)
    assert before[:2] == before[2:] and all("Item" in row for row in before)
    upstream.forget()
    reply = through.call(operation, body)
    assert (reply.status, reply.error) == (400, "SerializationException"), reply
    assert upstream.count() == 0
    assert rows(sides) == before


def test_names_in_another_case_are_other_members(sides):
    """DynamoDB takes them or passes them over; the cache never takes them for what they look like."""
    for spelled in (b"tablename", b"TABLENAME", b"Tablename", b"TableName "):
        body = b'{"%s":"other",%s,"Key":{"pk":%s,%s}}' % (spelled, TABLE_MEMBER, A, SORT)
        same(sides, "GetItem", body)
    same(sides, "GetItem", b'{%s,"key":{"pk":%s,%s},"Key":{"pk":%s,%s}}' % (TABLE_MEMBER, B, SORT, A, SORT))
    same(sides, "GetItem", b'{%s,"Key":{"PK":%s,"pk":%s,%s}}' % (TABLE_MEMBER, B, A, SORT))


READ = b'{%s,"Key":{"pk":%s,%s}}' % (TABLE_MEMBER, A, SORT)
NOT_JSON = {
    "byte order mark": b"\xef\xbb\xbf" + READ,
    "UTF-16": READ.decode().encode("utf-16"),
    "UTF-16LE": READ.decode().encode("utf-16-le"),
    "UTF-16BE": READ.decode().encode("utf-16-be"),
    "UTF-32": READ.decode().encode("utf-32"),
    "UTF-7": READ.replace(b'"', b"+ACI-"),
    "comment": READ.replace(b":", b":/*x*/", 1),
    "line comment": b"//x\n" + READ,
    "hash comment": b"#x\n" + READ,
    "trailing comma": READ[:-1] + b",}",
    "NUL behind": READ + b"\x00",
    "NUL in a key": READ.replace(b"dup-a", b"dup\x00a"),
    "NUL in a name": READ.replace(b'"pk"', b'"pk\x00"'),
    "no-break space": READ.replace(b":", b":\xc2\xa0", 1),
    "vertical tab": READ.replace(b":", b":\x0b", 1),
    "line separator": b"\xe2\x80\xa8" + READ,
    "overlong NUL in a key": READ.replace(b"dup-a", b"dup\xc0\x80a"),
    "overlong slash in a key": READ.replace(b"dup-a", b"dup\xc0\xafa"),
    "overlong, three bytes": READ.replace(b"dup-a", b"dup\xe0\x80\xafa"),
    "overlong, four bytes": READ.replace(b"dup-a", b"dup\xf0\x80\x80\xafa"),
    "overlong quote": READ.replace(b"dup-a", b"dup\xc0\xa2a"),
    "overlong in a name": READ.replace(b'"pk"', b'"\xc1\xb0k"'),
    "CESU-8": READ.replace(b"dup-a", b"\xed\xa0\xbd\xed\xb8\x80"),
    "lone surrogate, as bytes": READ.replace(b"dup-a", b"\xed\xa0\x80"),
    "lone high surrogate": READ.replace(b"dup-a", b"\\ud800"),
    "lone low surrogate": READ.replace(b"dup-a", b"\\udc00"),
    "lone surrogate in a name": READ.replace(b'"pk"', b'"pk\\ud800"'),
    "surrogates swapped": READ.replace(b"dup-a", b"\\udc00\\ud800"),
    "high surrogate, then another escape": READ.replace(b"dup-a", b"\\ud800\\u0061"),
    "past Unicode": READ.replace(b"dup-a", b"\xf4\x90\x80\x80"),
    "five bytes": READ.replace(b"dup-a", b"\xf8\x88\x80\x80\x80"),
    "continuation alone": READ.replace(b"dup-a", b"\x80"),
    "cut": READ.replace(b"dup-a", b"dup\xe2\x82"),
    "Latin-1": READ.replace(b"dup-a", b"dup\xe9"),
    "\\x": READ.replace(b"dup-a", b"\\x61"),
    "\\u{}": READ.replace(b"dup-a", b"\\u{61}"),
    "short escape": READ.replace(b"dup-a", b"\\u61"),
    "escape with other digits": READ.replace(b"dup-a", b"\\u006g"),
    "raw newline": READ.replace(b"dup-a", b"dup\na"),
    "single quotes": READ.replace(b'"', b"'"),
    "Infinity": READ[:-1] + b',"Limit":Infinity}',
    "huge exponent without digits": READ[:-1] + b',"Limit":1e}',
}


@pytest.mark.parametrize("how", NOT_JSON)
def test_what_is_not_json_never_reaches_the_cache_or_upstream(sides, how):
    through, _, upstream = sides
    through.ok("PutItem", {"TableName": STRING, "Item": {"pk": {"S": "dup-a"}, "sk": {"S": "1"}}})
    before = rows(sides)
    upstream.forget()
    for operation in ("GetItem", "DeleteItem"):
        reply = through.call(operation, NOT_JSON[how])
        assert (reply.status, reply.error) == (400, "SerializationException"), reply
    assert upstream.count() == 0
    assert rows(sides) == before


def test_huge_numbers_in_a_request(sides):
    for number in ("1e400", "-1e400", "9" * 400, "1." + "0" * 10_000 + "1", "1e" + "0" * 10_000, "2147483648", "4294967297", "18446744073709551617", "-0", "1.0", "1e0", "0"):
        body = json.dumps(query(STRING, {"S": "dup-a"}))[:-1] + f',"Limit":{number}}}'
        same(sides, "Query", body.encode())
