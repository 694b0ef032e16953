"""`readaside cache`: each store is reached, shown, emptied and counted, while proxies serve from it."""
import concurrent.futures
import http.client
import json
import os
import re
import subprocess

import pytest

from support import momento_server, ports, processes, redis_server, tables, waiting

KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
GET = {"TableName": "chat", "Key": KEY}
QUERY = {
    "TableName": "chat",
    "KeyConditionExpression": "pk = :pk",
    "ExpressionAttributeValues": {":pk": {"S": "room"}},
}
OF_OWNER = {
    "TableName": "chat",
    "IndexName": "by-owner",
    "KeyConditionExpression": "#o = :o",
    "ExpressionAttributeNames": {"#o": "owner"},
    "ExpressionAttributeValues": {":o": {"S": "ann"}},
}
READS = {"GetItem": GET, "Query": QUERY}
THE_ITEM = ["chat", "--partition-key", "room", "--sort-key", "1"]
THE_PARTITION = ["chat", "--partition-key", "room"]
THE_INDEX = ["chat", "--index", "by-owner", "--partition-key", "ann"]
PASSWORD = "p@ss/w:rd%#?"
TEN_MINUTES = 600_000
STORES = ["memory", "redis", "momento"]


def put(version):
    return {"TableName": "chat", "Item": {**KEY, "owner": {"S": "ann"}, "version": {"S": version}}}


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
def momento():
    server = momento_server.Momento()
    yield server
    server.stop()


@pytest.fixture
def settings(request, counting_upstream):
    """settings(store) is a whole config with it."""

    def make(store, endpoint=counting_upstream.endpoint):
        admin = {"admin": {"address": f"127.0.0.1:{ports.free_port()}"}, "listen": {"threads": 2}}
        if store == "redis":
            url = request.getfixturevalue("redis_factory")().url
            given = {"url": url, "command_timeout": "10s", "connect_timeout": "30s", "quarantine": "0s"}
            admin["cache"] = {"store": "redis", "redis": given}
        if store == "momento":
            admin["cache"] = momento_server.settings(request.getfixturevalue("momento"))["cache"]
        return processes.merged(processes.base_config(endpoint), {**admin, "tables": {"*": {"settle": "0s"}}})

    return make


@pytest.fixture
def cache(readaside_binary, tmp_path):
    """cache(config, *words) runs it; what a sanitizer says is a failure."""

    def run(config, *words, **more):
        path = tmp_path / "cache.jsonc"
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        done = subprocess.run(
            [readaside_binary, "cache", *words[:1], "-c", path, *words[1:]], check=False, timeout=120,
            env=processes.child_environment(more.pop("environment", None)),
            **({"capture_output": True, "text": True} | more),
        )  # fmt: skip
        assert done.returncode in (0, 1, 2), done
        return done

    return run


@pytest.fixture
def shown(cache):
    """shown(config, *words) is its JSON."""

    def run(config, *words):
        done = cache(config, *words, "--json")
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    return run


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        yield executor


def until_hit(proxy, operation="GetItem", body=None):
    def hit():
        reply = proxy.call(operation, body or READS[operation])
        assert reply.status == 200, reply
        return reply.cache == "HIT"

    waiting.until(hit, f"a hit on {operation}; {proxy.output()}")


@pytest.fixture
def filled(proxy_factory, chat, direct):
    """filled(config) is a proxy that has cached the item, its partition and the index's."""

    def start(config):
        direct.ok("PutItem", put("old"))
        proxy = proxy_factory(None, config=config)
        for operation, body in (("GetItem", GET), ("Query", QUERY), ("Query", OF_OWNER)):
            until_hit(proxy, operation, body)
        return proxy

    return start


def kinds(found):
    return {unit["kind"]: unit for unit in found["units"]}


# ---- ping ----


@pytest.mark.parametrize("store", STORES)
def test_ping(settings, cache, shown, proxy_factory, store):
    config = settings(store, "http://127.0.0.1:1")
    if store == "memory":
        proxy_factory(None, config=config)
    found = shown(config, "ping")
    assert found["store"] == store
    assert found["connect_ms"] > 0 and found["latency_ms"] > 0
    done = cache(config, "ping")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith(found["where"] + ": can be reached and used")


