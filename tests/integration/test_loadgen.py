"""The load generator: what it sends, what it counts, and that a stall can't hide from it."""
import collections
import json
import pathlib
import re
import signal
import socketserver
import ssl
import subprocess
import threading
import time

import pytest

from support import ports, processes, redis_server, waiting

WIRE = {"read": {"GetItem", "Query"}, "write": {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}}


@pytest.fixture(scope="session")
def bench_binary(readaside_binary):
    path = readaside_binary.parent / "readaside-bench"
    assert path.is_file(), f"{path} isn't there: build first"
    return path


class Ran:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        assert not processes.SANITIZER_SPOKE.search(self.err), self.err

    @property
    def report(self):
        assert self.out, (self.status, self.err)
        return json.loads(self.out)


@pytest.fixture
def bench(bench_binary):
    """bench(option, ..., environment={...}) runs it to its end."""

    def run(*options, environment=None):
        command = [bench_binary, *map(str, options)]
        return Ran(
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
                env=processes.child_environment(environment),
            )
        )

    return run


def counts(report):
    return {name: o["count"] for name, o in report["outcomes"].items() if o["count"]}


# ---- a server of the test's own ----


class Request:
    def __init__(self, line, headers, body):
        self.method, self.path, _ = line.split(" ")
        self.headers = headers
        self.body = body


