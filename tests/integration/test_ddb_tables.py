"""The table tools of `readaside ddb`, against DynamoDB Local: list-tables, drop, scan, get-conversation,
list-conversations, schema-load of what is shipped, and --aws up to AWS's door."""
import fcntl
import json
import os
import pathlib
import pty
import re
import struct
import subprocess
import termios

import pytest

from support import sts as sts_stand_in
from support import tables

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "config"
SHIPPED = CONFIG / "cruddur.jsonc"
SECRET = "readaside-secret"
KEYS = {"AWS_ACCESS_KEY_ID": "readaside", "AWS_SECRET_ACCESS_KEY": SECRET}
COMMANDS = ["schema-load", "list-tables", "drop", "seed", "scan", "get-conversation", "list-conversations"]
GROUP = "566bf9d7-c55a-45f8-91a6-e55e9b9b1325"


def clean_environment(more=None):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "READASIDE_"))}
    return {**kept, **KEYS, **(more or {})}


@pytest.fixture
def run(readaside_binary, ddb_local):
    """run("scan", "chat") is `readaside ddb scan chat` on DynamoDB Local."""

    def run_it(*words, environment=None, **more):
        where = {"AWS_ENDPOINT_URL_DYNAMODB": ddb_local.endpoint}
        settings = {"stdin": subprocess.DEVNULL, **more} if "input" not in more else more
        return subprocess.run([readaside_binary, "ddb", *words], capture_output=True, text=True, timeout=60,
                              check=False, env=clean_environment({**where, **(environment or {})}), **settings)

    return run_it


@pytest.fixture
def fresh(client, ddb_local):
    """boto3 on a DynamoDB Local without tables."""
    boto = client(ddb_local.endpoint)

    def drop():
        for page in boto.get_paginator("list_tables").paginate():
            for name in page["TableNames"]:
                boto.delete_table(TableName=name)

    drop()
    yield boto
    drop()


@pytest.fixture
def shipped(fresh, run):
    """boto3 on the shipped table with its seed."""
    for command in ("schema-load", "seed"):
        done = run(command, "-c", SHIPPED)
        assert done.returncode == 0, done.stderr
    return fresh


def put(boto, table, items):
    for at in range(0, len(items), 25):
        left = {table: [{"PutRequest": {"Item": item}} for item in items[at : at + 25]]}
        while left:
            left = boto.batch_write_item(RequestItems=left)["UnprocessedItems"]


def rows(text):
    """A readable table's rows as awk -F'  +' sees them."""
    return [re.split(r"  +", line) for line in text.splitlines() if not line.startswith("# ")]


def key_of(item):
    return item["pk"]["S"], item["sk"]["S"]


# ---- schema-load ----


def test_the_shipped_schema_has_its_index_and_its_stream(shipped):
    table = shipped.describe_table(TableName="cruddur-messages")["Table"]
    [index] = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "message-group-sk-index" and index["IndexStatus"] == "ACTIVE"
    assert index["KeySchema"] == [{"AttributeName": "message_group_uuid", "KeyType": "HASH"},
                                  {"AttributeName": "sk", "KeyType": "RANGE"}]
    assert index["Projection"] == {"ProjectionType": "ALL"}
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert table["LatestStreamArn"]


# ---- list-tables ----


def test_no_tables(run, fresh):
    assert json.loads(run("list-tables", "--json").stdout) == {"TableNames": []}
    done = run("list-tables")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["name", "status", "items", "bytes", "indexes", "stream"]


def test_tables_and_what_is_said_of_them(run, shipped):
    shipped.create_table(**tables.chat())
    shipped.create_table(**tables.plain())
    done = run("list-tables")
    assert (done.returncode, done.stderr) == (0, "")
    header, *listed = rows(done.stdout)
    assert header == ["name", "status", "items", "bytes", "indexes", "stream"]
    size = str(shipped.describe_table(TableName="cruddur-messages")["Table"]["TableSizeBytes"])
    count = str(shipped.scan(TableName="cruddur-messages")["Count"])
    assert listed == [["chat", "ACTIVE", "0", "0", "by-owner,by-at", "-"],
                      ["cruddur-messages", "ACTIVE", count, size, "message-group-sk-index", "NEW_IMAGE"],
                      ["plain", "ACTIVE", "0", "0", "-", "-"]]


