"""`readaside warm`: the cache filled by reading through a running proxy, from a file or a table's partitions."""
import json
import os
import pty
import signal
import subprocess

import pytest

from support import processes, tables, waiting

ROOMS = 30
TABLE = {
    "ttl": "10m",
    "ttl_jitter": "0%",
    "negative_ttl": "10m",
    "patterns": [
        {"name": "rooms", "partition_key": "room-*"},
        {"name": "people", "partition_key": "person-*"},
        {"name": "owners", "partition_key": "*", "index": "by-owner"},
        {"name": "never", "partition_key": "x-*", "ttl": "0s"},
    ],
}


def room(number):
    return {
        "TableName": "chat",
        "KeyConditionExpression": "#k = :v",
        "ExpressionAttributeNames": {"#k": "pk"},
        "ExpressionAttributeValues": {":v": {"S": f"room-{number}"}},
    }


def get(pk):
    return {"TableName": "chat", "Key": {"pk": {"S": pk}, "sk": {"S": "1"}}}


@pytest.fixture
def filled(chat, direct):
    """Rooms of two items each, two people, and one partition of no pattern."""
    keys = [(f"room-{n}", sk) for n in range(ROOMS) for sk in "12"]
    keys += [("person-1", "1"), ("person-2", "1"), ("other", "1")]
    for first in range(0, len(keys), 25):
        puts = [{"PutRequest": {"Item": {"pk": {"S": pk}, "sk": {"S": sk}}}} for pk, sk in keys[first : first + 25]]
        direct.ok("BatchWriteItem", {"RequestItems": {"chat": puts}})
    return ROOMS + 3


@pytest.fixture
def proxy(proxy_factory, counting_upstream, filled):
    config = processes.base_config(counting_upstream.endpoint, chat=TABLE, plain={"ttl": "10m"}, single={"ttl": "10m"})
    return proxy_factory(None, config=config)


@pytest.fixture
def warm(readaside_binary, proxy):
    """warm(*words) runs it on this proxy; its summary, its status and its stderr."""

    def run(*words, **more):
        command = [readaside_binary, "warm", "-c", proxy.config_path, "--endpoint", proxy.endpoint, *words]
        command += ["--rate", "10000"] if "--rate" not in words else []
        environment = processes.child_environment(more.pop("environment", None))
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False, **more)

    return run


@pytest.fixture
def counts(warm):
    def run(*words, status=0):
        done = warm("--json", *words)
        assert done.returncode == status, done
        told = json.loads(done.stdout)
        assert told.pop("seconds") >= 0
        return told

    return run


def of(read, hits=0, filled=0, uncached=0, failed=0, stopped=False):
    return {"read": read, "hits": hits, "filled": filled, "uncached": uncached, "failed": failed, "stopped": stopped}


def lines(path, *requests):
    text = "".join(r if isinstance(r, str) else json.dumps(r) + "\n" for r in requests)
    path.write_text(text, encoding="utf-8")
    return path


# ---- a table ----


def test_every_partition_of_a_table_is_read_once(counts, proxy, filled, counting_upstream):
    assert counts("--from", "table:chat") == of(filled, filled=filled)
    assert counting_upstream.count("Query") == filled
    with proxy.wire() as wire:
        for number in range(ROOMS):
            assert wire.ok("Query", room(number)).cache == "HIT"
    assert counts("--from", "table:chat") == of(filled, hits=filled)


def test_a_pattern_alone(counts, proxy):
    assert counts("--from", "table:chat", "--pattern", "people") == of(2, filled=2)
    assert proxy.call("Query", room(1)).cache == "MISS"


def test_a_table_without_a_sort_key_is_read_by_item(counts, proxy, direct):
    tables.create(direct, tables.definition("single", {"id": "N"}, "id"))
    for number in ("1", "2.50", "-3e5"):
        direct.ok("PutItem", {"TableName": "single", "Item": {"id": {"N": number}}})
    assert counts("--from", "table:single") == of(3, filled=3)
    assert proxy.call("GetItem", {"TableName": "single", "Key": {"id": {"N": "2.5"}}}).cache == "HIT"


