"""Every other operation works as without the proxy; and what upstream's failures look like to a client."""
import base64
import re

import boto3
import botocore.exceptions
import pytest

from support import ports, raw, tables, waiting, wire

TABLE = "chat"
KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
GET = {"TableName": TABLE, "Key": KEY}

VOLATILE = re.compile(
    r'"(CreationDateTime|LastUpdateToPayPerRequestDateTime|LatestStreamLabel|StreamLabel|CreationRequestDateTime'
    r'|ApproximateCreationDateTime|LastIncreaseDateTime|LastDecreaseDateTime)":("[^"]*"|[-0-9.E]+)'
)


def same(got, expected):
    """The same answer but for the moment it was given."""
    assert got.status == expected.status, (got, expected)
    texts = [VOLATILE.sub(r'"\1":0', r.body.decode()) for r in (got, expected)]
    assert texts[0] == texts[1]


READS = {
    "ListTables": {},
    "ListTables, page": ("ListTables", {"Limit": 1}),
    "DescribeTable": {"TableName": TABLE},
    "DescribeTable, none": ("DescribeTable", {"TableName": "no-such-table"}),
    "DescribeLimits": {},
    "DescribeEndpoints": {},
    "DescribeTimeToLive": {"TableName": TABLE},
    "DescribeContinuousBackups": {"TableName": TABLE},
    "DescribeBackup": {"BackupArn": "arn:aws:dynamodb:us-east-1:000000000000:table/chat/backup/01"},
    "ListBackups": {},
    "ListGlobalTables": {},
    "ListTagsOfResource": {"ResourceArn": "arn:aws:dynamodb:ddblocal:000000000000:table/chat"},
    "ListContributorInsights": {},
    "DescribeKinesisStreamingDestination": {"TableName": TABLE},
    "ListExports": {},
    "Scan": {"TableName": TABLE},
    "Scan, segment": ("Scan", {"TableName": TABLE, "TotalSegments": 2, "Segment": 1, "Limit": 2}),
    "Scan, index": ("Scan", {"TableName": TABLE, "IndexName": "by-owner"}),
    "TransactGetItems": {"TransactItems": [{"Get": GET}, {"Get": {**GET, "ProjectionExpression": "n"}}]},
    "ExecuteStatement": {"Statement": 'SELECT * FROM "chat" WHERE pk = \'room\''},
    "ExecuteStatement, wrong": ("ExecuteStatement", {"Statement": "SELECT FROM nothing"}),
    "BatchExecuteStatement": {
        "Statements": [{"Statement": 'SELECT * FROM "chat" WHERE pk=? AND sk=?', "Parameters": [{"S": "room"}, {"S": "1"}]}]
    },
    "ExecuteTransaction": {
        "TransactStatements": [{"Statement": 'SELECT * FROM "chat" WHERE pk=? AND sk=?', "Parameters": [{"S": "room"}, {"S": "1"}]}]
    },
    "GetItem, no table": ("GetItem", {**GET, "TableName": "no-such-table"}),
    "PutItem, no table": ("PutItem", {"TableName": "no-such-table", "Item": KEY}),
    "DeleteTable, no table": ("DeleteTable", {"TableName": "no-such-table"}),
    "CreateTable, wrong": ("CreateTable", {"TableName": "x"}),
    "UpdateTable, wrong": ("UpdateTable", {"TableName": TABLE}),
}


@pytest.fixture
def filled(chat, direct):
    for n in range(5):
        item = {"pk": {"S": "room"}, "sk": {"S": str(n)}, "owner": {"S": "ann"}, "n": {"N": str(n)}}
        direct.ok("PutItem", {"TableName": TABLE, "Item": item})
    return chat


@pytest.mark.parametrize("name", READS)
def test_it_answers_as_dynamodb_does(filled, through, direct, name):
    operation, body = READS[name] if isinstance(READS[name], tuple) else (name, READS[name])
    for _ in range(2):
        got = through.call(operation, body)
        same(got, direct.call(operation, body))
        assert got.cache in (None, "BYPASS")