def test_ping_of_a_redis_says_who_it_is(redis_factory, settings, shown):
    config = settings("redis")
    assert re.fullmatch(r"Redis \d+\.\d+\.\d+, master", shown(config, "ping")["detail"])


def failed(done, *words):
    """It couldn't be done, and says so in words and in JSON."""
    assert done.returncode == 1, done
    error = json.loads(done.stdout)["error"]
    assert error in done.stderr
    for word in words:
        assert word in error, error
    return error


def test_ping_where_nothing_listens(settings, cache):
    nowhere = ports.free_port()
    config = settings("memory")
    config["cache"] = {"store": "redis", "redis": {"url": f"redis://127.0.0.1:{nowhere}"}}
    failed(cache(config, "ping", "--json"), f"redis 127.0.0.1:{nowhere}", "refused")
    config["cache"] = {
        "store": "momento",
        "momento": {"endpoint": f"http://127.0.0.1:{nowhere}", "cache": "readaside", "api_key": momento_server.v2_key()},
    }
    failed(cache(config, "ping", "--json"), f"http://127.0.0.1:{nowhere}", "'readaside'")
    config.pop("cache")
    failed(cache(config, "ping", "--json"), "the proxy at " + "http://" + config["admin"]["address"])


def test_ping_with_a_wrong_password(redis_factory, settings, cache):
    server = redis_factory(password=PASSWORD)
    config = settings("memory")
    config["cache"] = {"store": "redis", "redis": {"url": f"redis://:wrong-one@127.0.0.1:{server.port}"}}
    error = failed(cache(config, "ping", "--json"), "WRONGPASS")
    assert "wrong-one" not in error


@pytest.mark.parametrize("bodies", ["text", "json"])
@pytest.mark.parametrize("wrong", ["key", "reads-only", "writes-only", "cache", "limit", "broken"])
def test_ping_of_a_momento_that_refuses(momento, settings, cache, wrong, bodies):
    config = settings("momento")
    key = next(iter(momento.keys))
    momento.bodies = bodies
    if wrong == "key":
        momento.keys.clear()
    elif wrong in ("reads-only", "writes-only"):
        momento.keys[key] = {"GET"} if wrong == "reads-only" else {"PUT", "DELETE"}
    elif wrong == "cache":
        momento.caches = {"another": {}}
    elif wrong == "limit":
        momento.limit(0)
    else:
        momento.fail(500)
    error = failed(cache(config, "ping", "--json"), "momento cache 'readaside' at " + momento.endpoint)
    said = {"key": "API key", "reads-only": "API key", "writes-only": "API key", "cache": "cache doesn't exist"}
    assert said.get(wrong, "") in error
    assert key not in error


def test_ping_of_momento_leaves_nothing_for_long(momento, settings, cache):
    assert cache(settings("momento"), "ping").returncode == 0
    assert all(left <= 60 for _, left in momento.items().values())
    assert {r.authorization for r in momento.requests} == set(momento.keys)


# ---- get ----


@pytest.mark.parametrize("store", STORES)
def test_what_is_cached_is_shown(settings, shown, filled, store):
    config = settings(store)
    filled(config)
    found = shown(config, "get", *THE_ITEM)
    assert found["store"] == store
    units = kinds(found)
    assert list(units) == ["item", "partition", "table"]
    assert {units[k]["state"] for k in ("item", "partition", "table")} == {"data"}
    listed = store != "momento"
    assert {u["listed"] for u in units.values()} == {listed}
    assert [len(u["entries"]) for u in units.values()] == [1, 1 if listed else 0, 0]
    item = units["item"]["entries"][0]
    assert item["request"] == "GetItem"
    assert item["bytes"] > 50
    assert 0 < item["expires_in_ms"] <= TEN_MINUTES
    assert item["kept_for_ms"] >= item["expires_in_ms"]
    assert found["total"]["entries"] == 1 + listed
    assert [u["overtaken"] for u in units.values()] == [0, 0, 0]


