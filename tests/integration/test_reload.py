"""Live reload: what changes at once, what waits for a restart, what a bad file does, and who notices nothing of it."""
import http.client
import itertools
import json
import re
import signal
import subprocess
import threading

import pytest

from support import following, momento_server, oidc_server, processes, raw, redis_server, rest, signing, tables, tls, waiting
from support.reloading import Reloading, whole, with_admin

TABLE = "chat"
TOKEN = "a-token-that-nobody-guesses"


def key(sk, pk="room"):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def get(sk="1", pk="room", table=TABLE):
    return {"TableName": table, "Key": key(sk, pk)}


def put(sk="1", text="v", pk="room", table=TABLE):
    return {"TableName": table, "Item": {**key(sk, pk), "v": {"S": text}}}


def query(pk="room", table=TABLE):
    return {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
    }


def batch(*sks):
    return {"RequestItems": {TABLE: {"Keys": [key(sk) for sk in sks]}}}


@pytest.fixture
def redis(tmp_path_factory):
    server = redis_server.Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def momento():
    server = momento_server.Momento()
    yield server
    server.stop()


@pytest.fixture
def reloading(proxy_factory, counting_upstream, readaside_binary, chat):
    """reloading(changes) starts a proxy that can be asked to reload; `chat` is its table, by name."""

    def start(changes=None, config=None):
        config = config or whole(counting_upstream.endpoint, with_admin(changes))
        return Reloading(proxy_factory(None, config=config), config, readaside_binary)

    return start


def of(table=TABLE, **options):
    """Changes to one table's options."""
    return {"tables": {table: options}}


def settings(**options):
    """The table by its own name, entries living for ten minutes."""
    return of(ttl="10m", ttl_jitter="0%", negative_ttl="10m", settle="50ms", **options)


def only(upstream, changes, *names):
    """A configuration that names these tables alone, and no "*"."""
    config = whole(upstream, with_admin(changes))
    config["tables"] = {name: config["tables"].get(name, {"ttl": "10m", "ttl_jitter": "0%"}) for name in names}
    return config


def hit_of(reply):
    assert reply.status == 200, reply
    return reply.cache


def warm(wire, operation, body):
    """Asks until it is a hit."""
    waiting.until(lambda: wire.call(operation, body).cache == "HIT", f"{operation} to be cached")


def older_than(wire, seconds, operation, body):
    """An entry that is as old at least."""
    warm(wire, operation, body)
    waiting.until(lambda: int(wire.call(operation, body).headers["Age"]) >= seconds, "it to grow old")


# ---- TTLs ----


def test_a_shorter_ttl_counts_at_once(reloading, direct):
    """On the express way, the whole way, in a batch, and for what isn't there."""
    direct.ok("PutItem", put("1"))
    direct.ok("PutItem", put("2"))
    r = reloading(settings())
    reads = [("GetItem", get("1")), ("Query", query()), ("BatchGetItem", batch("1", "2")), ("GetItem", get("none"))]
    with r.proxy.wire() as wire:
        for read in reads:
            older_than(wire, 2, *read)
        assert r.reload(of(ttl="1s", negative_ttl="10m")) == (["tables.chat.ttl"], [])
        for read in reads[:3]:
            assert hit_of(wire.call(*read)) == "MISS", read
        assert hit_of(wire.call(*reads[3])) == "HIT"
        assert r.reload(of(negative_ttl="1s")) == (["tables.chat.negative_ttl"], [])
        assert hit_of(wire.call(*reads[3])) == "MISS"


def test_what_is_younger_stays_and_a_longer_ttl_is_for_new_fills(reloading, direct):
    direct.ok("PutItem", put("1"))
    r = reloading(of(ttl="20s", ttl_jitter="0%"))
    with r.proxy.wire() as wire:
        warm(wire, "GetItem", get())
        r.reload(of(ttl="15s"))
        reply = wire.call("GetItem", get())
        assert hit_of(reply) == "HIT"
        assert 0 < int(reply.headers["Cache-Status"].split("ttl=")[1].split(";")[0]) <= 15
        r.reload(of(ttl="1h"))
        reply = wire.call("GetItem", get())
        assert hit_of(reply) == "HIT"
        assert int(reply.headers["Cache-Status"].split("ttl=")[1].split(";")[0]) <= 20


def test_a_ttl_of_0_serves_nothing_and_a_pattern_counts(reloading, direct):
    for pk in ("a", "b"):
        direct.ok("PutItem", put("1", pk=pk))
    r = reloading(settings())
    pattern = {"name": "a", "partition_key": "a", "ttl": "0s"}
    with r.proxy.wire() as wire:
        for pk in ("a", "b"):
            warm(wire, "GetItem", get(pk=pk))
        assert r.reload(of(patterns=[pattern])) == (["tables.chat.patterns"], [])
        assert hit_of(wire.call("GetItem", get(pk="a"))) == "BYPASS"
        assert hit_of(wire.call("GetItem", get(pk="b"))) == "HIT"
        assert r.reload(of(patterns=[{**pattern, "ttl": "1h"}])) == (["tables.chat.patterns[0].ttl"], [])
        assert hit_of(wire.call("GetItem", get(pk="a"))) == "HIT"


