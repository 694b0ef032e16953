"""`readaside markers`: what holds units in Redis is listed, and cleared, while proxies write through it."""
import concurrent.futures
import datetime
import http.client
import json
import os
import pty
import secrets
import subprocess

import pytest

from support import metrics, momento_server, processes, redis_server, reloading, tables, waiting

KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
GET = {"TableName": "chat", "Key": KEY}
OF_OWNER = {
    "TableName": "chat",
    "IndexName": "by-owner",
    "KeyConditionExpression": "#o = :o",
    "ExpressionAttributeNames": {"#o": "owner"},
    "ExpressionAttributeValues": {":o": {"S": "ann"}},
}
THE_KEY = ["--table", "chat", "--partition-key", "room", "--sort-key", "1"]
THE_INDEX = ["--table", "chat", "--index", "by-owner", "--partition-key", "ann"]
PASSWORD = "p@ss/w:rd%#?"
HOUR = 3_600_000


def put(version):
    return {"TableName": "chat", "Item": {**KEY, "owner": {"S": "ann"}, "version": {"S": version}}}


def settings(url, **redis):
    """The store at `url`. Deadlines are long, so that a busy machine doesn't decide what a test sees."""
    given = {"url": url, "command_timeout": "10s", "connect_timeout": "30s", "quarantine": "0s", **redis}
    return {
        "listen": {"threads": 1},
        "cache": {"store": "redis", "redis": given},
        "tables": {"*": {"settle": "0s"}},  # the index's markers end with the write
        "writes_when_store_down": "refuse",  # or the first writes would pass unmarked
    }


@pytest.fixture
def redis_factory(tmp_path_factory):
    started = []

    def start(**more):
        server = redis_server.Redis(tmp_path_factory.mktemp("redis"), **more)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def redis(redis_factory):
    return redis_factory()


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        yield executor


@pytest.fixture
def markers(readaside_binary, tmp_path):
    """markers(config, *words) runs it; what a sanitizer says is a failure."""

    def run(config, *words, **more):
        path = tmp_path / "markers.jsonc"
        path.write_text(json.dumps(config))
        done = subprocess.run([readaside_binary, "markers", "-c", path, *words], check=False, timeout=120,
                              env=processes.child_environment(), **({"capture_output": True, "text": True} | more))
        assert done.returncode in (0, 1, 2), done
        return done

    return run


@pytest.fixture
def listed(markers):
    """listed(config, *words) is its JSON."""

    def run(config, *words):
        done = markers(config, *words, "--json")
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    return run


@pytest.fixture
def config(counting_upstream, redis):
    return processes.merged(processes.base_config(counting_upstream.endpoint), settings(redis.url))


@pytest.fixture
def no_upstream(redis):
    """For what must not need DynamoDB."""
    return processes.merged(processes.base_config("http://127.0.0.1:1"), settings(redis.url))


def written(proxy, text):
    """A write, tried again while the proxy can't mark it: it has only just begun to connect."""
    waiting.until(lambda: proxy.call("PutItem", put(text)).status == 200, "a write to be taken")


def until_free(redis):
    waiting.until(lambda: redis.markers() == [], "the markers to end")


def until_hit(proxy, operation="GetItem", body=None):
    waiting.until(lambda: proxy.call(operation, body or GET).cache == "HIT", f"a hit on {operation}")


def in_redis(redis):
    """{digest: [deadline]} of what Redis holds, for a look past the program."""
    found = {}
    everything = redis.contents()
    for key, field in redis.markers():
        found.setdefault(key[-64:].decode(), []).append(int(everything[key][field]))
    return found


def redis_now(redis):
    seconds, microseconds = redis.command("TIME")
    return int(seconds) * 1000 + int(microseconds) // 1000


def milliseconds(text):
    assert text.endswith("Z")
    since = datetime.datetime.fromisoformat(text[:-1]) - datetime.datetime(1970, 1, 1)
    return since // datetime.timedelta(milliseconds=1)


def kinds(found):
    return {unit["kind"]: unit["held"] for unit in found["units"]}