@pytest.mark.parametrize("store", ["memory", "redis"])
def test_all_entries_of_a_partition_and_an_index(settings, shown, filled, store):
    config = settings(store)
    proxy = filled(config)
    for limit in range(1, 40):
        until_hit(proxy, "Query", {**QUERY, "Limit": limit})
    units = kinds(shown(config, "get", *THE_PARTITION))
    assert list(units) == ["partition", "table"]
    assert len({e["entry"] for e in units["partition"]["entries"]}) == 40
    units = kinds(shown(config, "get", *THE_INDEX))
    assert list(units) == ["index partition", "index", "table"]
    assert len(units["index partition"]["entries"]) == 1


@pytest.mark.parametrize("store", STORES)
def test_what_was_never_read_is_empty_and_stays_so(settings, shown, filled, store):
    config = settings(store)
    filled(config)
    for _ in range(2):  # a look makes nothing
        units = kinds(shown(config, "get", "chat", "--partition-key", "another room", "--sort-key", "1"))
        assert [units[k]["state"] for k in ("item", "partition")] == ["empty", "empty"]
        assert units["item"]["entries"] == []


@pytest.mark.parametrize("store", STORES)
def test_a_unit_that_is_being_written(settings, shown, filled, counting_upstream, pool, store):
    config = settings(store)
    proxy = filled(config)
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(proxy.call, "PutItem", put("new"))
    gate.wait_for(1)
    units = kinds(shown(config, "get", *THE_ITEM))
    assert [units[k]["state"] for k in ("item", "partition", "table")] == ["marked", "marked", "data"]
    assert units["item"]["markers"] == 1 and units["item"]["entries"] == []
    if store != "momento":
        assert 0 < units["item"]["marked_for_ms"] <= 60_000
    gate.release()
    assert writing.result().status == 200


@pytest.mark.parametrize("store", ["memory", "redis"])
def test_a_write_to_the_whole_table_overtakes_entries(settings, shown, filled, store):
    config = settings(store)
    proxy = filled(config)
    statement = {"Statement": "UPDATE chat SET version='newer' WHERE pk='room' AND sk='1'"}
    assert proxy.call("ExecuteStatement", statement).status == 200

    def overtaken():
        units = kinds(shown(config, "get", *THE_ITEM))
        return units["item"]["entries"] == [] and units["item"]["overtaken"] == 1

    waiting.until(overtaken, "the entry not to count any more")


def test_of_momento_only_what_its_registers_call_good(momento, settings, shown, filled):
    config = settings("momento")
    filled(config)
    found = kinds(shown(config, "get", *THE_ITEM))
    assert len(found["item"]["entries"]) == 1
    before = momento.items()
    for kind in ("item", "table"):
        name = b"ra1:" + found[kind]["unit"].encode()
        momento.put(name, b"I" + b"0" * 32)
        item = kinds(shown(config, "get", *THE_ITEM))["item"]
        assert (item["state"], item["entries"], item["overtaken"]) == ("data", [], 1)
        momento.put(name, before[name][0])
    name = b"ra1:" + found["item"]["unit"].encode()
    for text, state in ((b"W" + b"0" * 32, "marked"), (b"nonsense", "empty"), (b"", "empty")):
        momento.put(name, text)
        item = kinds(shown(config, "get", *THE_ITEM))["item"]
        assert (item["state"], item["entries"]) == (state, [])
        dropped = {u["kind"]: u["dropped"] for u in shown(config, "delete", *THE_ITEM)["units"]}
        assert dropped["item"] is False
        assert momento.items()[name][0] == text, "left alone"


def test_a_table_for_a_person(settings, cache, filled):
    config = settings("memory")
    filled(config)
    done = cache(config, "get", *THE_ITEM)
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"of the +unit +state +entries +bytes", lines[0])
    assert any(re.fullmatch(r"item +[0-9a-f]{16} +cached +1 +\d+", line) for line in lines)
    assert any(re.fullmatch(r"item +[0-9a-f]{16} +GetItem +\d+ +in \d+m \d+s +in \d+m \d+s *", line) for line in lines)
    assert lines[-1] == "2 entries"


def test_sealed_entries_are_shown_without_the_key_that_opens_them(settings, shown, filled):
    config = settings("redis")
    config["cache"]["encryption_key"] = ["11" * 32]
    filled(config)
    other = processes.merged(config, {"cache": {"encryption_key": ["22" * 32]}})
    assert len(kinds(shown(other, "get", *THE_ITEM))["item"]["entries"]) == 1


