"""The shipped routes: a chat application's four access patterns over HTTP, one cache with the wire API."""
import concurrent.futures
import json
import re
import subprocess
import uuid

import pytest

from support import processes, rest, waiting, wire

TABLE = "cruddur-messages"
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
MARA = "5d96cf7f-265b-4da9-8f0c-26ef4243ed52"
JONAS = "5e6a0a2e-dd70-434d-81d7-7cffb7decc0c"
GROUP = "566bf9d7-c55a-45f8-91a6-e55e9b9b1325"
SEED = json.loads((processes.ROOT / "config" / "cruddur-messages.seed.json").read_text(encoding="utf-8"))[TABLE]
ITEMS = [put["PutRequest"]["Item"] for put in SEED]


def plain(item, names):
    return {name: item[attribute]["S"] for name, attribute in names.items()}


MESSAGE = {
    "uuid": "message_uuid",
    "display_name": "user_display_name",
    "handle": "user_handle",
    "message": "message",
    "created_at": "sk",
}
LISTED = {**MESSAGE, "uuid": "message_group_uuid"}
CONVERSATION = sorted(
    (plain(i, MESSAGE) for i in ITEMS if i["pk"]["S"] == f"MSG#{GROUP}"), key=lambda m: m["created_at"]
)


@pytest.fixture
def table(direct):
    """The chat application's table with the shipped conversation in it."""
    schema = json.loads((processes.ROOT / "config" / "cruddur-messages.schema.json").read_text(encoding="utf-8"))
    if TABLE in direct.ok("ListTables", {}).json["TableNames"]:
        direct.ok("DeleteTable", {"TableName": TABLE})
    direct.ok("CreateTable", schema)
    for at in range(0, len(SEED), 25):
        direct.ok("BatchWriteItem", {"RequestItems": {TABLE: SEED[at : at + 25]}})
    return TABLE


@pytest.fixture
def start(table, proxy_factory, counting_upstream):
    """start(changes) is a proxy with the shipped config, its entries long-lived."""

    def make(changes=None):
        config = rest.shipped_config()
        config["listen"]["address"] = "127.0.0.1:0"
        config["upstream"]["endpoint"] = counting_upstream.endpoint
        del config["ddb"]
        config["tables"] = {table: {"ttl": "10m", "ttl_jitter": "0%", "negative_ttl": "10m", "settle": "50ms"}}
        return proxy_factory(counting_upstream.endpoint, config=processes.merged(config, changes or {}))

    return make


@pytest.fixture
def chat_proxy(start):
    return start()


@pytest.fixture
def api(chat_proxy):
    with rest.Rest(chat_proxy.endpoint) as connection:
        yield connection


def messages(group=GROUP):
    return f"/api/messages/{group}"


def user(who=MARA):
    return {"X-User-Uuid": who}


def message_body(text="hello", group=GROUP, **more):
    body = {"message": text, "user_display_name": "Mara Okafor", "user_handle": "mara", **more}
    if group is not None:
        body["message_group_uuid"] = group
    return body


def group_body(text="hello", other=JONAS, **more):
    return message_body(
        text,
        None,
        other_user_uuid=other,
        other_user_display_name="Jonas Lindqvist",
        other_user_handle="jonas",
        **more,
    )


# ---- A: the messages of a group ----


def test_the_newest_messages_come_oldest_first(api):
    reply = api.get(messages())
    assert reply.status == 200 and reply.json == CONVERSATION[-20:], reply
    assert reply.headers["Content-Type"] == "application/json"
    assert [list(message) for message in reply.json] == [list(MESSAGE)] * 20, "members come as the config has them"


def test_the_same_route_twice_is_a_miss_and_then_a_hit(api, counting_upstream):
    first, second = api.get(messages()), api.get(messages())
    assert (first.cache, second.cache) == ("MISS", "HIT")
    assert first.body == second.body
    assert second.headers["Age"] == "0" and "hit" in second.headers["Cache-Status"]
    assert counting_upstream.count("Query") == 1


def test_limit_and_before_page_back(api):
    page = api.get(messages() + rest.query(limit=5)).json
    assert page == CONVERSATION[-5:]
    page = api.get(messages() + rest.query(limit=7, before=page[0]["created_at"])).json
    assert page == CONVERSATION[-12:-5]
    assert api.get(messages() + rest.query(before=CONVERSATION[0]["created_at"])).json == []
    after = api.get(messages() + rest.query(after=CONVERSATION[-3]["created_at"])).json
    assert after == CONVERSATION[-2:]