@pytest.fixture
def held(proxy_factory, config, counting_upstream, redis, chat, pool):
    """A write that is held upstream: (its proxy, its gate, its future reply)."""
    proxy = proxy_factory(None, config=config)
    written(proxy, "old")
    until_free(redis)
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(proxy.call, "PutItem", put("new"))
    gate.wait_for(1)
    yield proxy, gate, writing
    gate.release()


# ---- listing ----


def test_a_write_under_way_holds_its_item_partition_and_index_partition(held, config, redis, listed, markers):
    _, gate, writing = held
    found = listed(config)
    standing = in_redis(redis)
    assert len(standing) == 3 and found["total"] == {"units": 3, "markers": 3, "expired": 0}
    assert {unit["unit"]: [milliseconds(unit["latest_deadline"])] for unit in found["units"]} == standing
    for unit in found["units"]:
        assert (unit["markers"], unit["unreadable"], unit["expired"]) == (1, 0, 0)
        assert 0 < unit["remaining_ms"] <= milliseconds(unit["latest_deadline"])
    assert markers(config).stdout.splitlines()[-1] == "3 units are held by 3 markers"

    of_key, of_index = listed(config, *THE_KEY), listed(config, *THE_INDEX)
    assert kinds(of_key) == {"item": True, "partition": True, "table": False}
    assert kinds(of_index) == {"index partition": True, "index": False, "table": False}
    seen = {unit["unit"] for unit in of_key["units"] + of_index["units"] if unit["held"]}
    assert seen == set(standing), "a key's units are the proxy's own"
    gate.release()
    assert writing.result().status == 200
    until_free(redis)
    found = listed(config)
    assert found["units"] == [] and found["total"]["units"] == 0
    assert not any(kinds(listed(config, *THE_KEY)).values())


def test_another_key_is_free(held, config, listed, markers):
    assert kinds(listed(config, *THE_KEY[:-1], "2")) == {"item": False, "partition": True, "table": False}
    assert kinds(listed(config, *THE_KEY[:4])) == {"partition": True, "table": False}
    elsewhere = [*THE_KEY[:3], "elsewhere", "--sort-key", "1"]
    assert not any(kinds(listed(config, *elsewhere)).values())
    assert markers(config, *elsewhere).stdout.splitlines()[-1] == "none of them is held"
    local = ["--table", "chat", "--index", "by-at", "--partition-key", "room"]
    assert kinds(listed(config, *local)) == {"partition": True, "table": False}


def test_values_as_dynamodb_writes_them(held, config, listed):
    plainly = listed(config, *THE_KEY)
    as_json = ["--table", "chat", "--partition-key", '{"S": "r\\u006fom"}', "--sort-key", '{"S":"1"}']
    assert [u["unit"] for u in listed(config, *as_json)["units"]] == [u["unit"] for u in plainly["units"]]


def test_a_table_by_its_arn(held, config, counting_upstream, direct, listed):
    """As DynamoDB takes it; DynamoDB Local doesn't."""
    described = direct.ok("DescribeTable", {"TableName": "chat"})
    arn = described.json["Table"]["TableArn"]
    counting_upstream.answer(lambda *_: (200, described.body), when=lambda r: r.json.get("TableName") == arn)
    assert kinds(listed(config, "--table", arn, *THE_KEY[2:])) == {"item": True, "partition": True, "table": False}


@pytest.mark.parametrize("kind, given, value, other", [
    ("N", '{"N":"15.0e1"}', {"N": "150"}, '{"N":"15"}'),
    ("B", '{"B":"AAE="}', {"B": "AAE="}, '{"B":"AAI="}'),
])
def test_numbers_and_binaries(
    proxy_factory, config, counting_upstream, redis, direct, pool, listed, markers, kind, given, value, other
):
    name = f"of-{kind}"
    tables.create(direct, tables.definition(name, {"id": kind}, "id"))
    proxy = proxy_factory(None, config=config)
    item = {"TableName": name, "Item": {"id": value}}
    waiting.until(lambda: proxy.call("PutItem", item).status == 200, "a write to be taken")
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(proxy.call, "PutItem", item)
    gate.wait_for(1)
    asked = ["--table", name, "--partition-key"]
    assert kinds(listed(config, *asked, given)) == {"item": True, "partition": True, "table": False}
    assert not any(kinds(listed(config, *asked, other)).values())
    as_text = markers(config, *asked, "150")
    assert as_text.returncode == 2 and f"give it as '{{\"{kind}\":" in as_text.stderr
    with_sort_key = markers(config, *asked, given, "--sort-key", "x")
    assert with_sort_key.returncode == 2 and "has no sort key" in with_sort_key.stderr
    gate.release()
    assert writing.result().status == 200