def test_past_the_shorter_ttl_it_is_stale_where_that_is_allowed(reloading, direct, counting_upstream):
    direct.ok("PutItem", put("1"))
    r = reloading(settings(stale_if_error="10m"))
    with r.proxy.wire() as wire:
        older_than(wire, 2, "GetItem", get())
        r.reload(of(ttl="1s"))
        counting_upstream.fail("GetItem")
        assert hit_of(wire.call("GetItem", get())) == "STALE"


# ---- a bad file ----


def test_a_bad_file_changes_nothing_and_says_why(reloading, direct):
    direct.ok("PutItem", put("1"))
    r = reloading(settings())
    good = json.dumps(r.config, indent=2)
    with r.proxy.wire() as wire:
        warm(wire, "GetItem", get())
        r.write('{\n  "listen": { "max_bdy": "1MiB" },\n  "tables": { "chat": { "ttl": "soon" } }\n}')
        status, answer = r.post("/admin/reload")
        assert status == 422 and answer["reloaded"] is False
        assert [(p["line"], p["path"]) for p in answer["problems"]] == [(2, "listen.max_bdy"), (3, "tables.chat.ttl")]
        assert 'did you mean \\"max_body\\"' in json.dumps(answer["problems"])
        done = r.command("reload")
        assert done.returncode == 2 and ":2: listen.max_bdy: " in done.stderr and ":3: tables.chat.ttl: " in done.stderr
        r.hang_up()
        assert "nothing has changed" in r.proxy.output()
        assert hit_of(wire.call("GetItem", get())) == "HIT"
        r.write(good)
        assert r.post("/admin/reload")[1]["changed"] == []


def test_a_file_that_isnt_there_changes_nothing(reloading):
    r = reloading()
    r.proxy.config_path.unlink()
    assert r.post("/admin/reload")[0] == 422
    assert r.proxy.alive()


def test_the_mixture_of_old_and_new_must_be_allowed(reloading, tmp_path):
    """What waits for a restart could otherwise open a door that the new file, as a whole, keeps shut."""
    keys = tmp_path / "keys.json"
    signing.write_keys(keys, signing.Key("ONE"))
    r = reloading({"listen": {"address": "0.0.0.0:0"}, "auth": {"sigv4": {"keys_file": str(keys)}}})
    r.change({**r.config, "listen": {"address": "127.0.0.1:0", "threads": 2}, "auth": {}})
    status, answer = r.post("/admin/reload")
    assert status == 422
    assert "with what waits for a restart as it was" in answer["problems"][0]["message"]
    assert r.proxy.call("ListTables", {}).status == 400


# ---- what waits ----


def test_what_cant_change_is_named(reloading, direct):
    direct.ok("PutItem", put("1"))
    r = reloading(settings())
    with r.proxy.wire() as wire:
        warm(wire, "GetItem", get())
        changes = {"listen": {"threads": 3}, "cache": {"max_bytes": "1MiB"}, **of(consistency="eventual", ttl="9m")}
        changed, kept = r.reload(changes)
        assert changed == ["tables.chat.ttl"]
        assert kept == ["listen.threads", "cache.max_bytes", "tables.chat.consistency"]
        assert hit_of(wire.call("GetItem", get())) == "HIT"
    done = r.command("reload")
    assert done.returncode == 3
    assert done.stdout.splitlines() == [f"waits for a restart: {path}" for path in kept]
    assert json.loads(r.command("reload", "--json").stdout)["kept"] == kept


def test_the_command(reloading):
    r = reloading(settings())
    done = r.command("reload")
    assert (done.returncode, done.stderr) == (0, "")
    r.change(processes.merged(r.config, of(ttl="1m")))
    done = r.command("reload")
    assert (done.returncode, done.stdout) == (0, "in force: tables.chat.ttl\n")
    r.proxy.stop()
    assert r.command("reload").returncode == 1


# ---- one of each family ----


def test_hosts_and_headers(reloading):
    r = reloading()
    listen = {"hosts": ["proxy.example"], "max_headers": 10, "max_header_bytes": "4KiB"}
    long, many = [f"X-Long: {'x' * 8000}"], [f"X-{i}: x" for i in range(20)]

    def ask(host="localhost", more=()):
        request = raw.request("ListTables", {}, extra=more).replace(b"Host: 127.0.0.1", b"Host: " + host.encode())
        return raw.exchange(r.proxy.port, request).status

    assert [ask("proxy.example"), ask(more=long), ask(more=many)] == [421, 200, 200]
    r.reload({"listen": listen})
    assert [ask("proxy.example"), ask(more=long), ask(more=many)] == [200, 431, 431]


