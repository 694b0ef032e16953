"""Clients that must sign: who is let in, what each may see, on a miss and on a hit, and how the keys are renewed."""
import hashlib
import json
import pathlib
import re
import signal
import subprocess
import sys

import boto3
import botocore.config
import botocore.exceptions
import pytest

from support import processes, raw, signing, tables, waiting, wire

UNIT = pathlib.Path(__file__).resolve().parents[1] / "unit" / "proxy"
CHAT, PLAIN = "chat", "plain"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
INVALID_TOKEN = "The security token included in the request is invalid."

ALICE = signing.Key("ALICE")
READER = signing.Key("READER", read_only=True)
OF_PLAIN = signing.Key("OF_PLAIN", tables=["pl?in", "users-*"])
GETTER = signing.Key("GETTER", operations=["GetItem", "Describe*"])
STRANGER = signing.Key("STRANGER")
KEYS = (ALICE, READER, OF_PLAIN, GETTER)


def item_key(sk="1"):
    return {"pk": {"S": "room"}, "sk": {"S": sk}}


def get(sk="1", table=CHAT):
    return {"TableName": table, "Key": item_key(sk)}


def put(sk="1", text="hello", table=CHAT):
    return {"TableName": table, "Item": {**item_key(sk), "v": {"S": text}}}


@pytest.fixture
def keys_file(tmp_path):
    path = tmp_path / "keys.json"
    signing.write_keys(path, *KEYS)
    return path


@pytest.fixture
def signed_proxy(proxy_factory, counting_upstream, keys_file, direct):
    """A proxy whose clients must sign, before the tables `chat` and `plain`. One thread: a hit is a hit for all."""
    tables.create(direct, tables.chat())
    tables.create(direct, tables.plain())
    direct.ok("PutItem", put())
    direct.ok("PutItem", put(table=PLAIN))
    return proxy_factory(
        counting_upstream.endpoint,
        {"auth": {"sigv4": {"keys_file": str(keys_file)}}, "listen": {"threads": 1}},
    )


def boto(proxy, key, **more):
    return boto3.client(
        "dynamodb",
        endpoint_url=proxy.endpoint,
        region_name=signing.REGION,
        aws_access_key_id=key.id,
        aws_secret_access_key=key.secret,
        config=botocore.config.Config(retries={"max_attempts": 0}),
        **more,
    )


def refusal(call, **parameters):
    """(type, message) of what boto3 raises."""
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        call(**parameters)
    error = raised.value.response["Error"]
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Code"], error["Message"]


def ask(proxy, key, operation, body, **more):
    """On a connection of its own."""
    return raw.exchange(proxy.port, signing.request(key, operation, body, **more))


def ok(proxy, key, operation, body, **more):
    reply = ask(proxy, key, operation, body, **more)
    assert reply.status == 200, reply
    return reply


def refused(reply, error):
    """The message of a reply that refuses with this error, in the shape that SDKs read."""
    assert (reply.status, reply.error) == (400, error), reply
    assert reply.json["__type"] == f"com.amazon.coral.service#{error}"
    assert reply.headers["Content-Type"] == signing.JSON
    assert reply.headers["x-amz-crc32"] and reply.headers["x-amzn-RequestId"]
    assert reply.cache in (None, "BYPASS")
    return reply.message


def make_hit(proxy, key, operation, body):
    """Until the reply is a hit."""
    waiting.until(lambda: ok(proxy, key, operation, body).cache == "HIT", "a hit")


# ---- who ----