def test_a_write_that_may_touch_anything_holds_table_and_indexes(
    proxy_factory, config, counting_upstream, chat, pool, listed
):
    proxy = proxy_factory(None, config=config)
    written(proxy, "old")
    gate = counting_upstream.hold("ExecuteStatement")
    statement = {"Statement": "DELETE FROM chat WHERE pk = 'room' AND sk = '1'"}
    writing = pool.submit(proxy.call, "ExecuteStatement", statement)
    gate.wait_for(1)
    assert kinds(listed(config, *THE_KEY))["table"]
    of_index = kinds(listed(config, *THE_INDEX))
    assert of_index["table"] and of_index["index"]
    gate.release()
    writing.result()


def test_a_schema_in_the_configuration_needs_no_dynamodb(
    proxy_factory, counting_upstream, redis, chat, pool, markers, listed
):
    schema = {"partition_key": "pk", "sort_key": "sk"}
    changes = processes.merged(settings(redis.url), {"tables": {"chat": {"ttl": "10m", "schema": schema}}})
    config = processes.merged(processes.base_config(counting_upstream.endpoint), changes)
    proxy = proxy_factory(None, config=config)
    written(proxy, "old")
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(proxy.call, "PutItem", put("new"))
    gate.wait_for(1)
    counting_upstream.forget()
    assert kinds(listed(config, *THE_KEY)) == {"item": True, "partition": True, "table": False}
    assert counting_upstream.count() == 0
    gate.release()
    assert writing.result().status == 200


# ---- what a killed proxy leaves, and letting go of it ----


@pytest.fixture
def left(readaside_binary, tmp_path, proxy_factory, config, counting_upstream, redis, chat, pool):
    """What a proxy that was killed in mid-write has left; another proxy that is held up by it."""
    other = proxy_factory(None, config=config)
    victim = processes.Proxy(readaside_binary, config, tmp_path)
    written(victim, "old")
    until_hit(other)
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(victim.call, "PutItem", put("new"))
    gate.wait_for(1)
    victim.process.kill()
    victim.process.wait()
    assert writing.exception() is not None
    gate.release()
    assert other.call("GetItem", GET).cache == "BYPASS"
    return other


def test_kill_9_leaves_markers_and_clearing_lets_reads_be_cached(left, config, redis, listed, markers):
    before = redis_now(redis)
    found = listed(config)
    assert found["total"]["units"] == found["total"]["markers"] == 3
    for unit in found["units"]:
        assert milliseconds(unit["latest_deadline"]) in in_redis(redis)[unit["unit"]]
        assert milliseconds(unit["latest_deadline"]) > before
    text = markers(config).stdout.splitlines()
    assert text[0].split() == "unit markers expired the last ends at".split()
    assert sorted(line.split()[0] for line in text[1:4]) == sorted(u["unit"][:16] for u in found["units"])
    assert all(" in " in line for line in text[1:4])

    item, partition = [u["unit"] for u in listed(config, *THE_KEY)["units"] if u["held"]]
    done = markers(config, "--clear", item[:16], "--yes")
    assert done.returncode == 0 and "1 marker removed from 1 unit" in done.stdout
    assert "may still happen" in done.stderr and "linearizable" not in done.stderr
    until_hit(left)
    still = {u["unit"] for u in listed(config)["units"]}
    assert item not in still and partition in still, "only what was named is let go of"
    cleared = listed(config, "--clear-all", "--yes")
    assert {u["unit"] for u in cleared["units"]} == still and cleared["total"]["removed"] == 2
    assert in_redis(redis) == {}
    until_hit(left, "Query", OF_OWNER)


