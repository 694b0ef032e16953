"""An adversary who wants the processor: large bodies made so that a careless reader works in quadratic time.

Work is counted in requests that another proxy serves meanwhile, so that the machine's speed is in both sides of the
comparison. What is quadratic over 100,000 members is beyond the limit by two orders of magnitude.
"""
import itertools
import json
import random
import threading

import pytest

from support import raw

TABLE = "chat"
KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
GET = json.dumps({"TableName": TABLE, "Key": KEY}).encode()
COUNT = 100_000
RNG = random.Random(17)


class Metronome(threading.Thread):
    """Counts hits on a proxy, one after another."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.count = 0
        self.ended = threading.Event()

    def run(self):
        ask = raw.request("GetItem", GET)
        with raw.connect(self.port) as sock:
            reader = raw.ReplyReader(sock)
            while not self.ended.is_set():
                sock.sendall(ask)
                assert reader.next().status == 200
                self.count += 1


@pytest.fixture
def sides(chat, direct, proxy_factory, counting_upstream, ddb_local):
    """(port of the proxy that is attacked, of which one loop does all; a running metronome on another)"""
    direct.ok("PutItem", {"TableName": TABLE, "Item": {**KEY, "v": {"S": "text"}}})
    attacked = proxy_factory(counting_upstream.endpoint, {"listen": {"threads": 1}})
    other = proxy_factory(ddb_local.endpoint, {"listen": {"threads": 1}})
    assert attacked.call("GetItem", GET).status == 200
    metronome = Metronome(other.port)
    metronome.start()
    yield attacked, metronome
    metronome.ended.set()
    metronome.join()
    assert attacked.call("GetItem", GET).json == {"Item": {**KEY, "v": {"S": "text"}}}


def beats(sides, upstream, operation, body):
    """Ticks while a body is worked on; what goes upstream is answered at once there."""
    attacked, metronome = sides
    upstream.clear()
    upstream.fail(operation, status=400, error="ValidationException")
    before = metronome.count
    reply = raw.exchange(attacked.port, raw.request(operation, body))
    assert reply is not None and reply.status == 400, reply
    spent = metronome.count - before
    upstream.clear()
    return spent


def members(names):
    return GET[:-1] + b"," + b",".join(b'"%s":1' % name for name in names) + b"}"


def product(*pair):
    """65,536 names with one hash, where a hash is h * 31 + c, or h * 33 + c."""
    return [b"".join(parts) for parts in itertools.product(pair, repeat=16)]


PLAIN = [b"m%06d" % n for n in range(COUNT)]
SHUFFLED = RNG.sample(PLAIN, COUNT)


def values(count):
    return b",".join(b'":v%d":{"S":"x"}' % n for n in range(count))


def names(count):
    return b",".join(b'"#n%d":"a%d"' % (n, n) for n in range(count))


def listed(count, form, between=b","):
    return between.join(form % ((n,) * form.count(b"%d")) for n in range(count))


def expression(kind, text, count_values=1, count_names=0):
    more = b',"ExpressionAttributeValues":{%s}' % values(count_values) if count_values else b""
    if count_names:
        more += b',"ExpressionAttributeNames":{%s}' % names(count_names)
    return b',"%s":"%s"%s}' % (kind, text, more)


QUERY = b'{"TableName":"chat"'
N = COUNT
BODIES = {
    "names in order": ("GetItem", lambda: members(PLAIN)),
    "names in reverse": ("GetItem", lambda: members(PLAIN[::-1])),
    "names up and down": ("GetItem", lambda: members(PLAIN[::2] + PLAIN[1::2][::-1])),
    "names with one hash, 31": ("GetItem", lambda: members(product(b"Aa", b"BB"))),
    "names with one hash, 33": ("GetItem", lambda: members(product(b"Ez", b"FY"))),
    "names that begin alike": ("GetItem", lambda: members([b"a" * 100 + name for name in SHUFFLED])),
    "names in escapes": ("GetItem", lambda: members([b"".join(b"\\u%04x" % c for c in name) for name in SHUFFLED])),
    "placeholders": ("GetItem", lambda: GET[:-1] + expression(b"ProjectionExpression", listed(N, b"#n%d"), 0, N)),
    "paths": ("GetItem", lambda: GET[:-1] + expression(b"ProjectionExpression", listed(N, b"n%d"), 0)),
    "a deep path": ("GetItem", lambda: GET[:-1] + expression(b"ProjectionExpression", listed(N, b"n%d", b"."), 0)),
    "paths with one beginning": ("GetItem", lambda: GET[:-1] + expression(b"ProjectionExpression", listed(N, b"a.b.c.d.e%d"), 0)),
    "AttributesToGet": ("GetItem", lambda: GET[:-1] + b',"AttributesToGet":[%s]}' % listed(N, b'"n%d"')),
    "brackets": ("Query", lambda: QUERY + expression(b"KeyConditionExpression", b"(" * N + b"pk=:v0" + b")" * N)),
    "conditions": ("Query", lambda: QUERY + expression(b"KeyConditionExpression", listed(N, b"pk=:v%d", b" AND "), N)),
    "values": ("Query", lambda: QUERY + expression(b"KeyConditionExpression", b"pk=:v0", N)),
    "many keys": ("BatchGetItem", lambda: b'{"RequestItems":{"chat":{"Keys":[%s]}}}' % listed(N, b'{"pk":{"S":"a%d"},"sk":{"S":"b"}}')),
    "one key often": ("BatchGetItem", lambda: b'{"RequestItems":{"chat":{"Keys":[%s]}}}' % b",".join([b'{"pk":{"S":"a"},"sk":{"S":"b"}}'] * N)),
    "many tables": ("BatchGetItem", lambda: b'{"RequestItems":{%s}}' % listed(N, b'"t%d":{"Keys":[{"pk":{"S":"a"}}]}')),
    "many writes": ("BatchWriteItem", lambda: b'{"RequestItems":{"chat":[%s]}}' % listed(N, b'{"DeleteRequest":{"Key":{"pk":{"S":"a%d"},"sk":{"S":"b"}}}}')),
    "writes to many tables": ("BatchWriteItem", lambda: b'{"RequestItems":{%s}}' % listed(N, b'"t%d":[{"DeleteRequest":{"Key":{"pk":{"S":"a"}}}}]')),
    "a transaction": ("TransactWriteItems", lambda: b'{"TransactItems":[%s]}' % listed(N, b'{"Delete":{"TableName":"chat","Key":{"pk":{"S":"a%d"},"sk":{"S":"b"}}}}')),
    "a transaction over many tables": ("TransactWriteItems", lambda: b'{"TransactItems":[%s]}' % listed(N, b'{"Delete":{"TableName":"t%d","Key":{"pk":{"S":"a"}}}}')),
    "assignments": ("UpdateItem", lambda: GET[:-1] + expression(b"UpdateExpression", b"SET " + listed(N, b"a%d=:v%d"), N)),
    "AttributeUpdates": ("UpdateItem", lambda: GET[:-1] + b',"AttributeUpdates":{%s}}' % listed(N, b'"a%d":{"Action":"DELETE"}')),
    "attributes": ("PutItem", lambda: b'{"TableName":"chat","Item":{"pk":{"S":"room"},"sk":{"S":"2"},%s}}' % listed(N, b'"a%d":{"N":"1"}')),
    "statements": ("BatchExecuteStatement", lambda: b'{"Statements":[%s]}' % listed(N, b'{"Statement":"DELETE FROM t%d WHERE pk=1"}')),
    "a long number": ("GetItem", lambda: GET.replace(b'{"S": "room"}', b'{"N": "%s"}' % (b"1" * 2_000_000))),
    "a number with a long exponent": ("GetItem", lambda: GET.replace(b'{"S": "room"}', b'{"N": "1e%s1"}' % (b"0" * 2_000_000))),
    "many backslashes": ("GetItem", lambda: GET.replace(b'"room"', b'"%s"' % (b"\\\\" * 1_000_000))),
}  # fmt: skip


def test_no_body_costs_much_more_than_an_ordinary_one_of_its_size(sides, counting_upstream):
    """What seems to is measured again: a machine that is busy elsewhere isn't busy for good."""
    usual = members(SHUFFLED)
    ordinary = max(200, sorted(beats(sides, counting_upstream, "GetItem", usual) for _ in range(3))[1])
    for name, (operation, make) in BODIES.items():
        body = make()
        limit = 20 * ordinary * max(1, len(body) / len(usual))
        found = [beats(sides, counting_upstream, operation, body)]
        while found[-1] > limit and len(found) < 3:
            found.append(beats(sides, counting_upstream, operation, body))
        assert found[-1] <= limit, (name, found, ordinary)


