"""A stand-in for AWS STS: GetCallerIdentity as the API reference (version 2011-06-15) has it. Signatures are checked
by botocore's own signer."""
import http.server
import re
import threading
import urllib.parse
import uuid

import botocore.auth
import botocore.awsrequest
import botocore.credentials

ACCOUNT = "123456789012"
ARN = f"arn:aws:iam::{ACCOUNT}:user/division_abc/Zoe"
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def identity(arn):
    escaped = arn.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        f'<GetCallerIdentityResponse xmlns="{NAMESPACE}">\n'
        "  <GetCallerIdentityResult>\n"
        f"    <Arn>{escaped}</Arn>\n"
        "    <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId>\n"
        f"    <Account>{ACCOUNT}</Account>\n"
        "  </GetCallerIdentityResult>\n"
        f"  <ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>\n"
        "</GetCallerIdentityResponse>\n"
    )


def failure(code, message, kind="Sender"):
    return (
        f'<ErrorResponse xmlns="{NAMESPACE}">\n'
        f"  <Error>\n    <Type>{kind}</Type>\n    <Code>{code}</Code>\n    <Message>{message}</Message>\n  </Error>\n"
        f"  <RequestId>{uuid.uuid4()}</RequestId>\n</ErrorResponse>\n"
    )


class Sts:
    """`keys` is {access key id: secret}; `token` is what has to come with them. `answer`, if set, is the (status,
    body) that every request gets."""

    def __init__(self, keys, token=None, arn=ARN):
        self.keys = keys
        self.token = token
        self.arn = arn
        self.answer = None
        self.requests = []  # the regions they were signed for, or why they were refused
        sts = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, text = sts.answer or sts.judge(self, body)
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def judge(self, request, body):
        status, text, noted = self._judge(request, body)
        self.requests.append(noted)
        return status, text

    def _judge(self, request, body):
        form = urllib.parse.parse_qs(body.decode(), strict_parsing=True)
        if not request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            return 404, "<UnknownOperationException/>\n", "UnknownOperation"
        if form != {"Action": ["GetCallerIdentity"], "Version": ["2011-06-15"]} or request.path != "/":
            return 400, failure("InvalidAction", "Could not find operation"), "InvalidAction"
        given = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/sts/aws4_request, "
            r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
            request.headers.get("Authorization", ""),
        )
        if not given:
            return 403, failure("IncompleteSignature", "Authorization header is not well-formed"), "IncompleteSignature"
        key, date, region, names, signature = given.groups()
        bad_token = failure("InvalidClientTokenId", "The security token included in the request is invalid.")
        if key not in self.keys or request.headers.get("X-Amz-Security-Token") != self.token:
            return 403, bad_token, "InvalidClientTokenId"
        if signature != self._signature(request, body, key, date, region, names):
            text = failure("SignatureDoesNotMatch", "The request signature we calculated does not match.")
            return 403, text, "SignatureDoesNotMatch"
        return 200, identity(self.arn), region

    def _signature(self, request, body, key, date, region, names):
        signed = {name: request.headers.get(name, "") for name in names.split(";")}
        assert {"host", "x-amz-date"} <= set(signed) and request.headers["X-Amz-Date"].startswith(date)
        again = botocore.awsrequest.AWSRequest("POST", self.endpoint + "/", signed, body)
        again.context["timestamp"] = request.headers["X-Amz-Date"]
        signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, self.keys[key]), "sts", region)
        return signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