def test_a_proxy_that_sent_the_write_itself_stays_careful(
    proxy_factory, config, counting_upstream, redis, chat, markers, listed
):
    writer, other = (proxy_factory(None, config=config) for _ in range(2))
    written(writer, "old")
    until_hit(other)
    counting_upstream.cut("PutItem", times=1, forwarded=True)
    assert writer.call("PutItem", put("new")).status >= 500
    waiting.until(lambda: kinds(listed(config, *THE_INDEX))["index"], "the index as a whole to be marked")
    assert kinds(listed(config, *THE_KEY)) == {"item": True, "partition": True, "table": False}
    assert markers(config, "--clear-all", "--yes").returncode == 0
    until_hit(other)
    assert writer.call("GetItem", GET).cache == "BYPASS"
    assert listed(config)["units"] == []


@pytest.mark.parametrize("whole", [True, False])
def test_units_by_their_digests(left, config, redis, markers, whole):
    first, second, third = sorted(in_redis(redis))
    named = [u if whole else u[:17].upper() for u in (first, third)]
    absent = "0123456789abcdef" * 4 if whole else "0123456789abcdef"
    done = markers(config, "--clear", named[0], named[1], absent, "--yes")
    assert done.returncode == 0, done
    assert f"{absent}: no marker stands there" in done.stderr
    assert "2 markers removed from 2 units" in done.stdout
    assert list(in_redis(redis)) == [second]


@pytest.mark.parametrize("how", [["--clear-all"], ["--clear", "0123456789abcdef"]])
def test_without_yes_nothing_is_removed(left, config, redis, markers, how):
    before = redis.contents()
    promising = processes.merged(config, {"consistency": "linearizable"})
    done = markers(promising, *how)
    assert (done.returncode, done.stdout) == (2, "")
    for words in ("may still happen until its marker's deadline", "up to its TTL", "--yes removes them"):
        assert words in done.stderr
    assert "consistency linearizable" in done.stderr
    assert redis.contents() == before
    as_json = markers(promising, *how, "--json")
    assert as_json.returncode == 2 and "--yes" in json.loads(as_json.stdout)["error"]


def test_data_and_other_prefixes_are_left_alone(left, config, redis, proxy_factory, listed):
    """The prefix is text, whatever it would mean as a pattern."""
    prefix = "a*[b-c]?\\^"
    others = processes.merged(config, {"cache": {"key_prefix": prefix}})
    other = proxy_factory(None, config=others)
    written(other, "of another prefix")
    until_hit(other)
    units = {name: secrets.token_hex(32) for name in ("own", "alike", "data", "string", "short")}
    deadline = redis_now(redis) + HOUR
    redis.command("HSET", f"{prefix}ra1:{units['own']}", "w" + "0" * 32, deadline)
    redis.command("HSET", f"axxbx\\^ra1:{units['alike']}", "w" + "0" * 32, deadline)
    redis.command("HSET", f"{prefix}ra1:{units['data']}", "!", "generation", "r" + "0" * 64, "1:1:payload")
    redis.command("SET", f"{prefix}ra1:{units['string']}", "not a unit")
    redis.command("HSET", f"{prefix}ra1:{units['short'][:60]}", "w" + "0" * 32, deadline)
    waiting.until(lambda: {u["unit"] for u in listed(others)["units"]} == {units["own"]}, "the write's own to end")

    before = redis.contents()
    cleared = listed(others, "--clear-all", "--yes")
    after = redis.contents()
    gone = {key for key in before if key not in after}
    assert {u["unit"] for u in cleared["units"]} >= {units["own"]}
    assert f"{prefix}ra1:{units['own']}".encode() in gone
    assert all(key.startswith(f"{prefix}ra1:".encode()) for key in gone)
    del before[f"{prefix}ra1:{units['own']}".encode()]
    for key, unit in before.items():
        if any(field.startswith((b"r", b"!")) for field in unit) or not key.startswith(prefix.encode()):
            assert after[key] == unit, "neither data nor another prefix's"
    assert redis.command("GET", f"{prefix}ra1:{units['string']}") == "not a unit"
    assert other.call("GetItem", GET).cache == "HIT", "what was cached still is"
    assert len(listed(config)["units"]) == 3


# ---- many ----


def fill(redis, *commands):
    """Commands in one go."""
    with redis_server.Connection(("127.0.0.1", redis.port)) as connection:
        for command in commands:
            connection.raw(*command)


