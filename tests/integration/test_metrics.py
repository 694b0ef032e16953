"""/metrics: every outcome is made to happen, and counted once, whichever way it takes; /admin/live says the same."""
import re
import subprocess
import time

import pytest
import test_redis
from test_follow import get as follow_get
from test_follow import item as follow_item
from test_follow import warm

from support import following, metrics, processes, raw, rest, tables, waiting

redis_factory, redis = test_redis.redis_factory, test_redis.redis

TABLE = "plain"
OTHERS = "(others)"
LONG = {"ttl": "10m", "ttl_jitter": "0%", "negative_ttl": "10m"}
PATTERNS = [{"name": "rooms", "partition_key": "ROOM/*"}, {"name": "unkept", "partition_key": "NO/*", "ttl": "0s"}]
CONFIG = {"tables": {TABLE: {**LONG, "patterns": PATTERNS}}}


def key(pk="a", sk="1"):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def get(pk="a", sk="1", **more):
    return "GetItem", {"TableName": TABLE, "Key": key(pk, sk), **more}


def put(pk="a", sk="1", value="v"):
    return "PutItem", {"TableName": TABLE, "Item": {**key(pk, sk), "v": {"S": value}}}


def query(pk="a"):
    return "Query", {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
    }


def batch(*keys, table=TABLE):
    return "BatchGetItem", {"RequestItems": {table: {"Keys": [key(*k) for k in keys]}}}


def changed(config, **changes):
    """`base_config` names a table "*", which these tests don't want to be there."""

    def start(upstream):
        whole = processes.merged(processes.base_config(upstream), metrics.admin(changes))
        whole["tables"] = config["tables"]
        return whole

    return start


@pytest.fixture
def proxy(proxy_factory, counting_upstream, plain, direct):
    """Caches one table, which it knows; `a`/`1` and `ROOM/1`/`1` are there."""
    for pk in ("a", "ROOM/1"):
        direct.ok(*put(pk))
    made = proxy_factory(None, config=changed(CONFIG)(counting_upstream.endpoint))
    assert made.call(*get("first")).cache == "MISS"
    return made


@pytest.fixture
def since(proxy):
    return metrics.Since(proxy)


def outcomes(scrape, **labels):
    return scrape.by("readaside_reads_total", "outcome", **labels)


def requests(scrape, **labels):
    return scrape.by("readaside_requests_total", "outcome", **labels)


# ---- reads ----


def test_a_miss_then_a_hit(proxy, since):
    assert [proxy.call(*get()).cache for _ in range(2)] == ["MISS", "HIT"]
    now = since.now()
    mine = {"table": TABLE, "pattern": "", "operation": "GetItem"}
    assert outcomes(now, **mine) == outcomes(now) == {"miss": 1, "hit": 1}
    assert requests(now, operation="GetItem") == requests(now) == {"miss": 1, "hit": 1}
    assert now.sum("readaside_fills_total", table=TABLE, pattern="") == 1
    assert now.sum("readaside_upstream_requests_total", **{"class": "read", "result": "ok"}) == 1
    assert now.by("readaside_request_duration_seconds_count", "outcome", table=TABLE) == {"miss": 1, "hit": 1}
    assert now.sum("readaside_request_duration_seconds_sum", outcome="miss") > 0


def test_patterns_have_counts_of_their_own(proxy, since):
    for read in (get("ROOM/1"), get("ROOM/1"), query("ROOM/1"), get(), get("NO/1"), get("NO/1")):
        proxy.call(*read)
    now = since.now()
    assert outcomes(now, pattern="rooms", operation="GetItem") == {"miss": 1, "hit": 1}
    assert outcomes(now, pattern="rooms", operation="Query") == {"miss": 1}
    assert outcomes(now, pattern="", table=TABLE) == {"miss": 1}
    assert outcomes(now, pattern="unkept") == {"bypass": 2}
    assert now.by("readaside_bypasses_total", "reason") == {"ttl-0": 2}
    held = metrics.Scrape(proxy)
    assert held.sum("readaside_entries", table=TABLE, pattern="rooms") == 2
    assert held.sum("readaside_entries", table=TABLE, pattern="") == 2, "one of them is the fixture's"
    assert held.sum("readaside_entry_bytes", table=TABLE, pattern="rooms") > 200


