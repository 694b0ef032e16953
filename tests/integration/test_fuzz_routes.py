"""Whatever is sent to a route, or written about one, the proxy answers in order and lives.

Requests are made by mutating good ones: methods, paths, parameters, headers, bodies, framing. Each reply must be
well-formed HTTP with a status that the documentation knows and, but for what libevent itself refuses, JSON of a
route's shape; after each, a good request on another connection has the right answer, and every acknowledged write is
seen. Configs are made by mutating the shipped one: `check` says file, line and path, or that all is well, and never
crashes. READASIDE_FUZZ says how many of each, READASIDE_SEED where to begin.
"""
import copy
import decimal
import json
import os
import random
import re
import subprocess

import pytest

from support import processes, raw, rest, tables

COUNT = int(os.environ.get("READASIDE_FUZZ", "1500"))
SEED = int(os.environ.get("READASIDE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)

TABLE = "fuzzed"
KEY = {"pk": {"S": "{path.a}"}, "sk": {"S": "{path.b}"}}
UUID = "5d96cf7f-265b-4da9-8f0c-26ef4243ed52"

ROUTES = [
    {
        "name": "list",
        "method": "GET",
        "path": "/l/{a}",
        "query": {"table": TABLE, "partition_key": "{path.a}", "order": "oldest", "limit": 3},
    },
    {
        "name": "mine",
        "method": "GET",
        "path": "/mine",
        "validate": {"header.X-User": {"format": "uuid", "status": 401}},
        "query": {"table": TABLE, "partition_key": "U#{header.X-User}"},
    },
    {"name": "one", "method": "GET", "path": "/i/{a}/{b}", "operation": "GetItem", "request": {"TableName": TABLE, "Key": KEY}},
    {
        "name": "put",
        "method": "PUT",
        "path": "/i/{a}/{b}",
        "validate": {"body.text": {"max_chars": 100}, "query.tag": {"required": False, "default": "none"}},
        "operation": "PutItem",
        "request": {"TableName": TABLE, "Item": {**KEY, "text": {"S": "{body.text}"}, "tag": {"S": "{query.tag}"}}},
        "reply": {"status": 201, "object": {"a": "{path.a}", "b": "{path.b}", "text": "{body.text}", "tag": "{query.tag}"}},
    },
    {
        "name": "add",
        "method": "POST",
        "path": "/i/{a}/{b}",
        "when": ["body.n"],
        "operation": "UpdateItem",
        "request": {
            "TableName": TABLE,
            "Key": KEY,
            "UpdateExpression": "SET n = :n",
            "ExpressionAttributeValues": {":n": {"N": "{body.n}"}},
        },
        "reply": {"object": {"n": "{body.n}"}},
    },
    {
        "name": "pair",
        "method": "POST",
        "path": "/i/{a}/{b}",
        "operation": "TransactWriteItems",
        "request": {
            "TransactItems": [
                {"Put": {"TableName": TABLE, "Item": {**KEY, "text": {"S": "{header.X-Text}"}}}},
                {"Delete": {"TableName": TABLE, "Key": {"pk": {"S": "{path.b}"}, "sk": {"S": "{path.a}"}}}},
            ]
        },
        "reply": {"object": {"id": "{uuid.x}", "now": "{now}"}},
    },
    {
        "name": "remove",
        "method": "DELETE",
        "path": "/i/{a}/{b}",
        "operation": "DeleteItem",
        "request": {"TableName": TABLE, "Key": KEY},
        "reply": {"status": 204, "object": {}},
    },
]

# README.md, section "Routes"; 417 and 501 are libevent's own.
STATUSES = {200, 201, 204, 400, 401, 404, 405, 409, 413, 415, 417, 421, 422, 431, 501, 502, 503}

BITS = [
    b"%", b"%0", b"%00", b"%0a", b"%0d%0aX-User:", b"%ff", b"%c0%af", b"%2F", b"%2e%2e", b"%25", b"%e2%82%ac", b"%F0%9F%91%8B",
    b"\x00", b"\x01", b"\t", b"\x7f", b"\x80", b"\xff", b"\xed\xa0\x80", "é".encode(), "👋".encode(), b"\xc2\x85", b"\xe3\x80\x80",
    b"/", b"//", b"/./", b"/../", b";", b"?", b"#", b"&", b"=", b"+", b" ", b"{", b"}", b"{{now}}", b"{path.a}", b'"', b"'", b"\\",
    b"<", b">", b"*", b",", b":", b"-", b"0", b"-1", b"1e9", b"18446744073709551616", b"null", b"env:HOME", b"file:/etc/passwd", b"a" * 300,
]  # fmt: skip


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.wildness = 0.0

    def odd(self, p=1.0):
        return self.rng.random() < self.wildness * p

    def mangled(self, text):
        """Bytes taken out, put in, doubled, replaced."""
        text = bytearray(text)
        for _ in range(self.rng.randrange(1, 4)):
            at = self.rng.randrange(len(text) + 1)
            how = self.rng.randrange(5)
            if how <= 1:
                text[at:at] = self.rng.choice(BITS)
            elif how == 2:
                del text[at : at + self.rng.randrange(1, 4)]
            elif how == 3:
                text[at:at] = text[at : at + self.rng.randrange(1, 9)]
            else:
                text[at : at + 1] = bytes([self.rng.randrange(256)])
        return bytes(text)

    def maybe(self, text, p=1.0):
        return self.mangled(text) if self.odd(p) else text

    def name(self):
        return self.rng.choice([b"a", b"b", b"c", b"%61", b"x%20y", "ü".encode(), self.maybe(b"d")])

    def target(self):
        path = self.rng.choice([b"/l/%s", b"/mine", b"/none/%s", b"/", b"*"] + [b"/i/%s/%s"] * 6)
        path = path % tuple(self.name() for _ in range(path.count(b"%s")))
        parameters = [
            self.maybe(self.rng.choice([b"limit=2", b"before=b", b"after=a", b"tag=x", b"tag=%s" % self.name(), b"other=1", b"limit="]))
            for _ in range(self.rng.choice([0, 0, 1, 2, 5]))
        ]
        whole = path + (b"?" + b"&".join(parameters) if parameters else b"")
        if self.odd(0.3):
            whole = self.rng.choice([b"http://127.0.0.1", b"//x", b"x", b"HTTP://[::1]:9"]) + whole
        return self.maybe(whole, 0.5)

    def body(self):
        members = {}
        if self.rng.random() < 0.8:
            members["text"] = self.rng.choice(["x", "é" * 100, "é" * 101, " ", "", 5, -0.0, None, True, [], {"S": "x"}, "\u0000", "{now}"])
        if self.rng.random() < 0.4:
            members["n"] = self.rng.choice([1, 1.5, "7", "seven", " ", None, 10**40, "1e999"])
        return self.maybe(json.dumps(members, ensure_ascii=self.rng.random() < 0.5).encode())

    def headers(self):
        some = [
            b"Content-Type: application/json", b"content-type: application/json; charset=utf-8", b"Content-Type: text/plain",
            b"X-User: " + UUID.encode(), b"x-user:\t" + UUID.upper().encode() + b" ", b"X-User: nobody", b"X-Text: hi", b"X-Text: \xff",
            b"X-Text:", b"Origin: http://localhost:3000", b"Origin: null", b"Origin: https://evil.example",
            b"Access-Control-Request-Method: PUT", b"Connection: close", b"Connection: keep-alive", b"Expect: 100-continue",
            b"X-Amz-Target: DynamoDB_20120810.PutItem", b"Content-Encoding: gzip", b"X-Long: " + b"y" * 5000, b" folded", b"\tfolded",
        ]  # fmt: skip
        usual = [b"Content-Type: application/json", b"X-Text: hi", b"X-User: " + UUID.encode()]
        found = usual + [self.rng.choice(some) for _ in range(self.rng.choice([0, 0, 1, 3]))] if not self.odd() else [
            self.rng.choice(some) for _ in range(self.rng.randrange(6))
        ]
        return [self.maybe(line, 0.3) for line in found]

    def framing(self, body):
        if not self.odd(0.5):
            return [b"Content-Length: %d" % len(body)], body
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        return self.rng.choice(
            [
                ([b"Transfer-Encoding: chunked"], chunked),
                ([b"Transfer-Encoding: chunked", b"Content-Length: %d" % len(body)], chunked),
                ([b"Content-Length: %d" % len(body)] * 2, body),
                ([b"Content-Length: %d" % (len(body) + 5)], body),
                ([b"Content-Length: %d" % max(0, len(body) - 5)], body),
                ([b"Content-Length: -1"], body),
                ([b"Content-Length: 99999999999999999999"], body),
                ([b"Transfer-Encoding: gzip, chunked"], chunked),
                ([], body),
            ]
        )

    def request(self):
        self.wildness = self.rng.choice([0.0, 0.0, 0.05, 0.2, 0.6])
        method = self.rng.choice([b"GET", b"GET", b"PUT", b"POST", b"POST", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH"])
        method = self.rng.choice([b"TRACE", b"CONNECT", b"get", b"BREW", b"", b"GET\t"]) if self.odd(0.2) else method
        body = self.body() if method in (b"PUT", b"POST", b"PATCH") or self.odd() else b""
        lines, sent = self.framing(body)
        end = self.rng.choice([b"\n", b"\r\n\r\n", b"\r"]) if self.odd(0.1) else b"\r\n"
        version = self.rng.choice([b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.1 x", b""]) if self.odd(0.1) else b"HTTP/1.1"
        head = [b"%s %s %s" % (method, self.target(), version), b"Host: 127.0.0.1", *self.headers(), *lines]
        return method, end.join(head) + end + end + sent


# ---- requests ----


def replies_on(port, request):
    """All bytes that come back until the proxy closes: our side is shut, so that what is cut short ends too."""
    with raw.connect(port) as sock:
        try:
            sock.sendall(request + b"GET /none HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        parts = []
        while True:
            try:
                part = sock.recv(1 << 16)
            except ConnectionResetError:
                break
            if not part:
                break
            parts.append(part)
    return b"".join(parts)


def first_reply(got, head):
    """Status, headers and body of the first reply, which must be whole and well-formed."""
    while True:
        top, separator, rest_of_it = got.partition(b"\r\n\r\n")
        assert separator, got
        lines = top.split(b"\r\n")
        found = re.fullmatch(rb"HTTP/1\.[01] (\d{3}) [ -~]+", lines[0])
        assert found, lines[0]
        headers = {}
        for line in lines[1:]:
            assert re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*", line), line
            name, _, value = line.partition(b": ")
            assert name.lower() not in headers, f"{name} twice"
            headers[name.lower()] = value
        status = int(found.group(1))
        if status != 100:
            break
        got = rest_of_it
    length = int(headers.get(b"content-length", b"0")) if b"content-length" in headers else None
    body = b"" if head or status == 204 else rest_of_it if length is None else rest_of_it[:length]
    assert head or status == 204 or length is None or len(body) == length, "the body is cut"
    return status, headers, body


def judge(status, headers, body, head):
    assert status in STATUSES, status
    if head or status == 204 or status == 501 or body.startswith(b"<HTML>"):
        return  # libevent's own refusals are HTML
    assert headers[b"content-type"] in (b"application/json", b"application/x-amz-json-1.0"), headers
    shown = json.loads(body)
    if b"x-amzn-requestid" in headers:
        assert set(shown) - {"Message"} <= {"__type", "message"} and "__type" in shown
    elif status == 422:
        assert shown and all(isinstance(code, str) for code in shown)
    elif status >= 300:
        assert set(shown) == {"code", "message"} and shown["message"]
    assert status != 405 or b"allow" in headers
    assert status != 503 or b"retry-after" in headers


def canary(endpoint, number):
    """A good write and two good reads, on a connection of their own."""
    text = f"{number} {{now}} \" é"
    with rest.Rest(endpoint) as api:
        put = api.call("PUT", "/i/canary/1?tag=t", {"text": text})
        assert (put.status, put.json) == (201, {"a": "canary", "b": "1", "text": text, "tag": "t"}), put
        for cache in ("MISS", "HIT"):
            got = api.get("/i/canary/1")
            assert (got.status, got.cache) == (200, cache), got
            assert got.json == {"pk": "canary", "sk": "1", "text": text, "tag": "t"}


@pytest.fixture
def proxy(direct, proxy_factory, counting_upstream):
    tables.create(direct, tables.plain(TABLE))
    origins = {"allow_origins": ["http://localhost:3000"]}
    limits = {"max_body": "64KiB", "idle_timeout": "1s"}
    return proxy_factory(counting_upstream.endpoint, {"routes": ROUTES, "cors": origins, "listen": limits})


def test_requests(proxy):
    made = Maker(SEED)
    statuses = {}
    for number in range(COUNT):
        method, request = made.request()
        where = f"READASIDE_SEED={SEED}, request {number}: {request!r}"
        got = replies_on(proxy.port, request)
        assert proxy.alive(), where
        try:
            if got:  # what never was a whole request has no reply
                status, headers, body = first_reply(got, method == b"HEAD")
                judge(status, headers, body, method == b"HEAD")
                statuses[status] = statuses.get(status, 0) + 1
            if number % 10 == 0:
                canary(proxy.endpoint, number)
        except (AssertionError, ValueError, KeyError) as problem:
            raise AssertionError(f"{where}\ngot {got[:2000]!r}\n{problem!r}") from problem
    print(f"seed {SEED}: {dict(sorted(statuses.items()))}")
    assert {200, 201, 204, 400, 404, 405, 415, 422} <= set(statuses) or COUNT < 500, f"the fuzz shows nothing: {statuses}"


def test_reads_over_routes_and_over_the_wire_agree(proxy, direct):
    """What mutated writes have done is what everybody sees: no entry is left that should have gone."""
    made = Maker(SEED + 1)
    hits = 0
    with rest.Rest(proxy.endpoint) as api:
        for number in range(COUNT // 10):
            _, request = made.request()
            replies_on(proxy.port, request)
            for book in "abc":
                wanted = {"TableName": TABLE, "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": book}}, "Limit": 3}
                expected = [
                    {name: decimal.Decimal(v["N"]) if "N" in v else v["S"] for name, v in item.items()}
                    for item in direct.ok("Query", wanted).json["Items"]
                ]
                got = api.get(f"/l/{book}")
                hits += got.cache == "HIT"
                shown = json.loads(got.body, parse_int=decimal.Decimal, parse_float=decimal.Decimal)
                assert shown == expected, f"READASIDE_SEED={SEED}, request {number}: {request!r}\nthen {got}"
    assert hits > COUNT // 10, "the fuzz shows nothing"


# ---- configs ----


class ConfigMaker(Maker):
    VALUES = [
        None, True, 0, -1, 1e300, 0.5, "", " ", "x", [], {}, [[]], [None], {"S": 5}, "{", "}", "{}", "{{", "{body.x}", "{path.nope}",
        "{query.limit}", "{claim.sub}", "{now}", "{uuid.}", "{header.}", "env:", "env:NO_SUCH", "file:", "file:/nope", "GET", "POST",
        "DELETE", "Query", "PutItem", "TransactWriteItems", "BatchWriteItem", "/", "//", "/{a}/{a}", "/%", "/%00", "/é", "arn:aws:x",
        "*", "\u0000", "\u202e", "a" * 2000, "body.message", "path.message_group_uuid", "null", "http://localhost:80", 10**30, "422",
    ]  # fmt: skip

    def nodes(self, value, at=()):
        yield at
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for name, inner in pairs:
            yield from self.nodes(inner, at + (name,))

    def change(self, config):
        at = self.rng.choice([n for n in self.nodes({k: config[k] for k in ("routes", "cors", "ddb", "tables") if k in config}) if n])
        holder = config
        for name in at[:-1]:
            holder = holder[name]
        how, name = self.rng.randrange(6), at[-1]
        if how <= 1:
            holder[name] = copy.deepcopy(self.rng.choice(self.VALUES))
        elif how == 2:
            del holder[name]
        elif how == 3 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[name]))
        elif how == 3:
            holder[self.rng.choice(["names", "path ", "", "é", "Expression", "XExpression", "\u0001", "when"])] = copy.deepcopy(holder[name])
        elif how == 4 and isinstance(holder[name], str):
            holder[name] = self.mangled(holder[name].encode()).decode(errors="replace")
        else:
            where = self.rng.choice([n for n in self.nodes(config["routes"]) if n] or [()]) if config.get("routes") else ()
            found = config.get("routes")
            for part in where:
                found = found[part]
            holder[name] = copy.deepcopy(found)

    def text(self):
        config = rest.shipped_config()
        for _ in range(self.rng.choice([1, 1, 2, 4])):
            if isinstance(config.get("routes"), (dict, list)):
                self.change(config)
        text = json.dumps(config, indent=1, ensure_ascii=self.rng.random() < 0.7).encode()
        return self.mangled(text) if self.rng.random() < 0.2 else text


def test_configs(readaside_binary, tmp_path):
    made = ConfigMaker(SEED)
    path = tmp_path / "fuzzed.jsonc"
    said = re.compile(rf"{re.escape(str(path))}(:\d+)?: \S", re.ASCII)
    outcomes = {0: 0, 2: 0}
    environment = processes.child_environment()
    for number in range(COUNT // 10):
        text = made.text()
        path.write_bytes(text)
        done = subprocess.run(
            [readaside_binary, "check", "-c", path], env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        output = (done.stdout + done.stderr).decode()  # whatever the config holds, it is UTF-8
        where = f"READASIDE_SEED={SEED}, config {number}: {text!r}\nexit {done.returncode}\n{output}"
        assert done.returncode in outcomes, where
        assert not processes.SANITIZER_SPOKE.search(output), where
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", output), where
        outcomes[done.returncode] += 1
        problems = [line for line in output.splitlines() if said.match(line)]
        assert done.returncode == 0 or problems, where
    print(f"seed {SEED}: {outcomes}")
    assert all(outcomes.values()) or COUNT < 500, f"the fuzz shows nothing: {outcomes}"
