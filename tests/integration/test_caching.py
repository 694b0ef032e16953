"""Caching switched off and on, in the file or by an operator: off serves and fills nothing, and misses no write."""
import threading

import pytest

from support import rest, waiting
from support.reloading import Reloading, whole, with_admin

KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
GET = {"TableName": "chat", "Key": KEY}
OTHER = {"TableName": "plain", "Key": KEY}
QUERY = {
    "TableName": "chat",
    "KeyConditionExpression": "pk = :pk",
    "ExpressionAttributeValues": {":pk": {"S": "room"}},
}
BATCH = {"RequestItems": {"chat": {"Keys": [KEY]}}}
READS = {"GetItem": GET, "Query": QUERY, "BatchGetItem": BATCH}
ENTRY = {"ttl": "10m", "ttl_jitter": "0%", "settle": "0s"}


def put(text, table="chat"):
    return {"TableName": table, "Item": {**KEY, "v": {"S": text}}}


@pytest.fixture
def switched(proxy_factory, counting_upstream, readaside_binary, chat, plain):
    """switched(changes) starts a proxy; `chat` and `plain` are its tables, by name."""

    def start(changes=None):
        config = whole(counting_upstream.endpoint, with_admin(changes))
        config["tables"] = {name: {**ENTRY, **(changes or {}).get("tables", {}).get(name, {})} for name in (chat, plain)}
        return Reloading(proxy_factory(None, config=config), config, readaside_binary)

    return start


def warm(wire, operation, body):
    waiting.until(lambda: wire.call(operation, body).cache == "HIT", f"{operation} to be cached")


def is_off(reply):
    assert reply.status == 200, reply
    return reply.cache == "BYPASS" and "caching-off" in reply.headers["Cache-Status"]


def test_off_serves_nothing_fills_nothing_and_marks(switched, counting_upstream):
    r = switched()
    with r.proxy.wire() as wire:
        wire.ok("PutItem", put("old"))
        for read in READS.items():
            warm(wire, *read)
        assert r.post("/admin/caching", {"caching": "off"}) == (
            200, {"caching": "off", "table": None, "until": "the next reload or restart"})
        for _ in range(3):
            counting_upstream.forget()
            for read in READS.items():
                assert is_off(wire.call(*read)), read
            assert [counting_upstream.count(operation) for operation in READS] == [1, 1, 1]
        assert counting_upstream.seen("GetItem")[0].json["ConsistentRead"] is True
        wire.ok("PutItem", put("new"))
        assert r.post("/admin/caching", {"caching": "on"})[0] == 200
        for operation, body in READS.items():
            reply = wire.ok(operation, body)
            assert b'"new"' in reply.body and (reply.cache == "MISS" or operation == "BatchGetItem")
            warm(wire, operation, body)


def test_what_nobody_wrote_to_is_there_again(switched):
    r = switched()
    with r.proxy.wire() as wire:
        warm(wire, "GetItem", GET)
        r.post("/admin/caching", {"caching": "off"})
        assert is_off(wire.call("GetItem", GET))
        r.post("/admin/caching", {"caching": "on"})
        assert wire.call("GetItem", GET).cache == "HIT"


def test_one_table(switched):
    r = switched()
    with r.proxy.wire() as wire:
        for body in (GET, OTHER):
            warm(wire, "GetItem", body)
        assert r.post("/admin/caching", {"caching": "off", "table": "chat"})[1]["table"] == "chat"
        assert is_off(wire.call("GetItem", GET))
        assert wire.call("GetItem", OTHER).cache == "HIT"
        r.post("/admin/caching", {"caching": "on"})  # of all, whatever was said of each
        assert wire.call("GetItem", GET).cache == "HIT"


def test_by_the_file_and_until_the_next_reload(switched):
    r = switched({"caching": "off", "tables": {"plain": {"caching": "on"}}})
    with r.proxy.wire() as wire:
        assert is_off(wire.call("GetItem", GET))
        warm(wire, "GetItem", OTHER)
        r.post("/admin/caching", {"caching": "on", "table": "chat"})
        warm(wire, "GetItem", GET)
        assert r.reload() == (["tables.chat.caching"], [])
        assert is_off(wire.call("GetItem", GET))
        assert r.reload({"caching": "on"}) == (["caching"], [])
        warm(wire, "GetItem", GET)
        assert r.reload({"tables": {"plain": {"caching": "off"}}}) == (["tables.plain.caching"], [])
        assert is_off(wire.call("GetItem", OTHER))


def test_a_write_and_a_switch_at_once(switched, counting_upstream):
    """A read that began before the write and before the switch fills nothing that lasts."""
    r = switched()
    with r.proxy.wire() as wire:
        wire.ok("PutItem", put("old"))
        held = counting_upstream.hold("GetItem", times=1, replies=True)
        reader = threading.Thread(target=lambda: r.proxy.call("GetItem", GET))
        reader.start()
        held.wait_for()
        r.post("/admin/caching", {"caching": "off"})
        wire.ok("PutItem", put("new"))
        held.release()
        reader.join()
        r.post("/admin/caching", {"caching": "on"})
        assert wire.ok("GetItem", GET).json["Item"]["v"] == {"S": "new"}


def test_on_a_route(switched):
    route = {"name": "rooms", "method": "GET", "path": "/rooms/{room}",
             "query": {"table": "chat", "partition_key": "{path.room}"}}
    r = switched({"routes": [route]})
    with rest.Rest(r.proxy.endpoint) as page:
        waiting.until(lambda: page.get("/rooms/room").cache == "HIT", "the page to be cached")
        r.post("/admin/caching", {"caching": "off"})
        assert is_off(page.get("/rooms/room"))


def test_the_command(switched):
    r = switched()
    with r.proxy.wire() as wire:
        warm(wire, "GetItem", GET)
        done = r.command("caching", "off")
        assert (done.returncode, done.stdout) == (0, "caching is off until the next reload or restart\n"), done
        assert is_off(wire.call("GetItem", GET))
        done = r.command("caching", "on", "--table", "chat")
        assert (done.returncode, done.stdout) == (
            0, "caching is on for table chat until the next reload or restart\n")
        assert wire.call("GetItem", GET).cache == "HIT"
    done = r.command("caching", "off", "--table", "chta")
    assert done.returncode == 1 and "`tables` has no entry of that name" in done.stderr
    assert r.command("caching", "perhaps").returncode == 2
    assert r.command("caching").returncode == 2


@pytest.mark.parametrize("body", [{}, {"caching": "observed"}, {"caching": "off", "tabel": "chat"},
                                  {"caching": "off", "table": 1}, {"caching": "off", "table": ""}, ["off"]])
def test_bad_bodies_change_nothing(switched, body):
    r = switched()
    with r.proxy.wire() as wire:
        warm(wire, "GetItem", GET)
        status, answer = r.post("/admin/caching", body)
        assert status == 400 and answer["error"]
        assert wire.call("GetItem", GET).cache == "HIT"