def test_hits_on_the_express_way_count_as_others_do(proxy, since):
    """Byte for byte the same request on one connection: all but the first two are answered before evhttp sees them."""
    with proxy.wire() as connection:
        caches = [connection.call(*get("ROOM/1")).cache for _ in range(101)]
    assert caches == ["MISS"] + 100 * ["HIT"]
    now = since.now()
    assert outcomes(now, pattern="rooms") == outcomes(now) == {"miss": 1, "hit": 100}
    assert requests(now) == {"miss": 1, "hit": 100}
    assert now.sum("readaside_request_duration_seconds_count", pattern="rooms", outcome="hit") == 100


def test_pipelined_hits_count_each(proxy, since):
    operation, body = get("ROOM/1")
    with raw.connect(proxy.port) as sock:
        reader = raw.ReplyReader(sock)
        sock.sendall(raw.request(operation, body))
        reader.next()
        sock.sendall(raw.request(operation, body) * 20)
        assert {reader.next().status for _ in range(20)} == {200}
    assert outcomes(since.now(), pattern="rooms") == {"miss": 1, "hit": 20}


def test_negative_hits(proxy, since):
    nothing = [get("none"), query("none")]
    for read in nothing * 3:
        proxy.call(*read)
    proxy.call(*query("a"))
    proxy.call(*query("a"))
    now = since.now()
    assert now.by("readaside_negative_hits_total", "operation") == {"GetItem": 2, "Query": 2}
    assert outcomes(now) == {"miss": 3, "hit": 5}
    assert metrics.live(proxy)["requests"]["negative"] == 4


def test_a_batch_counts_each_key_and_one_request(proxy, since):
    proxy.call(*get("ROOM/1"))
    proxy.call(*batch(("ROOM/1", "1"), ("ROOM/2", "1"), ("a", "1"), ("NO/1", "1")))
    now = since.now()
    in_batch = {"operation": "BatchGetItem"}
    assert outcomes(now, pattern="rooms", **in_batch) == {"hit": 1, "miss": 1}
    assert outcomes(now, pattern="", **in_batch) == {"miss": 1}
    assert outcomes(now, pattern="unkept", **in_batch) == {"bypass": 1}
    assert requests(now, **in_batch) == {"miss": 1}
    proxy.call(*batch(("ROOM/1", "1"), ("a", "1")))
    again = since.now()
    assert outcomes(again, **in_batch) == {"hit": 3, "miss": 2, "bypass": 1}
    assert requests(again, **in_batch) == {"miss": 1, "hit": 1}


def test_bypasses_have_their_reason(proxy, since):
    proxy.call(*get(ConsistentRead=True))
    proxy.call("Scan", {"TableName": TABLE})
    proxy.call("TransactGetItems", {"TransactItems": [{"Get": {"TableName": TABLE, "Key": key()}}]})
    now = since.now()
    assert now.by("readaside_bypasses_total", "reason") == {"consistent-read": 1, "scan": 1, "transaction": 1}
    assert outcomes(now) == {"bypass": 3}
    assert requests(now) == {"bypass": 3}


def test_tables_that_are_not_configured_are_others(proxy, since, direct):
    tables.create(direct, tables.plain("strange"))
    proxy.call("GetItem", {"TableName": "strange", "Key": key()})
    proxy.call("PutItem", {"TableName": "strange", "Item": key()})
    proxy.call(*batch(("x", "1"), ("y", "1"), table="strange"))
    now = since.now()
    assert outcomes(now, table=OTHERS) == outcomes(now) == {"bypass": 3}
    assert now.by("readaside_bypasses_total", "reason", table=OTHERS) == {"table-not-configured": 3}
    assert now.sum("readaside_writes_total", table=OTHERS, operation="PutItem") == 1
    assert "strange" not in now.text


def test_coalesced_reads(proxy, counting_upstream, since):
    gate = counting_upstream.hold("GetItem")
    operation, body = get("ROOM/1")
    socks = [raw.connect(proxy.port) for _ in range(12)]
    for sock in socks:
        sock.sendall(raw.request(operation, body))
    raw.wait_until_read(proxy.port, socks)
    gate.wait_for(1)
    gate.release()
    assert {raw.ReplyReader(s).next().status for s in socks} == {200}
    now = since.now()
    assert outcomes(now, pattern="rooms") == {"miss": 12}
    assert now.by("readaside_coalesced_reads_total", "pattern") == {"rooms": 11}
    assert now.sum("readaside_fills_total") == 1
    assert now.sum("readaside_upstream_requests_total") == 1
    for sock in socks:
        sock.close()