def test_thousands(redis, no_upstream, listed, markers):
    now = redis_now(redis)
    crowded, data = secrets.token_hex(32), secrets.token_hex(32)
    latest = now + 2 * HOUR
    many = []
    for n in range(5000):
        many += [f"w{n:032x}", str(now + HOUR + n if n % 5 else 1)]
    many += ["w" + "f" * 32, str(latest)]
    units = {secrets.token_hex(32): now + HOUR + n for n in range(3000)}
    over = [secrets.token_hex(32) for _ in range(500)]
    fill(
        redis,
        ["HSET", f"ra1:{crowded}", *many],
        *(["HSET", f"ra1:{unit}", f"w{0:032x}", deadline] for unit, deadline in units.items()),
        *(["HSET", f"ra1:{unit}", f"w{0:032x}", "1"] for unit in over),
        *(["HSET", f"ra1:{secrets.token_hex(32)}", "!", "g", "r", "1:1:x"] for _ in range(2000)),
        ["HSET", f"ra1:{data}", "!", "g", *(part for n in range(2000) for part in (f"r{n:064x}", "x" * 100))],
    )
    before = redis.contents()
    found = listed(no_upstream)
    assert {u["unit"]: milliseconds(u["latest_deadline"]) for u in found["units"]} == {**units, crowded: latest}
    the_crowded = next(u for u in found["units"] if u["unit"] == crowded)
    assert (the_crowded["markers"], the_crowded["expired"]) == (4001, 1000)
    assert found["total"] == {"units": 3001, "markers": 7001, "expired": 1500}
    assert len(found["units"]) == 3001, "each once"
    text = markers(no_upstream).stdout.splitlines()
    assert len(text) == 3001 + 3
    assert text[-1] == "3001 units are held by 7001 markers; expired: 1500 markers on 501 units"

    cleared = listed(no_upstream, "--clear-all", "--yes")
    assert cleared["total"] == {"units": 3501, "removed": 8501, "expired": 1500}
    assert in_redis(redis) == {}
    assert redis.contents() == {key: unit for key, unit in before.items() if b"!" in unit}


def test_progress_on_a_terminal(redis, no_upstream, markers):
    fill(redis, *(["HSET", f"ra1:{secrets.token_hex(32)}", "!", "g"] for _ in range(5000)))
    leader, follower = pty.openpty()
    try:
        done = markers(no_upstream, stdout=subprocess.PIPE, stderr=follower, capture_output=False)
        os.close(follower)
        shown = os.read(leader, 65536)
    finally:
        os.close(leader)
    assert done.stdout == "no unit is held\n"
    assert b"keys seen, 0 units" in shown and shown.endswith(b"\r\x1b[K")


def test_deadlines_that_cannot_be_read_hold_for_ever(redis, no_upstream, listed, markers):
    odd = {"soon": secrets.token_hex(32), "never": secrets.token_hex(32)}
    deadline = redis_now(redis) + HOUR
    fill(redis, ["HSET", f"ra1:{odd['soon']}", f"w{0:032x}", "1e99"],
         ["HSET", f"ra1:{odd['never']}", f"w{0:032x}", "tomorrow", f"w{1:032x}", deadline])
    found = {u["unit"]: u for u in listed(no_upstream)["units"]}
    assert (found[odd["soon"]]["unreadable"], found[odd["soon"]]["latest_deadline"]) == (1, None)
    assert (found[odd["never"]]["markers"], found[odd["never"]]["unreadable"]) == (2, 1)
    assert markers(no_upstream).stdout.count("never: unreadable") == 2


def test_who_reads_no_further_ends_it(redis, no_upstream, readaside_binary, tmp_path):
    deadline = redis_now(redis) + HOUR
    fill(redis, *(["HSET", f"ra1:{secrets.token_hex(32)}", f"w{0:032x}", deadline] for _ in range(4000)))
    path = tmp_path / "config.jsonc"
    path.write_text(json.dumps(no_upstream))
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([readaside_binary, "markers", "-c", path], stdout=writer, stderr=subprocess.PIPE, timeout=60,
                          check=False, env=processes.child_environment())
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


# ---- who may look ----