# ---- delete ----


@pytest.mark.parametrize("store", STORES)
def test_what_is_deleted_is_read_again(settings, shown, filled, counting_upstream, store):
    config = settings(store)
    if store != "memory":
        config["cache"]["near"] = {"max_bytes": "0"}
    proxy = filled(config)
    found = shown(config, "delete", *THE_ITEM)
    assert {u["kind"]: u["dropped"] for u in found["units"]} == {"item": True, "partition": True}
    counting_upstream.forget()
    for operation, body in READS.items():
        assert proxy.call(operation, body).cache == "MISS"
        assert counting_upstream.count(operation) == 1
    assert proxy.call("Query", OF_OWNER).cache == "HIT", "the index's partition wasn't meant"
    until_hit(proxy)


@pytest.mark.parametrize("store", STORES)
def test_a_whole_table_is_deleted(settings, shown, filled, store):
    config = settings(store)
    if store != "memory":
        config["cache"]["near"] = {"max_bytes": "0", "max_age": "1ms"}
    proxy = filled(config)
    found = shown(config, "delete", "chat", "--all")
    assert [(u["kind"], u["dropped"]) for u in found["units"]] == [("table", True)]
    for operation, body in (("GetItem", GET), ("Query", QUERY), ("Query", OF_OWNER)):
        assert proxy.call(operation, body).cache == "MISS"
        until_hit(proxy, operation, body)


@pytest.mark.parametrize("store", STORES)
def test_nothing_to_delete(settings, shown, filled, store):
    config = settings(store)
    filled(config)
    found = shown(config, "delete", "chat", "--partition-key", "another room")
    assert [(u["kind"], u["dropped"]) for u in found["units"]] == [("partition", False)]


@pytest.mark.parametrize("store", STORES)
def test_deleting_leaves_a_write_in_flight_marked(settings, shown, filled, counting_upstream, pool, store):
    config = settings(store)
    proxy = filled(config)
    gate = counting_upstream.hold("PutItem")
    writing = pool.submit(proxy.call, "PutItem", put("new"))
    gate.wait_for(1)
    found = shown(config, "delete", *THE_ITEM)
    assert {u["dropped"] for u in found["units"]} == {False}
    assert kinds(shown(config, "get", *THE_ITEM))["item"]["state"] == "marked"
    assert proxy.call("GetItem", GET).cache == "BYPASS"
    gate.release()
    assert writing.result().status == 200
    until_hit(proxy)
    assert proxy.call("GetItem", GET).json["Item"]["version"]["S"] == "new"


def test_the_near_caches_of_proxies_on_redis_hear_of_it(settings, shown, filled, proxy_factory, direct):
    config = settings("redis")
    config["cache"]["near"] = {"max_age": "1m"}
    one = filled(config)
    free = processes.merged(config, {"admin": {"address": f"127.0.0.1:{ports.free_port()}"}})
    other = proxy_factory(None, config=free)
    until_hit(other)
    direct.ok("PutItem", put("written past the proxies"))
    for proxy in (one, other):
        assert proxy.call("GetItem", GET).json["Item"]["version"]["S"] == "old"
    shown(config, "delete", *THE_ITEM)

    def knows(proxy):
        return proxy.call("GetItem", GET).json["Item"]["version"]["S"] == "written past the proxies"

    for proxy in (one, other):
        waiting.until(lambda p=proxy: knows(p), "a push to come")


# ---- stats ----


@pytest.mark.parametrize("store", STORES)
def test_counters(settings, cache, shown, filled, store):
    config = settings(store)
    proxy = filled(config)
    before = shown(config, "stats")
    assert before["store"] == store and before["threads"] == 2
    for _ in range(10):
        assert proxy.call("GetItem", GET).cache == "HIT"
    assert proxy.call("PutItem", put("new")).status == 200
    after = shown(config, "stats")
    assert after["hits"] == before["hits"] + 10
    assert after["begins"] > before["begins"]
    assert before["misses"] >= 3 and before["fills"] >= 3
    assert ("near" in after) == (store != "memory")
    if store == "memory":
        assert 0 < after["bytes"] <= after["max_bytes"] and after["units"] >= 1
    if store == "redis":
        assert after["health"] == ["serving", "serving"] and after["connections"] >= 2
    done = cache(config, "stats")
    assert done.returncode == 0
    assert re.search(rf"^hits +{after['hits']}$", done.stdout, re.MULTILINE)