def test_a_table_of_several_pages(counts, direct, plain, counting_upstream):
    for first in range(0, 1100, 25):
        puts = [{"PutRequest": {"Item": {"pk": {"S": f"p{n % 4}"}, "sk": {"S": f"{n:05}"}}}} for n in range(first, first + 25)]
        direct.ok("BatchWriteItem", {"RequestItems": {"plain": puts}})
    assert counts("--from", "table:plain") == of(4, filled=4)
    scans = [r.json for r in counting_upstream.requests if r.operation == "Scan"]
    assert len(scans) == 2 and "ExclusiveStartKey" in scans[1]
    assert all(scan["ProjectionExpression"] == "#p" for scan in scans)


def test_a_pattern_that_is_not_cached(counts, direct):
    direct.ok("PutItem", {"TableName": "chat", "Item": {"pk": {"S": "x-1"}, "sk": {"S": "1"}}})
    assert counts("--from", "table:chat", "--pattern", "never") == of(1, uncached=1)


# ---- a file ----


def test_a_file_of_requests(counts, warm, proxy, tmp_path):
    shorter = {**room(2), "Limit": 1, "ScanIndexForward": False}
    path = lines(
        tmp_path / "requests.jsonl",
        {"operation": "GetItem", "request": get("room-1"), "at": 5},
        {"operation": "Query", "request": shorter},
        "\n  \r\n",
        {"operation": "GetItem", "request": get("nobody")},
        {"operation": "GetItem", "request": {**get("room-2"), "ConsistentRead": True}},
        {"operation": "GetItem", "request": get("room-3")},
    )
    assert counts("--from", str(path), "--concurrency", "1") == of(5, filled=4, uncached=1)
    assert proxy.call("Query", shorter).cache == "HIT" and proxy.call("Query", room(2)).cache == "MISS"
    assert counts("--from", str(path)) == of(5, hits=4, uncached=1)
    done = warm("--from", str(path))
    assert done.stdout.startswith("5 read in ") and done.stdout.endswith("4 hits already, 0 filled, 1 not cached, 0 failed\n")


def test_what_is_read_is_sent_as_it_stands(counts, tmp_path, counting_upstream):
    """Not printed anew: numbers, escapes and white space stay."""
    text = '{"TableName" : "chat","Key":{"pk":{"S":"r\\u006fom-1"},"sk":{"S":"1"}}}'
    path = lines(tmp_path / "requests.jsonl", f'{{"operation": "GetItem", "request": {text}}}')
    assert counts("--from", str(path)) == of(1, filled=1)
    sent = next(r for r in counting_upstream.requests if r.operation == "GetItem")
    assert b"r\\u006fom-1" in sent.body


