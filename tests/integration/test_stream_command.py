"""`readaside stream`: the shipped rule against DynamoDB Local, through a proxy, with all that may happen to it."""
import datetime
import json
import os
import random
import socket
import subprocess
import threading
import uuid

import pytest

from support import consumer as consumers
from support import processes, rest, tables, waiting

TABLE = "cruddur-messages"
LONG = int(os.environ.get("READASIDE_STREAM_MESSAGES", "200"))


def people(n=2):
    return [{"uuid": str(uuid.uuid4()), "name": f"Person {i}", "handle": f"person{i}"} for i in range(n)]


@pytest.fixture
def table(direct):
    schema = json.loads((processes.ROOT / "config" / "cruddur-messages.schema.json").read_text())
    tables.create(direct, schema)
    return TABLE


@pytest.fixture
def config(ddb_local):
    """The shipped one, on ports of the test's own; an index's rows settle within a second."""
    whole = rest.shipped_config()
    whole["listen"] = {"address": "127.0.0.1:0", "threads": 2}
    whole["upstream"] = {"endpoint": ddb_local.endpoint, "region": "us-east-1"}
    whole["streams"] = {"idle_interval": "50ms"}
    whole["tables"][TABLE]["settle"] = "500ms"
    whole.setdefault("stream_rules", [consumers.RULE])
    return whole


@pytest.fixture
def proxy(table, proxy_factory, config):
    return proxy_factory(None, config=config)


@pytest.fixture
def consume(readaside_binary, proxy, tmp_path):
    """consume(*words, endpoint=...) starts the consumer; those of one test share their state."""
    started = []

    def start(*words, endpoint=None, config_path=None, folder=None):
        made = consumers.Consumer(readaside_binary, config_path or proxy.config_path, endpoint or proxy.endpoint,
                                  folder or tmp_path, *words)
        started.append(made)
        return made

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


def create_group(connection, ann, bob, text):
    reply = connection.post("/api/messages", {
        "message": text, "other_user_uuid": bob["uuid"], "other_user_display_name": bob["name"],
        "other_user_handle": bob["handle"], "user_display_name": ann["name"], "user_handle": ann["handle"],
    }, {"X-User-Uuid": ann["uuid"]})
    assert reply.status == 200, reply
    return reply.json["message_group_uuid"]


def say(connection, who, group, text):
    reply = connection.post("/api/messages", {
        "message": text, "message_group_uuid": group, "user_display_name": who["name"], "user_handle": who["handle"],
    }, {"X-User-Uuid": who["uuid"]})
    assert reply.status == 200, reply
    return reply.json["created_at"]


def groups_of(connection, who):
    reply = connection.get("/api/message_groups", {"X-User-Uuid": who["uuid"]})
    assert reply.status == 200, reply
    return reply.json


def scan(direct):
    items, start = [], {}
    while True:
        page = direct.ok("Scan", {"TableName": TABLE, "ConsistentRead": True, **start}).json
        items += page["Items"]
        if "LastEvaluatedKey" not in page:
            return items
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def put(direct, pk, sk, **more):
    direct.ok("PutItem", {"TableName": TABLE, "Item": {
        "pk": {"S": pk}, "sk": {"S": sk}, **{n: v if isinstance(v, dict) else {"S": v} for n, v in more.items()}}})


def a_row(direct, user, group, sk, message="old", **more):
    put(direct, f"GRP#{user}", sk, message_group_uuid=group, message=message, user_handle="h", **more)


def rows(direct):
    return consumers.rows_of(scan(direct))


# ---- the access patterns through routes ----


def test_both_lists_show_the_new_message_first(proxy, consume):
    ann, bob = people()
    with rest.Rest(proxy.endpoint) as connection:
        first = create_group(connection, ann, bob, "one")
        second = create_group(connection, ann, bob, "two")
        for who in (ann, bob):
            assert [g["uuid"] for g in groups_of(connection, who)] == [second, first]
            assert connection.get("/api/message_groups", {"X-User-Uuid": who["uuid"]}).cache == "HIT"
        consumer = consume()
        said = say(connection, bob, first, "again")

        def moved():
            lists = [groups_of(connection, who) for who in (ann, bob)]
            return all(
                [g["uuid"] for g in one] == [first, second] and one[0]["message"] == "again"
                and one[0]["created_at"] == said for one in lists)

        consumer.until(moved, "both lists to show the new message first")
        # each list still shows the other person
        assert groups_of(connection, ann)[0]["handle"] == bob["handle"]
        assert groups_of(connection, bob)[0]["handle"] == ann["handle"]
        assert consumer.stop().dead() == []