def test_stale_answers(proxy_factory, counting_upstream, plain, direct):
    direct.ok(*put())
    given = {"tables": {TABLE: {**LONG, "ttl": "100ms", "stale_if_error": "10m"}}}
    proxy = proxy_factory(None, config=changed(given)(counting_upstream.endpoint))
    proxy.call(*get())
    since = metrics.Since(proxy)
    counting_upstream.fail("GetItem")
    waiting.until(lambda: proxy.call(*get()).cache == "STALE", "a stale answer")
    now = since.now()
    assert outcomes(now)["stale"] == requests(now)["stale"] == 1
    assert now.sum("readaside_upstream_requests_total", **{"class": "read", "result": "failed"}) == 1
    assert now.by("readaside_fills_refused_total", "reason") == {"reply": 1}


# ---- what isn't an answer of the cache's ----


def test_errors_and_clients_that_leave(proxy, counting_upstream, since):
    proxy.call("GetItem", b"{")
    gate = counting_upstream.hold("GetItem")
    operation, body = get("left")
    with raw.connect(proxy.port) as sock:
        sock.sendall(raw.request(operation, body))
        held = gate.wait_for(1)
    waiting.until(held.closed.is_set, "the read to be given up")
    gate.release()
    counting_upstream.cut("PutItem")
    assert proxy.call(*put()).status == 503
    now = since.now()
    assert requests(now) == {"error": 2, "left": 1}
    assert outcomes(now) == {}, "nobody was told what the cache had"
    assert now.sum("readaside_upstream_requests_total", **{"class": "write", "result": "broken"}) == 1
    seen = metrics.live(proxy)["requests"]
    assert seen["error"] == 3


def test_what_passes(proxy, since):
    proxy.call("ListTables", {})
    proxy.call("DescribeTable", {"TableName": TABLE})
    assert requests(since.now()) == {"pass": 2}


def test_a_fill_that_a_write_overtakes(proxy, counting_upstream, since):
    gate = counting_upstream.hold("GetItem", replies=True)
    operation, body = get()
    with raw.connect(proxy.port) as sock:
        sock.sendall(raw.request(operation, body))
        gate.wait_for(1)
        proxy.call(*put(value="new"))
        gate.release()
        raw.ReplyReader(sock).next()
    now = since.now()
    assert now.by("readaside_fills_refused_total", "reason") == {"overtaken": 1}
    assert now.by("readaside_store_fills_refused_total", "reason") == {"overtaken": 1}
    assert now.sum("readaside_fills_total") == 0


def test_a_fill_that_is_too_large(proxy_factory, counting_upstream, plain, direct):
    direct.ok(*put(value="x" * 5000))
    whole = changed(CONFIG, cache={"max_entry_bytes": "4KiB"})(counting_upstream.endpoint)
    proxy = proxy_factory(None, config=whole)
    since = metrics.Since(proxy)
    proxy.call(*get())
    assert since.now().by("readaside_fills_refused_total", "reason") == {"too-large": 1}


# ---- writes ----


def test_writes_and_what_they_invalidate(proxy, since):
    proxy.call(*put("ROOM/1"))
    proxy.call("UpdateItem", {"TableName": TABLE, "Key": key(), "UpdateExpression": "SET n = :n",
                              "ExpressionAttributeValues": {":n": {"N": "1"}}})
    proxy.call("DeleteItem", {"TableName": TABLE, "Key": key("gone")})
    puts = [{"PutRequest": {"Item": key("ROOM/1", str(n))}} for n in range(3)]
    proxy.call("BatchWriteItem", {"RequestItems": {TABLE: puts}})
    proxy.call("TransactWriteItems", {"TransactItems": [{"Put": {"TableName": TABLE, "Item": key("t")}}]})
    now = since.now()
    assert now.by("readaside_writes_total", "operation") == {
        "PutItem": 1, "UpdateItem": 1, "DeleteItem": 1, "BatchWriteItem": 3, "TransactWriteItems": 1,
    }
    assert now.by("readaside_writes_total", "pattern") == {"rooms": 4, "": 3}
    # An item and its partition each; the three items of the batch share a partition.
    assert now.by("readaside_invalidations_total", "pattern", cause="write") == {"rooms": 6, "": 6}
    assert now.sum("readaside_invalidations_total") == 12
    assert requests(now) == {"write": 5}
    assert now.sum("readaside_request_duration_seconds_count", outcome="write") == 5
    assert metrics.live(proxy)["upstream"]["writes"] == 5


