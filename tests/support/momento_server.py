"""A stand-in for Momento's HTTP API, in a thread of the test's, on a port of its own; plain, or over TLS.

It does what the published reference says ("HTTP API Reference for Momento Cache", "Momento Cache service quotas",
"API keys"):

    GET|PUT|DELETE /cache/{cacheName}?key=... or ?key_base64=..., &ttl_seconds=... (PUT: required)
    the key of the API as it is in Authorization, or as ?token=..., not both
    200 and the value; 204 stored or deleted; 404 "Key Not Found" or "Cache Not Found"; 400, 401, 403, 429, 500
    an item of at most 5 MB, a TTL of at most 24 hours

The reference doesn't print the bodies of errors beyond those words: `bodies` says whether they are text or JSON.

Nothing here waits for real time: an item lives by `now()`, which is the machine's clock plus what the test has
added (`advance`). What happens to a request is decided by the first rule, newest first, that matches it:

    hold(...)   keeps requests until the test releases them
    fail(...)   answers with a status of the test's own
    cut(...)    resets the connection: before the request takes effect, after it, or in the middle of the reply
    stall(...)  sends a part of the reply, and then nothing
"""
import asyncio
import base64
import binascii
import collections
import json
import re
import socket
import ssl
import struct
import threading
import time
import urllib.parse

from support import ports, waiting