def test_the_body_on_a_connection_that_is_there(reloading):
    r = reloading({"listen": {"max_body": "2KiB"}})
    large = put(text="x" * (3 << 20))
    with r.proxy.wire() as wire:
        assert wire.call("PutItem", put(text="x" * 3000)).status == 413
        r.reload({"listen": {"max_body": "8MiB"}})
        assert wire.call("PutItem", put(text="x" * 3000)).status == 200
        reply = wire.call("PutItem", large)
        assert reply.status == 400 and "readaside" not in (reply.message or ""), reply
        r.reload({"listen": {"max_body": "2KiB"}})
        assert wire.call("PutItem", put(text="x" * 3000)).status == 413


def test_how_many_at_once(reloading, counting_upstream):
    r = reloading()
    with r.proxy.wire() as wire:
        r.reload({"listen": {"max_in_flight": 1}})
        held = counting_upstream.hold("ListTables", times=1)
        first = threading.Thread(target=lambda: r.proxy.call("ListTables", {}))
        first.start()
        held.wait_for()
        assert wire.call("ListTables", {}).status == 503
        r.reload({"listen": {"max_in_flight": 10}})
        assert wire.call("ListTables", {}).status == 200
        held.release()
        first.join()


def test_how_many_connections(reloading):
    r = reloading({"listen": {"max_connections": 2}})
    with raw.connect(r.proxy.port) as one, raw.connect(r.proxy.port) as two:
        for sock in (one, two):
            sock.sendall(raw.request("ListTables", {}))
            assert raw.ReplyReader(sock).next().status == 200
        with raw.connect(r.proxy.port) as three:
            assert three.recv(1) == b""
        r.reload({"listen": {"max_connections": 3}})
        with raw.connect(r.proxy.port) as three:
            three.sendall(raw.request("ListTables", {}))
            assert raw.ReplyReader(three).next().status == 200
        r.reload({"listen": {"max_connections": 100, "max_connections_per_address": 1}})
        with raw.connect(r.proxy.port) as three:
            assert three.recv(1) == b""
        one.sendall(raw.request("ListTables", {}))  # nobody who is there has to go
        assert raw.ReplyReader(one).next().status == 200


def test_how_long_it_may_take(reloading):
    """Also of who has begun already: it has been let wait for hours, and is closed."""
    r = reloading({"listen": {"header_timeout": "10m", "body_timeout": "1h", "idle_timeout": "1h"}})
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\nContent-Length: 2\r\n"
    for begun in (head, head + b"\r\n{"):
        with raw.connect(r.proxy.port) as sock:
            sock.sendall(begun)
            raw.wait_until_read(r.proxy.port, [sock])
            r.reload({"listen": {"header_timeout": "100ms", "body_timeout": "100ms"}})
            assert sock.recv(1000) == b""
            r.reload({"listen": {"header_timeout": "10m", "body_timeout": "1h"}})
    with raw.connect(r.proxy.port) as sock:
        sock.sendall(raw.request("ListTables", {}))
        assert raw.ReplyReader(sock).next().status == 200
        r.reload({"listen": {"idle_timeout": "1s"}})
        assert sock.recv(1) == b""


def test_upstreams_time(reloading, counting_upstream):
    r = reloading({"upstream": {"request_timeout": "30s"}})
    r.reload({"upstream": {"request_timeout": "200ms"}})
    held = counting_upstream.hold("ListTables")
    assert r.proxy.call("ListTables", {}).status == 503
    held.release()


def test_upstreams_reply(reloading, direct):
    for i in range(6):
        direct.ok("PutItem", put(str(i), text="x" * 350_000))
    scan = {"TableName": TABLE, "Limit": 4}
    r = reloading({"upstream": {"max_reply": "1MiB"}})
    with r.proxy.wire() as wire:
        assert wire.call("Scan", scan).status == 503
        r.reload({"upstream": {"max_reply": "4MiB"}})
        assert wire.call("Scan", scan).status == 200


def test_the_schemas_refresh(reloading, counting_upstream):
    r = reloading({"upstream": {"schema_refresh": "24h"}})
    with r.proxy.wire() as wire:
        wire.ok("GetItem", get())
        counting_upstream.forget()
        r.reload({"upstream": {"schema_refresh": "100ms"}})

        def refreshed():
            wire.ok("PutItem", put())
            return counting_upstream.count("DescribeTable") > 0

        waiting.until(refreshed, "the schema to be learnt anew")


