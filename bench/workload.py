"""What is read: the shipped conversation's newest 20 messages, asked for as boto3 asks."""
import json

from servers import ROOT, Failed
from support import raw, waiting, wire

TABLE = "cruddur-messages"
SCHEMA = ROOT / "config" / f"{TABLE}.schema.json"
SEED = ROOT / "config" / f"{TABLE}.seed.json"
MESSAGES = 20

# As boto3 1.26 sends them, Content-Length apart; neither the proxy nor DynamoDB Local checks the signature.
HEADERS = """\
POST / HTTP/1.1
Accept-Encoding: identity
X-Amz-Target: DynamoDB_20120810.Query
Content-Type: application/x-amz-json-1.0
User-Agent: Boto3/1.26.27 Python/3.11.2 Linux/6.1.0-18-amd64 Botocore/1.29.27
host: 127.0.0.1:8080
X-Amz-Date: 20260101T120000Z
Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, \
SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
Signature=96af12b4b4379f3c26c8a1a24cdf2c600a09782df8a96c0efeeac750c9914b89
amz-sdk-invocation-id: cf1b6550-4da9-443b-97b1-d5a0c7d19653
amz-sdk-request: attempt=1
"""


def items():
    return [entry["PutRequest"]["Item"] for entry in json.loads(SEED.read_text(encoding="utf-8"))[TABLE]]


def seed(endpoint):
    """Makes the table and puts the shipped items into it."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    waiting.until(lambda: wire.call_once(endpoint, "ListTables", {}).status == 200, "DynamoDB Local to answer")
    with wire.Wire(endpoint) as client:
        client.ok("CreateTable", schema)
        for item in items():
            client.ok("PutItem", {"TableName": TABLE, "Item": item})


def request(limit=MESSAGES):
    """The bytes of a Query for the newest `limit` messages. Another limit is another entry in every cache."""
    partition = next(i["pk"]["S"] for i in items() if i["pk"]["S"].startswith("MSG#"))
    body = json.dumps(
        {
            "TableName": TABLE,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": partition}},
            "ScanIndexForward": False,
            "Limit": limit,
        }
    )
    head = HEADERS + f"Content-Length: {len(body)}\n\n"
    return head.replace("\n", "\r\n").encode() + body.encode()


def read_once(port, data):
    """One reply to `data`, on a connection of its own; fails unless it is a 200."""
    reply = raw.exchange(port, data)
    if reply is None or reply.status != 200:
        raise Failed(f"port {port} answered {repr(reply)[:500]}")
    return reply