def test_links_lead_through_all_pages(api):
    target, seen = messages() + "?limit=8&unknown=x%20y", []
    while target:
        reply = api.get(target)
        assert reply.status == 200, reply
        seen = reply.json + seen
        target = reply.next
        assert target is None or "limit=8" in target
    assert seen == CONVERSATION


def test_a_group_that_does_not_exist_is_an_empty_list(api):
    reply = api.get(messages(uuid.uuid4()))
    assert (reply.status, reply.json, reply.next) == (200, [], None)


@pytest.mark.parametrize("limit", ["0", "-1", "101", "ten", "", "1e1", "99999999999999999999", "5 "])
def test_a_limit_out_of_range_is_refused(api, counting_upstream, limit):
    reply = api.get(messages() + rest.query(limit=limit))
    if limit == "":
        assert reply.status == 200 and len(reply.json) == 20, "an empty one is none"
        return
    assert (reply.status, reply.code) == (400, "limit_out_of_range")
    assert "100" in reply.json["message"]
    assert counting_upstream.count("Query") == 0


def test_before_and_after_exclude_each_other(api):
    reply = api.get(messages() + "?before=2024&after=2023")
    assert (reply.status, reply.code) == (400, "before_and_after")


def test_head_is_get_without_the_body(api):
    whole = api.get(messages())
    head = api.call("HEAD", messages())
    assert (head.status, head.body, head.cache) == (200, b"", "HIT")
    assert head.headers["Content-Length"] == str(len(whole.body))
    assert api.get(messages()).body == whole.body, "the connection is in step"


# ---- B: a user's groups ----


def test_a_users_groups_newest_first(api, direct):
    older = {
        "pk": {"S": f"GRP#{MARA}"},
        "sk": {"S": "2024-01-01T00:00:00.000001+00:00"},
        "message_group_uuid": {"S": str(uuid.uuid4())},
        "message": {"S": "long ago"},
        "user_uuid": {"S": str(uuid.uuid4())},
        "user_display_name": {"S": "Éva \"Ж\" \\ 😀"},
        "user_handle": {"S": "eva"},
    }
    direct.ok("PutItem", {"TableName": TABLE, "Item": older})
    newer = next(i for i in ITEMS if i["pk"]["S"] == f"GRP#{MARA}")
    reply = api.get("/api/message_groups", user())
    assert reply.json == [plain(newer, LISTED), plain(older, LISTED)]
    assert api.get("/api/message_groups", user()).cache == "HIT"
    assert api.get("/api/message_groups", user(str(uuid.uuid4()))).json == []


def test_who_the_user_is_must_be_said(api, counting_upstream):
    reply = api.get("/api/message_groups")
    assert (reply.status, reply.code) == (401, "user_missing")
    reply = api.get("/api/message_groups", user("not-a-uuid"))
    assert (reply.status, reply.code) == (401, "x_user_uuid_malformed")
    reply = api.get("/api/message_groups", [("X-User-Uuid", MARA), ("x-user-uuid", JONAS)])
    assert (reply.status, reply.code) == (400, "repeated_input")
    assert counting_upstream.count("Query") == 0


# ---- C and D: new messages ----


def test_a_message_in_an_existing_group(api, direct):
    assert [api.get(messages()).cache for _ in range(2)] == ["MISS", "HIT"]
    text = "Grüße 👋 \"quoted\" \\ \u0001 \n and {braces} {{now}}"
    reply = api.post("/api/messages", message_body(text), user())
    assert reply.status == 200, reply
    made = reply.json
    assert made["message_group_uuid"] == GROUP and made["message"] == text
    assert (made["display_name"], made["handle"]) == ("Mara Okafor", "mara")
    assert ISO.fullmatch(made["created_at"])
    assert uuid.UUID(made["uuid"]).version == 4
    fresh = api.get(messages())
    assert fresh.cache == "MISS"
    assert fresh.json[-1] == {name: made[name] for name in MESSAGE}
    stored = direct.ok(
        "GetItem",
        {"TableName": TABLE, "Key": {"pk": {"S": f"MSG#{GROUP}"}, "sk": {"S": made["created_at"]}}},
    ).json["Item"]
    assert stored["user_uuid"]["S"] == MARA