def test_the_admins_token(reloading):
    r = reloading({"admin": {"token": TOKEN}})
    assert r.post("/admin/cache/ping", token=TOKEN)[0] == 200
    r.reload({"admin": {"token": "another-token-of-someone"}}, token=TOKEN)
    assert r.post("/admin/cache/ping", token=TOKEN)[0] == 401
    assert r.post("/admin/cache/ping", token="another-token-of-someone")[0] == 200


def events(reply):
    """The names of the events, until the stream is closed."""
    try:
        while line := reply.readline():
            if line.startswith(b"event: "):
                yield line.split()[1].decode()
    except ConnectionError:
        pass


def test_who_has_shown_a_token_that_is_none_any_more_looks_no_longer(reloading):
    r = reloading({"admin": {"token": TOKEN}})
    connection = http.client.HTTPConnection(r.config["admin"]["address"], timeout=waiting.PATIENCE)
    connection.request("GET", "/admin/events", headers={"Authorization": f"Bearer {TOKEN}"})
    reply = connection.getresponse()
    assert reply.status == 200
    seen = events(reply)
    assert next(seen) == "live"
    r.reload({"admin": {"show_keys": True}}, token=TOKEN)
    assert "event" in (next(seen) for _ in range(100)), "it goes on"
    assert next(seen)
    r.reload({"admin": {"token": "another-token-of-someone"}}, token=TOKEN)
    assert len(list(itertools.islice(seen, 30))) < 30
    connection.close()


def test_consistent_fill(reloading, counting_upstream):
    r = reloading(settings())
    with r.proxy.wire() as wire:
        for consistent in (True, False):
            r.reload(of(consistent_fill=consistent))
            counting_upstream.forget()
            wire.ok("GetItem", get(str(consistent)))
            assert bool(counting_upstream.seen("GetItem")[0].json.get("ConsistentRead")) == consistent


def test_serve_consistent_reads(reloading, direct):
    direct.ok("PutItem", put("1"))
    brief = {"unknown_write_hold": "3s", "upstream": {"request_timeout": "1s"}}  # nothing is cached for so long
    r = reloading({**settings(consistency="linearizable"), **brief})
    consistent = {**get(), "ConsistentRead": True}
    with r.proxy.wire() as wire:
        assert hit_of(wire.call("GetItem", consistent)) == "BYPASS"
        assert r.reload(of(serve_consistent_reads=True)) == (["tables.chat.serve_consistent_reads"], [])
        warm(wire, "GetItem", consistent)


def test_settle(reloading):
    by_owner = {
        "TableName": TABLE,
        "IndexName": "by-owner",
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": {"S": "ann"}},
    }
    item = {"TableName": TABLE, "Item": {**key("1"), "owner": {"S": "ann"}}}
    r = reloading(settings())
    with r.proxy.wire() as wire:
        assert r.reload(of(settle="10m")) == (["tables.chat.settle"], [])
        wire.ok("PutItem", item)
        assert hit_of(wire.call("Query", by_owner)) == "BYPASS"
        r.reload(of(settle="0s"))
        wire.ok("PutItem", {"TableName": TABLE, "Item": {**key("1"), "owner": {"S": "ben"}}})
        assert hit_of(wire.call("Query", by_owner)) == "BYPASS"  # the first write's time hasn't passed


def test_routes_and_cors(reloading, direct):
    direct.ok("PutItem", put("1"))
    route = {
        "name": "rooms",
        "method": "GET",
        "path": "/rooms/{room}",
        "query": {"table": TABLE, "partition_key": "{path.room}"},
        "reply": {"each": {"text": "v"}},
    }
    r = reloading(settings())

    def ask(headers=None):
        with rest.Rest(r.proxy.endpoint) as page:
            return page.get("/rooms/room", headers)

    origin = {"Origin": "https://page.example"}
    assert ask().status == 404
    r.reload({"routes": [route], "cors": {"allow_origins": ["https://page.example"]}})
    for _ in range(2):
        reply = ask(origin)
        assert reply.json == [{"text": "v"}]
        assert reply.headers["Access-Control-Allow-Origin"] == "https://page.example"
    r.reload({"routes": [{**route, "reply": {"each": {"what": "v"}}}], "cors": {"allow_origins": []}})
    reply = ask(origin)
    assert reply.json == [{"what": "v"}] and "Access-Control-Allow-Origin" not in reply.headers
    assert reply.cache == "HIT"
    r.reload({"routes": []})
    assert ask().status == 404


def test_a_shorter_ttl_on_a_route(reloading, direct):
    direct.ok("PutItem", put("1"))
    route = {
        "name": "rooms",
        "method": "GET",
        "path": "/rooms/{room}",
        "query": {"table": TABLE, "partition_key": "{path.room}"},
    }
    r = reloading({**settings(), "routes": [route]})

    def ask():
        with rest.Rest(r.proxy.endpoint) as page:
            return page.get("/rooms/room")

    waiting.until(lambda: int(ask().headers.get("Age", "0")) >= 2, "the page to grow old")
    r.reload(of(ttl="1s"))
    assert ask().cache == "MISS"


