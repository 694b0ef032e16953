"""Requests that no SDK sends. What gets past the HTTP framing is answered in DynamoDB's error shape, and the
process lives."""
import json
import re

import pytest

from support import raw, wire

TABLE = "chat"
KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
GET = json.dumps({"TableName": TABLE, "Key": KEY}).encode()


@pytest.fixture
def port(proxy, chat):
    """The proxy's; after the test it must still serve."""
    yield proxy.port
    assert proxy.call("GetItem", GET).status == 200


def assert_error(reply, status, kind=None):
    assert reply is not None, "closed without an answer"
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/x-amz-json-1.0", reply
    assert reply.headers["x-amz-crc32"] is not None, reply
    assert reply.headers["x-amzn-RequestId"], reply
    assert reply.message
    assert "#" in reply.json["__type"]
    if kind:
        assert reply.error == kind, reply


def send(port, operation, body, **more):
    return raw.exchange(port, raw.request(operation, body, **more))


# ---- JSON ----

DEEP = b"[" * 10_000 + b"]" * 10_000
NOT_JSON = {
    "empty": b"",
    "blank": b"   ",
    "truncated": GET[:-1],
    "truncated in a name": GET[:6],
    "truncated in an escape": b'{"TableName":"\\u00',
    "bytes after": GET + b"x",
    "two values": GET + GET,
    "comment": b"/* */" + GET,
    "trailing comma": GET[:-1] + b",}",
    "single quotes": GET.replace(b'"', b"'"),
    "bare word": b"nonsense",
    "control character": b'{"TableName":"a\nb"}',
    "NUL in a string": b'{"TableName":"a\x00b"}',
    "NUL between": b'{"TableName"\x00:"chat"}',
    "NUL after": GET + b"\x00",
    "byte order mark": b"\xef\xbb\xbf" + GET,
    "UTF-16": GET.decode().encode("utf-16"),
    "invalid UTF-8": b'{"TableName":"\xff"}',
    "truncated UTF-8": b'{"TableName":"\xe4\xb8"}',
    "overlong UTF-8": b'{"TableName":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"TableName":"\xed\xa0\x80"}',
    "past Unicode": b'{"TableName":"\xf4\x90\x80\x80"}',
    "lone high surrogate": b'{"TableName":"\\ud800"}',
    "lone low surrogate": b'{"TableName":"\\udc00x"}',
    "surrogates swapped": b'{"TableName":"\\udc00\\ud800"}',
    "bad escape": b'{"TableName":"\\x41"}',
    "leading zero": b'{"TableName":"chat","Limit":01}',
    "plus": b'{"TableName":"chat","Limit":+1}',
    "NaN": b'{"TableName":"chat","Limit":NaN}',
    "duplicate member": b'{"TableName":"chat",' + GET[1:],
    "duplicate member, escaped": b'{"Table\\u004eame":"other",' + GET[1:],
    "duplicate member, deep": GET.replace(b'"pk": {"S": "room"}', b'"pk":{"S":"a","S":"room"}'),
    "duplicate key attribute": GET.replace(b'"pk": ', b'"pk":{"S":"a"},"pk": '),
    "nested 10,000 deep": DEEP,
    "nested 10,000 deep in a member": GET[:-1] + b',"X":' + DEEP + b"}",
    "nested 10,000 deep, objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "nested 10,000 deep, open": b"[" * 10_000,
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
def test_what_is_not_strict_json(port, counting_upstream, operation, body):
    counting_upstream.forget()
    assert_error(send(port, operation, body), 400, "SerializationException")
    assert counting_upstream.count(operation) == 0, "it must be refused before anything is sent"


NOT_A_REQUEST = {
    "null": b"null",
    "array": b"[]",
    "string": b'"GetItem"',
    "number": b"7",
    "empty object": b"{}",
    "table not a string": b'{"TableName":5,"Key":{}}',
    "key not an object": b'{"TableName":"chat","Key":[1]}',
    "key value not an object": b'{"TableName":"chat","Key":{"pk":"a","sk":"b"}}',
    "table name with NUL": b'{"TableName":"chat\\u0000","Key":{"pk":{"S":"room"},"sk":{"S":"1"}}}',
    "member name with NUL": GET[:-1] + b',"TableName\\u0000":"other"}',
    "case of names": GET.replace(b"TableName", b"tablename"),
    "huge numbers": b'{"TableName":"chat","Limit":1e400}',
}


@pytest.mark.parametrize("body", NOT_A_REQUEST.values(), ids=NOT_A_REQUEST.keys())
@pytest.mark.parametrize("operation", ["GetItem", "Query", "BatchGetItem", "PutItem", "TransactWriteItems"])
def test_what_is_json_but_no_request_gets_dynamodbs_own_answer(port, direct, operation, body):
    got, expected = send(port, operation, body), direct.call(operation, body)
    assert (got.status, got.error, got.message) == (expected.status, expected.error, expected.message)


# ---- size ----

LIMIT = 16 * 1024 * 1024


BATCH = json.dumps({"RequestItems": {TABLE: [{"PutRequest": {"Item": KEY}}]}}).encode()


def padded(size):
    return b" " * (size - len(BATCH)) + BATCH


def test_a_body_of_the_limit_is_taken(port, direct):
    """BatchWriteItem may be that long."""
    assert send(port, "BatchWriteItem", padded(LIMIT)).json == {"UnprocessedItems": {}}
    assert direct.ok("GetItem", GET).json["Item"] == KEY


def test_a_body_past_the_limit_is_refused(port, direct):
    refused = send(port, "BatchWriteItem", padded(LIMIT + 1))
    assert direct.ok("GetItem", GET).json == {}
    if refused is None or not refused.headers["Content-Type"].startswith("application/x-amz-json"):
        assert refused is None or refused.status == 413, "refused by the HTTP framing"
        return
    assert refused.status in (400, 413)
    assert_error(refused, refused.status)


def test_an_announced_body_past_the_limit_is_refused_without_reading_it(port):
    with raw.connect(port) as sock:
        sock.sendall(raw.head(1 << 40))
        reply = raw.ReplyReader(sock).next()
        assert reply is None or reply.status in (400, 413), reply


def test_many_members(port, direct):
    """Half a million tokens, all names different; refused or passed on, but not in quadratic time."""
    members = b",".join(b'"m%d":1' % n for n in range(250_000))
    body = GET[:-1] + b"," + members + b"}"
    got, expected = send(port, "GetItem", body), direct.call("GetItem", body)
    assert (got.status, got.body) == (expected.status, expected.body)


# ---- targets and services ----


@pytest.mark.parametrize(
    "target",
    ["", "DynamoDB_20120810", "DynamoDB_20120810.", "DynamoDB_20111205.GetItem", "nonsense", "." * 500, "Dynamo\x01.X"],
)
def test_unknown_targets(port, target):
    head = raw.head(2).replace(f"{wire.DATA}.GetItem".encode(), target.encode())
    reply = raw.exchange(port, head + b"{}")
    assert_error(reply, 400)


def test_an_operation_that_does_not_exist(port, direct):
    got, expected = send(port, "MakeCoffee", b"{}"), direct.call("MakeCoffee", b"{}")
    assert (got.status, got.error, got.message) == (expected.status, expected.error, expected.message)
    assert send(port, "MakeCoffee", b"{").status in (400, 500)
    assert send(port, "a" * 300, b"{}").status == 400


def test_no_target_at_all(port):
    head = re.sub(rb"X-Amz-Target: [^\r]*\r\n", b"", raw.head(2))
    assert_error(raw.exchange(port, head + b"{}"), 400)


OTHER_SERVICES = {
    "SQS": ("AmazonSQS.SendMessage", "application/x-amz-json-1.0", b'{"QueueUrl":"x"}'),
    "Kinesis": ("Kinesis_20131202.PutRecord", "application/x-amz-json-1.1", b"{}"),
    "STS": (None, "application/x-www-form-urlencoded; charset=utf-8", b"Action=GetCallerIdentity&Version=2011-06-15"),
    "SNS": (None, "application/x-www-form-urlencoded", b"Action=Publish&Version=2010-03-31"),
}


@pytest.mark.parametrize("target, kind, body", OTHER_SERVICES.values(), ids=OTHER_SERVICES.keys())
def test_other_services_are_told_what_is_wrong(port, counting_upstream, target, kind, body):
    lines = ["POST / HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    if target:
        lines.append(f"X-Amz-Target: {target}")
    counting_upstream.forget()
    reply = raw.exchange(port, ("\r\n".join(lines) + "\r\n\r\n").encode() + body)
    assert reply.status in (400, 403, 404, 501), reply
    assert b"AWS_ENDPOINT_URL_DYNAMODB" in reply.body, reply
    assert counting_upstream.count() == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods(port, method):
    reply = raw.exchange(port, raw.head(0, method=method))
    assert reply is not None and 400 <= reply.status < 600, reply
    if reply.headers["Content-Type"] == "application/x-amz-json-1.0":
        assert_error(reply, reply.status)


def test_head(port):
    with raw.connect(port) as sock:
        sock.sendall(raw.head(0, method="HEAD"))
        reply = raw.ReplyReader(sock).next(bodiless=True)
        assert reply is not None and 400 <= reply.status < 600


@pytest.mark.parametrize("path", ["/other", "/%00", "//", "/?a=b", "/../etc/passwd", "*", "http://elsewhere/"])
def test_other_paths(port, path):
    reply = raw.exchange(port, raw.head(len(GET), path=path) + GET)
    assert reply is None or reply.status in (200, 400, 404, 421), reply


# ---- framing ----


def test_two_content_lengths_are_refused(port):
    length = f"Content-Length: {len(GET)}"
    for extra in ([length], ["Content-Length: 2"], ["content-length: 0"]):
        with raw.connect(port) as sock:
            sock.sendall(raw.head(len(GET), extra=extra) + GET)
            reader = raw.ReplyReader(sock)
            reply = reader.next()
            assert reply is not None and reply.status == 400, reply
            assert reader.closed(), "what follows can't be told apart"


@pytest.mark.parametrize("name", ["Content-Length : ", "Content-Length\t: ", "Content-Length: +", "Content-Length: 0x"])
def test_odd_content_lengths_are_refused(port, name):
    with raw.connect(port) as sock:
        sock.sendall(raw.head(len(GET), length_name=name) + GET)
        reader = raw.ReplyReader(sock)
        reply = reader.next()
        assert reply is None or reply.status in (400, 411), reply
        assert reader.closed()


ODD_FRAMING = {
    "length and chunked": ["Transfer-Encoding: chunked"],
    "unknown coding": ["Transfer-Encoding: gzip"],
    "chunked twice": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    "folded header": ["X-Folded: a", " b"],
    "space before the colon": ["X-Odd : 1"],
    "no name": [": 1"],
    "bare CR in a value": ["X-Odd: a\rb"],
    "NUL in a value": ["X-Odd: a\x00b"],
}


@pytest.mark.parametrize("extra", ODD_FRAMING.values(), ids=ODD_FRAMING.keys())
def test_odd_framing_never_smuggles(port, counting_upstream, extra):
    """Refused, or read in one way only: nothing of the body is ever taken for a second request."""
    smuggled = raw.request("DeleteItem", GET)
    counting_upstream.forget()
    with raw.connect(port) as sock:
        sock.sendall(raw.head(len(smuggled), extra=extra) + smuggled)
        reply = raw.ReplyReader(sock).next()
    assert reply is None or reply.status in (400, 411, 413, 500, 501), reply
    assert counting_upstream.count("DeleteItem") == 0


def chunked(body, size, extra=b""):
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(p), extra, p) for p in parts)


CHUNKED = {
    "one chunk": chunked(GET, 10_000) + b"0\r\n\r\n",
    "byte by byte": chunked(GET, 1) + b"0\r\n\r\n",
    "extensions": chunked(GET, 7, b";a=b") + b"0\r\n\r\n",
    "trailers": chunked(GET, 20) + b"0\r\nX-Trailer: yes\r\n\r\n",
}


@pytest.mark.parametrize("data", CHUNKED.values(), ids=CHUNKED.keys())
def test_chunked_bodies(port, data):
    with raw.connect(port) as sock:
        reader = raw.ReplyReader(sock)
        for _ in range(2):
            sock.sendall(raw.head(None, extra=["Transfer-Encoding: chunked"]) + data)
            reply = reader.next()
            if reply is None or reply.status in (400, 413):
                return  # refused by the framing
            assert reply.status == 200, reply


def test_a_trailer_does_not_become_a_header(port, counting_upstream):
    data = chunked(GET, 20) + b"0\r\nX-Amz-Target: DynamoDB_20120810.DeleteItem\r\n\r\n"
    counting_upstream.forget()
    raw.exchange(port, raw.head(None, extra=["Transfer-Encoding: chunked"]) + data)
    assert counting_upstream.count("DeleteItem") == 0


@pytest.mark.parametrize("data", [b"zz\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", b"5\r\nabc", b"1000000000\r\n"])
def test_bad_chunks(port, data):
    reply = raw.exchange(port, raw.head(None, extra=["Transfer-Encoding: chunked"]) + data, shut=True)
    assert reply is None or reply.status in (400, 413), reply


def test_expect_continue(port):
    with raw.connect(port) as sock:
        sock.sendall(raw.head(len(GET), extra=["Expect: 100-continue"]))
        sock.sendall(GET)
        assert raw.ReplyReader(sock).next().status == 200


def test_oversized_headers(port):
    for extra in (["X-Long: " + "a" * 1_000_000], [f"X-Many-{n}: a" for n in range(50_000)]):
        reply = raw.exchange(port, raw.head(len(GET), extra=extra) + GET)
        assert reply is None or 400 <= reply.status < 500, reply


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00\x01\x00", b"\x00" * 1000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\r\n\r\n\r\n"])
def test_other_protocols(port, data):
    reply = raw.exchange(port, data, shut=True)
    assert reply is None or reply.status >= 400


