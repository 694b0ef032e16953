"""A forwarder between the proxy and DynamoDB Local that counts, and that can misbehave on demand.

Bytes and headers pass as they are. Every request is recorded before anything is done with it. What happens to
a request is decided by the first rule, newest first, that matches it:

    hold(...)      keeps requests (or their replies) until the test releases them
    fail(...)      answers with an error of the test's own
    cut(...)       breaks the connection before or after forwarding
    answer(...)    replaces the reply by what a function makes of it
"""
import http.client
import http.server
import json
import select
import socket
import socketserver
import threading
import urllib.parse
import zlib

from support import waiting

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


class Recorded:
    """One request as it arrived."""

    def __init__(self, number, target, headers, body):
        self.number = number
        self.target = target
        self.operation = target.rpartition(".")[2]
        self.headers = headers
        self.body = body
        self.closed = threading.Event()  # the peer left while its request was held
        self.answered = threading.Event()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.number} {self.operation} {self.body[:300]!r}>"


class Rule:
    def __init__(self, operation, times, when):
        self.operation = operation
        self.left = times
        self.when = when

    def takes(self, request):
        """Does this rule apply? Counts it if so; called under the upstream's lock."""
        if self.left == 0 or (self.operation is not None and request.operation != self.operation):
            return False
        if self.when is not None and not self.when(request):
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Gate(Rule):
    """Holds what matches until release(); `replies` says whether before forwarding or after it."""

    def __init__(self, operation, times, when, replies):
        super().__init__(operation, times, when)
        self.replies = replies
        self.held = []
        self._reader, self._writer = socket.socketpair()

    def wait_for(self, count=1):
        waiting.until(lambda: len(self.held) >= count, f"{count} held requests, there are {self.held}")
        return self.held[count - 1]

    def release(self):
        """Lets go of what is held, now and later."""
        self.left = 0
        self._writer.close()

    def keep(self, connection, request):
        """Blocks the handler's thread until released; False if the peer leaves before."""
        self.held.append(request)
        while True:
            readable, _, _ = select.select([connection, self._reader], [], [])
            if self._reader in readable:
                return True
            if not connection.recv(1, socket.MSG_PEEK):
                request.closed.set()
                return False


class Failure(Rule):
    def __init__(self, operation, times, when, status, error, message):
        super().__init__(operation, times, when)
        self.status = status
        self.body = json.dumps(
            {"__type": f"com.amazonaws.dynamodb.v20120810#{error}", "message": message}
        ).encode()


class Cut(Rule):
    def __init__(self, operation, times, when, forwarded):
        super().__init__(operation, times, when)
        self.forwarded = forwarded


class Answer(Rule):
    def __init__(self, operation, times, when, make):
        super().__init__(operation, times, when)
        self.make = make


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024


class CountingUpstream:
    def __init__(self, target_endpoint, port=0):
        self.target = urllib.parse.urlsplit(target_endpoint)
        self.lock = threading.Lock()
        self.requests = []
        self.rules = []
        self.connections = 0
        handler = type("Handler", (_Handler,), {"upstream": self})
        self.server = _Server(("127.0.0.1", port), handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.clear()
        self.server.shutdown()
        self.server.server_close()

    # ---- what a test asks ----

    def seen(self, operation=None):
        with self.lock:
            return [r for r in self.requests if operation is None or r.operation == operation]

    def count(self, operation=None):
        return len(self.seen(operation))

    def forget(self):
        with self.lock:
            self.requests.clear()

    # ---- what a test wants done; `times` None: until clear() ----

    def _add(self, rule):
        with self.lock:
            self.rules.insert(0, rule)
        return rule

    def hold(self, operation=None, times=None, when=None, replies=False):
        return self._add(Gate(operation, times, when, replies))

    def fail(self, operation=None, times=None, when=None, status=500, error="InternalServerError", message="made up"):
        return self._add(Failure(operation, times, when, status, error, message))

    def throttle(self, operation=None, times=None, when=None):
        error = "ProvisionedThroughputExceededException"
        return self.fail(operation, times, when, 400, error, "slow down")

    def cut(self, operation=None, times=None, when=None, forwarded=False):
        return self._add(Cut(operation, times, when, forwarded))

    def answer(self, make, operation=None, times=None, when=None):
        """`make(request, status, body)` returns the status and body to give instead."""
        return self._add(Answer(operation, times, when, make))

    def clear(self):
        with self.lock:
            rules, self.rules = self.rules, []
        for rule in rules:
            if isinstance(rule, Gate):
                rule.release()

    # ---- the handler's side ----

    def record(self, target, headers, body):
        with self.lock:
            request = Recorded(len(self.requests) + 1, target, headers, body)
            self.requests.append(request)
            rule = next((r for r in self.rules if r.takes(request)), None)
            return request, rule


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream = None

    def setup(self):
        super().setup()
        self.onward = None
        with self.upstream.lock:
            self.upstream.connections += 1

    def finish(self):
        if self.onward is not None:
            self.onward.close()
        super().finish()

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request, rule = self.upstream.record(self.headers.get("X-Amz-Target", ""), self.headers.items(), body)
        try:
            self._carry_out(request, rule)
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        request.answered.set()

    def _carry_out(self, request, rule):
        if isinstance(rule, Failure):
            return self._reply(rule.status, "Made Up", self._headers_for(rule.body), rule.body)
        if isinstance(rule, Cut) and not rule.forwarded:
            return self._cut()
        if isinstance(rule, Gate) and not rule.replies and not rule.keep(self.connection, request):
            return self._cut()
        status, reason, headers, body = self._forward(request)
        if isinstance(rule, Cut):
            return self._cut()
        if isinstance(rule, Gate) and rule.replies and not rule.keep(self.connection, request):
            return self._cut()
        if isinstance(rule, Answer):
            status, body = rule.make(request, status, body)
            headers = self._headers_for(body)
        return self._reply(status, reason, headers, body)

    @staticmethod
    def _headers_for(body):
        return [
            ("Content-Type", "application/x-amz-json-1.0"),
            ("x-amzn-RequestId", "made-up"),
            ("x-amz-crc32", str(zlib.crc32(body))),
            ("Content-Length", str(len(body))),
        ]

    def _cut(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _forward(self, request):
        if self.onward is None:
            self.onward = http.client.HTTPConnection(self.upstream.target.hostname, self.upstream.target.port)
        self.onward.putrequest("POST", self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers:
            if name.lower() not in HOP_BY_HOP:
                self.onward.putheader(name, value)
        self.onward.endheaders(request.body)
        got = self.onward.getresponse()
        body = got.read()
        headers = [(n, v) for n, v in got.getheaders() if n.lower() not in HOP_BY_HOP]
        if not any(n.lower() == "content-length" for n, _ in headers):
            headers.append(("Content-Length", str(len(body))))
        if got.will_close:
            self.onward.close()
        return got.status, got.reason, headers, body

    def _reply(self, status, reason, headers, body):
        self.send_response_only(status, reason)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        return None