def test_signatures_and_secrets(reloading, tmp_path):
    one, two = signing.Key("ONE"), signing.Key("TWO")
    keys = tmp_path / "keys.json"
    signing.write_keys(keys, one)
    r = reloading()

    def ask(key):
        return raw.exchange(r.proxy.port, signing.request(key, "ListTables", {})).status

    assert r.proxy.call("ListTables", {}).status == 200
    assert r.reload({"auth": {"sigv4": {"keys_file": str(keys)}}}) == (["auth.sigv4"], [])
    assert [r.proxy.call("ListTables", {}).status, ask(one), ask(two)] == [400, 200, 400]
    signing.write_keys(keys, two)
    assert r.reload() == ([], [])
    assert [ask(one), ask(two)] == [400, 200]
    keys.write_text("hello")
    status, answer = r.post("/admin/reload")
    assert status == 422 and answer["problems"][0]["path"] == "auth.sigv4.keys_file"
    assert ask(two) == 200
    config = dict(r.config)
    del config["auth"]
    r.reload(config=config)
    assert r.proxy.call("ListTables", {}).status == 200


NOTES = {
    "name": "notes",
    "method": "GET",
    "path": "/notes",
    "query": {"table": TABLE, "partition_key": "{claim.sub}"},
}


def test_tokens_and_back_ends(reloading, direct):
    provider = oidc_server.Provider()
    direct.ok("PutItem", put("1", pk="ann"))
    r = reloading({"routes": [NOTES], "auth": {"backend": {"secret": TOKEN, "claims": {"sub": "X-User"}}}})

    def ask(headers):
        with rest.Rest(r.proxy.endpoint) as page:
            return page.get("/notes", headers).status

    token = {"Authorization": f"Bearer {provider.token('ann')}"}
    behind = {"X-Readaside-Secret": TOKEN, "X-User": "ann"}
    assert (ask(token), ask(behind)) == (401, 200)
    assert r.reload({"auth": {"jwt": provider.config()}}) == (["auth.jwt"], [])
    waiting.until(lambda: ask(token) != 503, "the provider's keys")
    assert (ask(token), ask(behind)) == (200, 200)
    assert r.reload({"auth": {"jwt": provider.config(client_id="another")}}) == (["auth.jwt.client_id"], [])
    assert ask(token) == 401
    another = "another-secret-of-the-back-end"
    assert r.reload({"auth": {"jwt": provider.config(), "backend": {"secret": another}}}) == (
        ["auth.jwt.client_id", "auth.backend.secret"], [])
    assert (ask(token), ask(behind), ask({**behind, "X-Readaside-Secret": another})) == (200, 401, 200)
    provider.stop()


def test_certificates_of_other_names(reloading, tmp_path):
    redis_server.make_authority(tmp_path, "one")
    made = {n: redis_server.make_certificate(tmp_path, "one", n, "IP:127.0.0.1") for n in ("first", "second")}
    client = tls.context(made["first"].authority)

    def options(name):
        return {"cert_file": str(made[name].certificate), "key_file": str(made[name].key)}

    def shown():
        with tls.connect(r.proxy.port, client) as sock:
            return dict(pair[0] for pair in sock.getpeercert()["subject"])["commonName"]

    processes.Proxy.READY = re.compile(r"listening on (https?://\S+)")
    r = reloading({"listen": {"tls": options("first")}})
    assert shown() == "first"
    assert r.reload({"listen": {"tls": options("second")}}) == (
        ["listen.tls.cert_file", "listen.tls.key_file"], [])
    assert shown() == "second"
    r.change(processes.merged(r.config, {"listen": {"tls": {"key_file": str(made["first"].key)}}}))
    status, answer = r.post("/admin/reload")
    assert status == 422 and answer["problems"][0]["path"] == "listen.tls.key_file"
    assert shown() == "second"


def test_how_long_a_drain_may_take(reloading, counting_upstream):
    r = reloading({"listen": {"drain_timeout": "10m"}})
    r.reload({"listen": {"drain_timeout": "100ms"}})
    held = counting_upstream.hold("ListTables", times=1)
    user = threading.Thread(target=lambda: pytest.raises(Exception, r.proxy.call, "ListTables", {}))
    user.start()
    held.wait_for()
    r.proxy.terminate()
    r.proxy.wait()
    assert "drain_timeout passed" in r.proxy.output()
    held.release()
    user.join()