def test_more_tables_than_a_page_holds(run, fresh):
    for i in range(103):
        fresh.create_table(**tables.plain(f"table-{i:03}"))
    theirs = [name for page in fresh.get_paginator("list_tables").paginate() for name in page["TableNames"]]
    assert len(theirs) == 103
    assert json.loads(run("list-tables", "--json").stdout) == {"TableNames": theirs}
    assert [row[0] for row in rows(run("list-tables").stdout)[1:]] == theirs


def test_a_table_that_goes_while_it_is_listed(run, fresh, counting_upstream):
    fresh.create_table(**tables.plain("stays"))
    fresh.create_table(**tables.plain("goes"))
    counting_upstream.fail("DescribeTable", when=lambda r: r.json["TableName"] == "goes", status=400,
                           error="ResourceNotFoundException")
    done = run("list-tables", "--endpoint", counting_upstream.endpoint)
    assert (done.returncode, done.stderr) == (0, "")
    assert [row[0] for row in rows(done.stdout)] == ["name", "stays"]


def test_errors_while_listing(run, fresh, counting_upstream):
    fresh.create_table(**tables.plain())
    counting_upstream.throttle("ListTables", times=2)
    assert run("list-tables", "--json", "--endpoint", counting_upstream.endpoint).returncode == 0
    counting_upstream.fail("ListTables", status=400, error="AccessDeniedException", message="not \x1b[31myou")
    done = run("list-tables", "--json", "--endpoint", counting_upstream.endpoint)
    assert done.returncode == 1 and "AccessDeniedException: not ?[31myou" in done.stderr
    assert "AccessDeniedException" in json.loads(done.stdout)["error"]
    done = run("list-tables", "--timeout", "100ms", "--endpoint", "http://127.0.0.1:1")
    assert done.returncode == 1 and "can't be reached" in done.stderr


# ---- drop ----


def exists(boto, name):
    return name in boto.list_tables()["TableNames"]