def test_a_message_in_a_new_group_is_seen_by_both(api, direct):
    other = str(uuid.uuid4())
    for who in (MARA, other):
        assert [api.get("/api/message_groups", user(who)).cache for _ in range(2)] == ["MISS", "HIT"]
    reply = api.post("/api/messages", group_body("first", other), user())
    assert reply.status == 200 and list(reply.json) == ["message_group_uuid"], reply
    group = reply.json["message_group_uuid"]
    mine, theirs = (api.get("/api/message_groups", user(who)) for who in (MARA, other))
    assert (mine.cache, theirs.cache) == ("MISS", "MISS")
    assert (mine.json[0]["uuid"], mine.json[0]["message"], mine.json[0]["handle"]) == (group, "first", "jonas")
    assert (theirs.json[0]["uuid"], theirs.json[0]["message"], theirs.json[0]["handle"]) == (group, "first", "mara")
    (message,) = api.get(messages(group)).json
    assert (message["message"], message["display_name"]) == ("first", "Mara Okafor")
    assert message["created_at"] == mine.json[0]["created_at"] == theirs.json[0]["created_at"]


def test_the_group_is_made_whole_or_not_at_all(api, direct, counting_upstream):
    before = direct.ok("Scan", {"TableName": TABLE}).json["Count"]
    reply = api.post("/api/messages", group_body(other=MARA), user())  # twice the same row: DynamoDB refuses it
    assert (reply.status, reply.code) == (400, "invalid_request")
    assert direct.ok("Scan", {"TableName": TABLE}).json["Count"] == before
    assert counting_upstream.count("TransactWriteItems") == 1


def test_messages_never_share_a_time(chat_proxy, direct):
    group = str(uuid.uuid4())

    def send(n):
        with rest.Rest(chat_proxy.endpoint) as connection:
            return [
                connection.post("/api/messages", message_body(f"{n}/{k}", group), user()).json["created_at"]
                for k in range(25)
            ]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        times = [time for made in pool.map(send, range(8)) for time in made]
    assert len(set(times)) == 200
    with rest.Rest(chat_proxy.endpoint) as connection:
        page = connection.get(messages(group) + "?limit=100").json
        page = connection.get(messages(group) + rest.query(limit=100, before=page[0]["created_at"])).json + page
    assert len({message["uuid"] for message in page}) == 200


# ---- one cache, two faces ----

WIRE_QUERY = {
    "TableName": TABLE,
    "KeyConditionExpression": "pk = :pk",
    "ExpressionAttributeValues": {":pk": {"S": f"MSG#{GROUP}"}},
    "ScanIndexForward": False,
    "Limit": 20,
}


def test_a_write_over_the_wire_makes_a_routes_next_read_fresh(api, chat_proxy):
    assert [api.get(messages()).cache for _ in range(2)] == ["MISS", "HIT"]
    item = {**ITEMS[0], "sk": {"S": "2030-01-01T00:00:00.000000+00:00"}, "message": {"S": "over the wire"}}
    assert chat_proxy.call("PutItem", {"TableName": TABLE, "Item": item}).status == 200
    fresh = api.get(messages())
    assert (fresh.cache, fresh.json[-1]["message"]) == ("MISS", "over the wire")


def test_a_write_over_a_route_makes_the_wires_next_read_fresh(api, chat_proxy):
    assert [chat_proxy.call("Query", WIRE_QUERY).cache for _ in range(2)] == ["MISS", "HIT"]
    api.post("/api/messages", message_body("over a route"), user())
    fresh = chat_proxy.call("Query", WIRE_QUERY)
    assert (fresh.cache, fresh.json["Items"][0]["message"]["S"]) == ("MISS", "over a route")


def test_a_route_and_the_same_query_over_the_wire_share_an_entry(api, chat_proxy):
    api.get(messages())
    same = {
        **WIRE_QUERY,
        "KeyConditionExpression": "#k = :v",
        "ExpressionAttributeNames": {"#k": "pk"},
        "ExpressionAttributeValues": {":v": {"S": f"MSG#{GROUP}"}},
    }
    assert chat_proxy.call("Query", same).cache == "HIT"


# ---- validation, as the config declares it ----


@pytest.mark.parametrize("text", [None, "", " ", "\t\n\r \u00a0\u2003\u3000"])
@pytest.mark.parametrize("make", [message_body, group_body])
def test_a_blank_message_is_refused(api, counting_upstream, text, make):
    reply = api.post("/api/messages", make(text), user())
    assert (reply.status, reply.json) == (422, ["message_blank"])
    body = make("x")
    del body["message"]
    assert api.post("/api/messages", body, user()).json == ["message_blank"]
    assert counting_upstream.count() == 0