def test_writes_when_the_store_is_down(reloading, redis):
    store = {"store": "redis", "redis": {"url": redis.url, "quarantine": "0s"}}
    r = reloading({"cache": store, "writes_when_store_down": "refuse"})
    redis.kill()
    with r.proxy.wire() as wire:
        waiting.until(lambda: wire.call("PutItem", put()).status == 503, "the store to be missed")
        assert r.reload({"writes_when_store_down": "pass"}) == (["writes_when_store_down"], [])
        wire.ok("PutItem", put())


def test_stale_while_it_is_fetched_anew(reloading, direct):
    direct.ok("PutItem", put("1"))
    r = reloading(settings(stale_if_error="10m"))  # which keeps it past its TTL
    with r.proxy.wire() as wire:
        older_than(wire, 2, "GetItem", get())
        r.reload(of(ttl="1s", stale_while_revalidate="10m"))
        assert hit_of(wire.call("GetItem", get())) == "STALE"


def test_what_is_taken_off_a_ttl(reloading, direct):
    direct.ok("PutItem", put("1"))
    r = reloading(settings())
    ttls = set()
    with r.proxy.wire() as wire:
        r.reload(of(ttl_jitter="90%"))
        for i in range(8):
            warm(wire, "GetItem", get(f"none-{i}"))
            ttls.add(wire.call("GetItem", get(f"none-{i}")).headers["Cache-Status"].split("ttl=")[1].split(";")[0])
    assert len(ttls) > 1


# Each option that takes effect at a reload, and where that is seen. Those of routes are all of one object.
SEEN = {
    "caching": "tests/integration/test_caching.py",
    "tables.NAME.caching": "tests/integration/test_caching.py",
    "access_log": "tests/integration/test_access_log.py",
    "compare": "tests/integration/test_observe.py",
    "tables.NAME.compare": "tests/integration/test_observe.py",
    "admin.show_keys": "tests/integration/test_observe.py",
    "writes_when_store_down": "test_writes_when_the_store_is_down",
    "tables.NAME.writes_when_store_down": "test_writes_when_the_store_is_down",
    "routes": "test_routes_and_cors",
    "routes[]": "test_routes_and_cors",
    "cors": "test_routes_and_cors",
    "listen.hosts": "test_hosts_and_headers",
    "listen.max_header": "test_hosts_and_headers",
    "listen.max_in_flight": "test_how_many_at_once",
    "listen.max_connections": "test_how_many_connections",
    "listen.max_body": "test_the_body_on_a_connection_that_is_there",
    "listen.header_timeout": "test_how_long_it_may_take",
    "listen.body_timeout": "test_how_long_it_may_take",
    "listen.idle_timeout": "test_how_long_it_may_take",
    "listen.drain_timeout": "test_how_long_a_drain_may_take",
    "listen.tls.": "test_certificates_of_other_names",
    "admin.tls.": "tests/integration/test_tls.py",
    "admin.token": "test_the_admins_token",
    "auth.sigv4": "test_signatures_and_secrets",
    "auth.jwt": "test_tokens_and_back_ends",
    "auth.backend": "test_tokens_and_back_ends",
    "prices": "tests/integration/test_capacity.py",
    "upstream.request_timeout": "test_upstreams_time",
    "upstream.max_reply": "test_upstreams_reply",
    "upstream.ask_capacity": "tests/integration/test_capacity.py",
    "upstream.schema_refresh": "test_the_schemas_refresh",
    "ddb.": "the commands `ddb` read the file themselves",
    "tables.NAME.settle": "test_settle",
    "tables.NAME.max_stream_lag": "test_how_far_a_stream_may_be_behind",
    "tables.NAME.fresh_as_of": "test_how_far_a_stream_may_be_behind",
    "tables.NAME.patterns": "test_a_ttl_of_0_serves_nothing_and_a_pattern_counts",
    "tables.NAME.ttl": "test_a_shorter_ttl_counts_at_once",
    "tables.NAME.ttl_jitter": "test_what_is_taken_off_a_ttl",
    "tables.NAME.negative_ttl": "test_a_shorter_ttl_counts_at_once",
    "tables.NAME.stale_while_revalidate": "test_stale_while_it_is_fetched_anew",
    "tables.NAME.stale_if_error": "test_past_the_shorter_ttl_it_is_stale_where_that_is_allowed",
    "tables.NAME.consistent_fill": "test_consistent_fill",
    "tables.NAME.serve_consistent_reads": "test_serve_consistent_reads",
}


def test_every_option_that_takes_effect_has_a_test(readaside_binary):
    text = subprocess.run([readaside_binary, "help", "config"], capture_output=True, text=True, check=True).stdout
    live = re.findall(r"^(\S+)\n(?:    .*\n)*?    reload: takes effect", text, re.MULTILINE)
    assert len(live) > 80
    for option in live:
        assert any(option.startswith(prefix) for prefix in SEEN), option
    for where in SEEN.values():
        assert where in globals() or (processes.ROOT / where).is_file() or " " in where, where


