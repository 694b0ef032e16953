"""An operator's invalidations: a table, a partition, an item, all; through the same marks as a write's."""
import http.client
import json
import threading

import pytest

from support import momento_server, redis_server, tables, waiting
from support.reloading import Reloading, whole, with_admin


def key(sk="1", pk="room"):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def get(sk="1", pk="room", table="chat"):
    return {"TableName": table, "Key": key(sk, pk)}


def query(pk="room", table="chat"):
    return {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
    }


def of_owner(owner="ann"):
    return {
        "TableName": "chat",
        "IndexName": "by-owner",
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": {"S": owner}},
    }


def put(text, sk="1", pk="room", table="chat"):
    return {"TableName": table, "Item": {**key(sk, pk), "owner": {"S": "ann"}, "v": {"S": text}}}


@pytest.fixture(params=["memory", "redis", "momento"])
def settings(request, tmp_path_factory):
    """What the configuration says of each store."""
    if request.param == "redis":
        server = redis_server.Redis(tmp_path_factory.mktemp("redis"))
        yield {"cache": {"store": "redis", "redis": {"url": server.url, "quarantine": "0s"}}}
        server.stop()
    elif request.param == "momento":
        server = momento_server.Momento()
        yield {"cache": momento_server.settings(server)["cache"]}
        server.stop()
    else:
        yield {}


@pytest.fixture
def running(proxy_factory, counting_upstream, readaside_binary, chat, plain):
    def start(changes=None):
        config = whole(counting_upstream.endpoint, with_admin(changes))
        config["tables"] = {name: {"ttl": "10m", "ttl_jitter": "0%", "settle": "0s"} for name in (chat, plain)}
        return Reloading(proxy_factory(None, config=config), config, readaside_binary)

    return start


def warm(wire, *reads):
    for operation, body in reads:
        waiting.until(lambda o=operation, b=body: wire.call(o, b).cache == "HIT", f"{operation} to be cached")


def states(wire, *reads):
    """Which of them are hits."""
    return [wire.call(operation, body).cache == "HIT" for operation, body in reads]


def voided(wire, *reads):
    """None of them is a hit, and each will be again: Momento bypasses for a while."""
    assert not any(states(wire, *reads)), reads
    warm(wire, *reads)


ALL = [("GetItem", get()), ("Query", query()), ("Query", query("other")), ("Query", of_owner()),
       ("GetItem", get(table="plain"))]


def test_a_table_with_its_indexes(running, settings):
    r = running(settings)
    with r.proxy.wire() as wire:
        warm(wire, *ALL)
        status, answer = r.post("/admin/invalidate", {"table": "chat"})
        assert (status, answer) == (200, {"marked": 2})
        assert states(wire, *ALL) == [False, False, False, False, True]
        warm(wire, *ALL)


def test_all(running, settings):
    r = running(settings)
    with r.proxy.wire() as wire:
        warm(wire, *ALL)
        assert r.post("/admin/invalidate", {"all": True})[1]["marked"] >= 3
        voided(wire, *ALL)


def test_a_partition_an_item_and_an_indexs_partition(running, settings):
    r = running(settings)
    with r.proxy.wire() as wire:
        warm(wire, *ALL)
        assert r.post("/admin/invalidate", {"table": "chat", "partition_key": {"S": "room"}}) == (200, {"marked": 1})
        assert states(wire, *ALL) == [True, False, True, True, True]
        warm(wire, *ALL)
        body = {"table": "chat", "partition_key": "room", "sort_key": {"S": "1"}}
        assert r.post("/admin/invalidate", body) == (200, {"marked": 2})
        assert states(wire, *ALL) == [False, False, True, True, True]
        warm(wire, *ALL)
        body = {"table": "chat", "partition_key": "ann", "index": "by-owner"}
        assert r.post("/admin/invalidate", body) == (200, {"marked": 1})
        assert states(wire, *ALL) == [True, True, True, False, True]


def test_what_is_being_fetched_is_void_too(running, direct, counting_upstream):
    """Somebody has written without the proxy, and tells it: a read that began before fills nothing."""
    direct.ok("PutItem", put("old"))
    r = running()
    held = counting_upstream.hold("GetItem", times=1, replies=True)
    reader = threading.Thread(target=lambda: r.proxy.call("GetItem", get()))
    reader.start()
    held.wait_for()
    direct.ok("PutItem", put("new"))
    assert r.post("/admin/invalidate", {"table": "chat"})[0] == 200
    held.release()
    reader.join()
    with r.proxy.wire() as wire:
        assert wire.ok("GetItem", get()).json["Item"]["v"] == {"S": "new"}


def test_for_all_that_share_the_store(running, direct, tmp_path_factory):
    redis = redis_server.Redis(tmp_path_factory.mktemp("redis"))
    shared = {"cache": {"store": "redis", "redis": {"url": redis.url, "quarantine": "0s"}, "near": {"max_age": "1m"}}}
    direct.ok("PutItem", put("old"))
    one, other = running(shared), running(shared)
    with other.proxy.wire() as wire:
        warm(wire, ("GetItem", get()))
        direct.ok("PutItem", put("new"))
        assert one.post("/admin/invalidate", {"table": "chat"})[0] == 200
        waiting.until(lambda: wire.ok("GetItem", get()).json["Item"]["v"] == {"S": "new"}, "the new item")
    for r in (one, other):
        r.proxy.stop()
    redis.stop()


