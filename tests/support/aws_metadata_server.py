"""Stand-ins for where AWS gives out temporary credentials: the instance metadata service (version 2), the endpoint of
ECS's and EKS's containers, and STS (AssumeRole and AssumeRoleWithWebIdentity by the query protocol, version 2011-06-15).
One server has them all. What is signed is checked by botocore's own signer."""
import datetime
import http.server
import json
import re
import ssl
import threading
import time
import urllib.parse
import uuid

import botocore.auth
import botocore.awsrequest
import botocore.credentials

from support import sts

ROLE = "instance-role"
ROLES_PATH = "/latest/meta-data/iam/security-credentials/"
CONTAINER_PATH = "/v2/credentials/7c1a"
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def instant(seconds_from_now):
    at = datetime.datetime.fromtimestamp(time.time() + seconds_from_now, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Server:
    """`lifetime`: seconds. `keys`: {access key id: (secret, token)} of those that may assume a role; what was given out
    is added. `answers`: what the next requests get instead, (status, body, headers) each; `answer`: what all of them get
    then. `gate`: requests wait for it. Each credential set is numbered: ASIA1, secret-of-1, token/of+1=="""

    def __init__(self, certificate=None):
        self.lifetime = 3600
        self.keys = {}
        self.web_token = None  # what AssumeRoleWithWebIdentity must bring
        self.authorization = None  # what the container's endpoint must be shown
        self.answers = []
        self.answer = None
        self.gate = threading.Event()
        self.gate.set()
        self.requests = []  # (what, details)
        self.issued = 0
        self.tokens = set()  # of metadata sessions
        self.lock = threading.Lock()
        server = self

        class Handler(_Handler):
            owner = server

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate, certificate.key)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.endpoint = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.gate.set()
        self.http.shutdown()
        self.http.server_close()

    def count(self, what=None):
        with self.lock:
            return sum(1 for seen, _ in self.requests if what in (None, seen))

    def details(self, what):
        with self.lock:
            return [details for seen, details in self.requests if seen == what]

    # ---- what a request gets ----

    def respond(self, request, body):
        """(status, text, headers)"""
        what, make = self._route(request, body)
        with self.lock:
            self.requests.append((what, (dict(request.headers), body.decode())))
            instead = self.answers.pop(0) if self.answers else self.answer
        self.gate.wait(60)
        if instead:
            return (*instead, {}) if len(instead) == 2 else instead
        with self.lock:
            return (*make(), {})

    def _route(self, request, body):
        path, headers = request.path, request.headers
        if request.command == "PUT" and path == "/latest/api/token":
            return "token", lambda: self._session(headers)
        if request.command == "GET" and path.startswith(ROLES_PATH):
            what = "credentials" if path[len(ROLES_PATH) :] else "role"
            return what, lambda: self._metadata(headers, path[len(ROLES_PATH) :])
        if request.command == "GET" and path == CONTAINER_PATH:
            return "container", lambda: self._container(headers)
        if request.command == "POST" and path == "/":
            form = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
            return form.get("Action"), lambda: self._sts(headers, form, body)
        return f"{request.command} {path}", lambda: (404, "not found")

    def _issue(self):
        self.issued += 1
        key, secret, token = (f"ASIA{self.issued}", f"secret-of-{self.issued}", f"token/of+{self.issued}==")
        self.keys[key] = (secret, token)
        return key, secret, token, instant(self.lifetime)

    def _session(self, headers):
        if not re.fullmatch(r"\d+", headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")):
            return 400, "Bad Request"
        token = uuid.uuid4().hex
        self.tokens.add(token)
        return 200, token

    def _metadata(self, headers, role):
        if headers.get("X-aws-ec2-metadata-token") not in self.tokens:
            return 401, "Unauthorized"
        if not role:
            return 200, ROLE
        if role != ROLE:
            return 404, "not found"
        key, secret, token, expires = self._issue()
        said = {"Code": "Success", "LastUpdated": instant(0), "Type": "AWS-HMAC"}
        return 200, json.dumps({**said, "AccessKeyId": key, "SecretAccessKey": secret, "Token": token, "Expiration": expires})

    def _container(self, headers):
        if headers.get("Authorization") != self.authorization:
            return 401, json.dumps({"code": "401", "message": "no"})
        key, secret, token, expires = self._issue()
        said = {"RoleArn": "arn:aws:iam::123456789012:role/task"}
        return 200, json.dumps({**said, "AccessKeyId": key, "SecretAccessKey": secret, "Token": token, "Expiration": expires})

    def _sts(self, headers, form, body):
        action = form.get("Action")
        if not headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            return 404, "<UnknownOperationException/>\n"
        if form.get("Version") != "2011-06-15" or not form.get("RoleArn") or not form.get("RoleSessionName"):
            return 400, sts.failure("ValidationError", "a parameter is missing")
        if action == "AssumeRoleWithWebIdentity":
            if "Authorization" in headers or form.get("WebIdentityToken") != self.web_token:
                return 400, sts.failure("InvalidIdentityToken", f"no: {form.get('WebIdentityToken')}")
        elif action == "AssumeRole":
            code = self._signed_wrongly(headers, body)
            if code:
                return 403, sts.failure(code, "no")
        else:
            return 400, sts.failure("InvalidAction", "Could not find operation")
        return 200, self._assumed(action, form)

    def _assumed(self, action, form):
        key, secret, token, expires = self._issue()
        name = form["RoleSessionName"]
        return (
            f'<{action}Response xmlns="{NAMESPACE}">\n  <{action}Result>\n'
            f"    <AssumedRoleUser>\n      <AssumedRoleId>AROA3XFRBF535PLBIFPI4:{name}</AssumedRoleId>\n"
            f"      <Arn>{form['RoleArn']}/{name}</Arn>\n    </AssumedRoleUser>\n"
            f"    <Credentials>\n      <AccessKeyId>{key}</AccessKeyId>\n      <SecretAccessKey>{secret}</SecretAccessKey>\n"
            f"      <SessionToken>{token}</SessionToken>\n      <Expiration>{expires}</Expiration>\n    </Credentials>\n"
            f"  </{action}Result>\n  <ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>\n"
            f"</{action}Response>\n"
        )

    def _signed_wrongly(self, headers, body):
        given = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/sts/aws4_request, "
            r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
            headers.get("Authorization", ""),
        )
        if not given:
            return "MissingAuthenticationToken"
        key, region, names, signature = given.groups()
        secret, token = self.keys.get(key, (None, None))
        if secret is None or headers.get("X-Amz-Security-Token") != token:
            return "InvalidClientTokenId"
        signed = {name: headers.get(name, "") for name in names.split(";")}
        again = botocore.awsrequest.AWSRequest("POST", self.endpoint + "/", signed, body)
        again.context["timestamp"] = headers["X-Amz-Date"]
        signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret), "sts", region)
        right = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
        return None if right == signature else "SignatureDoesNotMatch"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner = None

    def _any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, text, headers = self.owner.respond(self, body)
        data = text if isinstance(text, bytes) else text.encode()
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # whoever asked has had enough

    do_GET = do_PUT = do_POST = _any

    def log_message(self, *_):
        pass