def test_wrong_lines_are_named_and_the_rest_is_read(warm, tmp_path):
    path = lines(
        tmp_path / "requests.jsonl",
        {"operation": "PutItem", "request": {}},
        "{\n",
        {"operation": "GetItem", "request": []},
        {"operation": "GetItem", "request": get("room-1")},
        '{"operation": "GetItem", "request": {}, "request": {}}\n',
        "x" * 2_000_000 + "\n",
        {"operation": "GetItem", "request": get("room-2")},
    )
    done = warm("--from", str(path), "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["read"], told["filled"], told["failed"]) == (2, 2, 5)
    for line, text in ((1, '"operation" must be'), (2, ""), (3, '"request" must be'), (5, ""), (6, "too long")):
        assert f"requests.jsonl:{line}: " in done.stderr and text in done.stderr
    assert done.stderr.count("aren't told") == 1


# ---- what goes wrong ----


@pytest.mark.parametrize("path, text", [("/dev/zero", "has no end"), ("/proc/self/mem", "can't be read to its end")])
def test_what_has_no_lines_is_left(warm, path, text):
    done = warm("--from", path, "--json")
    assert done.returncode == 1 and done.stderr.count(text) == 1
    told = json.loads(done.stdout)
    assert (told["read"], told["failed"], told["stopped"]) == (0, 1, False)


def test_it_can_be_ended_among_wrong_lines(proxy, readaside_binary):
    command = [readaside_binary, "warm", "-c", proxy.config_path, "--endpoint", proxy.endpoint, "--from", "/dev/stdin", "--json"]
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as wrong:
        pipes = {"stdin": wrong.stdout, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, env=processes.child_environment(), **pipes) as run:
            while "aren't told" not in run.stderr.readline():
                assert run.poll() is None
            run.send_signal(signal.SIGINT)
            told = json.loads(run.communicate(timeout=60)[0])
        wrong.kill()
    assert run.returncode == 1 and told["stopped"] and told["failed"] > 0


def test_refused_reads_fail(warm, tmp_path):
    path = lines(tmp_path / "requests.jsonl", {"operation": "GetItem", "request": {"TableName": "nowhere", "Key": {}}})
    done = warm("--from", str(path))
    assert done.returncode == 1 and "1 failed" in done.stdout
    assert "readaside warm: GetItem: " in done.stderr and "Exception: " in done.stderr


def test_a_bad_moment_is_waited_out(counts, tmp_path, counting_upstream):
    path = lines(tmp_path / "requests.jsonl", {"operation": "GetItem", "request": get("room-1")})
    counting_upstream.fail("GetItem", 2)
    assert counts("--from", str(path)) == of(1, filled=1)


def test_it_gives_up_on_a_proxy_that_is_not_there(warm, tmp_path, proxy):
    path = lines(tmp_path / "requests.jsonl", *[{"operation": "GetItem", "request": get("room-1")}] * 100)
    proxy.stop()
    done = warm("--from", str(path), "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and "20 reads in a row have failed: it gives up" in done.stderr
    assert told["stopped"] and told["read"] < 100 and told["failed"] == told["read"]


def test_another_server_is_not_taken_for_a_proxy(readaside_binary, proxy, ddb_local, filled):
    command = [readaside_binary, "warm", "-c", proxy.config_path, "--endpoint", ddb_local.endpoint]
    done = subprocess.run([*command, "--from", "table:chat", "--rate", "9999/s"], capture_output=True, text=True,
                          timeout=60, env=processes.child_environment(), check=False)
    assert done.returncode == 1 and "has no X-Cache" in done.stderr and "it gives up" in done.stderr


# ---- pace, progress, ending ----


def test_no_more_are_under_way_than_it_may(proxy, readaside_binary, counting_upstream, tmp_path):
    requests = [{"operation": "GetItem", "request": get(f"room-{n}")} for n in range(20)]
    path = lines(tmp_path / "requests.jsonl", *requests)
    gate = counting_upstream.hold("GetItem")
    command = [readaside_binary, "warm", "-c", proxy.config_path, "--endpoint", proxy.endpoint, "--from", path]
    with subprocess.Popen([*command, "--concurrency", "3", "--rate", "10000", "--json"], stdout=subprocess.PIPE, text=True,
                          env=processes.child_environment()) as running:
        gate.wait_for(3)
        running.send_signal(signal.SIGINT)
        gate.release()
        told = json.loads(running.stdout.read())
        assert running.wait(waiting.PATIENCE) == 1
    assert told["stopped"] and told["read"] == told["filled"] == 3, "what was under way is answered"
    assert counting_upstream.count("GetItem") == 3


def test_a_scan_can_be_ended(proxy, readaside_binary, counting_upstream):
    gate = counting_upstream.hold("Scan")
    command = [readaside_binary, "warm", "-c", proxy.config_path, "--endpoint", proxy.endpoint, "--from", "table:chat"]
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL,
                          env=processes.child_environment()) as running:
        gate.wait_for(1)
        running.send_signal(signal.SIGTERM)
        told = json.loads(running.communicate(timeout=waiting.PATIENCE)[0])
        assert running.returncode == 1
    gate.release()
    assert told["stopped"] and told["read"] == 0


def test_progress_on_a_terminal(proxy, readaside_binary, tmp_path):
    requests = [{"operation": "GetItem", "request": get(f"room-{n}")} for n in range(20)]
    path = lines(tmp_path / "requests.jsonl", *requests)
    command = [readaside_binary, "warm", "-c", proxy.config_path, "--endpoint", proxy.endpoint, "--from", path]
    master, slave = pty.openpty()
    with subprocess.Popen([*command, "--rate", "25"], stdout=subprocess.PIPE, stderr=slave,
                          env=processes.child_environment()) as running:
        os.close(slave)
        seen = b""
        try:
            while some := os.read(master, 4096):
                seen += some
        except OSError:
            pass
        assert running.wait(waiting.PATIENCE) == 0
    os.close(master)
    assert b"\r\x1b[K" in seen and b"% of the file" in seen and seen.endswith(b"\r\x1b[K")


# ---- signing, TLS ----


def test_with_a_key_of_the_proxys_file(proxy_factory, readaside_binary, counting_upstream, filled, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [{"access_key_id": "reader", "secret_access_key": "s" * 20, "read_only": True}]}))
    keys.chmod(0o600)
    config = processes.base_config(counting_upstream.endpoint, chat=TABLE)
    proxy = proxy_factory(None, config={**config, "auth": {"sigv4": {"keys_file": str(keys)}}})
    command = [readaside_binary, "warm", "-c", proxy.config_path, "--endpoint", proxy.endpoint, "--from", "table:chat"]

    def run(*words):
        return subprocess.run([*command, "--rate", "10000", *words], capture_output=True, text=True, timeout=60,
                              env=processes.child_environment(), check=False)

    assert run().returncode == 1
    done = run("--access-key", "reader", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["filled"] == filled, done
    assert run("--access-key", "nobody").returncode == 1


# ---- wrong calls ----


@pytest.mark.parametrize("words, status, text", [
    ([], 2, "--from FILE or table:NAME is missing"),
    (["--from", "table:"], 2, "lacks the name"),
    (["--from", "x", "--pattern", "rooms"], 2, "--pattern goes with --from table:NAME"),
    (["--from", "table:chat", "--pattern", "rume"], 2, "no such pattern"),
    (["--from", "table:chat", "--pattern", "owners"], 2, "the pattern is of an index"),
    (["--from", "table:nobody"], 2, "no entry for this table"),
    (["--from", "/nowhere/at/all"], 1, "/nowhere/at/all can't be read"),
    (["--from", "/tmp"], 1, "it is a folder"),
    (["--from", "x", "--rate", "0"], 2, "--rate '0'"),
    (["--from", "x", "--rate", "nan"], 2, "--rate 'nan'"),
    (["--from", "x", "--concurrency", "0"], 2, "--concurrency '0'"),
    (["--from", "x", "--concurrency", "1001"], 2, "1 to 1000"),
    (["--from", "x", "--ratte", "5"], 2, "did you mean '--rate'?"),
    (["--from", "x", "--access-key", "a"], 2, "no auth.sigv4.keys_file"),
    (["--from", "x", "--endpoint", "ftp://x"], 2, "--endpoint 'ftp://x'"),
])
def test_wrong_calls(warm, words, status, text):
    done = warm(*words)
    assert done.returncode == status and text in done.stderr, done


def test_which_proxy_must_be_known(readaside_binary, proxy):
    done = subprocess.run([readaside_binary, "warm", "-c", proxy.config_path, "--from", "table:chat"],
                          capture_output=True, text=True, timeout=60, env=processes.child_environment(), check=False)
    assert done.returncode == 2 and "listen.address leaves the proxy's port open" in done.stderr