def failure(done):
    assert done.returncode == 1, done
    return json.loads(done.stdout)["error"]


def test_passwords(redis_factory, no_upstream, markers):
    redis = redis_factory(password=PASSWORD)
    address = f"127.0.0.1:{redis.port}"
    quoted = "p%40ss%2Fw%3Ard%25%23%3F"
    right = processes.merged(no_upstream, settings(f"redis://:{quoted}@{address}"))
    done = markers(right)
    assert (done.returncode, done.stdout) == (0, "no unit is held\n")
    wrong = markers(processes.merged(no_upstream, settings(f"redis://:{quoted}x@{address}")), "--json")
    assert failure(wrong).startswith(f"redis {address}: AUTH: WRONGPASS")
    none = markers(processes.merged(no_upstream, settings(f"redis://{address}")), "--json")
    assert "NOAUTH" in failure(none)
    for done in (wrong, none):
        assert PASSWORD not in done.stdout + done.stderr and quoted not in done.stdout + done.stderr


def test_a_server_that_is_not_there(redis, no_upstream, markers):
    redis.kill()
    done = markers(no_upstream)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"readaside markers: redis 127.0.0.1:{redis.port}: connecting: Connection refused\n"
    nowhere = markers(processes.merged(no_upstream, settings("redis://no-such-host.invalid")), "--json")
    assert "redis no-such-host.invalid:6379: " in failure(nowhere)


ACL = "~ra1:* -@all +info +client|setname +eval +time +hexists +hdel"


@pytest.mark.parametrize("without", [None, "scan", "hscan"])
def test_a_user_that_may_only_what_is_needed(redis, no_upstream, markers, listed, without):
    allowed = [f"+{c}" for c in ("scan", "hscan") if c != without]
    redis.command("ACL", "SETUSER", "operator", "reset", "on", ">word", *ACL.split(), *allowed)
    unit = secrets.token_hex(32)
    fill(redis, ["HSET", f"ra1:{unit}", f"w{0:032x}", redis_now(redis) + HOUR])
    config = processes.merged(no_upstream, settings(f"redis://operator:word@127.0.0.1:{redis.port}"))
    if without:
        assert "the user must be allowed SCAN, HSCAN, HEXISTS, EVAL, TIME" in failure(markers(config, "--json"))
        return
    assert [u["unit"] for u in listed(config)["units"]] == [unit]
    assert listed(config, "--clear", unit[:16], "--yes")["total"]["removed"] == 1
    assert redis.command("ACL", "LOG") == []


def test_a_unix_socket_and_a_database(redis, no_upstream, listed, markers):
    unit = secrets.token_hex(32)
    with redis_server.Connection(("127.0.0.1", redis.port)) as connection:
        connection.command("SELECT", 2)
        connection.command("HSET", f"ra1:{unit}", f"w{0:032x}", redis_now(redis) + HOUR)
    here = processes.merged(no_upstream, settings(f"unix://{redis.socket_path}?db=2"))
    assert [u["unit"] for u in listed(here)["units"]] == [unit]
    assert listed(no_upstream)["units"] == []
    gone = processes.merged(no_upstream, settings("unix:///nowhere/redis.sock"))
    assert failure(markers(gone, "--json")).startswith("redis /nowhere/redis.sock: ")


def test_tls(redis_factory, no_upstream, tmp_path, markers):
    for authority in ("right", "wrong"):
        redis_server.make_authority(tmp_path, authority)
    shown = redis_server.make_certificate(tmp_path, "right", "server", "IP:127.0.0.1")
    redis = redis_factory(tls=shown)
    url = f"rediss://127.0.0.1:{redis.tls_port}"
    done = markers(processes.merged(no_upstream, settings(url, ca_file=shown.authority)))
    assert (done.returncode, done.stdout) == (0, "no unit is held\n")
    stranger = settings(url, ca_file=str(tmp_path / "wrong.crt"))
    assert "certificate" in failure(markers(processes.merged(no_upstream, stranger), "--json"))
    absent = settings(url, cert_file=shown.certificate, key_file=str(tmp_path / "wrong.key"))
    assert "TLS can't be set up" in failure(markers(processes.merged(no_upstream, absent), "--json"))


# ---- the store in the proxy's own process ----