@pytest.mark.parametrize("character", ["x", "é", "語", "👋"])
def test_the_limit_counts_characters_not_bytes(api, character):
    assert api.post("/api/messages", message_body(character * 1024), user()).status == 200
    reply = api.post("/api/messages", message_body(character * 1025), user())
    assert (reply.status, reply.json) == (422, ["message_exceed_max_chars"])


def test_all_that_is_wrong_is_said_at_once(api):
    body = {"message": " ", "message_group_uuid": "nope", "user_handle": "mara"}
    reply = api.post("/api/messages", body, user())
    assert (reply.status, reply.json) == (422, ["message_blank", "message_group_uuid_malformed"])


def test_what_only_a_template_needs_is_told_when_the_rest_is_right(api):
    body = message_body()
    del body["user_display_name"], body["user_handle"]
    reply = api.post("/api/messages", body, user())
    assert (reply.status, reply.json) == (422, ["user_display_name_blank", "user_handle_blank"])
    assert api.post("/api/messages", {**body, "message": " "}, user()).json == ["message_blank"]


def test_who_comes_before_what(api):
    reply = api.post("/api/messages", message_body(" "))
    assert (reply.status, reply.code) == (401, "user_missing")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nope", b"[]", b"null", b'"text"', b'{"message": "a", "message": "b"}', b'{"message": "\xff"}',
     b'{"message": "\\ud800"}', b'{"message": "a"} x', b"[" * 100000],
    ids=lambda body: repr(body[:24]),
)
def test_a_malformed_body_is_refused(api, counting_upstream, body):
    reply = api.post("/api/messages", body, {**user(), "Content-Type": "application/json"})
    assert (reply.status, reply.code) == (400, "malformed_json")
    assert counting_upstream.count() == 0
    assert api.get("/api/message_groups", user()).status == 200, "the connection goes on"


@pytest.mark.parametrize("value", [True, {"S": "x"}, ["x"], "a\u0000b"])
def test_a_member_of_another_type_is_refused(api, value):
    reply = api.post("/api/messages", message_body(value), user())
    assert (reply.status, reply.code) == (400, "malformed_input")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_what_a_page_of_another_site_could_send_unasked_is_refused(api, kind):
    body = json.dumps(message_body()).encode()
    reply = api.post("/api/messages", body, {**user(), **({"Content-Type": kind} if kind else {})})
    assert (reply.status, reply.code) == (415, "unsupported_media_type")


def test_json_with_a_charset_is_taken(api):
    body = json.dumps(message_body()).encode()
    headers = {**user(), "Content-Type": "Application/JSON; charset=utf-8"}
    assert api.post("/api/messages", body, headers).status == 200


def test_a_body_over_the_limit_is_refused(start):
    proxy = start({"listen": {"max_body": "16KiB"}})
    with rest.Rest(proxy.endpoint) as api:
        reply = api.post("/api/messages", message_body("x" * 20000), user())
        assert (reply.status, reply.code) == (413, "body_too_large")


# ---- paths and methods ----


@pytest.mark.parametrize("target", ["/api", "/api/messages/", f"/api/messages/{GROUP}/", "/api/messages/a/b", "/x", "/API/message_groups"])
def test_an_unknown_path_is_404(api, target):
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        reply = api.call(method, target, b"{}" if method == "POST" else None)
        assert (reply.status, reply.code) == (404, "not_found"), (method, reply)


@pytest.mark.parametrize(
    "target, allowed",
    [(f"/api/messages/{GROUP}", "GET, HEAD, OPTIONS"), ("/api/message_groups", "GET, HEAD, OPTIONS"), ("/api/messages", "OPTIONS, POST")],
)
def test_a_wrong_method_is_405_and_says_what_is_allowed(api, target, allowed):
    wanted = sorted(allowed.split(", "))
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        if method in wanted:
            continue
        reply = api.call(method, target, b"{}" if method in ("POST", "PUT", "PATCH") else None)
        assert reply.status == 405
        assert sorted(reply.headers["Allow"].split(", ")) == wanted
        assert method == "HEAD" or reply.code == "method_not_allowed"
    options = api.call("OPTIONS", target)
    assert (options.status, options.body) == (204, b"")
    assert sorted(options.headers["Allow"].split(", ")) == wanted