class Server:
    """Answers each request with the bytes of answer(request); closes behind them if there are none, or `closes`."""

    def __init__(self, answer, tls=None, closes=False):
        self.requests = []
        self.connections = 0
        self.lock = threading.Lock()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    if tls is not None:
                        self.request = tls.wrap_socket(self.request, server_side=True)
                        self.setup()
                    with outer.lock:
                        outer.connections += 1
                    while outer.serve(self.rfile, self.request, answer) and not closes:
                        pass
                except OSError:  # the client has gone, or doesn't trust us
                    pass

            def finish(self):
                pass

        class Threading(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 256

        self.server = Threading(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def serve(self, rfile, connection, answer):
        line = rfile.readline().decode().rstrip("\r\n")
        if not line:
            return False
        headers = {}
        while (header := rfile.readline().decode().rstrip("\r\n")) != "":
            name, _, value = header.partition(":")
            assert name.lower() not in headers, f"{name} is there twice"
            headers[name.lower()] = value.strip()
        request = Request(line, headers, rfile.read(int(headers.get("content-length", 0))))
        with self.lock:
            self.requests.append(request)
        reply = answer(request)
        connection.sendall(reply)
        return bool(reply)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server():
    started = []

    def start(answer, **more):
        started.append(Server(answer, **more))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def reply(body=b"{}", status="200 OK", **headers):
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return head.encode() + b"\r\n" + body


# ---- every workload, through the proxy ----


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "workload", ["chat", "ycsb-a", "ycsb-b", "ycsb-c", "ycsb-d", "scan-flood", "writes", "herd"]
)
def test_counts_are_what_upstream_saw(bench, proxy, counting_upstream, ddb_local, workload, threads):
    keys = [] if workload == "herd" else ["--keys", 40]
    past = ["--prepare-only", "--prepare-endpoint", ddb_local.endpoint]
    prepared = bench("-w", workload, *keys, *past, proxy.endpoint)
    assert prepared.status == 0, prepared.err
    assert "items written" in prepared.err and not prepared.out
    assert counting_upstream.count() == 0
    ran = bench("-w", workload, *keys, "-n", 400, "-c", 16, "-t", threads, "--json", "-", proxy.endpoint)
    assert ran.status == 0, ran.err
    report = ran.report
    seen = collections.Counter(r.operation for r in counting_upstream.seen())
    reads = sum(seen[name] for name in WIRE["read"])
    writes = sum(seen[name] for name in WIRE["write"])
    before = 25 if workload == "herd" else 0
    assert report["requests"] == report["sent"] == sum(counts(report).values()) == 400 + before
    assert sum(o["count"] for o in report["operations"]) == 400 + before
    for outcome, said in report["outcomes"].items():
        assert sum(o[outcome] for o in report["operations"]) == said["count"]
    assert report["errors"]["total"] == 0
    assert counts(report).get("write", 0) == writes
    if workload == "writes":
        assert writes == 400
    else:
        assert report["cache"]["reads"] - report["cache"]["upstream_reads_saved"] == reads
        assert report["cache"]["reads"] + writes == 400 + before
    if workload == "herd":
        assert report["rounds"] == 25
        assert reads >= 25  # each round's key had just been written


def test_the_hot_set_is_told_from_the_flood(bench, server):
    """What a flood does to the hot keys is that operation's own hit ratio, not the one of both."""
    floods = []

    def answer(request):
        key = int(json.loads(request.body)["Key"]["id"]["S"])
        if key >= 8:
            floods.append(key)
        return reply(X_Cache="MISS" if key >= 8 else "HIT")

    one = server(answer)
    ran = bench("-w", "scan-flood", "--keys", 800, "-n", 1000, "-c", 4, "--json", "-", f"http://127.0.0.1:{one.port}")
    assert ran.status == 0, ran.err
    hot, flood = ran.report["operations"]
    assert (hot["name"], hot["count"], hot["hit"], hot["hit_ratio"]) == ("hot", 1000 - len(floods), 1000 - len(floods), 1)
    assert (flood["name"], flood["count"], flood["miss"], flood["hit_ratio"]) == ("flood", len(floods), len(floods), 0)
    assert len(set(floods)) == len(floods) > 400


def test_a_herd_that_waits_for_expiry(bench, proxy_factory, counting_upstream, ddb_local):
    """Its rounds begin when the entry has gone, and nothing is written."""
    proxy = proxy_factory(counting_upstream.endpoint, {"tables": {"*": {"ttl": "20ms", "negative_ttl": "20ms"}}})
    assert bench("-w", "herd", "--prepare-only", ddb_local.endpoint).status == 0
    ran = bench("-w", "herd", "--pause", "60ms", "-n", 80, "-c", 16, "--json", "-", proxy.endpoint)
    assert ran.status == 0, ran.err
    assert ran.report["rounds"] == 5
    assert "write" not in counts(ran.report)
    assert counting_upstream.count("PutItem") == 0
    assert counting_upstream.count("GetItem") >= 5


def test_tables_that_are_there_are_left(bench, ddb_local, direct):
    """A second --prepare writes the items again and makes nothing."""
    table = ["--table", "left", "-w", "c", "--keys", 30, "--item-size", 10]
    assert "1 tables made, 30 items" in bench(*table, "--prepare-only", ddb_local.endpoint).err
    assert "0 tables made, 30 items" in bench(*table, "--prepare-only", ddb_local.endpoint).err
    found = direct.ok("Scan", {"TableName": "left"}).json["Items"]
    assert len(found) == 30
    assert all(len(item[f"field{i}"]["S"]) == 10 for item in found for i in range(10))


def test_a_shown_workload_is_a_file(bench, ddb_local, tmp_path):
    shown = bench("--show-workload", "chat")
    assert shown.status == 0
    path = tmp_path / "mine.json"
    path.write_text(shown.out)
    ran = bench("-w", path, "--keys", 5, "--prepare", "-n", 50, "--json", "-", ddb_local.endpoint)
    assert ran.status == 0, ran.err
    assert ran.report["cache"]["hit_ratio"] is None
    assert set(counts(ran.report)) <= {"read", "write"}


# ---- what it counts ----


def test_outcomes_are_the_replies_headers(bench, server):
    words = ["HIT", "MISS", "STALE", "BYPASS", "HIT", "EXPIRED", "something", None]
    sent = collections.Counter()
    lock = threading.Lock()

    def answer(_):
        with lock:
            word = words[sum(sent.values()) % len(words)]
            sent[word] += 1
            collapsed = sent["MISS"] % 2 == 0
        if word == "MISS" and collapsed:
            return reply(X_Cache=word, Cache_Status="readaside; fwd=miss; collapsed")
        return reply(X_Cache=word) if word else reply()

    ran = bench("-w", "c", "-n", 800, "-c", 8, "--json", "-", f"http://127.0.0.1:{server(answer).port}")
    assert ran.status == 0, ran.err
    assert counts(ran.report) == {"hit": 200, "miss": 200, "stale": 100, "bypass": 100, "read": 200}
    cache = ran.report["cache"]
    assert cache["hit_ratio"] == 0.5
    assert (cache["reads"], cache["collapsed"], cache["upstream_reads_saved"]) == (800, 50, 350)


def test_errors_by_status_and_type(bench, server):
    bodies = [
        reply(),
        reply(b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}', "400 Bad Request"),
        reply(b"<html>", "502 Bad Gateway"),
    ]
    lock, given = threading.Lock(), []

    def answer(_):
        with lock:
            given.append(len(given) % 3)
            return bodies[given[-1]]

    url = f"http://127.0.0.1:{server(answer).port}"
    ran = bench("-w", "writes", "-n", 300, "--json", "-", url)
    assert ran.status == 1
    assert counts(ran.report) == {"write": 100, "error": 200}
    assert ran.report["errors"]["kinds"] == {"400 ThrottlingException": 100, "502": 100}
    assert bench("-w", "writes", "-n", 300, "--max-errors", 200, url).status == 0
    assert bench("-w", "writes", "-n", 300, "--max-errors", 199, url).status == 1


@pytest.mark.parametrize(
    "answer, kind",
    [
        (lambda _: b"", "connection cut"),
        (lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", "connection cut"),
        (lambda _: b"SSH-2.0-OpenSSH_9\r\n", "not HTTP"),
        (lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "not HTTP"),
    ],
)
def test_broken_replies(bench, server, answer, kind):
    ran = bench("-n", 40, "-c", 4, "--json", "-", f"http://127.0.0.1:{server(answer, closes=True).port}/x")
    assert ran.status == 1
    assert ran.report["errors"]["kinds"] == {kind: 40}
    assert ran.report["errors"]["newest"]


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
)
def test_connections_that_are_closed_are_opened_anew(bench, server, text):
    one = server(lambda _: text, closes=True)
    ran = bench("-n", 40, "-c", 4, "--json", "-", f"http://127.0.0.1:{one.port}/x")
    assert ran.status == 0, ran.err
    assert counts(ran.report) == {"read": 40}
    assert ran.report["connections_opened"] == one.connections == 40


def test_nobody_listens(bench):
    ran = bench("-n", 30, "-c", 4, "--json", "-", f"http://127.0.0.1:{ports.free_port()}/x")
    assert ran.status == 1
    assert ran.report["errors"]["kinds"] == {"connection refused": 30}
    assert ran.report["connections_opened"] == 0
    ran = bench("-w", "herd", "-n", 8, "-c", 4, "--json", "-", f"http://127.0.0.1:{ports.free_port()}")
    assert ran.report["errors"]["kinds"] == {"connection refused": 10}
    assert ran.status == 1
    prepared = bench("-w", "a", "--prepare-only", f"http://127.0.0.1:{ports.free_port()}")
    assert prepared.status == 1 and "CreateTable" in prepared.err


def test_large_bodies_both_ways(bench, server, tmp_path):
    """What a socket takes only in pieces."""
    path = tmp_path / "large.json"
    path.write_text(json.dumps({"operations": [{"method": "POST", "path": "/", "text": "{random:400000}" * 8}]}))
    one = server(lambda _: reply(b"x" * 3_000_000))
    ran = bench("-w", path, "-n", 6, "-c", 2, "--json", "-", f"http://127.0.0.1:{one.port}")
    assert ran.status == 0, ran.err
    assert ran.report["bytes_in"] > 18_000_000
    assert {len(r.body) for r in one.requests} == {3_200_000}
    path.write_text(json.dumps({"operations": [{"method": "POST", "text": "".join(f"{{random.{i}:400000}}" for i in range(11))}]}))
    ran = bench("-w", path, "-n", 6, "--json", "-", f"http://127.0.0.1:{one.port}")
    assert ran.status == 1 and ran.report["errors"]["not_made"] >= 1


# ---- time ----

RATE, CONNECTIONS, STALL_MS = 200, 4, 200


def run_with_a_stall(bench, upstream, url, *options):
    """Holds upstream for a while in the middle; (the report, how long it was held in seconds)."""
    done = {}
    options = ["-w", "c", "--keys", 20, "-c", CONNECTIONS, "-n", 600, "--json", "-", *options, url]
    thread = threading.Thread(target=lambda: done.update(ran=bench(*options)))
    thread.start()
    waiting.until(lambda: upstream.count("GetItem") > 50, "the run to be under way")
    gate = upstream.hold("GetItem")
    gate.wait_for(CONNECTIONS)
    begun = time.monotonic()
    waiting.until(lambda: time.monotonic() - begun > 1, "the stall to be long enough")
    gate.release()
    held = time.monotonic() - begun
    thread.join()
    assert done["ran"].status == 0, done["ran"].err
    return done["ran"].report, held


def slower(report, ms):
    return next(o["requests"] for o in report["slower_than"] if o["ms"] == ms)


def test_a_stall_shows_in_all_that_it_delays(bench, proxy_factory, counting_upstream, ddb_local):
    """While nothing is answered requests go on being due; each has waited from then on. A closed loop doesn't see
    that: only what was under way is slow there."""
    config = processes.base_config(counting_upstream.endpoint, another={"ttl": "10m"})
    uncached = proxy_factory(None, config=config).endpoint
    assert bench("-w", "c", "--keys", 20, "--prepare-only", ddb_local.endpoint).status == 0
    report, held = run_with_a_stall(bench, counting_upstream, uncached, "--rate", RATE)
    due = RATE * (held - STALL_MS / 1000)  # in the stall, and more than STALL_MS before its end
    assert slower(report, STALL_MS) >= 0.8 * due
    assert counts(report) == {"bypass": 600}
    closed, _ = run_with_a_stall(bench, counting_upstream, uncached)
    assert slower(closed, STALL_MS) >= CONNECTIONS
    assert slower(report, STALL_MS) > 5 * slower(closed, STALL_MS)


def test_what_finds_no_place_in_the_queue_is_dropped(bench, server):
    """One connection, five places, and a server that never answers: the rest is counted, not forgotten."""
    never = threading.Event()
    one = server(lambda _: never.wait(60) and b"" or b"")
    ran = bench(
        "-c", 1, "--rate", 500, "--queue", 5, "-n", 100, "--timeout", "300ms", "--json", "-", f"http://127.0.0.1:{one.port}/x"
    )
    never.set()
    errors = ran.report["errors"]
    assert ran.status == 1
    assert list(errors["kinds"]) == ["timeout"]
    assert errors["kinds"]["timeout"] >= 6
    assert errors["dropped"] > 0
    assert errors["kinds"]["timeout"] + errors["dropped"] == errors["total"] == 100


def test_a_ramp(bench, server):
    one = server(lambda _: reply())
    ran = bench("--ramp", "50:450:1", "-d", "1s", "--json", "-", f"http://127.0.0.1:{one.port}/x")
    assert ran.status == 0, ran.err
    assert ran.report["requests"] == len(one.requests) == 250
    assert ran.report["loop"] == "open"


def test_an_interrupted_run_reports(bench_binary, server):
    one = server(lambda _: reply())
    command = [bench_binary, "-d", "1h", "-c", "2", "--rate", "200", "-t", "2", "--json", "-", f"http://127.0.0.1:{one.port}/x"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=processes.child_environment())
    waiting.until(lambda: len(one.requests) > 20, "requests to come")
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    report = json.loads(out)
    assert report["interrupted"] is True
    assert report["requests"] == len(one.requests) > 20


def test_cpu_of_servers(bench, proxy, ddb_local):
    assert bench("-w", "c", "--keys", 20, "--prepare-only", ddb_local.endpoint).status == 0
    ended = subprocess.Popen(["true"])
    ended.wait()
    options = ["-w", "c", "--keys", 20, "-n", 3000, "--server-pid", proxy.process.pid, "--server-pid", ended.pid]
    ran = bench(*options, "--json", "-", proxy.endpoint)
    assert ran.status == 0, ran.err
    found = ran.report["server_cpu_ms_per_request"]
    assert found[str(proxy.process.pid)] > 0
    assert found[str(ended.pid)] is None
    assert ran.report["client_cpu"]["us_per_request"] > 0


# ---- what it sends ----


def test_the_same_seed_sends_the_same(bench, server):
    def sent(seed):
        one = server(lambda _: reply())
        ran = bench("-w", "a", "--seed", seed, "-c", 1, "-n", 60, f"http://127.0.0.1:{one.port}")
        assert ran.status == 0, ran.err
        return [(r.headers["x-amz-target"], r.body) for r in one.requests]

    first = sent(7)
    assert len(first) == 60
    assert first == sent(7)
    assert first != sent(8)


def test_signatures_are_right(bench, server):
    """Recomputed by botocore from what arrived."""
    auth = pytest.importorskip("botocore.auth")
    awsrequest = pytest.importorskip("botocore.awsrequest")
    credentials = pytest.importorskip("botocore.credentials")
    one = server(lambda _: reply())
    url = f"http://127.0.0.1:{one.port}"
    environment = {"AWS_SESSION_TOKEN": "a-token"}
    assert bench("-w", "chat", "-n", 40, "--region", "eu-west-1", url, environment=environment).status == 0
    key = credentials.Credentials("readaside", "readaside-secret", "a-token")
    for request in one.requests:
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=readaside/\d{8}/eu-west-1/dynamodb/aws4_request, "
            r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
            request.headers["authorization"],
        )
        assert found, request.headers
        signed = {name: request.headers[name] for name in found.group(1).split(";")}
        assert {"host", "x-amz-date", "x-amz-target", "x-amz-security-token"} <= set(signed)
        made = awsrequest.AWSRequest("POST", url + "/", headers=signed, data=request.body)
        made.context["timestamp"] = request.headers["x-amz-date"]
        signer = auth.SigV4Auth(key, "dynamodb", "eu-west-1")
        to_sign = signer.string_to_sign(made, signer.canonical_request(made))
        assert signer.signature(to_sign, made) == found.group(2)


