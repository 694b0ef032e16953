#!/usr/bin/python3
"""Prints the golden values of tests/unit/proxy/sigv4_test.c, with botocore as the oracle.

    tests/unit/proxy/sigv4_golden.py >tests/unit/proxy/sigv4_golden.json
"""
import datetime
import json
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ACCESS_KEY = "AKIDEXAMPLE"
TOKEN = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeo="


class Recorder(SigV4Auth):
    """Keeps the key that the signature itself was made with."""

    signing_key = b""

    def _sign(self, key, msg, hex=False):
        if hex:
            self.signing_key = key
        return super()._sign(key, msg, hex)


def stages(name, method="POST", path="/", query="", headers=(), body="", date="20150830T123600Z",
           region="us-east-1", service="dynamodb", secret=SECRET):
    auth = Recorder(Credentials(ACCESS_KEY, secret), service, region)
    url = "https://example.amazonaws.com" + path + ("?" + query if query else "")
    request = AWSRequest(method=method, url=url, data=body.encode())
    request.context["timestamp"] = date
    headers = [("host", "example.amazonaws.com"), ("x-amz-date", date), *headers]
    for header, value in headers:
        request.headers.add_header(header, value)
    canonical = auth.canonical_request(request)
    string_to_sign = auth.string_to_sign(request, canonical)
    signature = auth.signature(string_to_sign, request)
    return {
        "name": name, "method": method, "path": path, "query": query, "headers": headers, "body": body,
        "date": date, "region": region, "service": service, "secret": secret,
        "canonical_request": canonical, "signed_headers": auth.signed_headers(auth.headers_to_sign(request)),
        "string_to_sign": string_to_sign, "signing_key": auth.signing_key.hex(), "signature": signature,
    }


def signed(name, host, target, body, now, token=None, region="us-east-1",
           content_type="application/x-amz-json-1.0"):
    auth = SigV4Auth(Credentials(ACCESS_KEY, SECRET, token), "dynamodb", region)
    request = AWSRequest(method="POST", url=f"https://{host}/", data=body.encode())
    request.headers["Host"] = host
    request.headers["Content-Type"] = content_type
    request.headers["X-Amz-Target"] = target
    when = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=now)
    request.context["timestamp"] = when.strftime("%Y%m%dT%H%M%SZ")
    auth._modify_request_before_signing(request)
    canonical = auth.canonical_request(request)
    string_to_sign = auth.string_to_sign(request, canonical)
    auth._inject_signature_to_request(request, auth.signature(string_to_sign, request))
    names = ["Host", "X-Amz-Date", *(["X-Amz-Security-Token"] if token else []), "Authorization"]
    return {
        "name": name, "host": host, "target": target, "body": body, "now": now, "token": token,
        "region": region, "content_type": content_type, "access_key_id": ACCESS_KEY, "secret": SECRET,
        "lines": [f"{n}: {request.headers[n]}" for n in names],
    }


STAGES = [
    stages("plain"),
    stages("empty body, GET", method="GET"),
    stages("body", body='{"TableName": "t"}'),
    stages("unicode body", body='{"S": "Zürich, 東京, 🎉"}'),
    stages("headers in any order", headers=[("x-amz-target", "DynamoDB_20120810.Query"),
                                            ("content-type", "application/x-amz-json-1.0"), ("accept", "*/*")]),
    stages("spaces folded", headers=[("my-header1", "   a   b   c  "), ("my-header2", "\t\"a   b\tc\"\t "),
                                     ("my-header3", ""), ("my-header4", "   ")]),
    stages("duplicate headers", headers=[("my-header", "value2"), ("x-a", "1"), ("my-header", " value2  "),
                                         ("my-header", "value1")]),
    stages("name is another's prefix", headers=[("x-amz", "1"), ("x-amz-a", "2"), ("x", "3")]),
    stages("unicode header", headers=[("x-amz-meta-city", "Zürich  東京")]),
    stages("token", headers=[("x-amz-security-token", TOKEN)]),
    stages("path", path="/a/b.c/d~e_f-g"),
    stages("path encoded once more", path="/a%20b/%E6%9D%B1/x%2Fy"),
    stages("path with reserved bytes", path="/model/a:b@c,d;e=f+g!h*i'j(k)/l$m"),
    stages("path with dots", path="/a/./b/../c/"),
    stages("path above the root", path="/../../x/.."),
    stages("path with double slashes", path="//a//b//"),
    stages("path of dots in names", path="/.../..a/b../.c"),
    stages("query", method="GET", query="b=2&a=1&a=0&a=&c"),
    stages("query as sent", method="GET", query="X=%20%2F&x=+&%E6=1&a-b=1&a%2Db=2&ab=0"),
    stages("query with holes", method="GET", query="&&a=1&&=2&="),
    stages("query with several '='", method="GET", query="a=b=c&a=b"),
    stages("name before longer name", method="GET", query="ab=1&a=2&a-=3&a=1"),
    stages("leap day", date="20240229T235959Z"),
    stages("other region", region="eu-central-1"),
    stages("China", region="cn-north-1", date="20991231T000000Z"),
    stages("other service", service="execute-api", path="/prod/x", region="us-west-2"),
    stages("secret of one byte", secret="s"),
    stages("long secret", secret="s/+" * 70),
    stages("long body", body="x" * 3000),
]

SIGNED = [
    signed("local", "127.0.0.1:8000", "DynamoDB_20120810.GetItem", "{}", 1440938160),
    signed("token", "dynamodb.eu-west-1.amazonaws.com", "DynamoDB_20120810.Query", '{"TableName":"t"}', 1440938160,
           token=TOKEN, region="eu-west-1"),
    signed("streams", "streams.dynamodb.us-east-1.amazonaws.com", "DynamoDBStreams_20120810.ListStreams", "",
           1709251199),
    signed("last second of a day", "h", "T", "{}", 1709251199),
    signed("first second of the next", "h", "T", "{}", 1709251200),
    signed("far", "h", "T", "🎉", 4102444799, content_type="application/x-amz-json-1.1"),
]

json.dump({"stages": STAGES, "signed": SIGNED}, sys.stdout, indent=1, ensure_ascii=True)
print()
