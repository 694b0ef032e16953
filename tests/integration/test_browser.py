"""What web pages may do with the routes, in a real browser: CORS as Chromium enforces it."""
import json
import shutil

import pytest

from support import browser, processes, rest, tables

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="there is no chromium")

USER = "5d96cf7f-265b-4da9-8f0c-26ef4243ed52"
GROUP = "566bf9d7-c55a-45f8-91a6-e55e9b9b1325"

SCRIPT = """
    const api = %(api)s, group = %(group)s, user = {"X-User-Uuid": %(user)s};
    const found = {};
    const attempt = async (name, act) => {
        try { found[name] = await act(); } catch (problem) { found[name] = "refused by the browser"; }
    };
    const message = {message_group_uuid: group, message: "from a page", user_display_name: "Mara", user_handle: "mara"};
    const json = {...user, "Content-Type": "application/json"};
    const messages = api + "/api/messages/" + group;
    await attempt("read", async () => (await (await fetch(messages)).json()).length);
    await attempt("headers", async () => {
        const reply = await fetch(messages + "?limit=1");
        return [reply.headers.get("X-Cache"), reply.headers.get("Link")];
    });
    await attempt("with a header", async () => (await fetch(api + "/api/message_groups", {headers: user})).status);
    await attempt("write", async () => {
        const reply = await fetch(api + "/api/messages", {method: "POST", headers: json, body: JSON.stringify(message)});
        return [reply.status, (await reply.json()).message];
    });
    await attempt("read again", async () => (await (await fetch(messages)).json()).length);
    await attempt("an error", async () => {
        const reply = await fetch(api + "/api/messages", {method: "POST", headers: json, body: "{"});
        return [reply.status, (await reply.json()).code];
    });
    await attempt("unasked", async () =>
        (await fetch(api + "/api/messages", {method: "POST", mode: "no-cors", body: JSON.stringify(message)})).type);
    await done(found);
"""


@pytest.fixture
def site():
    pages = browser.Site()
    yield pages
    pages.stop()


@pytest.fixture
def proxy(direct, proxy_factory, counting_upstream, site):
    """The shipped routes; pages of http://127.0.0.1 are allowed, those of http://localhost aren't."""
    schema = json.loads((processes.ROOT / "config" / "cruddur-messages.schema.json").read_text(encoding="utf-8"))
    tables.create(direct, schema)
    config = rest.shipped_config()
    config["listen"]["address"] = "127.0.0.1:0"
    config["upstream"]["endpoint"] = counting_upstream.endpoint
    config["cors"]["allow_origins"] = [site.origin()]
    del config["ddb"]
    started = proxy_factory(counting_upstream.endpoint, config=config)
    for n in range(2):
        body = {
            "message_group_uuid": GROUP,
            "message": str(n),
            "user_display_name": "Mara",
            "user_handle": "mara",
        }
        with rest.Rest(started.endpoint) as api:
            assert api.post("/api/messages", body, {"X-User-Uuid": USER}).status == 200
    counting_upstream.forget()
    return started


def script(proxy):
    return SCRIPT % {"api": json.dumps(proxy.endpoint), "group": json.dumps(GROUP), "user": json.dumps(USER)}


def test_an_allowed_page_reads_and_writes(proxy, site, counting_upstream, tmp_path):
    found = site.run(script(proxy), tmp_path)
    assert found["read"] == 2
    cache, link = found["headers"]
    assert cache == "MISS" and 'rel="next"' in link
    assert found["with a header"] == 200
    assert found["write"] == [200, "from a page"]
    assert found["read again"] == 3
    assert found["an error"] == [400, "malformed_json"]
    assert found["unasked"] == "opaque", "the browser sent it, and could not read the answer"
    assert counting_upstream.count("PutItem") == 1, "what was sent unasked was refused"


def test_a_page_of_another_origin_can_do_nothing(proxy, site, counting_upstream, tmp_path):
    found = site.run(script(proxy), tmp_path, host="localhost")
    assert found.pop("unasked") == "opaque"
    assert set(found.values()) == {"refused by the browser"}, found
    assert counting_upstream.count("PutItem") == 0