def test_numbers(running, direct):
    numbers = tables.definition("numbers", {"n": "N"}, "n")
    tables.create(direct, numbers)
    r = running()
    r.reload({"tables": {"numbers": {"ttl": "10m", "ttl_jitter": "0%"}}})
    read = ("GetItem", {"TableName": "numbers", "Key": {"n": {"N": "7"}}})
    with r.proxy.wire() as wire:
        for value in ("7.0", {"N": "7"}):
            warm(wire, read)
            assert r.post("/admin/invalidate", {"table": "numbers", "partition_key": value})[0] == 200
            assert states(wire, read) == [False]
        assert r.post("/admin/invalidate", {"table": "numbers", "partition_key": {"S": "7"}})[0] == 400


def test_a_key_may_hold_what_ends_texts_elsewhere(running):
    """U+0000 is a character like others: the item is the one that is named, and no other."""
    r = running()
    whole, cut = (("GetItem", {"TableName": "plain", "Key": {"pk": {"S": pk}, "sk": {"S": "1"}}}) for pk in ("a\0b", "a"))
    with r.proxy.wire() as wire:
        for value in ("a\0b", {"S": "a\0b"}):
            warm(wire, whole, cut)
            body = {"table": "plain", "partition_key": value, "sort_key": "1"}
            assert r.post("/admin/invalidate", body)[0] == 200
            assert states(wire, whole, cut) == [False, True]
        warm(wire, whole)
        for body in ({"table": "plain\0"}, {"table": "plain", "partition_key": "a", "index": "by-owner\0"}):
            assert r.post("/admin/invalidate", body) == (400, {"error": "a name holds a NUL"})
        assert states(wire, whole, cut) == [True, True]


def test_an_arn_is_a_name(proxy_factory, counting_upstream, readaside_binary, chat):
    """The schema is the configuration's, for not every DynamoDB Local describes a table by its ARN."""
    schema = {"partition_key": "pk", "sort_key": "sk",
              "global_secondary_indexes": [{"name": "by-owner", "partition_key": "owner"}]}
    config = whole(counting_upstream.endpoint, with_admin())
    config["tables"] = {"*": {}, chat: {"ttl": "10m", "ttl_jitter": "0%", "settle": "0s", "schema": schema}}
    r = Reloading(proxy_factory(None, config=config), config, readaside_binary)
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/"
    with r.proxy.wire() as wire:
        warm(wire, *ALL[:4])
        assert r.post("/admin/invalidate", {"table": arn + chat, "partition_key": "room"}) == (200, {"marked": 1})
        assert states(wire, *ALL[:4]) == [True, False, True, True]
        warm(wire, *ALL[:4])
        assert r.post("/admin/invalidate", {"table": arn + chat}) == (200, {"marked": 2})
        assert states(wire, *ALL[:4]) == [False] * 4
        for none in ("", "*"):
            assert r.post("/admin/invalidate", {"table": arn + none})[0] == 404


def test_the_command(running):
    r = running()
    with r.proxy.wire() as wire:
        warm(wire, *ALL)
        done = r.command("invalidate", "--table", "chat", "--partition", "room", "--sort", "1")
        assert (done.returncode, done.stdout) == (0, "invalidated 2 units\n"), done
        assert states(wire, *ALL) == [False, False, True, True, True]
        assert r.command("invalidate", "--table", "chat").returncode == 0
        assert states(wire, *ALL[:4]) == [False] * 4
        warm(wire, *ALL)
        assert r.command("invalidate", "--all").returncode == 0
        assert not any(states(wire, *ALL))
    done = r.command("invalidate", "--table", "chta")
    assert done.returncode == 1 and "no entry of `tables` stands for this table" in done.stderr
    for wrong in ([], ["--all", "--table", "chat"], ["--partition", "room"], ["--table", "chat", "--sort", "1"]):
        assert r.command("invalidate", *wrong).returncode == 2, wrong


@pytest.mark.parametrize("body, status", [
    ({}, 400), ({"all": False}, 400), ({"all": True, "table": "chat"}, 400), ({"tabel": "chat"}, 400),
    ({"table": "chat", "partition_key": 7}, 400), ({"table": "chat", "partition_key": {"S": 7}}, 400),
    ({"table": "chat", "partition_key": {"N": "7"}}, 400), ({"table": "chat", "sort_key": "1"}, 400),
    ({"table": "plain", "partition_key": "a", "index": "none"}, 404), ({"table": "nowhere"}, 404), ({"table": "*"}, 404),
])
def test_bad_bodies_drop_nothing(running, body, status):
    r = running()
    with r.proxy.wire() as wire:
        warm(wire, *ALL)
        got, answer = r.post("/admin/invalidate", body)
        assert got == status and answer["error"], answer
        assert all(states(wire, *ALL))


def test_a_page_may_not(running):
    r = running()
    connection = http.client.HTTPConnection(r.config["admin"]["address"], timeout=60)
    connection.request("POST", "/admin/invalidate", json.dumps({"all": True}),
                       {"Content-Type": "application/json", "Origin": "https://page.example"})
    assert connection.getresponse().status == 403
    connection.close()