def test_how_far_a_stream_may_be_behind(reloading, direct, counting_upstream):
    """max_stream_lag and fresh_as_of of a table that is followed; whether it is waits for a restart."""
    tables.create(direct, following.streamed(tables.plain("followed")))
    direct.ok("PutItem", put("1", table="followed"))
    r = reloading(following.settings("followed"))
    read = get("1", table="followed")
    with r.proxy.wire() as wire:
        following.caught_up(r.proxy, "followed")
        warm(wire, "GetItem", read)
        counting_upstream.fail("GetRecords")
        counting_upstream.fail("GetShardIterator")
        assert r.reload(of("followed", max_stream_lag="2s", fresh_as_of=True)) == (
            ["tables.followed.max_stream_lag", "tables.followed.fresh_as_of"], [])

        def lags():
            reply = wire.call("GetItem", read)
            return hit_of(reply) == "BYPASS" and "stream-lag" in reply.headers["Cache-Status"]

        waiting.until(lags, "the stream to be behind")
        r.reload(of("followed", max_stream_lag="0s"))
        reply = wire.call("GetItem", read)
        assert hit_of(reply) == "HIT" and reply.headers["X-Cache-Fresh-As-Of"]
        assert r.reload(of("followed", stream="off", fresh_as_of=False)) == (
            ["tables.followed.fresh_as_of"], ["tables.followed.stream"])


# ---- the stores on the network ----


def test_with_redis(reloading, direct, redis):
    """A shorter TTL counts at once near and far; what proxies have agreed on waits."""
    direct.ok("PutItem", put("1"))
    direct.ok("PutItem", put("2"))
    r = reloading({"cache": {"store": "redis", "redis": {"url": redis.url, "quarantine": "0s"}}, **settings()})
    with r.proxy.wire() as wire:
        for read in (("GetItem", get("1")), ("GetItem", get("2")), ("BatchGetItem", batch("1", "2"))):
            older_than(wire, 2, *read)
        waiting.until(lambda: "near" in wire.call("GetItem", get("1")).headers["Cache-Status"], "a near hit")
        assert r.reload(of(ttl="1s")) == (["tables.chat.ttl"], [])
        for read in (("GetItem", get("1")), ("BatchGetItem", batch("1", "2"))):
            assert hit_of(wire.call(*read)) == "MISS", read
        changes = {"tables": {"chat": {"settle": "1s", "consistent_fill": False, "ttl": "10m"}, "new": {"settle": "50ms"}}}
        assert r.reload(changes) == (
            ["tables.chat.ttl", "tables.new"], ["tables.chat.settle", "tables.chat.consistent_fill"])
        assert r.reload({"tables": {"other": {"settle": "1m"}}}) == (
            [], ["tables.chat.settle", "tables.chat.consistent_fill", "tables.other"])


def test_with_momento(reloading, direct, momento):
    direct.ok("PutItem", put("1"))
    cache = momento_server.settings(momento)["cache"]
    r = reloading({"cache": cache, **settings()})
    with r.proxy.wire() as wire:
        older_than(wire, 2, "GetItem", get("1"))
        assert r.reload(of(ttl="1s")) == (["tables.chat.ttl"], [])
        assert hit_of(wire.call("GetItem", get("1"))) == "MISS"


def test_a_table_that_joins_a_shared_store_is_voided_first(reloading, direct, counting_upstream, momento):
    """Another proxy has filled it, and then it was written to through one that didn't know of it."""
    direct.ok("PutItem", put("1", "old"))
    cache = momento_server.settings(momento)["cache"]
    with_table = only(counting_upstream.endpoint, {"cache": cache}, TABLE)
    other = reloading(config=with_table)
    r = reloading(config=only(counting_upstream.endpoint, {"cache": cache}))
    with other.proxy.wire() as wire:
        warm(wire, "GetItem", get("1"))
    with r.proxy.wire() as wire:
        wire.ok("PutItem", put("1", "new"))
        assert r.reload(config={**r.config, "tables": with_table["tables"]}) == (["tables.chat"], [])
        assert wire.ok("GetItem", get("1")).json["Item"]["v"] == {"S": "new"}


# ---- tables that go and come ----


def test_a_table_that_is_taken_out_is_marked_on(reloading, direct, counting_upstream):
    """So that it may be put back with entries that still live, of which none is stale."""
    direct.ok("PutItem", put("1", "old"))
    direct.ok("PutItem", put("2", "old"))
    config = only(counting_upstream.endpoint, None, TABLE)
    r = reloading(config=config)
    with r.proxy.wire() as wire:
        warm(wire, "GetItem", get("1"))
        warm(wire, "GetItem", get("2"))
        assert r.reload(config={**config, "tables": {}}) == (["tables.chat"], [])
        reply = wire.call("GetItem", get("1"))
        assert hit_of(reply) == "BYPASS" and "table-not-configured" in reply.headers["Cache-Status"]
        wire.ok("PutItem", put("1", "new"))
        assert r.reload() == ([], [])
        assert r.reload(config=config) == (["tables.chat"], [])
        assert wire.ok("GetItem", get("1")).json["Item"]["v"] == {"S": "new"}
        assert hit_of(wire.call("GetItem", get("2"))) == "HIT"