# ---- wrong calls ----


@pytest.mark.parametrize(
    "words, said",
    [
        ([], "usage: readaside cache"),
        (["pong"], "did you mean 'ping'?"),
        (["get", "chat", "--partition-key", "a"], "-c FILE is missing"),
        (["get", "-c", "x"], "TABLE is missing"),
        (["get", "-c", "x", "chat"], "--partition-key VALUE is missing"),
        (["get", "-c", "x", "chat", "more", "--partition-key", "a"], "unknown argument 'more'"),
        (["get", "-c", "x", "chat", "--all"], "unknown option '--all'"),
        (["delete", "-c", "x", "chat"], "or --all"),
        (["delete", "-c", "x", "chat", "--all", "--partition-key", "a"], "--all is the whole table"),
        (["ping", "-c", "x", "--jsn"], "did you mean '--json'?"),
        (["stats", "-c", "x", "chat"], "unknown argument 'chat'"),
    ],
)
def test_wrong_calls(readaside_binary, words, said):
    done = subprocess.run([readaside_binary, "cache", *words], check=False, capture_output=True, text=True,
                          env=processes.child_environment({"READASIDE_CONFIG": ""}))
    assert done.returncode == 2 and done.stdout == ""
    assert said in done.stderr


@pytest.mark.parametrize("command", ["ping", "get", "delete", "stats"])
def test_help(readaside_binary, command):
    done = subprocess.run([readaside_binary, "cache", command, "--help"], check=False, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith(f"usage: readaside cache {command}")
    assert all(len(line) <= 100 for line in done.stdout.splitlines())


@pytest.mark.parametrize("command", [["ping"], ["get", *THE_ITEM], ["delete", *THE_ITEM], ["stats"]])
def test_without_an_admin_address(settings, cache, chat, command):
    config = settings("memory")
    config.pop("admin")
    done = cache(config, *command, "--json")
    assert done.returncode == 2
    assert "admin.address" in json.loads(done.stdout)["error"]


def test_a_table_that_isnt_cached_and_one_that_isnt_there(settings, cache, chat):
    config = settings("memory")
    config["tables"] = {"chat": {}}
    done = cache(config, "get", "other", "--partition-key", "a")
    assert done.returncode == 2 and "no entry for this table" in done.stderr
    config["tables"] = {"*": {}}
    done = cache(config, "get", "no-such-table", "--partition-key", "a")
    assert done.returncode == 1 and "ResourceNotFoundException" in done.stderr


def test_a_proxy_with_another_store(settings, cache, proxy_factory, chat):
    config = settings("redis")
    proxy_factory(None, config=config)
    memory = {**config, "cache": {"store": "memory"}}
    done = cache(memory, "get", *THE_ITEM, "--json")
    assert done.returncode == 1 and "error" in json.loads(done.stdout)


def test_a_full_disk(settings, cache, filled):
    config = settings("memory")
    filled(config)
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = cache(config, "get", *THE_ITEM, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1 and "can't be written" in done.stderr


def test_the_environment_names_the_configuration(readaside_binary, settings, tmp_path):
    path = tmp_path / "named.jsonc"
    path.write_text(json.dumps(settings("redis")))
    environment = processes.child_environment({"READASIDE_CONFIG": str(path)})
    done = subprocess.run([readaside_binary, "cache", "ping"], check=False, capture_output=True, text=True,
                          env=environment)
    assert done.returncode == 0, done


# ---- the admin listener ----


@pytest.fixture
def admin(settings, proxy_factory):
    """admin(method, path, body, **headers) -> (status, JSON), of a proxy with store "memory"."""
    config = settings("memory")
    proxy = proxy_factory(None, config=config)
    host, _, port = config["admin"]["address"].partition(":")
    assert f"readaside: admin on http://{host}:{port}" in proxy.output()

    def ask(method, path, body=None, **headers):
        connection = http.client.HTTPConnection(host, int(port), timeout=waiting.PATIENCE)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            given.setdefault("Content-Type", "application/json")
        connection.request(method, path, body, given)
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        assert reply.getheader("Content-Type") == "application/json"
        assert reply.getheader("Access-Control-Allow-Origin") is None
        return reply.status, json.loads(text)

    return ask


def test_the_listener_refuses_what_a_web_page_could_send(admin):
    assert admin("POST", "/admin/cache/ping", "{}")[0] == 200
    assert admin("POST", "/admin/cache/ping", "{}", Content_Type="text/plain")[0] == 415
    assert admin("POST", "/admin/cache/ping", "{}", Content_Type="application/jsonx")[0] == 415
    assert admin("POST", "/admin/cache/ping", "{}", Content_Type="application/json; charset=utf-8")[0] == 200
    assert admin("POST", "/admin/cache/ping", "{}", Origin="http://evil.example")[0] == 403
    for host in ("evil.example", "evil.example:8081", "127.0.0.1.evil.example", "10.0.0.1:8081"):
        assert admin("POST", "/admin/cache/ping", "{}", Host=host)[0] == 403
    for host in ("localhost", "localhost:8081", "127.0.0.1", "[::1]:8081"):
        assert admin("POST", "/admin/cache/ping", "{}", Host=host)[0] == 200


def test_the_listener_refuses_what_it_doesnt_have(admin):
    assert admin("GET", "/admin/")[0] == 404
    assert admin("GET", "/admin/cache/nothing")[0] == 404
    assert admin("GET", "/admin/cache/ping")[0] == 405
    assert admin("POST", "/admin/cache/stats", "{}")[0] == 405
    assert admin("DELETE", "/admin/cache/stats")[0] == 405
    assert admin("GET", "/admin/cache/stats")[0] == 200


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "{}", '{"units": []}', '{"units": {}}', '{"units": ["12"]}', '{"units": [7]}', '{"units": [{}]}',
     '{"units": ["' + "g" * 64 + '"]}', json.dumps({"units": ["0" * 64] * 257}),
     json.dumps({"units": [{"unit": "0" * 64, "guards": ["0" * 64] * 3}]}),
     json.dumps({"units": [{"unit": "0" * 64, "guards": [1]}]})],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/admin/cache/get", "/admin/cache/delete"])
def test_bodies_that_are_none(admin, path, body):
    status, answer = admin("POST", path, body)
    assert status == 400 and answer["error"]


def test_the_port_is_taken(readaside_binary, settings, proxy_factory, tmp_path):
    config = settings("memory")
    proxy_factory(None, config=config)
    path = tmp_path / "second.jsonc"
    path.write_text(json.dumps(config))
    done = subprocess.run([readaside_binary, "serve", "-c", path], check=False, capture_output=True, text=True,
                          timeout=60, env=processes.child_environment())
    assert done.returncode == 1
    assert "admin.address: can't listen on 127.0.0.1 port" in done.stderr


def test_an_address_that_others_reach_is_refused(readaside_binary, settings, tmp_path):
    config = settings("memory")
    config["admin"]["address"] = "0.0.0.0:8081"
    path = tmp_path / "exposed.jsonc"
    path.write_text(json.dumps(config))
    done = subprocess.run([readaside_binary, "check", "-c", path], check=False, capture_output=True, text=True,
                          env=processes.child_environment())
    assert done.returncode == 2 and "admin.address" in done.stderr


def test_a_drain_with_the_listener_busy(settings, filled, pool):
    """stop() at the end of the test judges how it ended."""
    config = settings("redis")
    proxy = filled(config)
    host, _, port = config["admin"]["address"].partition(":")

    def ask():
        try:
            connection = http.client.HTTPConnection(host, int(port), timeout=waiting.PATIENCE)
            for _ in range(200):
                connection.request("GET", "/admin/cache/stats")
                json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException):
            return True
        return False

    asking = [pool.submit(ask) for _ in range(4)]
    proxy.terminate()
    assert proxy.wait() == 0
    assert all(a.result() in (True, False) for a in asking)
    assert not os.path.exists(f"/proc/{proxy.process.pid}")
