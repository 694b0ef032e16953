#!/usr/bin/python3
"""Prints the golden requests of tests/unit/proxy/verifier_test.c, signed by botocore.

    tests/unit/proxy/verifier_golden.py >tests/unit/proxy/verifier_golden.json

Those of `client` are what a client of DynamoDB sends, header by header. The others have the headers that other SDKs
send, and of these they sign the same ones.
"""
import json
import sys

import botocore.session
from botocore.auth import AUTH_TYPE_MAPS, SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ACCESS_KEY = "AKIDEXAMPLE"
DATE, NOW = "20150830T123600Z", 1440938160
HOST = "127.0.0.1:8100"
JSON = "application/x-amz-json-1.0"
INVOCATION = "c5b6bd9e-27f4-4a39-b9ce-7f4c1dc27a92"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
OF_BODY = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of {}


def add_auth(self, request):
    """As SigV4Auth has it, at a time of our own."""
    request.context["timestamp"] = DATE
    self._modify_request_before_signing(request)
    canonical = self.canonical_request(request)
    self._inject_signature_to_request(request, self.signature(self.string_to_sign(request, canonical), request))


SigV4Auth.add_auth = add_auth
AUTH_TYPE_MAPS["v4"] = SigV4Auth  # not another library's, should there be one


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def case(name, headers, body, query="", region="us-east-1"):
    return {
        "name": name, "headers": headers, "query": query, "body": text(body), "region": region,
        "access_key_id": ACCESS_KEY, "secret": SECRET, "now": NOW,
    }


def client(name, service, operation, region="us-east-1", **parameters):
    """What botocore would have sent."""
    session = botocore.session.Session()
    session.set_credentials(ACCESS_KEY, SECRET)
    made = session.create_client(
        service, region_name=region, endpoint_url=f"http://{HOST}",
        config=Config(user_agent="Boto3/1.26.27 Python/3.11.2 Botocore/1.29.27"),
    )
    sent = []

    def keep(request, **_):
        sent.append(request)
        return AWSResponse(request.url, 200, {}, Raw())

    made.meta.events.register("before-send", keep)
    getattr(made, operation)(**parameters)
    headers = [["Host", HOST], ["Accept-Encoding", "identity"]]
    for header, value in sent[0].headers.items():
        headers.append([header, INVOCATION if header == "amz-sdk-invocation-id" else text(value)])
    assert "amz-sdk" not in text(sent[0].headers["Authorization"])
    return case(name, headers, sent[0].body, region=region)


class Raw:
    """The body of a reply that says nothing."""

    def stream(self, *_, **__):
        return iter([b"{}"])


def signed(name, signed_headers, unsigned=(), body="{}", query="", region="us-east-1", spelling=str, **sent):
    """`sent`: the same header as it is sent, where that isn't as it was given to the signer."""
    request = AWSRequest(method="POST", url=f"http://{HOST}/" + ("?" + query if query else ""), data=body.encode())
    for header, value in [("Host", HOST), *signed_headers]:
        request.headers.add_header(header, value)
    SigV4Auth(Credentials(ACCESS_KEY, SECRET), "dynamodb", region).add_auth(request)
    headers = [[spelling(n), sent.get(n.lower(), v)] for n, v in request.headers.items()]
    headers += [[n, v] for n, v in unsigned]
    return case(name, headers, body, query, region)


TARGET = ("X-Amz-Target", "DynamoDB_20120810.GetItem")
TYPE = ("Content-Type", JSON)
KEY = {"pk": {"S": "p"}, "sk": {"S": "s"}}

CASES = [
    client("boto3 GetItem", "dynamodb", "get_item", TableName="chat", Key=KEY),
    client("boto3 Query", "dynamodb", "query", TableName="chat", KeyConditionExpression="pk = :p",
           ExpressionAttributeValues={":p": {"S": "Zürich, 東京"}}),
    client("boto3 ListTables", "dynamodb", "list_tables", region="eu-central-1"),
    client("boto3 streams", "dynamodbstreams", "list_streams", TableName="chat"),
    signed("Go: length and what the SDK says of itself are signed",
           [("Accept-Encoding", "identity"), ("Amz-Sdk-Invocation-Id", INVOCATION),
            ("Amz-Sdk-Request", "attempt=1; max=3"), ("Content-Length", "2"), TYPE, TARGET],
           unsigned=[("User-Agent", "aws-sdk-go-v2/1.36.3")]),
    signed("JavaScript 3: names in lower case, hash and user agent signed",
           [("content-type", JSON), TARGET, ("content-length", "2"), ("x-amz-user-agent", "aws-sdk-js/3.1"),
            ("amz-sdk-invocation-id", INVOCATION), ("amz-sdk-request", "attempt=1; max=3"),
            ("x-amz-content-sha256", OF_BODY)],
           unsigned=[("user-agent", "aws-sdk-js/3.1"), ("connection", "keep-alive")], spelling=str.lower),
    signed("JavaScript 2 and PHP: content type and length not signed", [TARGET],
           unsigned=[TYPE, ("Content-Length", "2"), ("User-Agent", "aws-sdk-php/3.3")]),
    signed("Java 1: hash of the body, user agent signed",
           [("amz-sdk-invocation-id", INVOCATION), ("amz-sdk-retry", "0/0/500"), TYPE, ("Content-Length", "2"),
            TARGET, ("X-Amz-Content-Sha256", OF_BODY)], spelling=str.upper),
    signed("X-Amz-User-Agent put in by a tool on the way", [TYPE, TARGET], unsigned=[("X-Amz-User-Agent", "tool")]),
    signed("trace id put in by a tool on the way", [TYPE, TARGET], unsigned=[("X-Amzn-Trace-Id", "Root=1-2-3")]),
    signed("empty body", [TYPE, TARGET, ("X-Amz-Content-Sha256", EMPTY)], body=""),
    signed("no content type", [TARGET]),
    signed("white space in and around a value", [TYPE, TARGET, ("x-amz-meta-a", "  a   b \t c  "),
                                                 ("X-Amz-Meta-B", "a  b")],
           **{"x-amz-meta-a": "a   b \t c"}),
    signed("empty value", [TYPE, TARGET, ("X-Amz-Meta-A", "")]),
    signed("one header twice", [TYPE, TARGET, ("X-Amz-Meta-A", "one"), ("X-A", "between"), ("x-amz-meta-a", "two")]),
    signed("names that begin alike", [TYPE, TARGET, ("X", "1"), ("X-A", "2"), ("X-A-B", "3"), ("x_a", "4")]),
    signed("query", [TYPE, TARGET], query="b=2&a=1&a=%20"),
    signed("bytes beyond ASCII in a value", [TYPE, TARGET, ("x-amz-meta-city", "Zürich")]),
    signed("long body", [TYPE, TARGET], body="x" * 5000),
]

if __name__ == "__main__":
    json.dump(CASES, sys.stdout, indent=1, ensure_ascii=True)
    print()