DEEP = {
    "arrays": b"[" * 10_000 + b"]" * 10_000,
    "objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "open": b"[" * 1_000_000,
    "both, open": b'[{"a":' * 200_000,
    "an attribute": b'{"L":[' * 10_000 + b'{"S":"a"}' + b"]}" * 10_000,
}


def places(deep):
    yield deep
    yield GET[:-1] + b',"X":' + deep + b"}"
    yield b'{"TableName":"chat","Key":{"pk":' + deep + b',"sk":{"S":"1"}}}'
    yield b'{"TableName":"chat","Item":{"pk":{"S":"room"},"sk":{"S":"1"},"v":' + deep + b"}}"


def test_nesting_is_refused_before_anything_is_sent(chat, proxy, counting_upstream):
    assert proxy.call("GetItem", GET).status == 200
    counting_upstream.forget()
    with raw.connect(proxy.port) as sock:
        reader = raw.ReplyReader(sock)
        for name, deep in DEEP.items():
            for body in places(deep):
                for operation in ("GetItem", "PutItem", "BatchWriteItem"):
                    sock.sendall(raw.request(operation, body))
                    reply = reader.next()
                    assert reply is not None and (reply.status, reply.error) == (400, "SerializationException"), (name, operation, reply)
        assert counting_upstream.count() == 0
        sock.sendall(raw.request("GetItem", GET))
        assert reader.next().status == 200, "the connection lives"


def test_many_keys_of_one_partition_and_many_partitions(chat, proxy, direct):
    """Names that hash alike under the usual hashes, as keys: each its own entry."""
    pairs = [b"".join(parts).decode() for parts in itertools.product((b"Aa", b"BB"), repeat=8)]
    for n, pk in enumerate(pairs):
        direct.ok("PutItem", {"TableName": TABLE, "Item": {"pk": {"S": pk}, "sk": {"S": pk[::-1]}, "v": {"N": str(n)}}})
    with proxy.wire() as through:
        for expected in ("MISS", "HIT"):
            for n, pk in enumerate(pairs):
                reply = through.ok("GetItem", {"TableName": TABLE, "Key": {"pk": {"S": pk}, "sk": {"S": pk[::-1]}}})
                assert reply.json["Item"]["v"] == {"N": str(n)} and reply.cache == expected