def test_a_table_change_is_a_cause_of_its_own(proxy, since):
    proxy.call("UpdateTable", {"TableName": TABLE, "BillingMode": "PROVISIONED",
                               "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}})
    causes = since.now().by("readaside_invalidations_total", "cause", table=TABLE)
    assert set(causes) == {"table-change"} and causes["table-change"] >= 1


def test_a_followed_stream_is_a_cause_of_its_own(proxy_factory, ddb_local, direct):
    tables.create(direct, following.streamed(tables.plain("followed")))
    direct.ok("PutItem", {"TableName": "followed", "Item": follow_item("old")})
    proxy = proxy_factory(ddb_local.endpoint, following.settings("followed"))
    following.caught_up(proxy, "followed")
    warm(proxy, follow_get("followed"))
    since = metrics.Since(proxy)
    direct.ok("PutItem", {"TableName": "followed", "Item": follow_item("new")})
    following.caught_up(proxy, "followed")
    now = since.now()
    assert now.by("readaside_invalidations_total", "cause") == {"stream": 2}, "the item and its partition"
    assert now.sum("readaside_stream_records_total", table="followed") == 1
    held = metrics.Scrape(proxy)
    assert held.sum("readaside_stream_in_bounds", table="followed") == 1
    assert 0 <= held.sum("readaside_stream_lag_seconds", table="followed") < 60


# ---- routes ----


def test_routes_count_as_what_they_become(proxy_factory, counting_upstream, plain, direct):
    direct.ok(*put("ROOM/1"))
    route = {
        "name": "list", "method": "GET", "path": "/rooms/{room}", "reply": {"each": {"value": "v"}},
        "query": {"table": TABLE, "partition_key": "ROOM/{path.room}", "limit": 5, "order": "newest"},
    }
    proxy = proxy_factory(None, config=changed(CONFIG, routes=[route])(counting_upstream.endpoint))
    with rest.Rest(proxy.endpoint) as client:
        assert client.get("/rooms/1").json == [{"value": "v"}]
        since = metrics.Since(proxy)
        for _ in range(3):
            client.get("/rooms/1")
        client.get("/nowhere")
        client.call("OPTIONS", "/rooms/1")
    now = since.now()
    assert outcomes(now, pattern="rooms", operation="Query") == outcomes(now) == {"hit": 3}
    assert requests(now) == {"hit": 3, "error": 1, "pass": 1}


# ---- a shared store ----


@pytest.fixture
def shared(proxy_factory, counting_upstream, redis, plain, direct):
    """shared(near) is a proxy on Redis that serves."""
    direct.ok(*put())

    def start(**near):
        given = test_redis.settings(redis.url)
        given["cache"]["near"] = near
        given["listen"] = {"threads": 2}
        whole = processes.merged(processes.base_config(counting_upstream.endpoint), metrics.admin(given))
        whole["tables"] = CONFIG["tables"]
        proxy = proxy_factory(None, config=whole)
        waiting.until(lambda: proxy.call(*get()).cache == "HIT", "a hit in Redis")
        return proxy

    return start


def test_hits_in_redis(shared):
    proxy = shared(max_bytes="0")
    since = metrics.Since(proxy)
    with proxy.wire() as connection:
        assert {connection.call(*get()).cache for _ in range(20)} == {"HIT"}
    now = since.now()
    assert outcomes(now) == requests(now) == {"hit": 20}
    assert now.sum("readaside_near_hits_total") == 0
    assert now.sum("readaside_store_duration_seconds_count") >= 20, "each was asked for"
    assert metrics.Scrape(proxy).by("readaside_store_health", "state") == {"serving": 2}
    assert metrics.live(proxy)["breakers"] == ["serving", "serving"]


def test_near_hits(shared):
    proxy = shared(max_bytes="16MiB", max_age="30s")
    since = metrics.Since(proxy)
    with proxy.wire() as connection:
        near = ["detail=near" in connection.call(*get()).headers["Cache-Status"] for _ in range(50)]
    assert any(near)
    now = since.now()
    assert outcomes(now) == {"hit": 50}
    assert now.sum("readaside_near_hits_total", table=TABLE, operation="GetItem") == sum(near)
    assert metrics.live(proxy)["requests"]["near"] >= sum(near)
    assert metrics.Scrape(proxy).sum("readaside_near_entries") >= 1


def test_ready_says_that_redis_is_gone(shared, redis):
    proxy = shared()
    assert metrics.ask(proxy, "/readyz")[0] == 200
    redis.kill()

    def not_ready():
        status, _, body = metrics.ask(proxy, "/readyz")
        return body if status == 503 else None

    assert b'"store": false' in waiting.until(not_ready, "the proxy not to be ready")
    assert b'"upstream": true' in metrics.ask(proxy, "/readyz")[2]
    assert metrics.Scrape(proxy).by("readaside_store_health", "state") == {"down": 2}


# ---- the whole ----


def test_sums_agree_with_what_was_sent(proxy, since):
    sent = 0
    with proxy.wire() as connection:
        for n in range(60):
            for one in (get("ROOM/1"), get(sk=str(n % 7)), query("a"), put("ROOM/2"), batch(("a", "1"), ("b", "1"))):
                connection.call(*one)
                sent += 1
    now = since.now()
    assert now.sum("readaside_requests_total") == sent == 300
    assert now.sum("readaside_reads_total") == 60 * 5, "a batch looks two keys up"
    assert now.sum("readaside_reads_total", outcome="bypass") == now.sum("readaside_bypasses_total")
    assert now.sum("readaside_writes_total") == 60
    upstream = now.sum("readaside_upstream_requests_total", **{"class": "read"})
    assert upstream == requests(now)["miss"] == now.sum("readaside_request_duration_seconds_count", outcome="miss")


def test_what_the_advisors_were_told(proxy, since):
    """Reads that a TTL decides, on either way, and each unit that a write marks."""
    with proxy.wire() as connection:
        for _ in range(10):
            connection.call(*get("ROOM/1"))
        connection.call(*get("NO/1"))
        connection.call(*get("nobody"))
        connection.call(*put("ROOM/2"))
    marked = since.now().sum("readaside_invalidations_total")
    assert marked > 0

    def told():
        return since.now().by("readaside_advisor_records_total", "result")

    waiting.until(lambda: told().get("played", 0) >= 10 + marked, "the advisors to have played them")
    assert told() == {"played": 10 + marked}, "none was dropped"


def test_live_says_what_metrics_say(proxy):
    for read in (get(), get(), query("ROOM/1"), put("ROOM/1"), get("NO/1")):
        proxy.call(*read)
    seen, scrape = metrics.live(proxy), metrics.Scrape(proxy)
    for outcome in ("hit", "miss", "bypass", "write"):
        assert seen["requests"][outcome] == scrape.sum("readaside_requests_total", outcome=outcome), outcome
    for pattern in seen["patterns"]:
        labels = {"table": pattern["table"], "pattern": pattern["pattern"] or ""}
        for outcome in ("hit", "miss", "bypass"):
            assert pattern[outcome] == scrape.sum("readaside_reads_total", outcome=outcome, **labels), pattern
        assert pattern["invalidations"] == scrape.sum("readaside_invalidations_total", **labels)
    assert [(p["pattern"], p["ttl_ms"]) for p in seen["patterns"]] == [(None, 600000), ("rooms", 600000), ("unkept", 0)]
    assert seen["bypasses"] == {"ttl-0": 1}
    assert seen["upstream"]["reads_saved"] == 1
    assert seen["memory"]["entries"] == scrape.sum("readaside_entries")
    assert seen["latency"]["miss"]["count"] == 3 and seen["latency"]["miss"]["p50"] > 0
    assert seen["streams"] == {} and seen["near"] is None and seen["breakers"] == []
    assert abs(seen["at"] - time.time() * 1000) < 60_000 and seen["started"] <= seen["at"]


def test_live_names_the_hottest_units(proxy):
    with proxy.wire() as connection:
        for n in range(2000):
            connection.call(*get("ROOM/1"))
            if n % 20 == 0:
                connection.call(*get("a", str(n)))
    top = metrics.live(proxy)["top_keys"]
    assert (top[0]["table"], top[0]["pattern"]) == (TABLE, "rooms")
    assert 1000 < top[0]["reads"] < 4000, "an estimate, of a sample"
    assert re.fullmatch("[0-9a-f]{64}", top[0]["digest"])


def test_histograms_hold_together(proxy):
    with proxy.wire() as connection:
        for _ in range(50):
            connection.call(*get())
    scrape = metrics.Scrape(proxy)
    name = "readaside_request_duration_seconds"
    for outcome in ("hit", "miss"):
        edges = sorted(
            (float(dict(labels)["le"]), value)
            for (n, labels), value in scrape.samples.items()
            if n == f"{name}_bucket" and {("outcome", outcome), ("pattern", ""), ("table", TABLE)} <= labels
        )
        counts = [value for _, value in edges]
        assert counts == sorted(counts) and edges[-1][0] == float("inf")
        assert counts[-1] == scrape.sum(f"{name}_count", outcome=outcome, table=TABLE, pattern="")


# ---- alive, ready ----


def test_metrics_can_be_off(proxy_factory, counting_upstream, plain, direct):
    direct.ok(*put())
    config = {**metrics.admin(), "tables": CONFIG["tables"]}
    config["admin"]["metrics"] = False
    proxy = proxy_factory(counting_upstream.endpoint, config)
    assert [proxy.call(*get()).cache for _ in range(2)] == ["MISS", "HIT"]
    for path in ("/metrics", "/admin/live", "/admin/advice", "/admin/events"):
        status, _, body = metrics.ask(proxy, path)
        assert status == 404 and b"admin.metrics is false" in body
    assert metrics.ask(proxy, "/readyz")[0] == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_answers_get_and_head_without_a_token(proxy_factory, counting_upstream, path):
    config = {**metrics.admin(), "tables": CONFIG["tables"]}
    config["admin"]["token"] = "t" * 32
    proxy = proxy_factory(counting_upstream.endpoint, config)
    status, headers, body = metrics.ask(proxy, path)
    assert status == 200 and int(headers["Content-Length"]) == len(body) > 0
    status, headers, nothing = metrics.ask(proxy, path, "HEAD")
    assert status == 200 and nothing == b"" and int(headers["Content-Length"]) == len(body)
    assert metrics.ask(proxy, path, "POST")[0] == 405
    for closed in ("/metrics", "/admin/live"):
        assert metrics.ask(proxy, closed)[0] == 401
        assert metrics.ask(proxy, closed, headers={"Authorization": "Bearer " + "t" * 32})[0] == 200


def test_healthz_says_ok(proxy):
    status, headers, body = metrics.ask(proxy, "/healthz")
    assert (status, body) == (200, b"ok\n") and headers["Content-Type"].startswith("text/plain")


def test_ready_asks_dynamodb_where_nobody_has_lately(proxy_factory, counting_upstream):
    """Nothing has been sent there yet; that the tests' upstream doesn't know GET is an answer, too."""
    gone = f"http://127.0.0.1:{metrics.ports.free_port()}"
    there, away = (proxy_factory(upstream, metrics.admin()) for upstream in (counting_upstream.endpoint, gone))
    assert metrics.ask(away, "/readyz")[0] == 503
    assert b'"upstream": false' in metrics.ask(away, "/readyz")[2]
    assert metrics.ask(there, "/readyz")[0] == 200
    assert counting_upstream.count() == 0


def test_ready_believes_what_requests_have_seen(proxy, counting_upstream):
    proxy.call(*get("x1"))
    assert metrics.ask(proxy, "/readyz")[0] == 200
    counting_upstream.cut("GetItem")
    counting_upstream.server.shutdown()
    counting_upstream.server.server_close()
    assert proxy.call(*get("x2")).status == 503
    status, _, body = metrics.ask(proxy, "/readyz")
    assert status == 503 and b'"upstream": false' in body and b'"store": true' in body


# ---- the list ----


def rows(text):
    found = re.findall(r"^\| `(readaside_\w+)` \| (\w+) \| (.*?) ?\| (.+) \|$", text, re.MULTILINE)
    return {name: (kind, labels.strip(), what) for name, kind, labels, what in found}


def declared(text):
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE))
    kinds = dict(re.findall(r"^# TYPE (\S+) (.*)$", text, re.MULTILINE))
    assert helps.keys() == kinds.keys()
    return {name: (kinds[name], helps[name]) for name in kinds}


def test_the_readme_lists_what_metrics_declare(proxy, readaside_binary):
    told = subprocess.run([readaside_binary, "help", "metrics"], capture_output=True, text=True, check=True).stdout
    listed = rows((processes.ROOT / "README.md").read_text())
    assert listed == rows(told) and len(listed) > 30
    scrape = metrics.Scrape(proxy)
    assert {n: (k, w) for n, (k, _, w) in listed.items()} == declared(scrape.text)
    for family in scrape.families.values():
        for sample in family.samples:
            name = sample.name if sample.name in listed else re.sub("_(bucket|sum|count)$", "", sample.name)
            labels = [one for one in listed[name][1].split(", ") if one]
            assert sorted(sample.labels.keys() - {"le"}) == sorted(labels), sample
    assert scrape.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