# ---- everything arrives, whatever happens to the consumer ----


def expected_of(direct):
    """Per group, the newest message in the table itself."""
    newest = {}
    for item in scan(direct):
        if item["pk"]["S"].startswith("MSG#"):
            group = item["pk"]["S"][4:]
            newest[group] = max(newest.get(group, ("", "")), (item["sk"]["S"], item["message"]["S"]))
    return newest


def assert_rows_show_the_last(direct, members):
    newest, found = expected_of(direct), rows(direct)
    assert set(found) == {(f"GRP#{who['uuid']}", group) for group, both in members.items() for who in both}
    for (user, group), shown in found.items():
        assert shown == [newest[group]], (user, group)


def write_messages(endpoint, members, n, seed):
    rng = random.Random(seed)
    with rest.Rest(endpoint) as connection:
        for i in range(n):
            group = rng.choice(list(members))
            say(connection, rng.choice(members[group]), group, f"{seed}/{i}")


def test_group_rows_end_at_the_last_message_though_the_consumer_is_killed(direct, proxy, consume):
    """READASIDE_STREAM_MESSAGES=1000 is the full size."""
    everyone, members = people(20), {}
    with rest.Rest(proxy.endpoint) as connection:
        for i in range(max(LONG // 20, 5)):
            both = random.Random(i).sample(everyone, 2)
            members[create_group(connection, *both, "first")] = both
    writers = [threading.Thread(target=write_messages, args=(proxy.endpoint, members, LONG // 2, seed)) for seed in (1, 2)]
    consumer = consume()
    for writer in writers:
        writer.start()
    for least in (LONG // 20, LONG // 10):
        consumer.until(lambda c=consumer, n=least: c.total("matched") >= n, f"{least} records to be handled")
        consumer.kill()
        consumer = consume()
    for writer in writers:
        writer.join()
    consumer.until(lambda: consumer.named("stream"), "it to have begun, so that it takes SIGTERM")
    consumer.stop()
    # what is left, and all that it owes
    consume("--once").end(0)
    assert_rows_show_the_last(direct, members)


def test_two_consumers_at_once_do_no_harm(direct, proxy, consume, tmp_path_factory):
    everyone, members = people(4), {}
    with rest.Rest(proxy.endpoint) as connection:
        for i in range(4):
            both = random.Random(i).sample(everyone, 2)
            members[create_group(connection, *both, "first")] = both
    both = [consume(folder=tmp_path_factory.mktemp("consumer")) for _ in range(2)]
    write_messages(proxy.endpoint, members, 60, 3)
    for one in both:
        one.until(lambda o=one: o.total("matched") >= 64, "all messages to be handled")
        assert one.stop().dead() == []
    assert_rows_show_the_last(direct, members)


def test_a_second_consumer_of_the_same_state_is_refused(proxy, consume):
    first = consume()
    first.until(lambda: first.named("stream"), "the stream to be found")
    second = consume()
    second.end(1)
    assert "state" in second.output()


# ---- late and repeated records ----


def test_a_late_record_moves_nothing_backwards(direct, consume):
    a_row(direct, "ann", "g", "2024-01-05")
    a_row(direct, "bob", "g", "2024-01-01")
    put(direct, "MSG#g", "2024-01-03", message="late")
    consumer = consume("--once").end(0)
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-05", "old")], ("GRP#bob", "g"): [("2024-01-03", "late")]}
    assert consumer.total("moved") == 1 and consumer.dead() == []


def test_a_repeated_record_changes_nothing(direct, consume, tmp_path_factory):
    a_row(direct, "ann", "g", "2024-01-01", seen={"BOOL": True}, tags={"SS": ["a", "b"]}, map={"M": {"n": {"N": "1.5"}}})
    put(direct, "MSG#g", "2024-01-03", message="new \"one\"\n\u0001 é")
    consume("--once").end(0)
    before = scan(direct)
    row = [i for i in before if i["pk"]["S"] == "GRP#ann"]
    assert row == [{"pk": {"S": "GRP#ann"}, "sk": {"S": "2024-01-03"}, "message": {"S": "new \"one\"\n\u0001 é"},
                    "message_group_uuid": {"S": "g"}, "user_handle": {"S": "h"}, "seen": {"BOOL": True},
                    "tags": {"SS": ["a", "b"]}, "map": {"M": {"n": {"N": "1.5"}}}}]
    again = consume("--once", folder=tmp_path_factory.mktemp("anew")).end(0)
    assert again.total("matched") == 1 and again.total("moved") == 0
    assert scan(direct) == before
    none = consume("--once").end(0)
    assert none.total("matched") == 0, "its position was kept"


def test_removals_and_others_items_are_passed_over(direct, consume):
    a_row(direct, "ann", "g", "2024-01-01")
    put(direct, "MSG#g", "2024-01-03", message="new")
    consume("--once").end(0)
    direct.ok("DeleteItem", {"TableName": TABLE, "Key": {"pk": {"S": "MSG#g"}, "sk": {"S": "2024-01-03"}}})
    put(direct, "NOTE#g", "2024-01-09", message="not a message")
    before = scan(direct)
    consumer = consume("--once").end(0)
    assert consumer.total("records") >= 2 and consumer.total("matched") == 0 and consumer.dead() == []
    assert scan(direct) == before


def test_every_row_moves_and_a_row_that_is_there_twice_becomes_one(direct, consume):
    for i in range(7):
        a_row(direct, f"user{i}", "g", f"2024-01-0{i + 1}")
    a_row(direct, "user0", "g", "2024-01-05", message="twice")
    put(direct, "MSG#g", "2024-02-01", message="new")
    consume("--once").end(0)
    assert rows(direct) == {(f"GRP#user{i}", "g"): [("2024-02-01", "new")] for i in range(7)}


def test_many_rows_over_several_pages(direct, consume):
    """A page of the query holds 1 MB."""
    for i in range(9):
        a_row(direct, f"user{i}", "g", "2024-01-01", ballast="x" * 200_000)
    put(direct, "MSG#g", "2024-02-01", message="new")
    consumer = consume("--once").end(0)
    assert consumer.total("moved") == 9
    assert all(shown == [("2024-02-01", "new")] for shown in rows(direct).values())


# ---- poison ----


def test_poison_becomes_a_dead_letter_and_blocks_nothing(direct, consume):
    a_row(direct, "ann", "g", "2024-01-01")
    put(direct, "MSG#g", "2024-01-02", other="no message")
    put(direct, "MSG#h", "2024-01-02", message={"N": "7"}, reason="no row shows it")
    put(direct, "MSG#g", "2024-01-03", message="after it")
    consumer = consume("--once", "--tries", "3").end(0)
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-03", "after it")]}
    (letter,) = consumer.dead()
    assert letter["rule"] == "newest-message" and letter["tries"] == 1 and "lacks" in letter["error"]
    assert letter["record"]["dynamodb"]["Keys"] == {"pk": {"S": "MSG#g"}, "sk": {"S": "2024-01-02"}}
    assert letter["record"]["dynamodb"]["NewImage"]["other"] == {"S": "no message"}
    assert os.stat(consumer.dead_path).st_mode & 0o777 == 0o600
    assert consumer.total("dead_letters") == 1 and consumer.named("dead_letter")[0]["tries"] == 1


def test_a_batch_full_of_poison_blocks_nothing(direct, consume):
    """1000 records are a batch, of at most a megabyte."""
    a_row(direct, "ann", "g", "2024-01-01")
    poison = [{"PutRequest": {"Item": {"pk": {"S": "MSG#g"}, "sk": {"S": f"2024-02-{i:04}"}, "other": {"S": "x" * 900}}}}
              for i in range(1000)]
    for i in range(0, len(poison), 25):
        direct.ok("BatchWriteItem", {"RequestItems": {TABLE: poison[i:i + 25]}})
    put(direct, "MSG#g", "2024-03-01", message="after them")
    consumer = consume("--once").end(0)
    assert rows(direct) == {("GRP#ann", "g"): [("2024-03-01", "after them")]}
    assert len(consumer.dead()) == len(poison) == consumer.total("dead_letters")


def test_a_record_that_is_not_understood_becomes_a_dead_letter(direct, consume, config, counting_upstream, tmp_path):
    path = forwarded(config, counting_upstream, tmp_path)
    a_row(direct, "ann", "g", "2024-01-01")
    for second in (3, 4, 5):
        put(direct, "MSG#g", f"2024-01-0{second}", message=f"the {second}rd")

    def spoilt(request, status, body):
        reply = json.loads(body)
        for record in reply.get("Records", []):
            sk = record["dynamodb"]["Keys"]["sk"]["S"]
            if sk == "2024-01-03":
                record["eventName"] = "UPSERT"
            elif sk == "2024-01-05":
                del record["dynamodb"]["SequenceNumber"]
        return status, json.dumps(reply).encode()

    counting_upstream.answer(spoilt, operation="GetRecords")
    consumer = consume("--once", config_path=path).end(0)
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-04", "the 4rd")]}
    first, second = consumer.dead()
    assert first["record"]["eventName"] == "UPSERT" and second["record"]["dynamodb"]["NewImage"]["sk"] == {"S": "2024-01-05"}
    assert {letter["error"] for letter in (first, second)} == {"it isn't a stream's record"}


def test_dead_letters_that_cannot_be_written_are_waited_for(direct, consume):
    put(direct, "MSG#g", "2024-01-03", other="no message")
    consumer = consume("--dead-letters", "/dev/full")
    consumer.until(lambda: consumer.named("waiting"), "it to be said")
    consumer.stop()
    assert consumer.total("dead_letters") == 0 and consumer.named("dead_letter") == []
    assert len(consume("--once").end(0).dead()) == 1, "it wasn't handled"


def test_of_one_sort_key_the_last_word_counts(direct, consume, config, tmp_path):
    config["stream_rules"] = [{**consumers.RULE, "on": ["INSERT", "MODIFY"]}]
    path = tmp_path / "both.jsonc"
    path.write_text(json.dumps(config))
    a_row(direct, "ann", "g", "2024-01-01")
    for text in ("one", "two", "three"):
        put(direct, "MSG#g", "2024-01-03", message=text)
    consume("--once", config_path=path).end(0)
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-03", "three")]}


def test_what_dynamodb_refuses_for_good_is_tried_as_often_as_said(direct, consume):
    """The row would be too large; the older message still arrives."""
    a_row(direct, "ann", "g", "2024-01-01", ballast="x" * 300_000)
    a_row(direct, "bob", "h", "2024-01-01")
    put(direct, "MSG#g", "2024-01-02", message="fits")
    put(direct, "MSG#g", "2024-01-03", message="y" * 200_000)
    put(direct, "MSG#h", "2024-01-04", message="next")
    consumer = consume("--once", "--tries", "2").end(0)
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-02", "fits")], ("GRP#bob", "h"): [("2024-01-04", "next")]}
    (letter,) = consumer.dead()
    assert letter["tries"] == 2 and letter["record"]["dynamodb"]["Keys"]["sk"] == {"S": "2024-01-03"}


def test_another_groups_row_is_never_overwritten(direct, consume):
    a_row(direct, "ann", "g", "2024-01-01")
    a_row(direct, "ann", "other", "2024-01-03", message="another's")
    put(direct, "MSG#g", "2024-01-03", message="same moment")
    consumer = consume("--once", "--tries", "2").end(0)
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-01", "old")],
                            ("GRP#ann", "other"): [("2024-01-03", "another's")]}
    assert len(consumer.dead()) == 1


# ---- an index that lags, rows that change, outages ----


def forwarded(config, counting_upstream, tmp_path):
    """A config whose reads of DynamoDB pass the forwarder."""
    mine = json.loads(json.dumps(config))
    mine["upstream"]["endpoint"] = counting_upstream.endpoint
    path = tmp_path / "forwarded.jsonc"
    path.write_text(json.dumps(mine))
    return path


def showing(*items):
    """An index that lags: these are its rows."""
    body = json.dumps({"Items": items, "Count": len(items), "ScannedCount": len(items)}).encode()
    return lambda request, status, got: (200, body)


def test_a_row_that_the_index_does_not_show_yet_is_found_by_a_later_look(
        direct, consume, config, counting_upstream, tmp_path):
    path = forwarded(config, counting_upstream, tmp_path)
    a_row(direct, "ann", "g", "2024-01-01")
    put(direct, "MSG#g", "2024-01-03", message="new")
    counting_upstream.answer(showing(), operation="Query", times=1)
    consumer = consume("--once", config_path=path).end(0)
    assert counting_upstream.count("Query") == 2
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-03", "new")]}
    assert consumer.dead() == []


def test_killed_before_the_later_look_it_is_made_by_the_next_consumer(
        direct, consume, config, counting_upstream, tmp_path):
    config["tables"][TABLE]["settle"] = "1m"
    path = forwarded(config, counting_upstream, tmp_path)
    a_row(direct, "ann", "g", "2024-01-01")
    put(direct, "MSG#g", "2024-01-03", message="new")
    counting_upstream.answer(showing(), operation="Query", times=1)
    consumer = consume(config_path=path)
    consumer.until(lambda: consumer.total("matched") == 1, "the record to be handled")
    consumer.kill()
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-01", "old")]}
    again = consume()
    again.until(lambda: rows(direct) == {("GRP#ann", "g"): [("2024-01-03", "new")]}, "the row to be moved")


def test_a_row_that_an_index_still_shows_elsewhere_is_looked_for_again(
        direct, consume, config, counting_upstream, tmp_path):
    path = forwarded(config, counting_upstream, tmp_path)
    a_row(direct, "ann", "g", "2024-01-02", message="moved already")
    put(direct, "MSG#g", "2024-01-03", message="new")
    gone = {"pk": {"S": "GRP#ann"}, "sk": {"S": "2024-01-01"}, "message_group_uuid": {"S": "g"},
            "message": {"S": "old"}, "user_handle": {"S": "h"}}
    counting_upstream.answer(showing(gone), operation="Query", times=3)
    consumer = consume("--once", config_path=path).end(0)
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-03", "new")]}
    assert consumer.dead() == []


def test_the_proxy_is_down_for_a_while(direct, consume, proxy, proxy_factory, config):
    a_row(direct, "ann", "g", "2024-01-01")
    proxy.stop()
    put(direct, "MSG#g", "2024-01-03", message="new")
    consumer = consume(endpoint=proxy.endpoint)
    consumer.until(lambda: consumer.named("waiting"), "the outage to be said")
    config["listen"]["address"] = f"127.0.0.1:{proxy.port}"
    proxy_factory(None, config=config)
    consumer.until(lambda: rows(direct) == {("GRP#ann", "g"): [("2024-01-03", "new")]}, "the row to be moved")
    consumer.until(lambda: consumer.named("going_on"), "the outage's end to be said")
    assert len(consumer.named("waiting")) == 1
    assert consumer.stop().dead() == []


def test_throttling_is_waited_out(direct, consume, config, counting_upstream, tmp_path):
    path = forwarded(config, counting_upstream, tmp_path)
    a_row(direct, "ann", "g", "2024-01-01")
    put(direct, "MSG#g", "2024-01-03", message="new")
    counting_upstream.throttle("Query", times=4)
    consumer = consume("--once", "--tries", "2", config_path=path).end(0)
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-03", "new")]}
    assert consumer.dead() == [] and len(consumer.named("waiting")) == 1


def test_what_is_said_is_json_whatever_the_error_is(direct, consume, config, counting_upstream, tmp_path):
    path = forwarded(config, counting_upstream, tmp_path)
    a_row(direct, "ann", "g", "2024-01-01")
    put(direct, "MSG#g", "2024-01-03", message="new")
    error = b'{"__type":"x#ThrottlingException","message":"\xff\xe9\x00"}'
    counting_upstream.answer(lambda request, status, body: (400, error), operation="Query", times=2)
    consumer = consume("--once", config_path=path).end(0)
    assert len(consumer.named("waiting")) == len(consumer.named("going_on")) == len(consumer.named("end")) == 1
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-03", "new")]}


def test_sigterm_during_an_outage_ends_it_and_nothing_is_lost(direct, consume, proxy, proxy_factory, config):
    a_row(direct, "ann", "g", "2024-01-01")
    proxy.stop()
    put(direct, "MSG#g", "2024-01-03", message="new")
    consumer = consume(endpoint=proxy.endpoint)
    consumer.until(lambda: consumer.named("waiting"), "the outage to be said")
    consumer.stop()
    another = proxy_factory(None, config=config)
    consume("--once", endpoint=another.endpoint).end(0)
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-03", "new")]}


def test_sigterm_while_the_proxy_says_nothing(direct, consume):
    a_row(direct, "ann", "g", "2024-01-01")
    put(direct, "MSG#g", "2024-01-03", message="new")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        consumer = consume(endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(1)
            consumer.stop()
    assert "deadline" not in consumer.output()
    consume("--once").end(0)
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-03", "new")]}


# ---- what it is told ----


def test_from_now_passes_over_what_is_old(direct, consume):
    a_row(direct, "ann", "g", "2024-01-01")
    put(direct, "MSG#g", "2024-01-03", message="before")
    consumer = consume("--from-now")
    consumer.until(lambda: consumer.named("stream"), "the stream to be found")
    n = iter(range(10, 60))

    def seen():
        put(direct, "MSG#h", f"2024-02-{next(n)}", message="after")
        return consumer.total("matched") > 0

    waiting.until(seen, "a new record to be handled")
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-01", "old")]}


@pytest.mark.parametrize("change, said", [
    ({"set": {"message": "{new.message}"}}, "sort key"),
    ({"set": {"sk": "{new.sk}", "pk": "{new.pk}"}}, "partition key"),
    ({"rows": {"index": "no-such-index", "partition_key": "{star}"}}, "no such index"),
])
def test_a_rule_that_does_not_fit_the_table_ends_it(consume, config, tmp_path, change, said):
    config["stream_rules"] = [{**consumers.RULE, **change}]
    path = tmp_path / "unfit.jsonc"
    path.write_text(json.dumps(config))
    consumer = consume(config_path=path).end(1)
    assert said in consumer.output()


def another_table(direct, *renamed):
    schema = (processes.ROOT / "config" / "cruddur-messages.schema.json").read_text()
    direct.ok("DeleteTable", {"TableName": TABLE})
    tables.create(direct, json.loads(schema.replace(*renamed) if renamed else schema))


def test_a_table_that_is_made_again(direct, consume):
    consumer = consume()
    consumer.until(lambda: consumer.named("stream"), "the stream to be found")
    another_table(direct)
    a_row(direct, "ann", "g", "2024-01-01")
    put(direct, "MSG#g", "2024-01-03", message="new")
    consumer.until(lambda: rows(direct) == {("GRP#ann", "g"): [("2024-01-03", "new")]}, "the row to be moved")
    assert consumer.stop().dead() == []


def test_a_table_that_is_made_again_with_other_keys_ends_it(direct, consume):
    consumer = consume()
    consumer.until(lambda: consumer.named("stream"), "the stream to be found")
    another_table(direct, '"sk"', '"moment"')
    direct.ok("PutItem", {"TableName": TABLE, "Item": {"pk": {"S": "MSG#g"}, "moment": {"S": "1"}, "message": {"S": "new"}}})
    consumer.end(1)
    assert "`set` doesn't name the table's sort key" in consumer.output() and consumer.dead() == []


def test_a_stream_without_new_images_is_refused(direct, consume):
    schema = json.loads((processes.ROOT / "config" / "cruddur-messages.schema.json").read_text())
    schema["StreamSpecification"]["StreamViewType"] = "KEYS_ONLY"
    tables.create(direct, schema)
    assert "NEW_IMAGE" in consume().end(1).output()


# ---- a proxy that asks who calls, and wrong calls ----


def test_a_proxy_that_wants_signatures(direct, consume, table, proxy_factory, config, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [
        {"access_key_id": "MOVER", "secret_access_key": "not-what-is-used-upstream",
         "operations": ["TransactWriteItems"], "tables": [TABLE]}]}))
    keys.chmod(0o600)
    config["auth"] = {"sigv4": {"keys_file": str(keys)}}
    signed = proxy_factory(None, config=config)
    a_row(direct, "ann", "g", "2024-01-01")
    put(direct, "MSG#g", "2024-01-03", message="new")
    unsigned = consume(endpoint=signed.endpoint, config_path=signed.config_path)
    unsigned.until(lambda: unsigned.named("waiting"), "the refusal to be said")
    assert "UnrecognizedClientException" in unsigned.named("waiting")[0]["error"]
    assert unsigned.stop().dead() == []
    consume("--once", "--access-key", "MOVER", endpoint=signed.endpoint, config_path=signed.config_path).end(0)
    assert rows(direct) == {("GRP#ann", "g"): [("2024-01-03", "new")]}
    nobody = consume("--access-key", "NOBODY", endpoint=signed.endpoint, config_path=signed.config_path).end(1)
    assert "has no key 'NOBODY'" in nobody.output() and "not-what-is-used" not in nobody.output()


@pytest.fixture
def call(readaside_binary, tmp_path):
    def run(*words, **changes):
        path = tmp_path / "config.jsonc"
        whole = {"listen": {"address": "127.0.0.1:0"}, "upstream": {"endpoint": "http://127.0.0.1:1", "region": "us-east-1"},
                 "tables": {TABLE: {}}, "stream_rules": [consumers.RULE]}
        path.write_text(json.dumps({name: value for name, value in {**whole, **changes}.items() if value is not None}))
        given = [str(path) if word is CONFIG else word for word in words]
        return subprocess.run([readaside_binary, "stream", *given], capture_output=True, text=True, timeout=60, check=False,
                              cwd=tmp_path, env=processes.child_environment())

    return run


CONFIG = object()


@pytest.mark.parametrize("words, changes, says", [
    ([], {}, "-c FILE is missing"),
    (["-c", CONFIG, "extra"], {}, "unknown argument 'extra'"),
    (["-c", CONFIG, "--onse"], {}, "did you mean '--once'"),
    (["-c", CONFIG, "--tries", "0"], {}, "--tries '0' isn't a number from 1 to 1000"),
    (["-c", CONFIG, "--tries", "5x"], {}, "--tries '5x'"),
    (["-c", CONFIG, "--state", ""], {}, "--state needs the name of a file"),
    (["-c", CONFIG, "--dead-letters", ""], {}, "--dead-letters needs the name of a file"),
    (["-c", CONFIG, "--endpoint", "http://127.0.0.1:1", "--ca-file", "f"], {}, "accepted: with https"),
    (["-c", CONFIG, "--endpoint", "https://127.0.0.1:1", "--ca-file", "/no/ca"], {}, "--ca-file '/no/ca': No such file"),
    (["-c", CONFIG, "--state", "f", "--dead-letters", "f"], {}, "are one file, 'f'"),
    (["-c", CONFIG, "--endpoint", "ftp://x"], {}, "--endpoint 'ftp://x'"),
    (["-c", CONFIG], {}, "give --endpoint URL"),
    (["-c", CONFIG, "--endpoint", "http://127.0.0.1:1"], {"stream_rules": None}, "has no stream_rules"),
    (["-c", CONFIG, "--endpoint", "http://127.0.0.1:1", "--access-key", "A"], {}, "no auth.sigv4.keys_file"),
])
def test_wrong_calls(call, words, changes, says):
    done = call(*words, **changes)
    assert done.returncode == 2 and says in done.stderr and done.stdout == "", done


def test_a_table_that_cannot_be_asked_for(call):
    done = call("-c", CONFIG, "--endpoint", "http://127.0.0.1:1", "--once")
    assert done.returncode == 1 and "can't be reached" in done.stderr, done


def test_a_broken_state_is_refused(call, tmp_path):
    (tmp_path / "readaside-stream.state").write_text('{"streams": [')
    done = call("-c", CONFIG, "--endpoint", "http://127.0.0.1:1", "--once")
    assert done.returncode == 1 and "readaside-stream.state" in done.stderr, done


def test_help(call):
    done = call("--help")
    assert done.returncode == 0 and "usage: readaside stream -c FILE" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 110