# ---- connections ----


def test_half_open_connections(port):
    """Each stops somewhere in its request; the others are served all the same."""
    whole = raw.request("GetItem", GET)
    stuck = []
    for cut in (0, 1, 10, len(whole) // 2, len(whole) - len(GET), len(whole) - 1):
        sock = raw.connect(port)
        sock.sendall(whole[:cut])
        stuck.append(sock)
    assert raw.exchange(port, whole).status == 200
    for sock in stuck:
        sock.close()


def test_a_client_that_shuts_down_its_side(port):
    whole = raw.request("GetItem", GET)
    reply = raw.exchange(port, whole, shut=True)
    assert reply is None or reply.status == 200


def test_pipelining(port):
    with raw.connect(port) as sock:
        sock.sendall(raw.request("GetItem", GET) * 50 + raw.request("ListTables", {}))
        reader = raw.ReplyReader(sock)
        assert {reader.next().status for _ in range(50)} == {200}
        assert "TableNames" in reader.next().json


def test_pipelined_writes_and_reads_keep_their_order(port):
    def put(n):
        return raw.request("PutItem", {"TableName": TABLE, "Item": {**KEY, "n": {"N": str(n)}}})

    get = raw.request("GetItem", GET)
    with raw.connect(port) as sock:
        sock.sendall(b"".join(put(n) + get for n in range(20)))
        reader = raw.ReplyReader(sock)
        for n in range(20):
            assert reader.next().json == {}
            assert reader.next().json["Item"]["n"] == {"N": str(n)}


def test_byte_by_byte(port):
    with raw.connect(port) as sock:
        for byte in raw.request("GetItem", GET):
            sock.sendall(bytes([byte]))
        assert raw.ReplyReader(sock).next().status == 200


def test_connection_close_is_kept_to(port):
    with raw.connect(port) as sock:
        sock.sendall(raw.request("GetItem", GET, extra=["Connection: close"]))
        reader = raw.ReplyReader(sock)
        assert reader.next().status == 200
        assert reader.closed()


def test_an_old_client(port):
    data = raw.request("GetItem", GET).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert raw.exchange(port, data).status == 200


def test_a_header_that_could_split_a_reply(port):
    """Nothing of a request's headers may come back as a header of the reply."""
    data = raw.request("GetItem", GET, extra=["X-Amz-Evil: a\r\n b"])
    reply = raw.exchange(port, data)
    assert reply is None or "evil" not in str(reply.headers).lower()


def test_overload_is_answered_at_once(chat, proxy_factory, counting_upstream):
    proxy = proxy_factory(counting_upstream.endpoint, {"listen": {"max_in_flight": 4, "threads": 1}})
    gate = counting_upstream.hold("Scan")
    socks = [raw.connect(proxy.port) for _ in range(4)]
    for sock in socks:
        sock.sendall(raw.request("Scan", {"TableName": TABLE}))
    gate.wait_for(4)
    refused = proxy.call("Scan", {"TableName": TABLE})
    assert_error(refused, 503)
    gate.release()
    for sock in socks:
        assert raw.ReplyReader(sock).next().status == 200
        sock.close()
    assert proxy.call("Scan", {"TableName": TABLE}).status == 200


def test_a_reply_that_closes_does_not_also_say_keep_alive(port):
    head = b"POST / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nConnection: Keep-Alive\r\nContent-Encoding: gzip\r\n"
    got = raw.exchange(port, head + b"Content-Length: 2\r\n\r\n{}")
    assert got.headers.get_all("Connection") == ["close"], got
