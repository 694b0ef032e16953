"""The shipped routes with claims: what browsers and a back end may do in the chat application, and what they mayn't."""
import json

import pytest

from support import oidc_server, processes, rest, waiting

FOLDER = processes.ROOT / "config"
TABLE = "cruddur-messages"
SEED = json.loads((FOLDER / "cruddur-messages.seed.json").read_text(encoding="utf-8"))[TABLE]
MARA = "5d96cf7f-265b-4da9-8f0c-26ef4243ed52"
JONAS = "5e6a0a2e-dd70-434d-81d7-7cffb7decc0c"
EVE = "00000000-0000-4000-8000-00000000000e"
GROUP = "566bf9d7-c55a-45f8-91a6-e55e9b9b1325"
MESSAGES = f"/api/messages/{GROUP}"
NAMES = {MARA: ("Mara Okafor", "mara"), JONAS: ("Jonas Lindqvist", "jonas"), EVE: ("Eve", "eve")}
SECRET = "the-back-end-knows-this-secret"


@pytest.fixture
def table(direct):
    schema = json.loads((FOLDER / "cruddur-messages.schema.json").read_text(encoding="utf-8"))
    if TABLE in direct.ok("ListTables", {}).json["TableNames"]:
        direct.ok("DeleteTable", {"TableName": TABLE})
    direct.ok("CreateTable", schema)
    for at in range(0, len(SEED), 25):
        direct.ok("BatchWriteItem", {"RequestItems": {TABLE: SEED[at : at + 25]}})
    return TABLE


@pytest.fixture
def provider():
    made = oidc_server.Provider()
    yield made
    made.stop()


@pytest.fixture
def api(table, provider, proxy_factory, counting_upstream, monkeypatch):
    """The shipped file as it is, but for who issues the tokens and where things are."""
    monkeypatch.setattr(rest, "SHIPPED", FOLDER / "cruddur-auth.jsonc")
    config = rest.shipped_config()
    del config["ddb"]
    assert config["auth"]["jwt"].pop("cognito")
    config["auth"]["jwt"] = {**provider.config(), **config["auth"]["jwt"]}
    config["auth"]["backend"]["secret"] = SECRET
    config["listen"]["address"] = "127.0.0.1:0"
    config["upstream"] = {"endpoint": counting_upstream.endpoint, "region": "us-east-1"}
    config["tables"] = {table: {"ttl": "10m", "negative_ttl": "10m"}}
    proxy = proxy_factory(counting_upstream.endpoint, config=config)
    with rest.Rest(proxy.endpoint) as connection:
        ready = browser(provider, MARA)
        waiting.until(lambda: connection.get("/api/message_groups", ready).status != 503, "the provider's keys")
        yield connection


def browser(provider, user, **claims):
    name, handle = NAMES[user]
    whole = {"custom:user_uuid": user, "name": name, "preferred_username": handle, "token_use": "id", **claims}
    return oidc_server.bearer(provider.token("some-subject", **whole))


def back_end(user):
    name, handle = NAMES[user]
    return {"X-Readaside-Secret": SECRET, "X-User-Uuid": user, "X-User-Name": name, "X-User-Handle": handle}


def assert_refused(reply, status, code):
    assert (reply.status, reply.code) == (status, code), reply


def ok(reply):
    assert reply.status == 200, reply
    return reply.json


def test_members_read_a_conversation_and_others_never(api, provider):
    for headers in (browser(provider, MARA), browser(provider, JONAS), back_end(MARA)):
        assert len(ok(api.get(MESSAGES, headers))) == 20
    hit = api.get(MESSAGES, browser(provider, MARA))
    assert hit.headers["X-Cache"] == "HIT"
    # It is cached now, and not for them.
    assert_refused(api.get(MESSAGES, browser(provider, EVE)), 403, "forbidden")
    assert_refused(api.get(MESSAGES, back_end(EVE)), 403, "forbidden")
    assert_refused(api.get(MESSAGES), 401, "unauthenticated")
    assert_refused(api.get(MESSAGES, {"X-User-Uuid": MARA}), 401, "unauthenticated")


def test_a_list_is_its_owners(api, provider):
    assert [g["uuid"] for g in ok(api.get("/api/message_groups", browser(provider, MARA)))] == [GROUP]
    # What a browser says of itself counts for nothing.
    said = {**browser(provider, EVE), "X-User-Uuid": MARA}
    assert ok(api.get(f"/api/message_groups?user_uuid={MARA}", said)) == []
    nameless = browser(provider, MARA, **{"custom:user_uuid": None})
    assert_refused(api.get("/api/message_groups", nameless), 403, "claim_missing")


def test_a_message_is_under_its_writers_name(api, provider):
    body = {"message": "hello", "message_group_uuid": GROUP, "user_uuid": EVE, "user_handle": "eve"}
    body["user_display_name"] = "Eve"
    made = ok(api.post("/api/messages", body, browser(provider, JONAS)))
    assert (made["display_name"], made["handle"]) == NAMES[JONAS]
    last = ok(api.get(MESSAGES, browser(provider, MARA)))[-1]
    assert (last["message"], last["display_name"], last["handle"]) == ("hello", *NAMES[JONAS])
    assert_refused(api.post("/api/messages", body, browser(provider, EVE)), 403, "forbidden")
    # The rules of the form are for those who may send it.
    assert api.post("/api/messages", {**body, "message": " "}, browser(provider, JONAS)).status == 422
    assert_refused(api.post("/api/messages", {**body, "message": " "}), 401, "unauthenticated")


def test_a_conversation_begins_by_a_back_end(api, provider):
    body = {"message": "hi", "other_user_uuid": EVE, "other_user_display_name": "Eve", "other_user_handle": "eve"}
    assert_refused(api.post("/api/messages", body, browser(provider, MARA)), 403, "forbidden")
    # Read before it is there: what was cached of it must go.
    assert ok(api.get("/api/message_groups", browser(provider, EVE))) == []
    group = ok(api.post("/api/messages", body, back_end(MARA)))["message_group_uuid"]
    mine = ok(api.get("/api/message_groups", browser(provider, EVE)))
    assert [(g["uuid"], g["display_name"], g["handle"]) for g in mine] == [(group, *NAMES[MARA])]
    for headers in (browser(provider, EVE), browser(provider, MARA)):
        assert [m["message"] for m in ok(api.get(f"/api/messages/{group}", headers))] == ["hi"]
    assert_refused(api.get(f"/api/messages/{group}", browser(provider, JONAS)), 403, "forbidden")


def test_an_access_token_is_not_what_it_takes(api, provider):
    reply = api.get("/api/message_groups", browser(provider, MARA, token_use="access"))
    assert_refused(reply, 401, "unauthenticated")