def test_plain_http(bench, server, tmp_path):
    path = tmp_path / "rest.json"
    path.write_text(
        """{ "keys": 10, // and comments
          "operations": [ { "path": "/notes/{seq}?limit={uniform:2}", "headers": { "X-User": "u{seq}" } },
                          { "method": "POST", "path": "/notes", "body": { "text": "{random:5}", "n": 1 } } ] }"""
    )
    one = server(lambda _: reply(X_Cache="HIT"))
    ran = bench("-w", path, "-n", 50, "--json", "-", f"http://127.0.0.1:{one.port}/api")
    assert ran.status == 0, ran.err
    gets = [r for r in one.requests if r.method == "GET"]
    posts = [r for r in one.requests if r.method == "POST"]
    assert counts(ran.report) == {"hit": len(gets), "write": len(posts)}
    for i, request in enumerate(sorted(gets, key=lambda r: int(r.headers["x-user"][1:]))[:1]):
        assert request.path.startswith(f"/api/notes/{i}?limit=0")
    assert all(re.fullmatch(r"/api/notes/\d\?limit=0\d", r.path) for r in gets)
    assert all("authorization" not in r.headers for r in one.requests)
    assert all(len(json.loads(r.body)["text"]) == 5 for r in posts)


# ---- TLS ----


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    redis_server.make_authority(folder, "authority")
    return redis_server.make_certificate(folder, "authority", "server", "IP:127.0.0.1")