def test_drop_without_a_terminal_wants_to_be_told(run, shipped):
    done = run("drop", "cruddur-messages", input="cruddur-messages\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--yes" in done.stderr and exists(shipped, "cruddur-messages")
    done = run("drop", "--yes", "cruddur-messages")
    assert (done.returncode, done.stdout) == (0, "table cruddur-messages is gone\n"), done.stderr
    assert not exists(shipped, "cruddur-messages")


def test_drop_of_what_is_not_there(run, fresh):
    done = run("drop", "--yes", "--json", "nowhere")
    assert done.returncode == 1 and "there is no table nowhere" in done.stderr and "--if-exists" in done.stderr
    assert "nowhere" in json.loads(done.stdout)["error"]
    done = run("drop", "--yes", "--if-exists", "nowhere")
    assert (done.returncode, done.stdout) == (0, "there is no table nowhere\n")
    done = run("drop", "--yes", "--if-exists", "--json", "nowhere")
    assert json.loads(done.stdout) == {"table": "nowhere", "dropped": False}
    fresh.create_table(**tables.plain())
    done = run("drop", "--yes", "--if-exists", "--json", "plain")
    assert json.loads(done.stdout) == {"table": "plain", "dropped": True} and not exists(fresh, "plain")


def at_a_terminal(binary, endpoint, words, typed):
    """Types `typed` once it is asked to; what the command showed, its status and its stdout."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([binary, "ddb", *words], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs,
                               env=clean_environment({"AWS_ENDPOINT_URL_DYNAMODB": endpoint}))
    os.close(theirs)
    shown = b""
    while b"Type its name" not in shown:
        shown += os.read(ours, 4096)
    os.write(ours, typed)
    out, _ = process.communicate(timeout=60)
    try:
        while more := os.read(ours, 4096):
            shown += more
    except OSError:
        pass  # how a terminal that nobody has open any more ends
    os.close(ours)
    return process.returncode, out.decode(), shown.decode()


@pytest.mark.parametrize("typed, dropped", [
    (b"cruddur-messages\n", True), (b"y\n", False), (b"yes\n", False), (b"\n", False), (b"cruddur-message\n", False),
    (b"\x04", False),  # the end of input
])
def test_drop_asks_on_a_terminal(readaside_binary, ddb_local, shipped, typed, dropped):
    status, out, shown = at_a_terminal(readaside_binary, ddb_local.endpoint, ["drop", "cruddur-messages"], typed)
    count = shipped.scan(TableName="cruddur-messages")["Count"] if not dropped else 38
    assert f"table cruddur-messages at {ddb_local.endpoint} (us-east-1) has {count} items" in shown
    assert exists(shipped, "cruddur-messages") != dropped
    if dropped:
        assert (status, out) == (0, "table cruddur-messages is gone\n")
    else:
        assert (status, out) == (1, "") and "nothing was changed" in shown


def test_drop_waits_until_it_is_gone(run, fresh, counting_upstream):
    fresh.create_table(**tables.plain())

    def still_there(request, status, body):
        return 200, json.dumps({"Table": {"TableName": "plain", "TableStatus": "DELETING"}}).encode()

    counting_upstream.answer(still_there, "DescribeTable", times=3)  # the first look, and two later ones
    counting_upstream.fail("DeleteTable", times=1, status=400, error="ResourceInUseException")
    counting_upstream.throttle("DeleteTable", times=1)
    counting_upstream.fail("DescribeTable", when=lambda r: r.number == 7)
    done = run("drop", "--yes", "plain", "--endpoint", counting_upstream.endpoint)
    assert (done.returncode, done.stdout) == (0, "table plain is gone\n"), done.stderr
    asked = [r.operation for r in counting_upstream.seen()]
    assert asked[:8] == ["DescribeTable"] + ["DeleteTable"] * 3 + ["DescribeTable"] * 4


def test_drop_whose_reply_is_lost(run, fresh, counting_upstream):
    fresh.create_table(**tables.plain())
    counting_upstream.cut("DeleteTable", times=1, forwarded=True)
    done = run("drop", "--yes", "plain", "--endpoint", counting_upstream.endpoint)
    assert (done.returncode, done.stdout) == (0, "table plain is gone\n"), done.stderr


def test_drop_gives_up(run, fresh, counting_upstream):
    fresh.create_table(**tables.plain())
    counting_upstream.answer(lambda *_: (200, b'{"Table": {"TableStatus": "DELETING"}}'), "DescribeTable")
    done = run("drop", "--yes", "plain", "--timeout", "300ms", "--endpoint", counting_upstream.endpoint)
    assert done.returncode == 1 and "isn't gone" in done.stderr and "--timeout" in done.stderr
    counting_upstream.fail("DeleteTable", status=400, error="AccessDeniedException")
    done = run("drop", "--yes", "plain", "--endpoint", counting_upstream.endpoint)
    assert done.returncode == 1 and "AccessDeniedException" in done.stderr


# ---- scan ----

HOSTILE = [
    "two\nlines\tand a tab\r",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "\u009b31m and \u202eright to left\u2028",
    "nul \0 and \x7f",
    "größe 日本語 👋🏽 e\u0301",
    'quotes " and \\ and {"S": "x"}',
    "%s%n%d",
    "\ufeff",
    "-",
    "",
]


@pytest.fixture
def big(fresh):
    """boto3 on the table `chat` with 3,000 items, four pages of them."""
    fresh.create_table(**tables.chat())
    items = [{"pk": {"S": f"p{i % 7}"}, "sk": {"S": f"{i:05}"}, "n": {"N": str(i)}, "text": {"S": f"{i} " * 200}}
             for i in range(3000)]
    put(fresh, "chat", items)
    return fresh


def boto_scan(boto, name):
    pages = list(boto.get_paginator("scan").paginate(TableName=name))
    return [item for page in pages for item in page["Items"]], len(pages)


def test_all_pages_of_a_scan(run, big, counting_upstream):
    theirs, pages = boto_scan(big, "chat")
    assert len(theirs) == 3000 and pages > 2
    counting_upstream.throttle("Scan", times=1)
    counting_upstream.cut("Scan", times=1, forwarded=True)
    done = run("scan", "chat", "--json", "--endpoint", counting_upstream.endpoint)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"Items": theirs, "Count": 3000, "ScannedCount": 3000}
    assert counting_upstream.count("Scan") == pages + 2
    done = run("scan", "chat")
    assert (done.returncode, done.stderr) == (0, "")
    header, *shown = rows(done.stdout)
    assert header[:2] == ["pk", "sk"] and sorted(header[2:]) == ["n", "text"]
    assert [row[:2] for row in shown] == [list(key_of(i)) for i in theirs]
    n, text = header.index("n"), header.index("text")
    assert [(row[n], row[text]) for row in shown] == [(i["n"]["N"], i["text"]["S"].rstrip()) for i in theirs]


@pytest.mark.parametrize("limit", [1, 7, 2500, 3000, 5000])
def test_a_limited_scan(run, big, limit):
    theirs, _ = boto_scan(big, "chat")
    found = json.loads(run("scan", "chat", "--json", "--limit", str(limit)).stdout)
    assert found["Items"] == theirs[:limit] and found["Count"] == len(found["Items"])
    assert len(rows(run("scan", "chat", f"--limit={limit}").stdout)) == 1 + min(limit, 3000)


def test_items_come_byte_for_byte(run, fresh, direct):
    fresh.create_table(**tables.chat())
    put(fresh, "chat", [{"pk": {"S": "p"}, "sk": {"S": f"{i}"}, "v": value} for i, value in enumerate([
        {"N": "12345678901234567890123456789012345678"}, {"N": "1E-130"}, {"B": b"\0\xff"}, {"NULL": True},
        {"M": {"a": {"L": [{"BOOL": False}, {"SS": ["x", "y"]}]}}}, *({"S": s} for s in HOSTILE)])])
    raw = direct.call("Scan", {"TableName": "chat"}).body
    done = run("scan", "chat", "--json")
    lines = done.stdout.removesuffix("\n").split("\n")
    assert lines[0] == '{"Items": [' and len(lines) == 2 + 5 + len(HOSTILE)
    assert b'"Items":[' + ",".join(line.rstrip(",") for line in lines[1:-1]).encode() + b"]" in raw
    assert json.loads(done.stdout)["Items"] == direct.call("Scan", {"TableName": "chat"}).json["Items"]


def test_hostile_items_are_shown_harmlessly(run, fresh):
    fresh.create_table(**tables.chat())
    put(fresh, "chat", [{"pk": {"S": "p"}, "sk": {"S": f"{i}"}, "text": {"S": s}} for i, s in enumerate(HOSTILE)])
    put(fresh, "chat", [{"pk": {"S": "q"}, "sk": {"S": "0"}, "m\x1b[2J": {"M": {"\x1b": {"L": [{"N": "1"}]}}}}])
    done = run("scan", "chat")
    assert (done.returncode, done.stderr) == (0, "")
    assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\ufeff]", done.stdout)
    lines = done.stdout.splitlines()
    assert len(lines) == 2 + len(HOSTILE)
    for expected in ("two\\nlines\\tand a tab\\r", "\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07",
                     "\\u009b31m and \\u202eright to left\\u2028", "nul \\x00 and \\x7f",
                     "größe 日本語 👋🏽 e\u0301", 'quotes " and \\ and {"S": "x"}', "%s%n%d", "\\ufeff", '""'):
        assert any(expected in line for line in lines), expected
    assert "m\\x1b[2J" in lines[0]
    [map_line] = [line for line in lines if line.startswith("q ")]
    assert '{"\\u001b":[1]}' in map_line.lower().replace(" [", "[")


def test_attributes_that_come_late_are_told(run, big):
    last = boto_scan(big, "chat")[0][-1]
    put(big, "chat", [{**last, "late": {"S": "x"}}])
    done = run("scan", "chat")
    assert done.returncode == 0 and "late" not in done.stdout.splitlines()[0]
    assert "some items have attributes without a column (--json shows them): late" in done.stderr


def test_an_empty_table_shows_its_key(run, fresh):
    fresh.create_table(**tables.chat())
    assert run("scan", "chat").stdout == "pk  sk\n"
    assert json.loads(run("scan", "chat", "--json").stdout) == {"Items": [], "Count": 0, "ScannedCount": 0}


def test_who_has_read_enough_may_leave(readaside_binary, big, counting_upstream):
    for more in ("", " --json"):
        counting_upstream.forget()
        gate = counting_upstream.hold("Scan", when=lambda r: "ExclusiveStartKey" in r.json)
        done = subprocess.Popen(["bash", "-c", f'"{readaside_binary}" ddb scan chat{more} | head -n 3'],
                                env=clean_environment({"AWS_ENDPOINT_URL_DYNAMODB": counting_upstream.endpoint}),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = done.communicate(timeout=60)
        assert (err, len(out.splitlines())) == ("", 3)
        assert counting_upstream.count("Scan") == 1, "it reads on though nobody listens"
        gate.release()


def test_a_full_disk_is_a_failure(readaside_binary, big, ddb_local):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([readaside_binary, "ddb", "scan", "chat"], stdout=full, stderr=subprocess.PIPE, text=True,
                              env=clean_environment({"AWS_ENDPOINT_URL_DYNAMODB": ddb_local.endpoint}), timeout=60,
                              check=False)
    assert done.returncode == 1 and "can't be written" in done.stderr


@pytest.mark.parametrize("words", [["scan"], ["scan", "--json"]])
def test_a_scan_that_breaks_off(run, big, counting_upstream, words):
    counting_upstream.fail("Scan", when=lambda r: "ExclusiveStartKey" in r.json, status=400,
                           error="AccessDeniedException")
    done = run(*words, "chat", "--endpoint", counting_upstream.endpoint)
    assert done.returncode == 1 and "AccessDeniedException" in done.stderr
    assert done.stdout and '"error"' not in done.stdout
    if "--json" in words:
        with pytest.raises(json.JSONDecodeError):  # what is half of it can't be taken for all
            json.loads(done.stdout)


def test_no_such_table(run, fresh):
    for words in (["scan"], ["scan", "--json"]):
        done = run(*words, "nowhere")
        assert done.returncode == 1 and "nowhere: ResourceNotFoundException" in done.stderr
        assert ("ResourceNotFoundException" in done.stdout) == ("--json" in words)
    done = run("scan", "-")
    assert done.returncode == 1 and "ValidationException" in done.stderr, "a table's name, not standard input"


def test_a_terminal_gets_lines_that_fit(readaside_binary, ddb_local, shipped):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    process = subprocess.Popen([readaside_binary, "ddb", "get-conversation", "-c", SHIPPED, GROUP], stdout=theirs,
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               env=clean_environment({"AWS_ENDPOINT_URL_DYNAMODB": ddb_local.endpoint}))
    os.close(theirs)
    shown = b""
    try:
        while more := os.read(ours, 65536):
            shown += more
    except OSError:
        pass  # how a terminal that nobody has open any more ends
    os.close(ours)
    assert (process.wait(timeout=60), process.stderr.read()) == (0, b"")
    process.stderr.close()
    *lines, last = shown.decode().splitlines()
    assert lines[0].split() == ["uuid", "display_name", "handle", "message", "created_at"]
    assert len(lines) > 30 and last.startswith("# ")
    assert all(len(line) <= 70 for line in lines) and sum("…" in line for line in lines) > 30


# ---- conversations ----


def boto_query(boto, partition, newest_first=False, limit=None):
    """All items and the capacity that was consumed."""
    asked = {"TableName": "cruddur-messages", "KeyConditionExpression": "pk = :p", "ReturnConsumedCapacity": "TOTAL",
             "ExpressionAttributeValues": {":p": {"S": partition}}, "ScanIndexForward": not newest_first}
    if limit:
        asked["Limit"] = limit
        pages = [boto.query(**asked)]
    else:
        pages = list(boto.get_paginator("query").paginate(**asked))
    return [i for p in pages for i in p["Items"]], sum(p["ConsumedCapacity"]["CapacityUnits"] for p in pages)


def as_message(item, uuid="message_uuid"):
    names = {"uuid": uuid, "display_name": "user_display_name", "handle": "user_handle", "message": "message",
             "created_at": "sk"}
    return {name: item[attribute]["S"] if attribute in item else None for name, attribute in names.items()}


@pytest.mark.parametrize("limit", [None, 1, 5, 1000])
def test_a_conversation(run, shipped, limit):
    theirs, capacity = boto_query(shipped, f"MSG#{GROUP}", newest_first=True, limit=limit)
    expected = [as_message(i) for i in reversed(theirs)]
    words = ["get-conversation", GROUP, "-c", SHIPPED] + (["--limit", str(limit)] if limit else [])
    done = run(*words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "items": expected, "consumed_capacity": {"TableName": "cruddur-messages", "CapacityUnits": capacity}}
    assert list(json.loads(done.stdout)["items"][0]) == list(expected[0])
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert rows(done.stdout) == [list(expected[0]), *([*m.values()] for m in expected)]
    items = "1 item" if len(expected) == 1 else f"{len(expected)} items"
    units = "unit" if capacity == 1 else "units"
    assert done.stdout.splitlines()[-1] == f"# {items}, {capacity:g} read capacity {units} of cruddur-messages"


def test_conversations_of_a_user(run, shipped):
    users = [i["pk"]["S"] for i in shipped.scan(TableName="cruddur-messages")["Items"] if i["pk"]["S"].startswith("GRP#")]
    put(shipped, "cruddur-messages", [
        {"pk": {"S": users[0]}, "sk": {"S": "2031-01-01T00:00:00.000000+00:00"}, "message": {"S": "新しい\n💬"},
         "message_group_uuid": {"S": "11111111-0000-4000-8000-000000000000"}}])
    for user in users:
        theirs, capacity = boto_query(shipped, user, newest_first=True)
        expected = [as_message(i, "message_group_uuid") for i in theirs]
        words = ["list-conversations", "-c", SHIPPED, user.removeprefix("GRP#")]
        found = json.loads(run(*words, "--json").stdout)
        assert found["items"] == expected and found["consumed_capacity"]["CapacityUnits"] == capacity
        assert found["items"] == sorted(expected, key=lambda m: m["created_at"], reverse=True)
        shown = rows(run(*words).stdout)
        assert [row[0] for row in shown[1:]] == [m["uuid"] for m in expected]
    newest = json.loads(run("list-conversations", "-c", SHIPPED, users[0].removeprefix("GRP#"), "--limit=1",
                            "--json").stdout)["items"]
    assert [m["created_at"] for m in newest] == ["2031-01-01T00:00:00.000000+00:00"]
    assert newest[0]["handle"] is None
    [_, row] = rows(run("list-conversations", "-c", SHIPPED, users[0].removeprefix("GRP#"), "--limit=1").stdout)
    assert row[1:4] == ["-", "-", "新しい\\n💬"]


@pytest.mark.parametrize("limit", [None, 2500])
def test_a_long_conversation_pages_through(run, shipped, counting_upstream, limit):
    group = "aaaaaaaa-0000-4000-8000-000000000000"
    put(shipped, "cruddur-messages", [
        {"pk": {"S": f"MSG#{group}"}, "sk": {"S": f"2030-{i:06}"}, "message_uuid": {"S": str(i)},
         "message": {"S": f"{i}{'ü' * 500}"}} for i in range(3000)])
    theirs, capacity = boto_query(shipped, f"MSG#{group}")
    assert len(theirs) == 3000
    words = ["get-conversation", "-c", SHIPPED, group, "--endpoint", counting_upstream.endpoint]
    found = json.loads(run(*words, "--json", *(["--limit", str(limit)] if limit else [])).stdout)
    assert [m["uuid"] for m in found["items"]] == [i["message_uuid"]["S"] for i in theirs[-(limit or 3000) :]]
    assert counting_upstream.count("Query") > 2
    if not limit:
        assert found["consumed_capacity"]["CapacityUnits"] == capacity


def test_a_conversation_that_nobody_had(run, shipped):
    done = run("get-conversation", "-c", SHIPPED, "00000000-0000-4000-8000-000000000000")
    assert (done.returncode, done.stderr) == (0, "")
    header, last = done.stdout.splitlines()
    assert header.split() == ["uuid", "display_name", "handle", "message", "created_at"]
    assert last.startswith("# 0 items, ")
    done = run("get-conversation", "-c", SHIPPED, "--json", "it's \"quoted\\")
    assert json.loads(done.stdout)["items"] == []


def test_conversations_need_a_configuration(run, shipped, tmp_path):
    done = run("get-conversation", GROUP)
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs a configuration that has ddb.get_conversation" in done.stderr and "READASIDE_CONFIG" in done.stderr
    assert "ddb.list_conversations" in run("list-conversations", GROUP).stderr
    bare = tmp_path / "bare.jsonc"
    bare.write_text("{}")
    done = run("list-conversations", "-c", bare, GROUP)
    assert done.returncode == 2 and f"{bare} has no ddb.list_conversations" in done.stderr
    done = run("get-conversation", "--json", GROUP, environment={"READASIDE_CONFIG": str(SHIPPED)})
    assert done.returncode == 0 and len(json.loads(done.stdout)["items"]) > 30
    assert run("get-conversation", "-c", bare, GROUP, environment={"READASIDE_CONFIG": str(SHIPPED)}).returncode == 2
    assert run("list-tables", environment={"READASIDE_CONFIG": "/nowhere"}).returncode == 2
    assert run("list-tables", environment={"READASIDE_CONFIG": ""}).returncode == 0


def test_a_route_that_shows_whole_items(run, shipped, tmp_path):
    config = tmp_path / "c.jsonc"
    config.write_text(json.dumps({
        "tables": {"*": {}},
        "routes": [{"name": "all", "method": "GET", "path": "/x/{g}",
                    "query": {"table": "cruddur-messages", "index": "message-group-sk-index",
                              "partition_key": "{path.g}", "order": "oldest"},
                    "reply": {"order": "oldest"}}],
        "ddb": {"get_conversation": "all"}}))
    theirs = shipped.query(TableName="cruddur-messages", IndexName="message-group-sk-index",
                           KeyConditionExpression="message_group_uuid = :g",
                           ExpressionAttributeValues={":g": {"S": GROUP}})["Items"]
    assert theirs
    found = json.loads(run("get-conversation", "-c", config, GROUP, "--json").stdout)["items"]
    assert sorted(map(json.dumps, ({n: i[n] for n in sorted(i)} for i in found))) == sorted(
        map(json.dumps, ({n: i[n]["S"] for n in sorted(i)} for i in theirs)))
    header, *shown = rows(run("get-conversation", "-c", config, GROUP).stdout)
    assert set(header) == set(theirs[0]) and len(shown) == len(theirs)


# ---- mistakes ----


@pytest.mark.parametrize("words, said", [
    (["scan"], "give a table's name"),
    (["scan", ""], "give a table's name"),
    (["scan", "a", "b"], "'b' is one argument too many"),
    (["scan", b"\xff"], "UTF-8"),
    (["scan", "a", "--limit", "0"], "--limit '0' isn't a number from 1"),
    (["scan", "a", "--limit", "ten"], "--limit 'ten'"),
    (["scan", "a", "--limti", "1"], "did you mean '--limit'?"),
    (["scan", "a", "--yes"], "unknown option '--yes'"),
    (["list-tables", "a"], "'a' is one argument too many"),
    (["list-tables", "--limit", "1"], "unknown option '--limit'"),
    (["drop", "--yes"], "give a table's name"),
    (["drop", "--yes=1", "a"], "takes no value"),
    (["drop", "--if-missing", "a"], "unknown option '--if-missing'"),
    (["get-conversation", "-c", str(SHIPPED)], "give the conversation's UUID"),
    (["list-conversations", "-c", str(SHIPPED)], "give the user's UUID"),
    (["get-conversation", "-c"], "needs a value"),
    (["scan", "a", "--timeout", "soon"], "--timeout 'soon'"),
    (["scan", "a", "--endpoint", "localhost"], "--endpoint 'localhost'"),
])
def test_mistakes(run, words, said):
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_standard_input_is_a_dash(run, fresh):
    done = run("schema-load", "-", input=(CONFIG / "cruddur-messages.schema.json").read_text())
    assert done.returncode == 0 and exists(fresh, "cruddur-messages")
    done = run("drop", "--yes", "--", "-c")
    assert done.returncode == 1 and "ValidationException" in done.stderr, "a name, not an option"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_what_all_have(run, command):
    done = run(command, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"usage: readaside ddb {command} ")
    for word in ("--config", "READASIDE_CONFIG", "--endpoint", "--aws", "--region", "--json", "--timeout"):
        assert word in done.stdout
    assert all(len(line) <= 110 for line in done.stdout.splitlines())


# ---- --aws ----

# A host name with so long a part isn't looked up anywhere, so nothing here can reach the real AWS.
NO_REGION_OF_AWS = "a" * 64


@pytest.fixture
def sts():
    stand_in = sts_stand_in.Sts({"readaside": SECRET})
    yield stand_in
    stand_in.stop()


def aws(stand_in, **more):
    return {"AWS_ENDPOINT_URL_STS": stand_in.endpoint, "AWS_REGION": NO_REGION_OF_AWS, **more}


@pytest.mark.parametrize("words", [
    ["drop", "--yes", "made"],
    ["schema-load", str(CONFIG / "cruddur-messages.schema.json")],
    ["seed", str(CONFIG / "cruddur-messages.seed.json")],
])
def test_what_changes_something_says_where_first(run, sts, words):
    done = run(*words, "--aws", environment=aws(sts))
    assert done.returncode == 1 and done.stdout == ""
    first, second = done.stderr.splitlines()[:2]
    assert first == (f"readaside ddb {words[0]}: AWS account {sts_stand_in.ACCOUNT}, region {NO_REGION_OF_AWS}, "
                     f"as {sts_stand_in.ARN}")
    assert f"https://dynamodb.{NO_REGION_OF_AWS}.amazonaws.com can't be reached" in second
    assert sts.requests == [NO_REGION_OF_AWS]


def test_what_only_reads_does_not_ask(run, sts):
    for words in (["list-tables"], ["scan", "made"]):
        done = run(*words, "--aws", environment=aws(sts))
        assert done.returncode == 1 and f"dynamodb.{NO_REGION_OF_AWS}.amazonaws.com can't be reached" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert sts.requests == []


def test_a_session_token_goes_along(run):
    stand_in = sts_stand_in.Sts({"readaside": SECRET}, token="a-token", arn="arn:aws:sts::1:assumed-role/a&b<c>\x7f/d")
    try:
        done = run("drop", "--yes", "x", "--aws", environment=aws(stand_in, AWS_SESSION_TOKEN="a-token"))
        assert "as arn:aws:sts::1:assumed-role/a&b<c>?/d" in done.stderr
        done = run("drop", "--yes", "x", "--aws", environment=aws(stand_in))
        assert "InvalidClientTokenId: The security token" in done.stderr
        assert stand_in.requests == [NO_REGION_OF_AWS, "InvalidClientTokenId"]
    finally:
        stand_in.stop()


REFUSED = "so nothing was changed: "


@pytest.mark.parametrize("answer, said", [
    ((403, sts_stand_in.failure("ExpiredToken", "The security token\x1b included is expired")),
     "ExpiredToken: The security token? included is expired"),
    ((500, "oops"), "HTTP status 500"),
    ((200, "<html>a captive portal</html>"), "HTTP status 200 and something that isn't STS's"),
    ((200, sts_stand_in.identity("").replace("<Account>", "<Acount>")), "isn't STS's"),
    ((200, ""), "isn't STS's"),
])
def test_without_knowing_whose_account_it_is_nothing_changes(run, sts, answer, said):
    sts.answer = answer
    done = run("drop", "--yes", "made", "--aws", "--json", environment=aws(sts))
    assert done.returncode == 1 and REFUSED in done.stderr and said in done.stderr
    assert len(done.stderr.splitlines()) == 1, "DynamoDB isn't called"
    assert REFUSED in json.loads(done.stdout)["error"]


def test_sts_that_is_not_there_or_does_not_know_the_key(run, sts):
    done = run("drop", "--yes", "made", "--aws", environment=aws(sts, AWS_ENDPOINT_URL_STS="http://127.0.0.1:1"))
    assert done.returncode == 1 and REFUSED + "no connection from http://127.0.0.1:1: " in done.stderr
    done = run("drop", "--yes", "made", "--aws", environment=aws(sts, AWS_SECRET_ACCESS_KEY="another"))
    assert done.returncode == 1 and REFUSED + "SignatureDoesNotMatch: " in done.stderr
    done = run("drop", "--yes", "made", "--aws", environment=aws(sts, AWS_ENDPOINT_URL_STS="ftp://x"))
    assert done.returncode == 1 and "AWS_ENDPOINT_URL_STS" in done.stderr
    none = {"AWS_REGION": NO_REGION_OF_AWS}
    done = run("drop", "--yes", "made", "--aws", environment=none)
    assert done.returncode == 1 and f"no connection from https://sts.{NO_REGION_OF_AWS}.amazonaws.com: " in done.stderr


def test_aws_wants_a_region_that_was_said(run, sts, tmp_path):
    bare, named = tmp_path / "bare.jsonc", tmp_path / "named.jsonc"
    bare.write_text(json.dumps({"upstream": {"endpoint": "http://127.0.0.1:1"}}))
    named.write_text(json.dumps({"upstream": {"endpoint": "http://127.0.0.1:1", "region": "b" * 64}}))
    where = {"AWS_ENDPOINT_URL_STS": sts.endpoint}
    for words in ([], ["-c", str(bare)]):
        done = run("drop", "--yes", "made", "--aws", *words, environment=where)
        assert done.returncode == 2 and "which region of AWS?" in done.stderr
    assert sts.requests == []
    for words, environment, region in [
        (["-c", str(named)], {}, "b" * 64),
        (["-c", str(named), "--region", "c" * 64], {}, "c" * 64),
        (["-c", str(bare)], {"AWS_DEFAULT_REGION": "d" * 64}, "d" * 64),
        ([], {"AWS_REGION": "e" * 64, "AWS_DEFAULT_REGION": "d" * 64}, "e" * 64),
        (["--region", "f" * 64], {"AWS_REGION": "e" * 64}, "f" * 64),
    ]:
        done = run("drop", "--yes", "made", "--aws", *words, environment={**where, **environment})
        assert done.returncode == 1 and f"https://dynamodb.{region}.amazonaws.com can't be reached" in done.stderr
        assert sts.requests[-1] == region
    done = run("drop", "--yes", "made", "--aws", "--region", "Ireland", environment=where)
    assert done.returncode == 2 and "'Ireland' isn't a region" in done.stderr


def test_aws_and_an_endpoint_exclude_each_other(run, sts):
    done = run("list-tables", "--aws", "--endpoint", "http://127.0.0.1:1", environment=aws(sts))
    assert (done.returncode, done.stdout) == (2, "") and "exclude each other" in done.stderr
