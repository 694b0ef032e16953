"""What is read: the shipped conversation's newest 20 messages, asked for as boto3 asks, and as a browser does."""
import json

from servers import ROOT, Failed
from support import raw, rest, tls, waiting, wire

TABLE = "cruddur-messages"
ROUTE = "list-messages"
SCHEMA = ROOT / "config" / f"{TABLE}.schema.json"
SEED = ROOT / "config" / f"{TABLE}.seed.json"
MESSAGES = 20
UNIQUE = b"{unique}"  # wrk's script puts eight digits there

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

# As Firefox sends a page's fetch(), but for cookies, which a session would add.
ROUTE_HEADERS = """\
GET /api/messages/{group} HTTP/1.1
Host: 127.0.0.1:8080
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0
Accept: application/json
Accept-Language: en-US,en;q=0.5
Accept-Encoding: gzip, deflate
Referer: http://127.0.0.1:8080/messages/{group}
Connection: keep-alive
Sec-Fetch-Dest: empty
Sec-Fetch-Mode: cors
Sec-Fetch-Site: same-origin

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


def partition():
    """The partition key of the shipped conversation."""
    return next(i["pk"]["S"] for i in items() if i["pk"]["S"].startswith("MSG#"))


def newest():
    """The MESSAGES newest messages, the newest first, as DynamoDB's items."""
    found = [item for item in items() if item["pk"]["S"] == partition()]
    return sorted(found, key=lambda item: item["sk"]["S"], reverse=True)[:MESSAGES]


def body(limit=MESSAGES, table=TABLE, key=None, **more):
    """A Query for the newest `limit` messages. Another limit is another entry in every cache."""
    return json.dumps(
        {
            "TableName": table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": key or partition()}},
            "ScanIndexForward": False,
            "Limit": limit,
            **more,
        }
    )


def as_boto3(text):
    """The bytes of a request to the wire API with this body."""
    head = HEADERS + f"Content-Length: {len(text)}\n\n"
    return head.replace("\n", "\r\n").encode() + text.encode()


def request(limit=MESSAGES, **more):
    return as_boto3(body(limit, **more))


def get(path):
    """The bytes of a GET with the same headers, but for those of a body."""
    kept = [line for line in HEADERS.splitlines()[1:] if not line.startswith("Content-Type")]
    return "\r\n".join([f"GET {path} HTTP/1.1", *kept, "", ""]).encode()


def is_right(reply):
    return reply["Items"] == newest() and reply["Count"] == MESSAGES


def routes():
    """The shipped configuration's route for these messages."""
    return [route for route in rest.shipped_config()["routes"] if route["name"] == ROUTE]


def route_request():
    """The bytes of a GET of that route for the newest MESSAGES messages."""
    return ROUTE_HEADERS.format(group=partition().partition("#")[2]).replace("\n", "\r\n").encode()


def is_right_on_route(reply):
    shown = [
        {
            "uuid": item["message_uuid"]["S"],
            "display_name": item["user_display_name"]["S"],
            "handle": item["user_handle"]["S"],
            "message": item["message"]["S"],
            "created_at": item["sk"]["S"],
        }
        for item in reversed(newest())
    ]
    return reply == shown


def read_once(port, data, authority=None):
    """One reply to `data`, on a connection of its own, over TLS if a certificate is given to trust; fails unless it is
    a 200."""
    if authority:
        with tls.connect(port, tls.context(authority)) as sock:
            sock.sendall(data)
            reply = raw.ReplyReader(sock).next()
    else:
        reply = raw.exchange(port, data)
    if reply is None or reply.status != 200:
        raise Failed(f"port {port} answered {repr(reply)[:500]}")
    return reply