def test_a_new_table_is_cached_once_writes_that_werent_marked_have_ended(reloading, direct, counting_upstream):
    direct.ok("PutItem", put("1", "old"))
    config = only(counting_upstream.endpoint, None)
    r = reloading(config=config)
    held = counting_upstream.hold("PutItem", times=1)
    write = threading.Thread(target=lambda: r.proxy.call("PutItem", put("1", "new")))
    write.start()
    held.wait_for()
    with r.proxy.wire() as wire:
        r.change({**config, "tables": {TABLE: {"ttl": "10m", "ttl_jitter": "0%"}}})
        answers = []
        reload = threading.Thread(target=lambda: answers.append(r.post("/admin/reload")))
        reload.start()
        waiting.until(lambda: counting_upstream.count("DescribeTable") or wire.ok("PutItem", put("2")) is None,
                      "writes to be marked")
        for _ in range(3):
            assert hit_of(wire.call("GetItem", get("1"))) == "BYPASS"
        assert not answers
        held.release()
        write.join()
        reload.join()
        assert answers[0][0] == 200 and answers[0][1]["changed"] == ["tables.chat"], answers
        warm(wire, "GetItem", get("1"))
        assert wire.ok("GetItem", get("1")).json["Item"]["v"] == {"S": "new"}


def unanswered(r):
    """A reload whose answer is lost, perhaps, since the process ends."""
    try:
        r.post("/admin/reload")
    except (OSError, http.client.HTTPException):
        pass


@pytest.mark.parametrize("how", ["a call", "a signal"])
def test_a_reload_that_waits_for_a_table_to_join_doesnt_keep_the_process(reloading, counting_upstream, how):
    """The write that wasn't marked is still under way when the process is told to end."""
    config = only(counting_upstream.endpoint, {"listen": {"drain_timeout": "100ms"}, "upstream": {"request_timeout": "30s"}})
    r = reloading(config=config)
    held = counting_upstream.hold("PutItem", times=1)
    write = threading.Thread(target=lambda: pytest.raises(Exception, r.proxy.call, "PutItem", put("1")))
    write.start()
    held.wait_for()
    r.change({**config, "tables": {TABLE: {"ttl": "10m"}}})
    threads = [write]
    if how == "a call":
        threads.append(threading.Thread(target=unanswered, args=(r,)))
        threads[1].start()
    else:
        r.proxy.process.send_signal(signal.SIGHUP)
    with r.proxy.wire() as wire:
        waiting.until(lambda: counting_upstream.count("DescribeTable") or wire.ok("PutItem", put("2")) is None,
                      "writes to be marked")
    r.proxy.terminate()
    assert r.proxy.wait(waiting.PATIENCE / 3) == 0  # before the write is over, which the reload waits for
    held.release()
    for thread in threads:
        thread.join()
    assert "reload: tables.chat waits for a restart" in r.proxy.output()


# ---- while it is used ----


def test_nobody_notices(reloading, direct):
    """Reload after reload under load, on four loops: no request fails, no connection breaks, no entry is lost."""
    for i in range(10):
        direct.ok("PutItem", put(str(i)))
    r = reloading({"listen": {"threads": 4}, **settings()})
    over, failures, done = threading.Event(), [], [0] * 6

    def use(n):
        with r.proxy.wire() as wire:
            while not over.is_set():
                i = str(done[n] % 10)
                body = put(i, str(n)) if n == 0 else get(i)
                reply = wire.call("PutItem" if n == 0 else "GetItem", body)
                if reply.status != 200:
                    failures.append(reply)
                done[n] += 1

    users = [threading.Thread(target=use, args=(n,)) for n in range(len(done))]
    for user in users:
        user.start()
    try:
        for i in range(60):
            changed, kept = r.reload(of(ttl=f"{10 + i}m"))
            assert (changed in ([], ["tables.chat.ttl"]), kept) == (True, [])  # SIGHUP may have come before
            if i % 10 == 0:
                r.proxy.process.send_signal(signal.SIGHUP)
    finally:
        over.set()
        for user in users:
            user.join()
    assert not failures
    assert min(done) > 10
    with r.proxy.wire() as wire:
        warm(wire, "GetItem", get("1"))
        r.reload(of(ttl="5m"))
        assert hit_of(wire.call("GetItem", get("1"))) == "HIT"