@pytest.fixture
def in_process(proxy_factory, counting_upstream, chat, pool):
    """A write that is held upstream: (its proxy, its configuration, its gate, its future reply)."""
    changes = {"listen": {"threads": 1}, "tables": {"*": {"settle": "0s"}}}
    config = processes.merged(processes.base_config(counting_upstream.endpoint), reloading.with_admin(changes))
    proxy = proxy_factory(None, config=config)
    written(proxy, "old")
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(proxy.call, "PutItem", put("new"))
    gate.wait_for(1)
    yield proxy, config, gate, writing
    gate.release()


def events(proxy):
    return [each["text"] for each in metrics.live(proxy)["events"] if each["kind"] == "markers"]


def test_markers_of_the_process_are_listed(in_process, listed, markers):
    proxy, config, gate, writing = in_process
    found = listed(config)
    assert found["total"] == {"units": 3, "markers": 3, "expired": 0}
    assert all(unit["remaining_ms"] > 0 and len(unit["unit"]) == 64 for unit in found["units"])
    assert kinds(listed(config, *THE_KEY)) == {"item": True, "partition": True, "table": False}
    assert kinds(listed(config, *THE_INDEX)) == {"index partition": True, "index": False, "table": False}
    assert markers(config).stdout.splitlines()[-1] == "3 units are held by 3 markers"
    gate.release()
    assert writing.result().status == 200
    waiting.until(lambda: listed(config)["units"] == [], "the markers to end")
    assert events(proxy) == []


def test_markers_of_the_process_are_cleared(in_process, listed, markers):
    proxy, config, gate, writing = in_process
    assert proxy.call("GetItem", GET).cache == "BYPASS"
    assert markers(config, "--clear-all").returncode == 2, "not without --yes"
    item = next(unit["unit"] for unit in listed(config, *THE_KEY)["units"] if unit["kind"] == "item")
    done = json.loads(markers(config, "--clear", item[:16], "--yes", "--json").stdout)
    assert [unit["unit"] for unit in done["units"]] == [item] and done["total"]["removed"] == 1
    assert kinds(listed(config, *THE_KEY)) == {"item": False, "partition": True, "table": False}
    until_hit(proxy)
    assert markers(config, "--clear-all", "--yes").stdout.splitlines()[-1] == "2 markers removed from 2 units"
    assert listed(config)["units"] == []
    assert events(proxy) == [
        "an operator has removed 1 marker from 1 unit", "an operator has removed 2 markers from 2 units"
    ]
    gate.release()
    assert writing.result().status == 200
    read = proxy.call("GetItem", GET)
    assert read.cache == "MISS" and read.json["Item"]["version"] == {"S": "new"}, "what was cached before it ended is gone"


def test_a_unit_without_markers_is_missing(in_process, markers):
    proxy, config, *_ = in_process
    done = markers(config, "--clear", "0" * 64, "--yes")
    assert done.returncode == 0 and "no marker stands there" in done.stderr
    assert events(proxy) == []


@pytest.mark.parametrize("path, body", [
    ("/admin/markers/clear", "{}"),
    ("/admin/markers/clear", '{"all": true, "units": ["%s"]}' % ("0" * 64)),
    ("/admin/markers/clear", '{"units": []}'),
    ("/admin/markers/clear", '{"units": ["00"]}'),
    ("/admin/markers/clear", '{"units": "all"}'),
    ("/admin/markers/clear", "nonsense"),
    ("/admin/markers/cleared", "{}"),
    ("/admin/markers/cleared", '{"units": 1, "markers": -1}'),
    ("/admin/markers/cleared", '{"units": "1", "markers": 1}'),
])
def test_wrong_calls_of_the_admin_address(in_process, path, body):
    proxy, config, *_ = in_process
    connection = http.client.HTTPConnection(config["admin"]["address"], timeout=60)
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    assert reply.status == 400 and "the body must be" in json.loads(reply.read())["error"]
    connection.close()
    assert events(proxy) == []