@pytest.mark.parametrize("segment", ["%00", "%ff", "%zz", "%", "a%0d%0ab", "%ed%a0%80", "%c0%af", "x%1b[31m"])
def test_a_malformed_path_is_refused(api, counting_upstream, segment):
    reply = api.get(messages(segment))
    assert (reply.status, reply.code) == (400, "malformed_path")
    assert counting_upstream.count("Query") == 0


def test_an_escaped_slash_stays_in_its_segment(api, direct):
    item = {**ITEMS[0], "pk": {"S": "MSG#a/b ü"}}
    direct.ok("PutItem", {"TableName": TABLE, "Item": item})
    assert [m["uuid"] for m in api.get("/api/messages/a%2Fb%20%C3%BC").json] == [item["message_uuid"]["S"]]


@pytest.mark.parametrize("query", ["before=%ff", "before=%00", "before=%2", "limit=1&limit=2"])
def test_a_malformed_query_string_is_refused(api, query):
    reply = api.get(messages() + "?" + query)
    assert (reply.status, reply.code) == (400, "repeated_input" if "&" in query else "malformed_input")


def test_the_wire_api_is_where_it_was(chat_proxy, api):
    assert chat_proxy.call("ListTables", {}).status == 200
    assert api.get("/").status == 405
    other = api.call("GET", "/bucket/key", headers={"Authorization": wire.authorization().replace("dynamodb/", "s3/")})
    assert b"AWS_ENDPOINT_URL_DYNAMODB" in other.body


def test_framing_that_two_parties_could_read_differently_is_refused(api):
    reply = api.call("POST", "/api/messages", b"{}", [("Content-Length", "2")])
    assert (reply.status, reply.code) == (400, "malformed_request")
    assert reply.headers["Connection"] == "close"


# ---- CORS ----

FRONT = "http://localhost:3000"


def test_an_allowed_origin_may_read(api):
    for target, headers in ((messages(), {}), ("/api/message_groups", {}), ("/nowhere", {})):
        reply = api.get(target, {**headers, "Origin": FRONT})
        assert reply.headers["Access-Control-Allow-Origin"] == FRONT, "errors can be read too"
        assert "X-Cache" in reply.headers["Access-Control-Expose-Headers"]
        assert "Origin" in reply.headers["Vary"]