ITEM_MOST = 5_000_000  # "5 MB": the smaller reading of it; key and value
TTL_MOST = 24 * 60 * 60
HEAD_MOST = 64 * 1024
WORDS = {
    200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


class Request:
    """One request as it arrived, and what became of it."""

    def __init__(self, number, method, target, headers, body):
        self.number, self.method, self.target, self.headers, self.body = number, method, target, headers, body
        url = urllib.parse.urlsplit(target)
        self.path = urllib.parse.unquote(url.path)
        self.query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        self.key = None  # bytes, once it is known
        self.ttl = None
        self.status = None  # None: not answered
        self.connection = None  # a number

    @property
    def authorization(self):
        return self.headers.get("authorization")

    def __repr__(self):
        return f"<{self.number} {self.method} {self.target} {self.status}>"


class Rule:
    def __init__(self, method, times, when):
        self.method, self.left, self.when = method, times, when

    def takes(self, request):
        if self.left == 0 or (self.method is not None and request.method != self.method):
            return False
        if self.when is not None and not self.when(request):
            return False
        if self.left is not None:
            self.left -= 1
        return True

    def stop(self):
        self.left = 0


class Gate(Rule):
    """Holds what matches until release(); with `replies` what was asked for has been done by then."""

    def __init__(self, method, times, when, replies, server):
        super().__init__(method, times, when)
        self.replies, self.server, self.held = replies, server, []
        self.open = asyncio.Event()

    def wait_for(self, count=1):
        waiting.until(lambda: len(self.held) >= count, f"{count} held requests, there are {self.held}")
        return self.held[count - 1]

    def release(self):
        self.left = 0
        self.server.on_loop(self.open.set)


class Fail(Rule):
    def __init__(self, method, times, when, status, words, headers):
        super().__init__(method, times, when)
        self.status, self.words, self.headers = status, words, headers


class Cut(Rule):
    def __init__(self, method, times, when, where):
        super().__init__(method, times, when)
        self.where = where  # "before", "after", "within"


class Stall(Rule):
    pass


class Bucket:
    """So many operations a second, and as many at once. By the stand-in's clock."""

    def __init__(self, rate, now):
        self.rate, self.tokens, self.at = rate, float(rate), now

    def take(self, now):
        self.tokens = min(self.rate, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Refusal(Exception):
    def __init__(self, status, words, headers=None):
        super().__init__(words)
        self.status, self.words, self.headers = status, words, headers or {}


def decode_base64(text):
    """Base64 by RFC 4648 section 5, padded or not."""
    bare = text.rstrip("=")
    try:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", bare):
            raise binascii.Error
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        raise Refusal(400, "Invalid key_base64") from None


class Momento:
    """`caches` are there; `keys` may be used, and `keys[name]` is the set of methods that one is good for."""

    def __init__(self, keys=None, caches=("readaside",), tls=None, bodies="text", port=None):
        self.keys = {key: {"GET", "PUT", "DELETE"} for key in keys or [v2_key()]}
        self.caches = {name: {} for name in caches}
        self.bodies, self.tls, self.host = bodies, tls, "127.0.0.1"
        self.port = port or ports.free_port()
        self.requests = []
        self.rules = []
        self.bucket = None
        self.retry_after = None
        self.latency = 0.0  # of each reply, s
        self.ahead = 0.0
        self.connections = 0
        self._writers = set()
        self._tasks = set()
        self._lock = threading.RLock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = None
        self.start()

    # ---- for the test ----

    @property
    def endpoint(self):
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def on_loop(self, function, *arguments):
        self._loop.call_soon_threadsafe(function, *arguments)

    def start(self):
        """What was stored is still there."""
        self._wait(self._start())

    def kill(self):
        """Connections are reset, requests under way are never answered."""
        self._wait(self._kill())

    def restart(self, empty=False):
        self.kill()
        if empty:
            self.flush()
        self.start()

    def stop(self):
        if not self._loop.is_closed():
            self.kill()
            self.on_loop(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def now(self):
        return time.monotonic() + self.ahead

    def advance(self, seconds):
        """The stand-in's clock goes on by so much at once."""
        self.ahead += seconds

    def flush(self):
        with self._lock:
            for items in self.caches.values():
                items.clear()

    def limit(self, rate, retry_after=None):
        """Operations per second over all; None: any number. A 429 carries Retry-After, if one is given."""
        self.bucket = Bucket(rate, self.now()) if rate is not None else None
        self.retry_after = retry_after

    def hold(self, method=None, times=None, when=None, replies=False):
        return self._add(Gate(method, times, when, replies, self))

    def fail(self, status, method=None, times=None, when=None, words=None, headers=None):
        return self._add(Fail(method, times, when, status, words or WORDS.get(status, "Error"), headers or {}))

    def cut(self, where="before", method=None, times=None, when=None):
        return self._add(Cut(method, times, when, where))

    def stall(self, method=None, times=None, when=None):
        return self._add(Stall(method, times, when))

    def forget(self):
        self.requests.clear()

    def count(self, method=None, status=None):
        """Of the requests that came: those of a method, those that were answered so."""
        return sum(
            (method is None or r.method == method) and (status is None or r.status == status)
            for r in list(self.requests)
        )

    def counts(self):
        """{(method, status): how many}"""
        return collections.Counter((r.method, r.status) for r in list(self.requests))

    def items(self, cache=None):
        """{key: (value, seconds left)} of what hasn't expired."""
        with self._lock:
            found = self.caches[cache or next(iter(self.caches))]
            return {k: (v, until - self.now()) for k, (v, until) in found.items() if until > self.now()}

    def put(self, key, value, ttl=60, cache=None):
        with self._lock:
            self.caches[cache or next(iter(self.caches))][key] = (value, self.now() + ttl)

    # ---- the API ----

    def _authorize(self, request):
        tokens = request.query.get("token", [])
        header = request.authorization
        if tokens and header is not None:
            raise Refusal(400, "Only one of the Authorization header and the token parameter may be set")
        given = header if header is not None else tokens[0] if len(tokens) == 1 else None
        if given is None:
            raise Refusal(401, "Missing auth token")
        if given not in self.keys:
            raise Refusal(401, "Invalid auth token")
        if request.method not in self.keys[given]:
            raise Refusal(403, "Insufficient permissions to perform the operation")

    def _read_key(self, request):
        plain, encoded = request.query.get("key", []), request.query.get("key_base64", [])
        if len(plain) + len(encoded) != 1:
            raise Refusal(400, "Exactly one of key and key_base64 must be set")
        request.key = plain[0].encode() if plain else decode_base64(encoded[0])
        if not request.key:
            raise Refusal(400, "The key is empty")

    @staticmethod
    def _read_ttl(request):
        given = request.query.get("ttl_seconds", [])
        if len(given) != 1 or not re.fullmatch("[0-9]+", given[0]):
            raise Refusal(400, "ttl_seconds must be given, as an integer")
        request.ttl = int(given[0])
        if not 0 < request.ttl <= TTL_MOST:
            raise Refusal(400, f"ttl_seconds must be from 1 to {TTL_MOST}")

    def _throttle(self):
        if self.bucket is not None and not self.bucket.take(self.now()):
            after = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            raise Refusal(429, "Request rate limit exceeded", after)

    def _do(self, request):
        """(status, body) of a request that is carried out."""
        parts = request.path.split("/")
        if len(parts) != 3 or parts[1] != "cache" or not parts[2]:
            raise Refusal(404, "Not Found")
        if request.method not in ("GET", "PUT", "DELETE"):
            raise Refusal(405, "Method Not Allowed")
        self._authorize(request)
        self._throttle()
        self._read_key(request)
        if request.method == "PUT":
            self._read_ttl(request)
        if parts[2] not in self.caches:
            raise Refusal(404, "Cache Not Found")
        with self._lock:
            return self._carry_out(request, self.caches[parts[2]])

    def _carry_out(self, request, items):
        if request.method == "DELETE":
            items.pop(request.key, None)
            return 204, b""
        if request.method == "PUT":
            if len(request.key) + len(request.body) > ITEM_MOST:
                raise Refusal(429, "Item size limit exceeded")
            items[request.key] = (request.body, self.now() + request.ttl)
            return 204, b""
        value, until = items.get(request.key, (None, 0))
        if until <= self.now():
            items.pop(request.key, None)
            raise Refusal(404, "Key Not Found")
        return 200, value

    # ---- the server ----

    def _add(self, rule):
        self.rules.insert(0, rule)
        return rule

    def _wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(waiting.PATIENCE)

    async def _start(self):
        context = None
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls.certificate, self.tls.key)
            context.set_alpn_protocols(["http/1.1"])
        self._server = await asyncio.start_server(
            self._serve, self.host, self.port, limit=HEAD_MOST, ssl=context, backlog=1024, reuse_address=True
        )

    async def _kill(self):
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            self._reset(writer)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    def _reset(writer):
        """RST instead of FIN."""
        plain = writer.get_extra_info("socket")
        if plain is not None and plain.fileno() >= 0:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        number = self.connections
        try:
            while True:
                request = await self._read(reader, writer)
                request.connection = number
                if not await self._answer(request, writer):
                    break
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # the peer has left, or sends what isn't HTTP
        except asyncio.CancelledError:
            pass  # killed
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.close()

    async def _read(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {}
        for line in lines[1:-2]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await self._read_body(reader, headers)
        request = Request(len(self.requests), method, target, headers, body)
        self.requests.append(request)
        return request

    @staticmethod
    async def _read_body(reader, headers):
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await reader.readexactly(int(headers.get("content-length", "0")))
        body = b""
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            body += (await reader.readexactly(size + 2))[:-2]
            if size == 0:
                return body

    async def _answer(self, request, writer):
        """False: the connection is gone."""
        rule = next((rule for rule in self.rules if rule.takes(request)), None)
        if isinstance(rule, Cut) and rule.where == "before":
            self._reset(writer)
            return False
        if isinstance(rule, Gate) and not rule.replies:
            rule.held.append(request)
            await rule.open.wait()
        if self.latency:
            await asyncio.sleep(self.latency)
        status, headers, body = self._make_reply(request, rule)
        if isinstance(rule, Gate) and rule.replies:
            rule.held.append(request)
            await rule.open.wait()
        return await self._send(request, rule, writer, status, headers, body)

    def _make_reply(self, request, rule):
        try:
            if isinstance(rule, Fail):
                raise Refusal(rule.status, rule.words, rule.headers)
            status, body = self._do(request)
            return status, {"Content-Type": "application/octet-stream"} if status == 200 else {}, body
        except Refusal as refusal:
            kind, body = self._error_body(refusal)
            return refusal.status, {"Content-Type": kind, **refusal.headers}, body

    def _error_body(self, refusal):
        if self.bodies == "json":
            title = WORDS.get(refusal.status, "Error")
            whole = {"status": refusal.status, "title": title, "description": refusal.words}
            return "application/json", json.dumps(whole).encode()
        return "text/plain; charset=utf-8", refusal.words.encode()

    async def _send(self, request, rule, writer, status, headers, body):
        lines = [f"HTTP/1.1 {status} {WORDS.get(status, 'Status')}"]
        if status != 204:
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        whole = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
        if isinstance(rule, (Cut, Stall)):
            if isinstance(rule, Stall) or rule.where == "within":
                writer.write(whole[: max(len(whole) // 2, 20)])
                await writer.drain()
            if isinstance(rule, Stall):
                await asyncio.Event().wait()  # until the stand-in is killed
            self._reset(writer)
            return False
        request.status = status
        writer.write(whole)
        await writer.drain()
        return request.headers.get("connection", "").lower() != "close"


def v1_key(token, endpoint):
    """A key as the console has given them out: base64 of JSON with the token and the endpoint in it."""
    return base64.b64encode(json.dumps({"endpoint": endpoint, "api_key": token}).encode()).decode()


def _jwt(claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'HS512'})}.{part(claims)}.c2lnbmF0dXJl"


def v2_key(key_id="key"):
    """A JWT that names no endpoint: MOMENTO_ENDPOINT does."""
    return _jwt({"t": "g", "jti": key_id})


def legacy_jwt(cache_endpoint, control_endpoint="control.example.invalid"):
    """A JWT whose claim `c` names the cache's endpoint, and `cp` that of the control plane."""
    return _jwt({"sub": "operator@example.com", "cp": control_endpoint, "c": cache_endpoint})


def settings(server, **momento):
    """The store that is this stand-in. Deadlines are long, so that a busy machine doesn't decide what a test
    sees."""
    given = {
        "endpoint": server.endpoint,
        "cache": next(iter(server.caches), "readaside"),
        "api_key": next(iter(server.keys), v2_key()),
        "request_timeout": "10s",
        **({"ca_file": server.tls.authority} if server.tls else {}),
        **momento,
    }
    return {"listen": {"threads": 1}, "cache": {"store": "momento", "momento": given}}