def test_a_proxy_of_redis_is_told_what_was_removed(
    proxy_factory, counting_upstream, redis, chat, pool, markers, listed
):
    changes = processes.merged(settings(redis.url), reloading.with_admin())
    config = processes.merged(processes.base_config(counting_upstream.endpoint), changes)
    proxy = proxy_factory(None, config=config)
    written(proxy, "old")
    until_free(redis)
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(proxy.call, "PutItem", put("new"))
    gate.wait_for(1)
    assert markers(config, "--clear-all", "--yes").returncode == 0
    assert events(proxy) == ["an operator has removed 3 markers from 3 units"]
    assert metrics.ask(proxy, "/admin/markers")[0] == 400, "Redis itself is to be asked"
    gate.release()
    assert writing.result().status == 200


# ---- mistakes ----


def test_a_store_in_the_process_is_asked_for_at_the_admin_address(markers):
    config = processes.base_config("http://127.0.0.1:1")
    done = markers(config)
    assert (done.returncode, done.stdout) == (2, "")
    assert "in the proxy's own process" in done.stderr and "admin.address" in done.stderr
    assert "memory" in json.loads(markers(config, "--json").stdout)["error"]


def test_momento_cannot_list_them(markers):
    cache = {"store": "momento", "momento": {"cache": "c", "api_key": momento_server.v2_key(), "endpoint": "http://127.0.0.1:1"}}
    config = processes.merged(processes.base_config("http://127.0.0.1:1"), {"cache": cache, "consistency": "eventual"})
    done = markers(config)
    assert done.returncode == 2 and "can't list what it holds" in done.stderr, done


@pytest.mark.parametrize("words, hint", [
    (["x"], "unknown argument 'x'"),
    (["--clear", "abc"], "--clear 'abc': it isn't a unit's digest"),
    (["--clear", "0123456789abcdeg"], "isn't hexadecimal"),
    (["--clear", "0123456789abcdef", "zz"], "--clear 'zz'"),
    (["--clear", "0123456789abcdef", "--clear-all"], "don't go together"),
    (["--yes"], "--yes goes with --clear"),
    (["--table", "chat"], "--partition-key VALUE is missing"),
    (["--partition-key", "room"], "--table NAME is missing"),
    ([*THE_KEY, "--clear-all"], "--table doesn't go with --clear"),
    (["--cler-all"], "did you mean '--clear-all'?"),
    (["--clear"], "option '--clear' needs a value"),
])
def test_wrong_calls(redis, no_upstream, markers, words, hint):
    done = markers(no_upstream, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in done.stderr


@pytest.mark.parametrize("words, hint", [
    (["--partition-key", "{room"], "begins with '{'"),
    (["--partition-key", '{"BOOL":true}'], "begins with '{'"),
    (["--partition-key", ""], "is empty"),
    (["--partition-key", '{"N":"1"}'], "'pk' is a string, and the value is a number"),
    (["--partition-key", "room", "--sort-key", '{"N":"1"}'], "'sk' is a string"),
    (["--partition-key", "room", "--index", "by-nothing"], "has no index 'by-nothing'"),
    (["--partition-key", "ann", "--sort-key", "1", "--index", "by-owner"], "of a whole partition"),
])
def test_keys_that_are_none(config, chat, markers, words, hint):
    done = markers(config, "--table", "chat", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in done.stderr


def test_tables_that_are_not_there(config, redis, no_upstream, markers):
    absent = markers(config, "--table", "absent", "--partition-key", "x", "--json")
    assert failure(absent).startswith("absent: ResourceNotFoundException")
    away = markers(no_upstream, "--table", "absent", "--partition-key", "x", "--json")
    assert "can't be reached" in failure(away)
    only = {**config, "tables": {"chat": {"ttl": "10m"}}}
    other = markers(only, "--table", "absent", "--partition-key", "x")
    assert other.returncode == 2 and "no entry for this table" in other.stderr


def test_help(readaside_binary):
    for words in (["markers", "--help"], ["help", "markers"]):
        done = subprocess.run([readaside_binary, *words], capture_output=True, text=True, timeout=30, check=True)
        assert done.stdout.startswith("usage: readaside markers") and done.stderr == ""
        assert all(len(line) <= 110 for line in done.stdout.splitlines())
    overview = subprocess.run([readaside_binary, "help"], capture_output=True, text=True, timeout=30, check=True)
    assert "  markers " in overview.stdout