def test_unchanged_clients_with_a_good_key(signed_proxy, counting_upstream):
    client = boto(signed_proxy, ALICE)
    client.put_item(**put("2", "to be found"))
    assert client.get_item(**get("2"))["Item"]["v"]["S"] == "to be found"
    waiting.until(
        lambda: client.get_item(**get("2"))["ResponseMetadata"]["HTTPHeaders"]["x-cache"] == "HIT", "a hit"
    )
    resource = boto3.resource(
        "dynamodb", endpoint_url=signed_proxy.endpoint, region_name=signing.REGION, aws_access_key_id=ALICE.id,
        aws_secret_access_key=ALICE.secret,
    )
    found = resource.Table(CHAT).query(KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": "room"})
    assert [item["sk"] for item in found["Items"]] == ["1", "2"]
    assert set(client.list_tables()["TableNames"]) >= {CHAT, PLAIN}
    for request in counting_upstream.seen():  # what goes upstream is signed by the proxy
        assert "Credential=readaside/" in str(request.headers)
        assert ALICE.id not in str(request.headers)


def test_who_is_not_let_in(signed_proxy, counting_upstream):
    wrong_secret = signing.Key(ALICE.id, "secret/of+another")
    with_token = {"aws_session_token": "FwoGZXIvYXdzEXAMPLE"}
    unsigned = boto3.client(
        "dynamodb", endpoint_url=signed_proxy.endpoint, region_name=signing.REGION,
        config=botocore.config.Config(signature_version=botocore.UNSIGNED, retries={"max_attempts": 0}),
    )
    elsewhere = boto3.client(
        "dynamodb", endpoint_url=signed_proxy.endpoint, region_name="eu-west-1", aws_access_key_id=ALICE.id,
        aws_secret_access_key=ALICE.secret,
    )
    boto(signed_proxy, ALICE).get_item(**get())
    before = counting_upstream.count()
    for call in ("get_item", "put_item"):  # one is cached, the other mustn't be sent
        body = get() if call == "get_item" else put(text="overwritten")
        assert refusal(getattr(boto(signed_proxy, wrong_secret), call), **body) == (
            "InvalidSignatureException", MISMATCH)
        assert refusal(getattr(boto(signed_proxy, STRANGER), call), **body) == (
            "UnrecognizedClientException", INVALID_TOKEN)
        assert refusal(getattr(boto(signed_proxy, ALICE, **with_token), call), **body) == (
            "UnrecognizedClientException", INVALID_TOKEN)
        assert refusal(getattr(unsigned, call), **body) == (
            "MissingAuthenticationTokenException", "Request is missing Authentication Token")
        assert refusal(getattr(elsewhere, call), **body) == (
            "InvalidSignatureException", "Credential should be scoped to a valid region, not 'eu-west-1'.")
    assert counting_upstream.count() == before


def test_a_signature_for_show_is_none(signed_proxy):
    """What a side-car takes, and DynamoDB Local."""
    reply = signed_proxy.call("GetItem", get())
    assert reply.status == 400 and reply.error in ("IncompleteSignatureException", "InvalidSignatureException")
    reply = raw.exchange(signed_proxy.port, raw.head(2, extra=("X-Amz-Date: 20260101T000000Z",)) + b"{}")
    assert "Signature expired: 20260101T000000Z is now earlier than " in refused(reply, "InvalidSignatureException")


def test_the_window(signed_proxy):
    make_hit(signed_proxy, ALICE, "GetItem", get())
    for ago in (0, 200, -200):
        assert ok(signed_proxy, ALICE, "GetItem", get(), ago=ago).json["Item"]
    for ago, what in ((400, "Signature expired: "), (-400, "Signature not yet current: ")):
        for _ in range(2):  # also behind a hit that has just been served
            ok(signed_proxy, ALICE, "GetItem", get())
            message = refused(ask(signed_proxy, ALICE, "GetItem", get(), ago=ago), "InvalidSignatureException")
            assert message.startswith(what) and message.endswith("5 min.)")


def test_a_narrower_window(proxy_factory, counting_upstream, keys_file):
    proxy = proxy_factory(
        counting_upstream.endpoint,
        {"auth": {"sigv4": {"keys_file": str(keys_file), "max_clock_skew": "90s"}}},
    )
    ok(proxy, ALICE, "ListTables", {}, ago=30)
    message = refused(ask(proxy, ALICE, "ListTables", {}, ago=200), "InvalidSignatureException")
    assert message.endswith(" - 90 s.)")


# ---- what is signed ----


def test_a_replay_with_another_body(signed_proxy, counting_upstream):
    """A signature is of one body: the same one again is the same request, another one is nobody's."""
    first, other = json.dumps(get("1")).encode(), json.dumps(get("2")).encode()
    assert len(first) == len(other)
    make_hit(signed_proxy, ALICE, "GetItem", first)
    make_hit(signed_proxy, ALICE, "GetItem", other)
    genuine = signing.request(ALICE, "GetItem", first)
    spoilt = signing.request(ALICE, "GetItem", first, sent=other)
    before = counting_upstream.count()
    with raw.connect(signed_proxy.port) as sock:
        reader = raw.ReplyReader(sock)
        for _ in range(3):
            sock.sendall(genuine)
            assert reader.next().status == 200
            sock.sendall(spoilt)
            assert refused(reader.next(), "InvalidSignatureException") == MISMATCH
        sock.sendall(spoilt + genuine + spoilt)  # in one piece
        assert [reader.next().status for _ in range(3)] == [400, 200, 400]
    assert counting_upstream.count() == before


def changes_of(request):
    """(what, request) for spoilt copies of a signed request, all for the same cached item."""
    text = request.decode("latin-1")
    signature = re.search("Signature=([0-9a-f]{64})", text).group(1)
    flipped = ("1" if signature[0] == "0" else "0") + signature[1:]
    yield "signature", text.replace(signature, flipped)
    yield "signature in upper case", text.replace(signature, signature.upper())
    yield "signature cut", text.replace(signature, signature[:63])
    yield "another host", text.replace("Host: 127.0.0.1", "Host: 127.0.0.2")
    yield "a query", text.replace("POST / ", "POST /?a=b ")
    yield "another key id", text.replace(f"Credential={ALICE.id}/", f"Credential={READER.id}/")
    yield "another date", re.sub(r"(X-Amz-Date: \d{8}T\d{4})(\d\d)Z",
                                 lambda m: f"{m.group(1)}{(int(m.group(2)) + 1) % 60:02}Z", text)
    yield "one more x-amz-", text.replace("\r\n\r\n", "\r\nX-Amz-Meta: 1\r\n\r\n", 1)
    yield "signed headers in another order", text.replace("=content-type;host;", "=host;content-type;")
    yield "a signed header left out", text.replace(";x-amz-target,", ",")
    yield "two signatures", text.replace(f"Signature={signature}", f"Signature={signature}, Signature={signature}")
    yield "two authorizations", text.replace("\r\nContent-Length", "\r\nAuthorization: x\r\nContent-Length", 1)
    yield "two dates", text.replace("\r\nContent-Length", "\r\nX-Amz-Date: 20260101T000000Z\r\nContent-Length", 1)


def test_spoilt_requests_for_what_is_cached(signed_proxy, counting_upstream):
    make_hit(signed_proxy, ALICE, "GetItem", get())
    genuine = signing.request(ALICE, "GetItem", get())
    before = counting_upstream.count()
    for what, spoilt in changes_of(genuine):
        assert spoilt.encode("latin-1") != genuine, what
        with raw.connect(signed_proxy.port) as sock:
            reader = raw.ReplyReader(sock)
            sock.sendall(genuine)
            assert reader.next().cache == "HIT"
            sock.sendall(spoilt.encode("latin-1"))
            reply = reader.next()
            assert reply.status == 400, (what, reply)
            assert reply.error in ("InvalidSignatureException", "IncompleteSignatureException"), (what, reply)
    assert counting_upstream.count() == before


def test_as_other_sdks_sign(signed_proxy):
    body = json.dumps(get()).encode()
    length = ("Content-Length", str(len(body)))
    go = [("Accept-Encoding", "identity"), ("Amz-Sdk-Invocation-Id", "a-b"), ("Amz-Sdk-Request", "attempt=1"), length]
    javascript = [("x-amz-user-agent", "aws-sdk-js/3"), ("amz-sdk-request", "attempt=1; max=3"), length,
                  ("x-amz-content-sha256", hashlib.sha256(body).hexdigest())]
    for _ in range(3):
        ok(signed_proxy, ALICE, "GetItem", body, signed=go, unsigned=["User-Agent: go"])
        ok(signed_proxy, ALICE, "GetItem", body, signed=javascript, spelling=str.lower,
           unsigned=["user-agent: js", "connection: keep-alive"])
        ok(signed_proxy, ALICE, "GetItem", body, signed=[("My-Header", "a   b"), ("my-header", "c")])
        ok(signed_proxy, ALICE, "GetItem", body, query="b=1&a=2")
        ok(signed_proxy, ALICE, "GetItem", body, unsigned=["X-Amz-User-Agent: tool", "X-Amzn-Trace-Id: Root=1"])
    for wrong in ("UNSIGNED-PAYLOAD", "0" * 64):
        reply = ask(signed_proxy, ALICE, "GetItem", body, signed=[("x-amz-content-sha256", wrong)])
        refused(reply, "InvalidSignatureException")


def test_streams_are_signed_alike(signed_proxy, direct):
    listed = ok(signed_proxy, ALICE, "ListStreams", {}, service=wire.STREAMS).json
    assert listed == direct.ok("ListStreams", {}, service=wire.STREAMS).json and "Streams" in listed
    refused(ask(signed_proxy, STRANGER, "ListStreams", {}, service=wire.STREAMS), "UnrecognizedClientException")
    refused(ask(signed_proxy, OF_PLAIN, "ListStreams", {}, service=wire.STREAMS), "AccessDeniedException")
    ok(signed_proxy, OF_PLAIN, "ListStreams", {"TableName": PLAIN}, service=wire.STREAMS)


# ---- what ----


def forbidden(key, operation, because, table=None):
    where = f" on resource: table/{table}" if table else ""
    return f"User: {key.id} is not authorized to perform: dynamodb:{operation}{where} because the access key{because}"


@pytest.mark.parametrize("cached", [False, True], ids=["miss", "hit"])
def test_a_key_with_tables(signed_proxy, counting_upstream, cached):
    denied = forbidden(OF_PLAIN, "GetItem", "'s `tables` don't have it", CHAT)
    if cached:
        make_hit(signed_proxy, ALICE, "GetItem", get())
    before = counting_upstream.count()
    assert refusal(boto(signed_proxy, OF_PLAIN).get_item, **get()) == ("AccessDeniedException", denied)
    theirs, ours = (signing.request(key, "GetItem", get()) for key in (OF_PLAIN, ALICE))
    with raw.connect(signed_proxy.port) as sock, raw.connect(signed_proxy.port) as second:
        reader, other = raw.ReplyReader(sock), raw.ReplyReader(second)
        for _ in range(3):
            if cached:  # on the same connection, by a key that may
                sock.sendall(ours)
                assert reader.next().cache == "HIT"
            sock.sendall(theirs)
            assert refused(reader.next(), "AccessDeniedException") == denied
            second.sendall(theirs)
            assert refused(other.next(), "AccessDeniedException") == denied
    assert counting_upstream.count() == before
    own = boto(signed_proxy, OF_PLAIN)
    assert own.get_item(**get(table=PLAIN))["Item"]
    own.put_item(**put("9", table=PLAIN))
    make_hit(signed_proxy, OF_PLAIN, "GetItem", get(table=PLAIN))


def test_a_key_with_tables_and_several_of_them(signed_proxy, counting_upstream):
    client = boto(signed_proxy, OF_PLAIN)
    keys = {"Keys": [item_key()]}
    for _ in range(2):
        assert client.batch_get_item(RequestItems={PLAIN: keys})["Responses"][PLAIN]
    boto(signed_proxy, ALICE).batch_get_item(RequestItems={PLAIN: keys, CHAT: keys})
    before = counting_upstream.count()
    for call, parameters in (
        (client.batch_get_item, {"RequestItems": {PLAIN: keys, CHAT: keys}}),
        (client.batch_write_item, {"RequestItems": {PLAIN: [{"PutRequest": {"Item": item_key("8")}}],
                                                    CHAT: [{"DeleteRequest": {"Key": item_key()}}]}}),
        (client.transact_write_items, {"TransactItems": [{"Put": put("8", table=PLAIN)},
                                                         {"Delete": {"TableName": CHAT, "Key": item_key()}}]}),
        (client.transact_get_items, {"TransactItems": [{"Get": get(table=PLAIN)}, {"Get": get()}]}),
        (client.execute_statement, {"Statement": 'SELECT * FROM "chat"'}),
        (client.execute_statement, {"Statement": "DELETE FROM chat WHERE pk='room' AND sk='1'"}),
        (client.describe_table, {"TableName": CHAT}),
        (client.list_tables, {}),
        (client.describe_limits, {}),
    ):
        assert refusal(call, **parameters)[0] == "AccessDeniedException", parameters
    assert counting_upstream.count() == before
    assert client.execute_statement(Statement="SELECT * FROM plain WHERE pk='room'")["Items"]
    assert client.describe_table(TableName=PLAIN)["Table"]["TableName"] == PLAIN
    assert boto(signed_proxy, ALICE).get_item(**get())["Item"], "nothing was deleted"


def test_a_read_only_key(signed_proxy, counting_upstream):
    client = boto(signed_proxy, READER)
    for _ in range(2):
        assert client.get_item(**get())["Item"]
    assert client.query(TableName=CHAT, KeyConditionExpression="pk = :p",
                        ExpressionAttributeValues={":p": {"S": "room"}})["Count"] == 1
    assert client.execute_statement(Statement='SELECT * FROM "chat"')["Items"]
    before = counting_upstream.count()
    denied = ("AccessDeniedException", forbidden(READER, "PutItem", " is `read_only`"))
    assert refusal(client.put_item, **put(text="overwritten")) == denied
    for call, parameters in (
        (client.delete_item, {"TableName": CHAT, "Key": item_key()}),
        (client.delete_table, {"TableName": CHAT}),
        (client.transact_write_items, {"TransactItems": [{"Put": put()}]}),
        (client.execute_statement, {"Statement": "UPDATE chat SET v='x' WHERE pk='room' AND sk='1'"}),
        (client.execute_statement, {"Statement": "SELECT * FROM chat; DELETE FROM chat WHERE pk='room' AND sk='1'"}),
        (client.update_time_to_live, {"TableName": CHAT, "TimeToLiveSpecification": {
            "Enabled": True, "AttributeName": "at"}}),
    ):
        assert refusal(call, **parameters)[0] == "AccessDeniedException", parameters
    assert counting_upstream.count() == before
    assert client.get_item(**get())["Item"]["v"]["S"] == "hello"


def test_a_key_with_operations(signed_proxy, counting_upstream):
    make_hit(signed_proxy, GETTER, "GetItem", get())
    ok(signed_proxy, GETTER, "DescribeTable", {"TableName": CHAT})
    query = {"TableName": CHAT, "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "room"}}}
    make_hit(signed_proxy, ALICE, "Query", query)
    before = counting_upstream.count()
    for operation, body in (("Query", query), ("PutItem", put()), ("BatchGetItem", {"RequestItems": {
            CHAT: {"Keys": [item_key()]}}}), ("ListTables", {})):
        for _ in range(2):
            message = refused(ask(signed_proxy, GETTER, operation, body), "AccessDeniedException")
            assert message == forbidden(GETTER, operation, "'s `operations` don't have it")
    assert counting_upstream.count() == before


# ---- the file ----


def reload(proxy):
    """SIGHUP; waits until the proxy has said what came of it, and returns that line."""
    before = proxy.output().count("SIGHUP:")
    proxy.process.send_signal(signal.SIGHUP)
    waiting.until(lambda: proxy.output().count("SIGHUP:") > before, "the reload")
    return [line for line in proxy.output().splitlines() if "SIGHUP:" in line][-1]


def test_a_reload(signed_proxy, keys_file):
    late = signing.Key("LATE")
    refused(ask(signed_proxy, late, "GetItem", get()), "UnrecognizedClientException")
    make_hit(signed_proxy, ALICE, "GetItem", get())
    make_hit(signed_proxy, READER, "GetItem", get())
    changed = signing.Key(READER.id, "secret/of+READER/2")
    narrowed = signing.Key(GETTER.id, tables=[PLAIN])
    ok(signed_proxy, GETTER, "GetItem", get())
    with raw.connect(signed_proxy.port) as sock:
        reader = raw.ReplyReader(sock)
        sock.sendall(signing.request(ALICE, "GetItem", get()))
        assert reader.next().cache == "HIT"
        signing.write_keys(keys_file, late, changed, narrowed)
        reload(signed_proxy)
        waiting.until(lambda: ask(signed_proxy, late, "GetItem", get()).status == 200, "the new key")
        for _ in range(2):  # the connection that was open, and what was cached, help nobody
            sock.sendall(signing.request(ALICE, "GetItem", get()))
            refused(reader.next(), "UnrecognizedClientException")
    refused(ask(signed_proxy, READER, "GetItem", get()), "InvalidSignatureException")
    ok(signed_proxy, changed, "GetItem", get())
    ok(signed_proxy, changed, "PutItem", put())
    refused(ask(signed_proxy, narrowed, "GetItem", get()), "AccessDeniedException")
    refused(ask(signed_proxy, OF_PLAIN, "GetItem", get(table=PLAIN)), "UnrecognizedClientException")


def test_a_reload_of_a_broken_file_changes_nothing(signed_proxy, keys_file):
    make_hit(signed_proxy, ALICE, "GetItem", get())
    keys_file.write_text('{ "keys": [\n  { "access_key_id": "NEW", "secret_access_key": "hush-hush",\n'
                         '    "table": ["chat"] } ] }')
    reload(signed_proxy)
    assert f'{keys_file}:3: unknown member "table"; accepted: ' in signed_proxy.output()
    keys_file.unlink()
    reload(signed_proxy)
    assert "auth.sigv4.keys_file: " in signed_proxy.output() and "can't be read" in signed_proxy.output()
    ok(signed_proxy, ALICE, "GetItem", get())
    refused(ask(signed_proxy, OF_PLAIN, "GetItem", get()), "AccessDeniedException")
    refused(ask(signed_proxy, signing.Key("NEW", "hush-hush"), "GetItem", get()), "UnrecognizedClientException")
    signing.write_keys(keys_file, STRANGER)
    reload(signed_proxy)
    waiting.until(lambda: ask(signed_proxy, STRANGER, "GetItem", get()).status == 200, "the new key")
    assert "hush-hush" not in signed_proxy.output()


def test_no_secret_is_printed(signed_proxy):
    for key in (*KEYS, STRANGER):
        for _ in range(2):
            ask(signed_proxy, key, "GetItem", get())
            ask(signed_proxy, signing.Key(key.id, "other/secret"), "PutItem", put())
    for key in (*KEYS, STRANGER):
        assert key.secret not in signed_proxy.output()


BROKEN = [
    ('{ "keys": [ }', 1, "not valid JSON"),
    ('// clients\n{ "keys": [\n  { "access_key_id": "A" } ] }', 3, "this key lacks its secret_access_key"),
    ('{ "keys": [\n{ "access_key_id": "A", "secret_access_key": "hush" },\n'
     '{ "access_key_id": "A", "secret_access_key": "hush" } ] }', 3,
     "another key of this file has the same access_key_id"),
    ('{ "keys": [ { "access_key_id": "A/hush", "secret_access_key": "x" } ] }', 1, "access_key_id; accepted: "),
]


@pytest.mark.parametrize("text, line, problem", BROKEN)
def test_a_broken_file_stops_the_start(readaside_binary, tmp_path, text, line, problem):
    keys = tmp_path / "keys.json"
    keys.write_text(text)
    config = processes.base_config("http://127.0.0.1:1")
    config["auth"] = {"sigv4": {"keys_file": str(keys)}}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    done = subprocess.run([readaside_binary, "serve", "-c", path], capture_output=True, text=True, check=False,
                          env=processes.child_environment(), timeout=60)
    assert f"{keys}:{line}: {problem}" in done.stderr
    assert "hush" not in done.stderr
    assert "listening" not in done.stdout
    assert done.returncode == 2, done.stderr


def test_a_file_that_all_may_read_is_warned_of(proxy_factory, counting_upstream, keys_file):
    keys_file.chmod(0o644)
    proxy = proxy_factory(counting_upstream.endpoint, {"auth": {"sigv4": {"keys_file": str(keys_file)}}})
    waiting.until(lambda: f"{keys_file} holds secrets" in proxy.output(), "the warning")
    ok(proxy, ALICE, "ListTables", {})


# ---- the fixture of the unit tests ----


def test_golden_requests_are_botocores():
    made = subprocess.run([sys.executable, UNIT / "verifier_golden.py"], check=True, capture_output=True, text=True)
    assert json.loads(made.stdout) == json.loads((UNIT / "verifier_golden.json").read_text())
