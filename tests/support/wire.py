"""DynamoDB's wire API by hand, for the tests where the bytes and the headers matter."""
import http.client
import json
import urllib.parse
import zlib

DATA = "DynamoDB_20120810"
STREAMS = "DynamoDBStreams_20120810"


def authorization(access_key="readaside"):
    """Looks like a signature, which is all that DynamoDB Local and a side-car proxy ask for."""
    return (
        f"AWS4-HMAC-SHA256 Credential={access_key}/20260101/us-east-1/dynamodb/aws4_request, "
        "SignedHeaders=host;x-amz-target, Signature=0000"
    )


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = http.client.HTTPMessage()
        for name, value in headers:
            self.headers[name] = value
        self.body = body
        stated = self.headers.get("x-amz-crc32")
        assert stated is None or int(stated) == zlib.crc32(body), f"x-amz-crc32 is wrong: {self!r}"

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def cache(self):
        return self.headers.get("X-Cache")

    @property
    def error(self):
        """The short name of the error's type, or None."""
        if self.status == 200:
            return None
        return self.json["__type"].rpartition("#")[2]

    @property
    def message(self):
        found = self.json
        return found.get("message", found.get("Message"))

    def __repr__(self):
        return f"Reply({self.status}, {self.headers.items()}, {self.body[:2000]!r})"


class Wire:
    """One keep-alive connection. Not shared between threads."""

    def __init__(self, endpoint, access_key="readaside", timeout=120):
        url = urllib.parse.urlsplit(endpoint)
        self.endpoint = endpoint
        self.access_key = access_key
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=timeout)

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, operation, body, service=DATA, headers=None):
        """Sends one operation; `body` is bytes as they are, or something to print as JSON."""
        if isinstance(body, str):
            body = body.encode()
        elif not isinstance(body, bytes):
            body = json.dumps(body).encode()
        sent = {
            "X-Amz-Target": f"{service}.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": authorization(self.access_key),
        }
        sent.update(headers or {})
        self.connection.request("POST", "/", body, sent)
        got = self.connection.getresponse()
        return Reply(got.status, got.getheaders(), got.read())

    def ok(self, operation, body, **more):
        reply = self.call(operation, body, **more)
        assert reply.status == 200, (operation, body, reply)
        return reply


def call_once(endpoint, operation, body, **more):
    with Wire(endpoint) as wire:
        return wire.call(operation, body, **more)