def test_a_tables_life(direct, through):
    made = tables.plain("passing")
    described = {"TableName": "passing"}
    direct.call("DeleteTable", described)
    assert through.ok("CreateTable", made).json["TableDescription"]["TableName"] == "passing"
    waiting.until(lambda: through.ok("DescribeTable", described).json["Table"]["TableStatus"] == "ACTIVE", "the table")
    arn = through.ok("DescribeTable", described).json["Table"]["TableArn"]
    through.ok("UpdateTimeToLive", {**described, "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "gone"}})
    same(through.call("DescribeTimeToLive", described), direct.call("DescribeTimeToLive", described))
    tags = {"ResourceArn": arn, "Tags": [{"Key": "stage", "Value": "test"}]}
    same(through.call("TagResource", tags), direct.call("TagResource", tags))
    listed = {"ResourceArn": arn}
    same(through.call("ListTagsOfResource", listed), direct.call("ListTagsOfResource", listed))
    untag = {"ResourceArn": arn, "TagKeys": ["stage"]}
    same(through.call("UntagResource", untag), direct.call("UntagResource", untag))
    assert through.ok("DeleteTable", described).json["TableDescription"]["TableName"] == "passing"
    waiting.until(lambda: through.call("DescribeTable", described).status == 400, "the table to be gone")


def test_streams(direct, through):
    made = {**tables.plain("streamed"), "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}
    tables.create(through, made)
    through.ok("PutItem", {"TableName": "streamed", "Item": KEY})

    def stream(side, operation, body):
        return side.ok(operation, body, service=wire.STREAMS)

    listed = stream(through, "ListStreams", {"TableName": "streamed"})
    same(listed, stream(direct, "ListStreams", {"TableName": "streamed"}))
    arn = {"StreamArn": listed.json["Streams"][0]["StreamArn"]}
    described = stream(through, "DescribeStream", arn)
    shard = described.json["StreamDescription"]["Shards"][0]["ShardId"]
    asked = {**arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = stream(through, "GetShardIterator", asked).json["ShardIterator"]
    records = stream(through, "GetRecords", {"ShardIterator": iterator}).json["Records"]
    assert [r["dynamodb"]["NewImage"] for r in records] == [KEY]
    wrong = through.call("DescribeStream", {"StreamArn": "arn:nonsense"}, service=wire.STREAMS)
    same(wrong, direct.call("DescribeStream", {"StreamArn": "arn:nonsense"}, service=wire.STREAMS))


def test_large_items_and_large_replies(filled, through, direct):
    """400 KB is DynamoDB's limit for an item, 1 MB that of a page."""
    for n in range(6):
        item = {"pk": {"S": "big"}, "sk": {"S": str(n)}, "data": {"B": base64.b64encode(bytes(280_000)).decode()}}
        through.ok("PutItem", {"TableName": TABLE, "Item": item})
    body = {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "big"}},
    }
    page = through.ok("Query", body)
    assert page.json == direct.ok("Query", body).json
    assert len(page.body) > 1_000_000 and "LastEvaluatedKey" in page.json
    again = through.ok("Query", body)
    assert again.body == page.body
    keys = [{"pk": {"S": "big"}, "sk": {"S": str(n)}} for n in range(6)]
    batch = {"RequestItems": {TABLE: {"Keys": keys}}}
    assert len(through.ok("BatchGetItem", batch).json["Responses"][TABLE]) == 6
    assert len(through.ok("BatchGetItem", batch).json["Responses"][TABLE]) == 6
    requests = [{"PutRequest": {"Item": {**k, "data": {"S": "x" * 350_000}}}} for k in keys]
    requests += [{"PutRequest": {"Item": {**k, "pk": {"S": "more"}, "data": {"S": "x" * 350_000}}}} for k in keys]
    assert through.ok("BatchWriteItem", {"RequestItems": {TABLE: requests}}).json["UnprocessedItems"] == {}


def test_headers_a_client_may_rely_on(filled, through, direct):
    for operation, body in (("ListTables", {}), ("GetItem", GET), ("GetItem", {**GET, "TableName": "none"})):
        got, expected = through.call(operation, body), direct.call(operation, body)
        assert got.headers["Content-Type"] == expected.headers["Content-Type"]
        assert got.headers["x-amzn-RequestId"]
        assert got.headers["Date"]
        assert got.headers["Content-Length"] == str(len(got.body))


def test_what_upstream_gets_is_signed_anew(filled, proxy, counting_upstream):
    proxy.call("Scan", {"TableName": TABLE})
    headers = {n.lower(): v for n, v in counting_upstream.seen("Scan")[0].headers}
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=readaside/")
    assert "Signature=0000" not in headers["authorization"]
    assert re.search(r"Signature=[0-9a-f]{64}$", headers["authorization"])
    assert re.fullmatch(r"\d{8}T\d{6}Z", headers["x-amz-date"])
    assert headers["host"] == counting_upstream.endpoint.partition("//")[2]
    assert "expect" not in headers


@pytest.mark.parametrize("kind", ["application/x-amz-json-1.0; charset=Shift_JIS", "text/plain", ""])
def test_a_body_is_passed_on_as_what_it_was_read_as(filled, proxy, counting_upstream, kind):
    """UTF-8, whatever the client calls it: in another charset the same bytes may name another table."""
    for operation, body in (("GetItem", {"TableName": filled, "Key": KEY}), ("ListTables", {})):
        counting_upstream.forget()
        assert proxy.call(operation, body, headers={"Content-Type": kind}).status == 200
        sent = dict(counting_upstream.seen(operation)[0].headers)
        assert sent["Content-Type"] == "application/x-amz-json-1.0"


def test_connections_to_upstream_are_kept(filled, proxy, counting_upstream):
    with proxy.wire() as through:
        for _ in range(50):
            through.ok("Scan", {"TableName": TABLE})
    assert counting_upstream.connections <= 3


# ---- upstream's failures ----


def assert_retryable(reply):
    """503 in DynamoDB's shape."""
    assert reply.status == 503, reply
    assert reply.error == "ServiceUnavailable" and reply.message
    assert reply.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert reply.headers["x-amz-crc32"]


ERRORS = {
    "throttled": (400, "ProvisionedThroughputExceededException"),
    "account throttled": (400, "ThrottlingException"),
    "internal": (500, "InternalServerError"),
    "unavailable": (503, "ServiceUnavailable"),
    "denied": (400, "AccessDeniedException"),
    "unknown to us": (418, "TeapotException"),
}


@pytest.mark.parametrize("status, error", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("operation", ["GetItem", "PutItem", "Scan"])
def test_errors_are_passed_on_exactly(filled, through, counting_upstream, operation, status, error):
    body = {"GetItem": GET, "PutItem": {"TableName": TABLE, "Item": KEY}, "Scan": {"TableName": TABLE}}[operation]
    counting_upstream.fail(operation, status=status, error=error, message="just so \u00e9")
    reply = through.call(operation, body)
    assert (reply.status, reply.error, reply.message) == (status, error, "just so \u00e9")
    assert reply.headers["x-amz-crc32"]
    assert counting_upstream.count(operation) == 1, "retrying is the client's to do"


def test_upstream_down(chat, proxy_factory):
    proxy = proxy_factory(f"http://127.0.0.1:{ports.free_port()}")
    for operation, body in (("GetItem", GET), ("PutItem", {"TableName": TABLE, "Item": KEY}), ("ListTables", {})):
        assert_retryable(proxy.call(operation, body))


def test_botocore_retries_when_upstream_comes_back(filled, proxy, counting_upstream):
    """An unchanged SDK, with its default retries, sees nothing of a short outage."""
    sdk = boto3.client(
        "dynamodb",
        endpoint_url=proxy.endpoint,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
    )
    counting_upstream.cut("GetItem", times=2)
    counting_upstream.cut("Scan", times=2)
    assert sdk.get_item(TableName=TABLE, Key=KEY)["Item"]["n"] == {"N": "1"}
    assert sdk.scan(TableName=TABLE)["Count"] == 5
    sdk.close()


def test_botocore_sees_dynamodbs_own_errors(filled, proxy, client):
    sdk = client(proxy.endpoint)
    with pytest.raises(sdk.exceptions.ResourceNotFoundException):
        sdk.get_item(TableName="no-such-table", Key=KEY)
    with pytest.raises(sdk.exceptions.ConditionalCheckFailedException):
        sdk.put_item(TableName=TABLE, Item=KEY, ConditionExpression="attribute_not_exists(pk)")
    with pytest.raises(botocore.exceptions.ClientError, match="ValidationException"):
        sdk.query(TableName=TABLE, KeyConditionExpression="nonsense")


@pytest.mark.parametrize("operation", ["GetItem", "Scan", "PutItem"])
def test_a_stalled_upstream_meets_the_deadline(filled, proxy_factory, counting_upstream, operation):
    proxy = proxy_factory(counting_upstream.endpoint, {"upstream": {"request_timeout": "300ms"}})
    body = {"GetItem": GET, "PutItem": {"TableName": TABLE, "Item": KEY}, "Scan": {"TableName": TABLE}}[operation]
    gate = counting_upstream.hold(operation, times=1)
    assert_retryable(proxy.call(operation, body))
    waiting.until(gate.held[0].closed.is_set, "the call to be given up")
    gate.release()
    if operation == "PutItem":
        assert proxy.call("GetItem", GET).cache == "BYPASS", "the write's fate is unknown"
    assert proxy.call("Scan", {"TableName": TABLE}).status == 200


def test_an_upstream_that_talks_nonsense(filled, proxy, counting_upstream):
    """It is handed on or refused, and never cached."""
    counting_upstream.answer(lambda *_: (200, b"<html>not DynamoDB</html>"), "GetItem", times=2)
    for _ in range(2):
        reply = proxy.call("GetItem", GET)
        assert reply.cache != "HIT"
    good = proxy.call("GetItem", GET)
    assert good.cache == "MISS" and good.json["Item"]["n"] == {"N": "1"}


def test_a_reply_past_the_limit(filled, proxy_factory, counting_upstream):
    proxy = proxy_factory(counting_upstream.endpoint, {"upstream": {"max_reply": "1MiB"}})
    counting_upstream.answer(lambda *_: (200, b'{"Item":{"x":{"S":"' + b"x" * (2 << 20) + b'"}}}'), "GetItem", times=1)
    assert_retryable(proxy.call("GetItem", GET))
    assert proxy.call("GetItem", GET).status == 200


def test_reads_share_their_connections_under_load(filled, proxy_factory, counting_upstream):
    """More requests than upstream connections: they queue, none is lost."""
    proxy = proxy_factory(counting_upstream.endpoint, {"upstream": {"max_connections": 4}})
    socks = [raw.connect(proxy.port) for _ in range(100)]
    for n, sock in enumerate(socks):
        sock.sendall(raw.request("GetItem", {"TableName": TABLE, "Key": {"pk": {"S": "many"}, "sk": {"S": str(n)}}}))
    assert {raw.ReplyReader(s).next().status for s in socks} == {200}
    for sock in socks:
        sock.close()
    assert counting_upstream.connections <= 4 + 2
