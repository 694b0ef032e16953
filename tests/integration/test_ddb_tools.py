"""`readaside ddb schema-load` and `ddb seed`, against DynamoDB Local and against a DynamoDB that has bad days."""
import http.server
import json
import os
import pathlib
import pty
import ssl
import subprocess
import threading

import pytest

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "config"
KEYS = {"AWS_ACCESS_KEY_ID": "readaside", "AWS_SECRET_ACCESS_KEY": "readaside-secret"}


@pytest.fixture
def run(readaside_binary):
    def run_it(*words, environment=None, **more):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        return subprocess.run([readaside_binary, "ddb", *words], capture_output=True, text=True, timeout=60,
                              check=False, env={**clean, **KEYS, **(environment or {})}, **more)

    return run_it


@pytest.fixture
def fresh(client, ddb_local):
    """boto3 on a DynamoDB Local without tables."""
    boto = client(ddb_local.endpoint)

    def drop():
        for name in boto.list_tables()["TableNames"]:
            boto.delete_table(TableName=name)

    drop()
    yield boto
    drop()


def schema(name="made", index=False):
    attributes = [{"AttributeName": n, "AttributeType": "S"} for n in (["pk", "other"] if index else ["pk"])]
    made = {"TableName": name, "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}
    if index:
        made["GlobalSecondaryIndexes"] = [{"IndexName": "by-other", "Projection": {"ProjectionType": "ALL"},
                                           "KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}]}]
    return made


def write(path, what):
    path.write_text(what if isinstance(what, str) else json.dumps(what))
    return path


def puts(n, table="made"):
    return {table: [{"PutRequest": {"Item": {"pk": {"S": f"item {i}"}}}} for i in range(n)]}


# ---- against DynamoDB Local ----


def test_the_shipped_table_and_its_seed(run, fresh, ddb_local, tmp_path):
    config = write(tmp_path / "c.jsonc", {
        "upstream": {"endpoint": ddb_local.endpoint, "region": "us-east-1"},
        "ddb": {"schema": str(CONFIG / "cruddur-messages.schema.json"),
                "seed": str(CONFIG / "cruddur-messages.seed.json")}})
    done = run("schema-load", "-c", config)
    assert (done.returncode, done.stdout) == (0, "table cruddur-messages is ACTIVE\n"), done.stderr
    assert fresh.describe_table(TableName="cruddur-messages")["Table"]["TableStatus"] == "ACTIVE"
    done = run("seed", "-c", config)
    sent = json.loads((CONFIG / "cruddur-messages.seed.json").read_text())["cruddur-messages"]
    assert (done.returncode, done.stdout) == (0, f"seeded {len(sent)} items into cruddur-messages\n"), done.stderr
    stored = fresh.scan(TableName="cruddur-messages")["Items"]
    by_key = {(i["pk"]["S"], i["sk"]["S"]): i for i in stored}
    for item in (w["PutRequest"]["Item"] for w in sent):
        assert by_key[item["pk"]["S"], item["sk"]["S"]] == item
    assert len(stored) == len(sent) >= 30


def test_a_table_that_exists_already(run, fresh, ddb_local, tmp_path):
    path = write(tmp_path / "s.json", schema(index=True))
    where = {"AWS_ENDPOINT_URL_DYNAMODB": ddb_local.endpoint}
    assert run("schema-load", path, environment=where).returncode == 0
    done = run("schema-load", path, environment=where)
    assert (done.returncode, done.stdout) == (1, "")
    assert "table made exists already" in done.stderr and "--if-missing" in done.stderr
    done = run("schema-load", "--if-missing", path, environment=where)
    assert (done.returncode, done.stdout) == (0, "table made exists already and is ACTIVE\n")
    done = run("schema-load", "--if-missing", "--json", path, environment=where)
    assert json.loads(done.stdout) == {"table": "made", "created": False, "status": "ACTIVE"}
    fresh.delete_table(TableName="made")
    done = run("schema-load", "--json", path, environment=where)
    assert json.loads(done.stdout) == {"table": "made", "created": True, "status": "ACTIVE"}


def test_errors_are_dynamodbs(run, fresh, ddb_local, tmp_path):
    wrong = schema()
    del wrong["KeySchema"]
    done = run("schema-load", "--endpoint", ddb_local.endpoint, write(tmp_path / "s.json", wrong))
    assert done.returncode == 1 and "ValidationException: " in done.stderr
    done = run("seed", "--json", "--endpoint", ddb_local.endpoint, write(tmp_path / "d.json", puts(1, "nowhere")))
    assert done.returncode == 1 and "ResourceNotFoundException: " in done.stderr
    assert "ResourceNotFoundException: " in json.loads(done.stdout)["error"]


def test_items_arrive_as_they_stand_in_the_file(run, fresh, ddb_local, tmp_path):
    fresh.create_table(**schema())
    text = ('{"made": [{"PutRequest": {"Item": {"pk": {"S": "\\u00fc\\ud83c\\udf89\\u0000/\\/"}, '
            '"n": {"N": "12345678901234567890123456789012345678"}, "e": {"S": ""}}}}]}')
    done = run("seed", "--endpoint", ddb_local.endpoint, "-", input=text)
    assert done.returncode == 0, done.stderr
    [item] = fresh.scan(TableName="made")["Items"]
    assert item == {"pk": {"S": "ü🎉\0//"}, "n": {"N": "12345678901234567890123456789012345678"}, "e": {"S": ""}}


def test_a_terminal_shows_progress(readaside_binary, fresh, ddb_local, tmp_path):
    fresh.create_table(**schema())
    ours, theirs = pty.openpty()
    done = subprocess.run([readaside_binary, "ddb", "seed", "--endpoint", ddb_local.endpoint,
                           write(tmp_path / "d.json", puts(60))],
                          stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, **KEYS}, timeout=60, check=False)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert (done.returncode, done.stdout) == (0, b"seeded 60 items into made\n")
    assert "25/60 items, " in shown and " items/s" in shown


# ---- against one that has bad days ----


class Scripted:
    """Answers each operation by the next of its scripted replies (the last one again and again): a (status, body)
    pair, or None for a connection that is cut."""

    def __init__(self, certificate=None, **script):
        self.script = {name: list(replies) for name, replies in script.items()}
        self.requests = []
        scripted = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].split(".")[1]
                scripted.requests.append((operation, body, dict(self.headers)))
                replies = scripted.script[operation]
                reply = replies.pop(0) if len(replies) > 1 else replies[0]
                if callable(reply):
                    reply = reply(json.loads(body))
                if reply is None:
                    self.close_connection = True
                    return
                data = json.dumps(reply[1]).encode()
                self.send_response(reply[0])
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.endpoint = f"http{'s' if certificate else ''}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def operations(self):
        return [operation for operation, _, _ in self.requests]


@pytest.fixture
def scripted():
    made = []

    def make(certificate=None, **script):
        made.append(Scripted(certificate, **script))
        return made[-1]

    yield make
    for one in made:
        one.server.shutdown()
        one.server.server_close()


def error(name, message="no"):
    return {"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": message}


def described(table, index=None):
    indexes = [{"IndexName": "by-other", "IndexStatus": index}] if index else []
    return 200, {"Table": {"TableName": "made", "TableStatus": table, "GlobalSecondaryIndexes": indexes}}


THROTTLED = (400, error("ThrottlingException", "Rate exceeded"))
BROKEN = (500, error("InternalServerError"))
DONE = (200, {"UnprocessedItems": {}})


def test_waits_for_the_table_and_its_indexes(run, scripted, tmp_path):
    upstream = scripted(
        CreateTable=[THROTTLED, BROKEN, (200, {})],
        DescribeTable=[(400, error("ResourceNotFoundException")), described("CREATING", "CREATING"), THROTTLED, None,
                       described("ACTIVE", "CREATING"), described("ACTIVE", "ACTIVE")])
    text = json.dumps(schema(index=True), indent=3)
    done = run("schema-load", "--endpoint", upstream.endpoint, write(tmp_path / "s.json", text))
    assert (done.returncode, done.stdout) == (0, "table made is ACTIVE\n"), done.stderr
    assert upstream.operations() == ["CreateTable"] * 3 + ["DescribeTable"] * 6
    assert upstream.requests[0][1] == text.encode(), "the file goes up as it stands"


def test_a_lost_reply_to_create_table_is_no_failure(run, scripted, tmp_path):
    upstream = scripted(CreateTable=[None, (400, error("ResourceInUseException"))], DescribeTable=[described("ACTIVE")])
    done = run("schema-load", "--endpoint", upstream.endpoint, write(tmp_path / "s.json", schema()))
    assert (done.returncode, done.stdout) == (0, "table made is ACTIVE\n"), done.stderr


def test_waiting_ends(run, scripted, tmp_path):
    upstream = scripted(CreateTable=[(200, {})], DescribeTable=[described("ACTIVE", "CREATING")])
    done = run("schema-load", "--timeout", "300ms", "--endpoint", upstream.endpoint,
               write(tmp_path / "s.json", schema(index=True)))
    assert (done.returncode, done.stdout) == (1, "")
    assert "table made: ACTIVE, index by-other CREATING" in done.stderr and "--timeout" in done.stderr


def test_unprocessed_items_are_sent_again(run, scripted, tmp_path):
    def half(body):
        return 200, {"UnprocessedItems": {"made": body["RequestItems"]["made"][10:]}}

    upstream = scripted(BatchWriteItem=[THROTTLED, half, BROKEN, None, half, DONE])
    done = run("seed", "--endpoint", upstream.endpoint, write(tmp_path / "d.json", puts(30)))
    assert (done.returncode, done.stdout) == (0, "seeded 30 items into made\n"), done.stderr
    sizes = [len(json.loads(body)["RequestItems"]["made"]) for _, body, _ in upstream.requests]
    assert sizes == [25, 25, 15, 15, 15, 5, 5]
    keys = set()
    for _, body, _ in upstream.requests:
        keys |= {w["PutRequest"]["Item"]["pk"]["S"] for w in json.loads(body)["RequestItems"]["made"]}
    assert keys == {f"item {i}" for i in range(30)}


def test_seeding_without_progress_ends(run, scripted, tmp_path):
    upstream = scripted(BatchWriteItem=[DONE, lambda body: (200, {"UnprocessedItems": body["RequestItems"]})])
    done = run("seed", "--timeout", "300ms", "--endpoint", upstream.endpoint, write(tmp_path / "d.json", puts(30)))
    assert (done.returncode, done.stdout) == (1, "")
    assert "unprocessed" in done.stderr and "25 of 30 items were written" in done.stderr


def test_an_error_that_will_not_pass_ends_at_once(run, scripted, tmp_path):
    upstream = scripted(BatchWriteItem=[(400, error("ValidationException", "line\nbreak \x1b[31m"))])
    done = run("seed", "--endpoint", upstream.endpoint, write(tmp_path / "d.json", puts(30)))
    assert done.returncode == 1
    assert "ValidationException: line?break ?[31m" in done.stderr, "a peer's message can't drive the terminal"
    assert upstream.operations() == ["BatchWriteItem"]


def test_something_else_that_answers(run, scripted, tmp_path):
    upstream = scripted(BatchWriteItem=[(404, "not here")])
    done = run("seed", "--endpoint", upstream.endpoint, write(tmp_path / "d.json", puts(1)))
    assert done.returncode == 1 and "404" in done.stderr and "isn't DynamoDB's" in done.stderr


def test_endpoint_region_and_credentials(run, scripted, tmp_path):
    upstream = scripted(BatchWriteItem=[DONE])
    seed = write(tmp_path / "d.json", puts(1))
    config = write(tmp_path / "c.jsonc", {"upstream": {"endpoint": upstream.endpoint, "region": "ap-south-1"},
                                          "ddb": {"seed": "d.json"}})
    nowhere = {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1"}
    for words, environment, region in [
        (["--endpoint", upstream.endpoint, seed], nowhere, "us-east-1"),
        ([seed], {"AWS_ENDPOINT_URL_DYNAMODB": upstream.endpoint, "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
        (["-c", config], {"AWS_REGION": "eu-west-3"}, "ap-south-1"),
        (["-c", config, "--region", "eu-north-1"], {"AWS_SESSION_TOKEN": "token"}, "eu-north-1"),
    ]:
        done = run("seed", *words, environment=environment)
        assert done.returncode == 0, done.stderr
        headers = upstream.requests[-1][2]
        assert f"/{region}/dynamodb/aws4_request" in headers["Authorization"]
        assert headers.get("X-Amz-Security-Token") == environment.get("AWS_SESSION_TOKEN")
        assert headers["Host"] == upstream.endpoint.removeprefix("http://")
    done = run("seed", seed, environment=nowhere)
    assert done.returncode == 1 and "http://127.0.0.1:1 can't be reached" in done.stderr
    done = run("seed", "--endpoint", upstream.endpoint, seed, environment={"AWS_SECRET_ACCESS_KEY": ""})
    assert done.returncode == 1 and "AWS_SECRET_ACCESS_KEY" in done.stderr


@pytest.mark.parametrize("text, message", [
    ("{", "s.json:1: "),
    ('{\n "made": {}}', "s.json:2: a table's writes are an array"),
    ('{"made": [\n{}, 7]}', "s.json:2: a write is an object"),
    ("[]", "s.json:1: the file is an object"),
])
def test_a_file_that_is_no_seed(run, tmp_path, text, message):
    done = run("seed", "--endpoint", "http://127.0.0.1:1", write(tmp_path / "s.json", text))
    assert done.returncode == 1 and message in done.stderr


@pytest.mark.parametrize("text, message", [
    ("{", "s.json:1: "), ("{}", "TableName"), ('"x"', "TableName"), ('{"TableName": 1}', "TableName"),
    ('{"TableName": "a", "TableName": "b"}', "s.json:1: "),
])
def test_a_file_that_is_no_schema(run, tmp_path, text, message):
    done = run("schema-load", "--endpoint", "http://127.0.0.1:1", write(tmp_path / "s.json", text))
    assert done.returncode == 1 and message in done.stderr


@pytest.fixture
def certificates(tmp_path):
    """certificates(name) makes a self-signed one: its file and its key's."""

    def make(name, subject="IP:127.0.0.1"):
        pair = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={subject}",
                        "-out", pair[0], "-keyout", pair[1]], check=True, capture_output=True)
        return pair

    return make


def test_tls_is_verified(run, scripted, certificates, tmp_path):
    right, wrong = certificates("right"), certificates("wrong")
    renamed = certificates("renamed", "DNS:elsewhere.test")
    seed = write(tmp_path / "d.json", puts(30))
    upstream = scripted(right, BatchWriteItem=[DONE])
    impostor = scripted(renamed, BatchWriteItem=[DONE])

    def seeded(endpoint, ca):
        upstream_config = {"endpoint": endpoint, "region": "us-east-1", **({"ca_file": str(ca)} if ca else {})}
        return run("seed", "-c", write(tmp_path / "c.jsonc", {"upstream": upstream_config}), seed)

    done = seeded(upstream.endpoint, right[0])
    assert (done.returncode, done.stdout) == (0, "seeded 30 items into made\n"), done.stderr
    assert len(upstream.requests) == 2
    for endpoint, ca in [(upstream.endpoint, wrong[0]), (upstream.endpoint, None), (impostor.endpoint, renamed[0])]:
        done = seeded(endpoint, ca)
        assert done.returncode == 1 and "can't be reached" in done.stderr, done.stderr
    assert len(upstream.requests) == 2 and not impostor.requests, "nothing is sent to who can't prove its name"
