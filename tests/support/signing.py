"""Access keys for clients, and requests signed with them byte by byte."""
import datetime
import json

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support import wire

REGION = "us-east-1"
HOST = "127.0.0.1"
JSON = "application/x-amz-json-1.0"


class Key:
    """One access key of the file, and what it may do."""

    def __init__(self, access_key_id, secret=None, **limits):
        self.id = access_key_id
        self.secret = secret or f"secret/of+{access_key_id}"
        self.limits = limits

    @property
    def entry(self):
        return {"access_key_id": self.id, "secret_access_key": self.secret, **self.limits}


def write_keys(path, *keys):
    """In one go, as an operator would who replaces the file."""
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps({"keys": [key.entry for key in keys]}, indent=1))
    new.chmod(0o600)
    new.replace(path)


class _At(SigV4Auth):
    """Signs at a time of the caller's."""

    def __init__(self, key, region, ago):
        super().__init__(Credentials(key.id, key.secret, key.limits.get("token")), "dynamodb", region)
        now = datetime.datetime.now(datetime.timezone.utc)
        self.when = (now - datetime.timedelta(seconds=ago)).strftime("%Y%m%dT%H%M%SZ")

    def add_auth(self, request):
        request.context["timestamp"] = self.when
        self._modify_request_before_signing(request)
        canonical = self.canonical_request(request)
        self._inject_signature_to_request(request, self.signature(self.string_to_sign(request, canonical), request))


def headers(key, operation, body, *, service=wire.DATA, region=REGION, ago=0, signed=(), host=HOST, query=""):
    """[(name, value)] of a request that `key` has signed `ago` seconds ago, `signed` among the signed ones."""
    request = AWSRequest(method="POST", url=f"http://{host}/" + (f"?{query}" if query else ""), data=body)
    for name, value in [("Host", host), ("X-Amz-Target", f"{service}.{operation}"), ("Content-Type", JSON), *signed]:
        request.headers.add_header(name, value)
    _At(key, region, ago).add_auth(request)
    return request.headers.items()


def request(key, operation, body, *, unsigned=(), spelling=str, query="", sent=None, **more):
    """The bytes of a request. `sent` is the body that goes out, where that isn't the signed one."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    sent = body if sent is None else sent
    lines = [f"POST /{'?' + query if query else ''} HTTP/1.1"]
    lines += [f"{spelling(name)}: {value}" for name, value in headers(key, operation, body, query=query, **more)]
    if not any(line.lower().startswith("content-length:") for line in lines):
        lines.append(f"Content-Length: {len(sent)}")
    lines += unsigned
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + sent
