"""`readaside ddb seed --generate`: made-up conversations, against DynamoDB Local and compared with what boto3 reads."""
import collections
import json
import os
import pty
import re
import subprocess

import pytest
from support import processes, tables

TIME = re.compile(r"2024-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
DESIGN = {
    "table": "plain",
    "message": {
        "pk": {"S": "said in {group.uuid}"}, "sk": {"S": "{message.created_at}"}, "id": {"S": "{message.uuid}"},
        "text": {"S": "{message.text}"}, "by": {"S": "{user.uuid}"}, "name": {"S": "{user.display_name}"},
        "handle": {"S": "@{user.handle}"}, "to": {"M": {"id": {"S": "{other.uuid}"}, "fixed": {"N": "7"}}}},
    "membership": {
        "pk": {"S": "groups of {user.uuid}"}, "sk": {"S": "{message.created_at}"}, "id": {"S": "{message.uuid}"},
        "group": {"S": "{group.uuid}"}, "text": {"S": "{message.text}"}, "with": {"S": "{other.uuid}"},
        "name": {"S": "{other.display_name}"}, "handle": {"S": "@{other.handle}"}},
}


@pytest.fixture
def run(readaside_binary):
    def run_it(*words):
        return subprocess.run([readaside_binary, "ddb", "seed", *words], capture_output=True, text=True, timeout=120,
                              check=False, env=processes.child_environment())

    return run_it


@pytest.fixture
def config(tmp_path):
    """config(endpoint) writes a configuration with the design above."""

    def write(endpoint, **ddb):
        path = tmp_path / "c.jsonc"
        path.write_text(json.dumps({"upstream": {"endpoint": endpoint, "region": "us-east-1"},
                                    "ddb": ddb or {"generate": DESIGN}}))
        return path

    return write


def stored(boto, table="plain"):
    """Every item, by its key."""
    items = [item for page in boto.get_paginator("scan").paginate(TableName=table) for item in page["Items"]]
    return {(i["pk"]["S"], i["sk"]["S"]): i for i in items}


def by_group(items):
    """{group: its messages, oldest first}, and the membership rows."""
    groups, members = collections.defaultdict(list), []
    for (pk, _), item in sorted(items.items(), key=lambda entry: entry[0][1]):
        if pk.startswith("said in "):
            groups[pk.removeprefix("said in ")].append(item)
        else:
            members.append(item)
    return groups, members


def test_conversations_arrive_whole(run, config, client, ddb_local, plain):
    boto = client(ddb_local.endpoint)
    done = run("--generate", "users=200,groups=50,messages=2000", "--seed", "7", "--json", "-c",
               config(ddb_local.endpoint))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert {k: said[k] for k in ("seeded", "users", "groups", "messages", "seed")} == {
        "seeded": {"plain": 2100}, "users": 200, "groups": 50, "messages": 2000, "seed": 7}
    assert said["seconds"] > 0 and said["items_per_second"] > 0

    items = stored(boto)
    groups, members = by_group(items)
    assert (len(items), len(groups), len(members)) == (2100, 50, 100)
    assert sum(len(messages) for messages in groups.values()) == 2000
    assert all(TIME.fullmatch(i["sk"]["S"]) and UUID.fullmatch(i["id"]["S"]) for i in items.values())
    texts = [m["text"]["S"] for messages in groups.values() for m in messages]
    assert all(0 < len(text) <= 1024 and text == text.strip() for text in texts) and len(set(texts)) > 1000

    rows = collections.defaultdict(dict)
    for row in members:
        rows[row["group"]["S"]][row["pk"]["S"].removeprefix("groups of ")] = row
    for group, messages in groups.items():
        newest = messages[-1]
        people = {newest["by"]["S"], newest["to"]["M"]["id"]["S"]}
        assert set(rows[group]) == people and len(people) == 2
        names = {m["by"]["S"]: (m["name"]["S"], m["handle"]["S"]) for m in messages}
        for user, row in rows[group].items():
            assert (row["id"], row["text"], row["sk"]) == (newest["id"], newest["text"], newest["sk"])
            other = row["with"]["S"]
            assert {user, other} == people
            assert names.get(other, (row["name"]["S"], row["handle"]["S"])) == (row["name"]["S"], row["handle"]["S"])
        for message in messages:
            assert {message["by"]["S"], message["to"]["M"]["id"]["S"]} == people
            assert message["to"]["M"]["fixed"] == {"N": "7"}

    example = said["example"]
    assert len(groups[example["group_uuid"]]) == max(map(len, groups.values()))
    assert example["user_uuid"] in rows[example["group_uuid"]]


def test_the_same_again_changes_nothing_and_another_seed_adds(run, config, client, ddb_local, plain):
    boto = client(ddb_local.endpoint)
    words = ["--generate", "groups=4,messages=40,users=5", "-c", config(ddb_local.endpoint)]
    done = run(*words)
    assert done.returncode == 0, done.stderr
    first = stored(boto)
    assert len(first) == 48
    assert re.fullmatch(
        r"seeded 48 items into plain in \d+\.\d{3} s \(\d+ items/s\): 5 users, 4 groups, 40 messages, seed 1\n"
        r"try `ddb list-conversations ([0-9a-f-]{36})`, `ddb get-conversation ([0-9a-f-]{36})`\n", done.stdout)
    user, group = re.findall(UUID, done.stdout)
    assert any(pk == f"groups of {user}" for pk, _ in first) and any(pk == f"said in {group}" for pk, _ in first)
    assert run(*words, "--seed", "1").returncode == 0
    assert stored(boto) == first
    assert run(*words, "--seed", "2").returncode == 0
    both = stored(boto)
    assert len(both) == 96 and first.items() <= both.items()


def test_the_shipped_design_makes_items_like_those_of_the_shipped_seed(run, client, ddb_local):
    shipped = processes.ROOT / "config"
    boto = client(ddb_local.endpoint)
    boto.create_table(**json.loads((shipped / "cruddur-messages.schema.json").read_text()))
    done = run("--generate", "users=9,groups=5,messages=50", "-c", shipped / "cruddur.jsonc", "--endpoint",
               ddb_local.endpoint)
    assert done.returncode == 0, done.stderr
    made = stored(boto, "cruddur-messages")
    boto.delete_table(TableName="cruddur-messages")
    assert len(made) == 60

    def kinds(items):
        """Which attributes of which type there are under which kind of key."""
        return {(i["pk"]["S"][:4], tuple(sorted((name, *value) for name, value in i.items()))) for i in items}

    [writes] = json.loads((shipped / "cruddur-messages.seed.json").read_text()).values()
    assert kinds(made.values()) == kinds(w["PutRequest"]["Item"] for w in writes)


def test_ten_thousand_messages_page_through(run, config, client, ddb_local, plain):
    boto = client(ddb_local.endpoint)
    done = run("--generate", "users=2,groups=1,messages=10000", "-c", config(ddb_local.endpoint), "--json")
    assert done.returncode == 0, done.stderr
    group = json.loads(done.stdout)["example"]["group_uuid"]
    pages = boto.get_paginator("query").paginate(
        TableName="plain", KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": f"said in {group}"}}, PaginationConfig={"PageSize": 700})
    ids = [item["id"]["S"] for page in pages for item in page["Items"]]
    assert len(ids) == len(set(ids)) == 10000


def test_goes_on_after_throttling_and_lost_replies(run, config, client, ddb_local, counting_upstream, plain):
    boto = client(ddb_local.endpoint)
    words = ["--generate", "users=20,groups=10,messages=300"]
    assert run(*words, "-c", config(ddb_local.endpoint)).returncode == 0
    expected = stored(boto)
    boto.delete_table(TableName="plain")
    boto.create_table(**tables.plain())

    def half_undone(request, _status, _body):
        """DynamoDB Local has written them all, but the command can't know."""
        return 200, json.dumps({"UnprocessedItems": {"plain": request.json["RequestItems"]["plain"][10:]}}).encode()

    counting_upstream.throttle("BatchWriteItem", times=2)
    counting_upstream.answer(half_undone, "BatchWriteItem", times=1)
    counting_upstream.cut("BatchWriteItem", times=1, forwarded=True)
    counting_upstream.fail("BatchWriteItem", times=1)
    done = run(*words, "-c", config(counting_upstream.endpoint), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["seeded"] == {"plain": 320}
    assert stored(boto) == expected
    sizes = [len(r.json["RequestItems"]["plain"]) for r in counting_upstream.seen("BatchWriteItem")]
    assert sizes == [25] * 3 + [15] * 3 + [25] * 11 + [20]


def test_an_error_says_how_far_it_came(run, config, counting_upstream, plain):
    counting_upstream.fail("BatchWriteItem", when=lambda r: r.number > 2, status=400, error="ValidationException")
    done = run("--generate", "users=20,groups=10,messages=300", "-c", config(counting_upstream.endpoint), "--json")
    assert done.returncode == 1
    assert "ValidationException: made up" in json.loads(done.stdout)["error"]
    assert "50 of 320 items were written before that" in done.stderr


def test_a_running_proxy_that_it_goes_through_invalidates(run, config, client, ddb_local, proxy, plain):
    words = ["--generate", "users=3,groups=2,messages=30", "-c", config(ddb_local.endpoint), "--json"]
    group = json.loads(run(*words).stdout)["example"]["group_uuid"]
    direct, through = client(ddb_local.endpoint), client(proxy.endpoint)
    for pk, sk in stored(direct):
        direct.delete_item(TableName="plain", Key={"pk": {"S": pk}, "sk": {"S": sk}})

    def messages(boto):
        return boto.query(TableName="plain", KeyConditionExpression="pk = :p",
                          ExpressionAttributeValues={":p": {"S": f"said in {group}"}})["Items"]

    assert messages(through) == []
    assert run(*words, "--endpoint", proxy.endpoint).returncode == 0
    assert messages(through) == messages(direct) != []


def test_a_terminal_shows_progress(readaside_binary, config, ddb_local, plain):
    ours, theirs = pty.openpty()
    done = subprocess.run([readaside_binary, "ddb", "seed", "--generate", "users=9,groups=5,messages=90", "-c",
                           config(ddb_local.endpoint)],
                          stdout=subprocess.PIPE, stderr=theirs, env=processes.child_environment(), timeout=60,
                          check=False)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0
    assert re.search(r"25/100 items, \d+ items/s, \d+ s left", shown), shown


def test_wrong_calls(run, config, ddb_local, tmp_path):
    whole = "users=5,groups=2,messages=9"
    design = config(ddb_local.endpoint)
    (tmp_path / "d.json").write_text("{}")
    for words, says in [
        (["--generate", whole, "-c", design, str(tmp_path / "d.json")], "d.json"),
        (["--generate", whole, "--endpoint", ddb_local.endpoint], "needs a configuration that has ddb.generate"),
        (["--generate", "users=5,groups=2", "-c", design], "--generate: messages is missing; accepted: users=U"),
        (["--generate", "users=5,groups=9,messages=8", "-c", design], "each group has at least one message"),
        (["--generate", whole, "--seed", "x", "-c", design], "--seed: 'x': accepted: a number from 0"),
        (["--seed", "3", "-c", design], "--seed goes with --generate"),
    ]:
        done = run(*words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert says in done.stderr
    other = config(ddb_local.endpoint, seed="d.json")
    done = run("--generate", whole, "-c", other)
    assert (done.returncode, done.stdout) == (2, "")
    assert "ddb.generate" in done.stderr and str(other) in done.stderr


def test_help_says_when_a_proxy_sees_it(run):
    done = run("--help")
    assert done.returncode == 0 and "--generate users=U,groups=G,messages=M" in done.stdout
    assert "TTL ends" in done.stdout and "--endpoint of the proxy" in done.stdout