def test_tls(bench, server, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    one = server(lambda r: reply(r.body * 50 or b"x" * 100_000, X_Cache="HIT"), tls=context)
    url = f"https://127.0.0.1:{one.port}/x"
    for trust in (["--ca", certificate.authority], ["--insecure"]):
        ran = bench(*trust, "-n", 60, "-c", 3, "-t", 2, "--json", "-", url)
        assert ran.status == 0, (ran.err, ran.out)
        assert counts(ran.report) == {"hit": 60}
        assert ran.report["connections_opened"] == 3
    ran = bench("-n", 6, "-c", 2, "--json", "-", url)
    assert ran.status == 1
    assert ran.report["errors"]["kinds"] == {"connection refused": 6}
    assert "certificate" in ran.report["errors"]["newest"]
    # a certificate of somebody else
    ran = bench("--ca", certificate.authority, "-n", 6, "--json", "-", f"https://localhost:{one.port}/x")
    assert ran.report["errors"]["kinds"] == {"connection refused": 6}


def test_tls_where_none_is_spoken(bench, server):
    one = server(lambda _: reply())
    ran = bench("--insecure", "-n", 4, "--timeout", "2s", "--json", "-", f"https://127.0.0.1:{one.port}/x")
    assert ran.status == 1
    assert ran.report["errors"]["total"] == 4


# ---- the report ----


def test_the_table_and_a_file(bench, server, tmp_path):
    one = server(lambda _: reply(X_Cache="MISS"))
    path = tmp_path / "report.json"
    ran = bench("-n", 20, "--json", path, f"http://127.0.0.1:{one.port}/x")
    assert ran.status == 0
    assert json.loads(path.read_text())["requests"] == 20
    assert re.search(r"^miss +20 ", ran.out, re.MULTILINE)
    assert "hit ratio              0.0000" in ran.out
    assert "p99.9" in ran.out
    assert re.search(r"^GET +20 +0.0000 +0$", ran.out, re.MULTILINE)


def test_tables_that_are_missing_are_named(bench, ddb_local, server):
    """The first thing that a new user forgets; a workload that has no table of its own isn't advised to make one."""
    ran = bench("-w", "writes", "--table", "nobody-made-it", "-n", 5, ddb_local.endpoint)
    assert ran.status == 1
    assert "400 ResourceNotFoundException" in ran.out and "--prepare makes" in ran.out
    missing = reply(b'{"__type":"x#ResourceNotFoundException"}', "400 Bad Request")
    ran = bench("-n", 5, f"http://127.0.0.1:{server(lambda _: missing).port}/x")
    assert "400 ResourceNotFoundException" in ran.out and "--prepare" not in ran.out


def test_full_disks_are_failures(bench, server):
    if not pathlib.Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    one = server(lambda _: reply())
    assert bench("-n", 2, "--json", "/dev/full", f"http://127.0.0.1:{one.port}/x").status == 1
    assert bench("-n", 2, "--json", "/nonexistent/x", f"http://127.0.0.1:{one.port}/x").status == 1
    assert len(one.requests) == 2  # the second run wasn't begun


MISUSE = [
    ([], "no URL"),
    (["http://a", "http://b"], "too many arguments"),
    (["ftp://a"], "the URL 'ftp://a'"),
    (["--rat", "5", "http://a"], None),
    (["--rtae", "5", "http://a"], "did you mean '--rate'"),
    (["-x", "http://a"], "unknown option '-x'"),
    (["--insecure=1", "http://a"], "takes no value"),
    (["http://a", "--rate"], "needs a value"),
    (["-r", "0", "http://a"], "--rate '0'"),
    (["-r", "1e99", "http://a"], "--rate '1e99'"),
    (["-r", "5x", "http://a"], "--rate '5x'"),
    (["-r", "5", "--ramp", "1:2:3", "http://a"], "one of them"),
    (["--ramp", "1:2", "http://a"], "START:END:SECONDS"),
    (["-c", "0", "http://a"], "--connections '0'"),
    (["-t", "999", "http://a"], "--threads '999'"),
    (["-d", "5", "http://a"], "--duration '5'"),
    (["--timeout", "0ms", "http://a"], "--timeout '0ms'"),
    (["--queue", "5", "http://a"], "open loop"),
    (["--keys", "-1", "http://a"], "--keys '-1'"),
    (["--zipf", "11", "http://a"], "--zipf '11'"),
    (["--item-size", "1GiB", "http://a"], "--item-size '1GiB'"),
    (["--table", "a/b", "http://a"], "--table 'a/b'"),
    (["--region", "A B", "http://a"], "--region 'A B'"),
    (["--server-pid", "x", "http://a"], "--server-pid 'x'"),
    (["--json", "", "http://a"], "--json ''"),
    (["-w", "chatt", "http://a"], "The named workloads are"),
    (["--show-workload", "chatt"], "none of that name"),
    (["--show-workload", "chat", "http://a"], "takes no URL"),
    (["--prepare-endpoint", "http://b", "http://a"], "needs --prepare"),
    (["--ca", "x", "--insecure", "http://a"], "one of them"),
    (["-w", "get", "--keys", "5", "http://a"], "--keys: it has none"),
    (["-w", "get", "--zipf", "1", "http://a"], "--zipf: it draws no keys"),
    (["-w", "get", "--table", "t", "http://a"], "--table: it names none"),
    (["-w", "get", "--item-size", "5", "http://a"], "--item-size"),
    (["-w", "get", "--prepare", "http://a"], "--prepare: it needs no table"),
    (["-w", "a", "--pause", "1s", "http://a"], "--pause"),
    (["-w", "herd", "--rate", "5", "http://a"], "rounds have no schedule"),
    (["-w", "chat", "http://127.0.0.1:1/path"], "go to '/'"),
]


@pytest.mark.parametrize("options, says", MISUSE)
def test_misuse(bench, options, says):
    ran = bench(*options)
    assert ran.status == (2 if says else 1)  # "--rat" is short for --rate, and nobody is called "a"
    assert not ran.out or not says
    if says:
        assert says in ran.err
        assert len(ran.err.splitlines()) <= 3


def test_credentials_are_needed_to_sign(bench):
    ran = bench("-w", "c", "-n", 1, "http://127.0.0.1:1", environment={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    assert ran.status == 2
    assert "AWS_ACCESS_KEY_ID" in ran.err and "--no-sign" in ran.err


def test_a_wrong_workload_is_shown_with_its_lines(bench, tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text('{\n"operations": [\n{ "path": "/{kye}" },\n{ "wieght": 1 } ] }')
    ran = bench("-w", path, "http://127.0.0.1:1")
    assert ran.status == 2
    assert f"{path}:3: operations[0].path" in ran.err
    assert f"{path}:4: operations[1].wieght" in ran.err


def test_help(bench):
    ran = bench("--help")
    assert ran.status == 0 and not ran.err
    assert ran.out.startswith("usage: readaside-bench")
    assert all(len(line) <= 110 for line in ran.out.splitlines())
