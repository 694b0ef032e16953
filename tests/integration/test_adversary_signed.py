"""An adversary of signatures: who has seen a signed request, or owns a lesser key, gets no more than that. Everything is tried
as the first request of a connection and behind a hit on the very same bytes, which is answered before evhttp has parsed it.
"""
import json
import re

import pytest

from support import counting_proxy, processes, raw_http, signing, tables, wire

TABLE, OTHER = "chat", "plain"
KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
ITEM = {**KEY, "v": {"S": "secret text"}}
GET = json.dumps({"TableName": TABLE, "Key": KEY}).encode()
DELETE = json.dumps({"TableName": TABLE, "Key": KEY}).encode()
ALICE = signing.Key("ALICE")
LESSER = signing.Key("LESSER", tables=[OTHER])
READER = signing.Key("READER", read_only=True)
LISTER = signing.Key("LISTER", operations=["ListTables"])
STRANGER = signing.Key("STRANGER")
REFUSALS = {"MissingAuthenticationTokenException", "IncompleteSignatureException", "InvalidSignatureException", "UnrecognizedClientException", "AccessDeniedException", "SerializationException"}  # fmt: skip


@pytest.fixture(scope="module")
def started(ddb_local, readaside_binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxy")
    signing.write_keys(folder / "keys.json", ALICE, LESSER, READER, LISTER)
    with wire.Wire(ddb_local.endpoint) as direct:
        tables.create(direct, tables.chat(TABLE))
        tables.create(direct, tables.plain(OTHER))
        direct.ok("PutItem", {"TableName": TABLE, "Item": ITEM})
    upstream = counting_proxy.CountingUpstream(ddb_local.endpoint)
    changes = {"auth": {"sigv4": {"keys_file": str(folder / "keys.json")}}, "listen": {"threads": 1}}
    proxy = processes.Proxy(readaside_binary, processes.merged(processes.base_config(upstream.endpoint), changes), folder)
    yield proxy, upstream
    upstream.stop()
    proxy.stop()


@pytest.fixture
def attack(started):
    """attack(data, learnt): its fate as the first request, and behind a hit. Nothing is deleted by anybody here."""
    proxy, upstream = started

    def both(data, learnt=None):
        learnt = learnt or signing.request(ALICE, "GetItem", GET)
        yield raw_http_attack(proxy, data)
        yield raw_http_attack(proxy, data, before=learnt, learnt=learnt)

    yield both
    assert proxy.alive() and upstream.count("DeleteItem") == 0
    fine = raw_http_attack(proxy, signing.request(ALICE, "GetItem", GET))
    assert fine.statuses == [200] and fine.replies[0].json == {"Item": ITEM}


def raw_http_attack(proxy, data, **more):
    return raw_http.attack(proxy.port, data, last=signing.request(ALICE, "ListTables", {}, unsigned=("Connection: close",)), **more)


def refused(fate, *kinds):
    """One error of DynamoDB's shape, which shows nothing of the item; the connection is the client's to keep or not."""
    assert len(fate.replies) == 1, fate
    reply = fate.replies[0]
    assert reply.status in (400, 421) and b"secret text" not in reply.body, fate
    if not raw_http.is_page(reply):
        assert reply.error in (kinds or REFUSALS), fate
        assert reply.headers["Content-Type"] == signing.JSON and reply.headers["x-amz-crc32"], fate
        assert reply.cache in (None, "BYPASS"), fate
    return reply


def served(fate):
    assert fate.statuses == [200] and fate.kept and fate.replies[0].json == {"Item": ITEM}, fate


def signed(key=ALICE, operation="GetItem", body=GET, **more):
    return signing.request(key, operation, body, **more)


def head_lines(data):
    head, _, body = data.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


def joined(lines, body):
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


# ---- replay ----


@pytest.mark.parametrize("ago", [330, 3600, 86400, 8 * 86400, -330, -86400])
def test_a_replay_outside_the_window(attack, ago):
    for fate in attack(signed(ago=ago)):
        assert "Signature" in refused(fate, "InvalidSignatureException").message


def test_a_replay_inside_the_window_is_the_same_request(attack, started):
    """Which is what a signature can promise: whoever fears it uses TLS."""
    data = signed(ago=200)
    for fate in (*attack(data), *attack(data)):
        served(fate)


def test_the_date_alone_is_moved(attack):
    """An old request with a new date, or with a date that another header says."""
    old = signed(ago=3600)
    now = re.search(rb"X-Amz-Date: (\S+)", signed()).group(0)
    moved = re.sub(rb"X-Amz-Date: \S+", now, old)
    lines, body = head_lines(old)
    tries = [moved, joined([*lines, now], body), joined([lines[0], now, *lines[1:]], body), joined([*lines, b"Date: Mon, 23 Nov 2026 02:00:00 GMT"], body)]
    tries.append(re.sub(rb"(Credential=ALICE/)\d{8}", rb"\g<1>20300101", old))
    tries.append(re.sub(rb"\r\nX-Amz-Date: \S+", b"", old))
    for data in tries:
        for fate in attack(data):
            refused(fate)


# ---- the order of things ----


def test_the_order_of_headers_says_nothing(attack):
    """Canonical is what is signed: turned round, spelt otherwise, with other white space at the ends it is the same."""
    lines, body = head_lines(signed())
    same = [
        joined([lines[0], *reversed(lines[1:])], body),
        joined([lines[0], *lines[3:], *lines[1:3]], body),
        joined([lines[0], *(name.upper() + b":" + value for name, value in (line.split(b":", 1) for line in lines[1:]))], body),
        joined([lines[0], *(name.lower() + b":   " + value.strip() + b"  " for name, value in (line.split(b":", 1) for line in lines[1:]))], body),
    ]
    for data in same:
        for fate in attack(data):
            served(fate)


ADDED = [
    "Host: evil.example", "host: 127.0.0.1", "X-Amz-Target: DynamoDB_20120810.DeleteItem", "x-amz-target: DynamoDB_20120810.GetItem", "Content-Type: application/x-amz-json-1.0", "content-type: text/plain",
    "X-Amz-Date: 20300101T000000Z", "x-amz-date:", "X-Amz-Security-Token: x", "X-Amz-Security-Token:", "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD", "X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "Authorization: AWS4-HMAC-SHA256 x", "authorization: Bearer x", "X-Amz-Algorithm: none", "X-Amz-Expires: 604800", "X-Amz-SignedHeaders: host",
]  # fmt: skip


@pytest.mark.parametrize("line", ADDED)
@pytest.mark.parametrize("where", ["first", "last"])
def test_a_header_that_is_added(attack, line, where):
    """One that is signed, a second time; or one that must be signed if it is there."""
    lines, body = head_lines(signed())
    data = joined([lines[0], line.encode(), *lines[1:]], body) if where == "first" else joined([*lines, line.encode()], body)
    for fate in attack(data):
        refused(fate)


@pytest.mark.parametrize("name", ["Host", "X-Amz-Target", "Content-Type", "X-Amz-Date"])
@pytest.mark.parametrize("change", ["gone", "empty", "blank", "other", "folded", "NUL"])
def test_a_signed_header_that_is_changed(attack, name, change):
    lines, body = head_lines(signed())
    at = next(n for n, line in enumerate(lines) if line.lower().startswith(name.lower().encode() + b":"))
    value = lines[at].partition(b":")[2].strip()
    new = {
        "gone": [],
        "empty": [b"%s:" % name.encode()],
        "blank": [b"%s:   " % name.encode()],
        "other": [lines[at] + b"x"],
        "folded": [b"%s: %s" % (name.encode(), value[:5]), b" " + value[5:]],
        "NUL": [lines[at] + b"\x00x"],
    }[change]
    for fate in attack(joined(lines[:at] + new + lines[at + 1 :], body)):
        assert len(fate.replies) == 1 and fate.replies[0].status in (400, 404, 421), fate
        assert b"secret text" not in fate.replies[0].body


# ---- the Authorization header ----


def of_authorization(change):
    return re.sub(rb"Authorization: [^\r]*", lambda m: b"Authorization: " + change(m.group(0)[15:]), signed())


SPOILT = {
    "nothing": lambda a: b"",
    "the algorithm": lambda a: a.replace(b"AWS4-HMAC-SHA256", b"AWS4-HMAC-SHA1"),
    "no algorithm": lambda a: a.replace(b"AWS4-HMAC-SHA256 ", b""),
    "algorithm none": lambda a: a.replace(b"AWS4-HMAC-SHA256", b"none"),
    "ECDSA": lambda a: a.replace(b"AWS4-HMAC-SHA256", b"AWS4-ECDSA-P256-SHA256"),
    "lower case": lambda a: a.lower(),
    "signature empty": lambda a: re.sub(b"Signature=.*", b"Signature=", a),
    "signature of zeros": lambda a: re.sub(b"Signature=.*", b"Signature=" + b"0" * 64, a),
    "signature longer": lambda a: a + b"0",
    "signature with a space": lambda a: a[:-1] + b" " + a[-1:],
    "signature with NUL behind": lambda a: a + b"\x00",
    "signature cut by NUL": lambda a: a[:-1] + b"\x00",
    "signature in a list": lambda a: a + b"," + b"0" * 64,
    "something behind": lambda a: a + b", Extra=1",
    "no signature": lambda a: re.sub(b", ?Signature=.*", b"", a),
    "two credentials": lambda a: a.replace(b"SignedHeaders", b"Credential=READER/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders"),
    "two lists": lambda a: a.replace(b"Signature=", b"SignedHeaders=host, Signature="),
    "nothing signed": lambda a: re.sub(b"SignedHeaders=[^,]*", b"SignedHeaders=", a),
    "host alone signed": lambda a: re.sub(b"SignedHeaders=[^,]*", b"SignedHeaders=host", a),
    "without host": lambda a: a.replace(b"host;", b""),
    "a header twice": lambda a: a.replace(b"host;", b"host;host;"),
    "not sorted": lambda a: re.sub(b"SignedHeaders=([^;,]*);([^,]*)", rb"SignedHeaders=\2;\1", a),
    "capitals": lambda a: a.replace(b"host;", b"Host;"),
    "one that isn't there": lambda a: a.replace(b"host;", b"host;if-match;"),
    "an empty one": lambda a: a.replace(b"host;", b"host;;"),
    "with spaces": lambda a: a.replace(b"host;", b"host; "),
    "ten thousand": lambda a: a.replace(b"host;", b"host;" + b"".join(b"h%d;" % n for n in range(2000))),
    "another region": lambda a: a.replace(b"us-east-1", b"eu-west-1"),
    "another service": lambda a: a.replace(b"/dynamodb/", b"/s3/"),
    "another end": lambda a: a.replace(b"aws4_request", b"aws5_request"),
    "a longer scope": lambda a: a.replace(b"aws4_request", b"aws4_request/x"),
    "a shorter scope": lambda a: a.replace(b"/aws4_request", b""),
    "an empty key": lambda a: a.replace(b"Credential=ALICE", b"Credential="),
    "a key with a path": lambda a: a.replace(b"Credential=ALICE", b"Credential=x/ALICE"),
    "a key with NUL": lambda a: a.replace(b"Credential=ALICE", b"Credential=ALICE\x00"),
    "another's id": lambda a: a.replace(b"Credential=ALICE", b"Credential=READER"),
    "id in lower case": lambda a: a.replace(b"Credential=ALICE", b"Credential=alice"),
    "a long id": lambda a: a.replace(b"Credential=ALICE", b"Credential=" + b"A" * 10_000),
    "Bearer": lambda a: b"Bearer " + a,
    "Basic": lambda a: b"Basic QUxJQ0U6c2VjcmV0",
}  # fmt: skip


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_authorization(attack, how):
    data = of_authorization(SPOILT[how])
    assert data != signed()
    for fate in attack(data):
        refused(fate)


def test_a_presigned_url_is_no_signature(attack):
    authorization = re.search(rb"Credential=([^,]*), SignedHeaders=([^,]*), Signature=(\S*)", signed())
    credential, names, signature = (part.decode().replace("/", "%2F") for part in authorization.groups())
    date = re.search(rb"X-Amz-Date: (\S+)", signed()).group(1).decode()
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={date}&X-Amz-Expires=900&X-Amz-SignedHeaders={names}&X-Amz-Signature={signature}"
    lines, body = head_lines(signed())
    bare = [line for line in lines if not line.startswith(b"Authorization")]
    bare[0] = f"POST /?{query} HTTP/1.1".encode()
    for fate in attack(joined(bare, body)):
        refused(fate, "MissingAuthenticationTokenException")
    for more in ("?" + query, "?", "?a", "?%00", "//", "/.", "?a=b#c"):
        for fate in attack(signed().replace(b"POST / ", b"POST /" + more.encode() + b" ", 1)):
            if more == "?":  # an empty query string is none
                served(fate)
                continue
            assert len(fate.replies) == 1 and fate.replies[0].status in (400, 404), (more, fate)
            assert b"secret text" not in fate.replies[0].body


# ---- what is signed is what is done ----


def test_a_signature_is_of_one_operation_and_one_body(attack):
    good = signed()
    for data in (good.replace(b".GetItem", b".DeleteItem"), good.replace(b".GetItem", b".Query"), good.replace(b"DynamoDB_2012", b"DynamoDBStreams_2012"), signed(sent=GET + b" "), signed(sent=b" " + GET[1:] + b" "), signed(sent=b""), signed(sent=GET.replace(b"room", b"r00m"))):  # fmt: skip
        for fate in attack(data):
            refused(fate)


def test_what_stands_behind_is_signed_too(attack, started):
    """A pipeline: the signature of the first is none of the second, and the second isn't hidden in the first's body."""
    unsigned = b"\r\n".join(line for line in signed(operation="DeleteItem", body=DELETE).split(b"\r\n") if not line.startswith(b"Authorization"))
    proxy, _ = started
    fate = raw_http_attack(proxy, signed() + unsigned)
    assert fate.statuses == [200, 400] and fate.replies[1].error == "MissingAuthenticationTokenException"
    good = signed()
    fate = raw_http_attack(proxy, good + unsigned + good, before=good, learnt=good)
    assert fate.statuses == [200, 400, 200] and fate.replies[1].error == "MissingAuthenticationTokenException"
    for fate in attack(signed(sent=unsigned)):
        refused(fate)


def test_chunked_and_signed(attack, started):
    """The body's hash is of the body, whatever its framing; chunks that are signed one by one are none of it."""
    lines, body = head_lines(signed())
    chunked = [line for line in lines if not line.lower().startswith(b"content-length")] + [b"Transfer-Encoding: chunked"]
    whole = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    fate = raw_http_attack(started[0], joined(chunked, whole))
    assert fate.statuses == [200] and fate.replies[0].json == {"Item": ITEM}, fate
    for spoilt in (whole.replace(b"room", b"r00m"), b"%x;chunk-signature=%s\r\n%s\r\n0;chunk-signature=%s\r\n\r\n" % (len(body), b"0" * 64, body, b"0" * 64)):
        fate = raw_http_attack(started[0], joined(chunked, spoilt))
        assert len(fate.replies) == 1 and fate.replies[0].status in (400, 413) and b"secret text" not in fate.replies[0].body, fate


# ---- a lesser key ----


@pytest.mark.parametrize("key, kind", [(LESSER, "AccessDeniedException"), (LISTER, "AccessDeniedException"), (STRANGER, "UnrecognizedClientException"), (signing.Key("ALICE", "guessed"), "InvalidSignatureException")], ids=["tables", "operations", "stranger", "wrong secret"])  # fmt: skip
def test_a_hit_of_someone_elses(attack, key, kind):
    """The same body, which the cache knows by heart for another key."""
    for fate in attack(signed(key)):
        refused(fate, kind)
    by_arn = GET.replace(b'"chat"', b'"arn:aws:dynamodb:us-east-1:000000000000:table/chat"')
    for fate in attack(signed(key, body=by_arn)):
        refused(fate, kind)


def test_a_hit_of_someone_elses_that_one_may_have(attack):
    for fate in attack(signed(READER)):
        served(fate)


WRITES = {
    "DeleteItem": DELETE,
    "PutItem": json.dumps({"TableName": TABLE, "Item": KEY}).encode(),
    "BatchWriteItem": json.dumps({"RequestItems": {TABLE: [{"DeleteRequest": {"Key": KEY}}]}}).encode(),
    "TransactWriteItems": json.dumps({"TransactItems": [{"Delete": {"TableName": TABLE, "Key": KEY}}]}).encode(),
    "ExecuteStatement": json.dumps({"Statement": f"DELETE FROM \"{TABLE}\" WHERE pk='room' AND sk='1'"}).encode(),
    "BatchExecuteStatement": json.dumps({"Statements": [{"Statement": f"DELETE FROM {TABLE} WHERE pk='room' AND sk='1'"}]}).encode(),
    "ExecuteTransaction": json.dumps({"TransactStatements": [{"Statement": f" delete from {TABLE} where pk='room' and sk='1'"}]}).encode(),
    "DeleteTable": json.dumps({"TableName": TABLE}).encode(),
    "UpdateTimeToLive": json.dumps({"TableName": TABLE, "TimeToLiveSpecification": {"AttributeName": "x", "Enabled": True}}).encode(),
    "getitem": GET,
    "GetItemX": GET,
}  # fmt: skip


@pytest.mark.parametrize("key", [READER, LESSER, LISTER], ids=lambda k: k.id)
@pytest.mark.parametrize("operation", WRITES)
def test_what_a_lesser_key_may_not_write(attack, started, key, operation):
    for fate in attack(signed(key, operation, WRITES[operation])):
        refused(fate, "AccessDeniedException")
    assert started[1].count(operation) == 0


HIDDEN = {
    "table twice": ("GetItem", b'{"TableName":"plain",' + GET[1:]),
    "table twice, spelt": ("GetItem", b'{"Table\\u004eame":"plain",' + GET[1:]),
    "table in escapes": ("GetItem", GET.replace(b'"chat"', b'"\\u0063hat"')),
    "member in escapes": ("GetItem", GET.replace(b'"TableName"', b'"\\u0054ableName"')),
    "in a batch": ("BatchGetItem", json.dumps({"RequestItems": {OTHER: {"Keys": [KEY]}, TABLE: {"Keys": [KEY]}}}).encode()),
    "in a transaction": ("TransactGetItems", json.dumps({"TransactItems": [{"Get": {"TableName": OTHER, "Key": KEY}}, {"Get": {"TableName": TABLE, "Key": KEY}}]}).encode()),
    "in a statement": ("ExecuteStatement", b'{"Statement":"SELECT * FROM chat"}'),
    "in a statement, quoted": ("ExecuteStatement", b'{"Statement":"SELECT * FROM \\"chat\\".\\"plain\\""}'),
    "in a comment of a statement": ("ExecuteStatement", b'{"Statement":"SELECT * FROM /* plain */ chat"}'),
    "in an index's name": ("Query", json.dumps({"TableName": "plain/../chat", "KeyConditionExpression": "pk=:p", "ExpressionAttributeValues": {":p": {"S": "room"}}}).encode()),
    "of another account": ("GetItem", GET.replace(b'"chat"', b'"arn:aws:dynamodb:us-east-1:123456789012:table/chat"')),
    "an ARN that ends in plain": ("GetItem", GET.replace(b'"chat"', b'"arn:aws:dynamodb:us-east-1:000000000000:table/chat/index/plain"')),
    "NUL": ("GetItem", GET.replace(b'"chat"', b'"chat\\u0000plain"')),
    "NUL, the other way": ("GetItem", GET.replace(b'"chat"', b'"plain\\u0000"')),
    "no table": ("ListTables", b"{}"),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_a_table_that_is_hidden_from_the_check(attack, started, how):
    """LESSER may see `plain` alone."""
    operation, body = HIDDEN[how]
    for fate in attack(signed(LESSER, operation, body)):
        refused(fate, "AccessDeniedException", "SerializationException", "ValidationException", "ResourceNotFoundException")
    assert [r for r in started[1].seen() if r.operation not in ("GetItem", "ListTables", "DescribeTable") or b"plain" in r.body] == []