def test_another_origin_may_not(api):
    reply = api.get(messages(), {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in reply.headers
    assert "Origin" in reply.headers["Vary"], "a cache must not give this reply to an allowed one"


def preflight(origin=FRONT, method="POST"):
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,x-user-uuid",
    }


def test_a_preflight(api, counting_upstream):
    reply = api.call("OPTIONS", "/api/messages", headers=preflight())
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == FRONT
    assert "POST" in reply.headers["Access-Control-Allow-Methods"]
    allowed = {name.strip().lower() for name in reply.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"content-type", "x-user-uuid"} <= allowed
    assert reply.headers["Access-Control-Max-Age"] == "600"
    reply = api.call("OPTIONS", "/api/messages", headers=preflight("https://evil.example"))
    assert reply.status == 204
    assert not [name for name in reply.headers if name.lower().startswith("access-control-allow")]
    assert counting_upstream.count() == 0


def test_without_cors_there_is_no_header_of_it(start):
    proxy = start({"cors": {"allow_origins": []}})
    with rest.Rest(proxy.endpoint) as api:
        reply = api.get(messages(), {"Origin": FRONT})
        assert not [name for name in reply.headers if name.lower().startswith("access-control")]


def test_any_origin_where_the_config_says_so(start):
    proxy = start({"cors": {"allow_origins": ["*"]}})
    with rest.Rest(proxy.endpoint) as api:
        assert api.get(messages(), {"Origin": "https://any.example"}).headers["Access-Control-Allow-Origin"] == "*"


# ---- when DynamoDB doesn't do what was asked ----


def test_throttling_is_503_with_retry_after(api, counting_upstream):
    counting_upstream.throttle("Query")
    reply = api.get(messages())
    assert (reply.status, reply.code, reply.headers["Retry-After"]) == (503, "throttled", "1")
    counting_upstream.clear()
    assert api.get(messages()).status == 200


@pytest.mark.parametrize("make", ["fail", "cut"])
def test_an_upstream_that_fails_is_503(api, counting_upstream, make):
    getattr(counting_upstream, make)("Query")
    reply = api.get(messages())
    assert (reply.status, reply.code) == (503, "unavailable")
    counting_upstream.clear()
    assert api.get(messages()).status == 200


def test_a_conflict_is_409(api, counting_upstream):
    name = "ConditionalCheckFailedException"
    counting_upstream.fail("PutItem", status=400, error=name, message="The conditional request failed")
    reply = api.post("/api/messages", message_body(), user())
    assert (reply.status, reply.code) == (409, "conflict")


def test_what_is_the_operators_business_is_not_told(api, counting_upstream):
    counting_upstream.fail("Query", status=400, error="AccessDeniedException", message="arn:aws:iam::123456789012:role/secret may not")
    reply = api.get(messages())
    assert (reply.status, reply.code) == (502, "upstream_error")
    assert b"123456789012" not in reply.body


def test_a_table_that_is_not_there(api, direct):
    direct.ok("DeleteTable", {"TableName": TABLE})
    reply = api.get(messages())
    assert (reply.status, reply.code) == (502, "upstream_error")


def test_a_stale_entry_where_dynamodb_fails(start, counting_upstream):
    proxy = start({"tables": {TABLE: {"ttl": "200ms", "negative_ttl": "200ms", "stale_if_error": "10m"}}})
    with rest.Rest(proxy.endpoint) as api:
        fresh = api.get(messages())
        counting_upstream.fail("Query")
        replies = []
        waiting.until(lambda: replies.append(api.get(messages())) or replies[-1].cache == "STALE", "the TTL to end")
        assert (replies[-1].status, replies[-1].body) == (200, fresh.body)


def test_a_herd_on_a_route_reads_once(chat_proxy, counting_upstream):
    with rest.Rest(chat_proxy.endpoint) as api:
        api.get(messages(uuid.uuid4()))  # the table is known from here on
    counting_upstream.forget()
    held = counting_upstream.hold("Query")

    def one(_):
        with rest.Rest(chat_proxy.endpoint) as connection:
            return connection.get(messages())

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        replies = [pool.submit(one, n) for n in range(20)]
        held.wait_for(1)
        held.release()
        assert {reply.result().body for reply in replies} == {replies[0].result().body}
    assert counting_upstream.count("Query") == 1


def test_a_client_that_leaves_while_the_schema_is_learnt(chat_proxy, counting_upstream):
    held = counting_upstream.hold("DescribeTable")
    gone = rest.Rest(chat_proxy.endpoint)
    gone.connection.putrequest("GET", messages())
    gone.connection.endheaders()
    held.wait_for(1)
    gone.close()
    held.release()
    with rest.Rest(chat_proxy.endpoint) as api:
        assert api.get(messages()).json == CONVERSATION[-20:]


# ---- a load test's table ----


def test_generated_messages_page_through_completely_and_none_twice(start, readaside_binary, ddb_local):
    made = subprocess.run(
        [readaside_binary, "ddb", "seed", "--generate", "users=100,groups=20,messages=10000", "--seed", "7", "--json",
         "-c", rest.SHIPPED, "--endpoint", ddb_local.endpoint],
        env=processes.child_environment(), capture_output=True, text=True, check=False,
    )
    assert made.returncode == 0, made.stderr
    busiest = json.loads(made.stdout)["example"]
    proxy = start()
    seen, groups = [], 0
    with rest.Rest(proxy.endpoint) as api, wire.Wire(ddb_local.endpoint) as direct:
        uuids = set()
        for who in users_of(direct):
            uuids.update(group["uuid"] for group in walk(api, "/api/message_groups?limit=100", user(who)))
        assert busiest["group_uuid"] in uuids
        for group in uuids - {GROUP}:
            found = walk(api, messages(group) + "?limit=100", {})
            assert found == sorted(found, key=lambda m: m["created_at"], reverse=True)
            groups += 1
            seen += [message["uuid"] for message in found]
    assert groups == 20
    assert len(seen) == len(set(seen)) == 10000


def users_of(direct):
    """Everybody who has a list of groups."""
    found, start_key = set(), {}
    while True:
        page = direct.ok("Scan", {"TableName": TABLE, "ProjectionExpression": "pk", **start_key}).json
        found.update(item["pk"]["S"][4:] for item in page["Items"] if item["pk"]["S"].startswith("GRP#"))
        if "LastEvaluatedKey" not in page:
            return found
        start_key = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def walk(api, target, headers):
    """All pages, newest first."""
    found = []
    while target:
        reply = api.get(target, headers)
        assert reply.status == 200, reply
        found += sorted(reply.json, key=lambda element: element["created_at"], reverse=True)
        target = reply.next
    return found
