"""Who calls a route: tokens of an OpenID provider, back ends with a secret, and what each may see."""
import concurrent.futures
import json
import socket
import time

import pytest
from cryptography.hazmat.primitives import hashes

from support import oidc_server, redis_server, rest, waiting

SECRET = "a-secret-that-the-back-end-knows"
GROUP = "/groups/walkers/messages"
OWN = "USER#{claim.sub}"
MEMBER = {
    "query": {"table": "plain", "partition_key": OWN},
    "has": {"group": "{path.group}"},
}
ROUTES = [
    {
        "name": "my-notes", "method": "GET", "path": "/notes",
        "query": {"table": "plain", "partition_key": "NOTES#{claim.sub}", "order": "oldest"},
        "reply": {"each": {"text": "text"}},
    },
    {
        "name": "add-note", "method": "POST", "path": "/notes",
        "operation": "PutItem",
        "request": {"TableName": "plain", "Item": {
            "pk": {"S": "NOTES#{claim.sub}"}, "sk": {"S": "{now}"}, "text": {"S": "{body.text}"},
            "author": {"S": "{claim.sub}"}, "name": {"S": "{claim.given:name}"}}},
        "reply": {"status": 201, "object": {"author": "{claim.sub}", "name": "{claim.given:name}"}},
    },
    {
        "name": "read-group", "method": "GET", "path": "/groups/{group}/messages", "allow_if": MEMBER,
        "query": {"table": "plain", "partition_key": "GROUP#{path.group}", "order": "oldest"},
        "reply": {"each": {"text": "text", "author": "author"}},
    },
    {
        "name": "write-group", "method": "POST", "path": "/groups/{group}/messages", "allow_if": MEMBER,
        "operation": "PutItem",
        "request": {"TableName": "plain", "Item": {
            "pk": {"S": "GROUP#{path.group}"}, "sk": {"S": "{now}"}, "text": {"S": "{body.text}"},
            "author": {"S": "{claim.sub}"}}},
        "reply": {"status": 201, "object": {"author": "{claim.sub}"}},
    },
    {
        "name": "add-member", "method": "POST", "path": "/groups/{group}/members", "auth": ["backend"],
        "operation": "PutItem",
        "request": {"TableName": "plain", "Item": {
            "pk": {"S": "USER#{body.user}"}, "sk": {"S": "{path.group}"}, "group": {"S": "{path.group}"},
            "added_by": {"S": "{claim.sub}"}}},
        "reply": {"status": 201, "object": {"group": "{path.group}"}},
    },
    {
        "name": "in-person", "method": "GET", "path": "/in-person", "auth": ["jwt"],
        "query": {"table": "plain", "partition_key": "NOTES#{claim.sub}"},
        "reply": {"each": {"text": "text"}},
    },
    {
        "name": "board", "method": "GET", "path": "/board", "auth": ["anyone"],
        "query": {"table": "plain", "partition_key": "BOARD"},
        "reply": {"each": {"text": "text"}},
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def stranger():
    """A key that no provider knows."""
    return oidc_server.Key("first")


@pytest.fixture
def provider():
    made = oidc_server.Provider()
    yield made
    made.stop()


@pytest.fixture
def start(plain, direct, proxy_factory, counting_upstream, provider):
    """start() is a proxy that takes the provider's tokens, over a table where ann and bob walk."""
    for user in ("ann", "bob"):
        direct.ok("PutItem", {"TableName": plain, "Item": {
            "pk": {"S": f"USER#{user}"}, "sk": {"S": "walkers"}, "group": {"S": "walkers"}}})  # fmt: skip
        put(direct, f"NOTES#{user}", f"a note of {user}'s")
    put(direct, "GROUP#walkers", "at nine")
    put(direct, "BOARD", "welcome")

    def make(**jwt):
        auth = {
            "jwt": provider.config(**jwt),
            "backend": {"secret": SECRET, "claims": {"sub": "X-User-Sub", "given:name": "X-User-Name"}},
        }
        return proxy_factory(counting_upstream.endpoint, {"auth": auth, "routes": ROUTES})

    return make


def put(direct, partition, text):
    item = {"pk": {"S": partition}, "sk": {"S": "1"}, "text": {"S": text}, "author": {"S": "zoe"}}
    direct.ok("PutItem", {"TableName": "plain", "Item": item})


@pytest.fixture
def proxy(start):
    return start()


@pytest.fixture
def api(proxy):
    with rest.Rest(proxy.endpoint) as connection:
        yield connection


def in_time(api, headers):
    """Tokens can be checked from now on."""
    waiting.until(lambda: api.get("/notes", headers).status != 503, "the provider's keys")


def back_end(sub="ann", **more):
    return {"X-Readaside-Secret": SECRET, "X-User-Sub": sub, **more}


def assert_unauthenticated(reply, shown=True):
    """RFC 6750 section 3: an error code where a token was shown, none where nothing was."""
    assert reply.status == 401, reply
    assert reply.code == "unauthenticated"
    assert reply.headers["Content-Type"].startswith("application/json")
    challenge = reply.headers.get_all("WWW-Authenticate")
    assert len(challenge) == 1 and challenge[0].split()[0] == "Bearer", challenge
    assert ('error="invalid_token"' in challenge[0]) == shown, challenge


# ---- tokens that are wrong ----


def header(**members):
    return lambda p, _: oidc_server.token(p.key, p.claims("ann"), members)


def claims(**members):
    return lambda p, _: p.token("ann", **members)


def in_seconds(name, seconds):
    return lambda p, _: p.token("ann", **{name: int(time.time()) + seconds})


def signature(make, **members):
    """A token whose signature is made by make(provider's key)(text)."""
    return lambda p, _: oidc_server.token(p.key, p.claims("ann"), members, make(p.key))


def part(index, change):
    def make(p, _):
        parts = p.token("ann").split(".")
        parts[index] = change(parts[index])
        return ".".join(parts)

    return make


def flipped(text):
    """The same part with a bit of its middle changed."""
    middle = len(text) // 2
    return text[:middle] + ("B" if text[middle] != "B" else "C") + text[middle + 1 :]


def other_claims(p, _):
    """Eve's wishes under a signature of ann's."""
    head, _, signed = p.token("ann").split(".")
    return f"{head}.{oidc_server.encoded(p.claims('eve'))}.{signed}"


def by_a_stranger(p, key):
    return oidc_server.token(key, p.claims("ann"))


def not_signed(algorithm):
    def make(p, _):
        whole = {"alg": algorithm, "kid": p.key.kid}
        return f"{oidc_server.encoded(whole)}.{oidc_server.encoded(p.claims('ann'))}."

    return make


def claims_as_text(text):
    """The claims' JSON, changed by text(JSON)."""
    return lambda p, _: oidc_server.token(p.key, text(json.dumps(p.claims("ann"))).encode())


BAD = {
    "alg none": not_signed("none"),
    "alg NONE": not_signed("NONE"),
    "alg none, with a signature": header(alg="none"),
    "alg absent": header(alg=None),
    "HS256 by the key's PEM": signature(lambda k: oidc_server.hmac_signer(k.public("PEM")), alg="HS256"),
    "HS256 by the key's DER": signature(lambda k: oidc_server.hmac_signer(k.public("DER")), alg="HS256"),
    "RS256 that is HS256 by the PEM": signature(lambda k: oidc_server.hmac_signer(k.public("PEM"))),
    "RS384": signature(lambda k: lambda t: k.sign(t, hashes.SHA384()), alg="RS384"),
    "RS512": signature(lambda k: lambda t: k.sign(t, hashes.SHA512()), alg="RS512"),
    "PS256": signature(lambda k: k.sign_pss, alg="PS256"),
    "RS256 that is PS256": signature(lambda k: k.sign_pss),
    "crit": header(crit=["exp"]),
    "kid absent": header(kid=None),
    "kid unknown": header(kid="second"),
    "kid of another type": header(kid=["first"]),
    "a stranger's key": by_a_stranger,
    "a stranger's key, brought along": lambda p, k: oidc_server.token(k, p.claims("ann"), {"jwk": k.jwk}),
    "expired": in_seconds("exp", -61),
    "exp absent": claims(exp=None),
    "exp a string": claims(exp="9999999999"),
    "exp negative": claims(exp=-1),
    "exp 1e400": claims_as_text(lambda t: t.replace('"exp": ', '"exp": 1e400, "was": ')),
    "not yet valid": in_seconds("nbf", 120),
    "of the future": in_seconds("iat", 120),
    "another issuer": claims(iss="https://issuer.example"),
    "issuer with a slash": lambda p, _: p.token("ann", iss=p.issuer + "/"),
    "issuers": lambda p, _: p.token("ann", iss=[p.issuer]),
    "another client": claims(client_id="another-app"),
    "no client": claims(client_id=None),
    "another audience": claims(client_id=None, aud=["another-app"]),
    "an id token": claims(token_use="id"),
    "no token_use": claims(token_use=None),
    "header tampered with": part(0, flipped),
    "claims tampered with": part(1, flipped),
    "signature tampered with": part(2, flipped),
    "another's signature": other_claims,
    "padding": part(2, lambda text: text + "=="),
    "white space": part(1, lambda text: text + " "),
    "no signature": part(2, lambda text: ""),
    "no header": part(0, lambda text: ""),
    "two parts": lambda p, _: p.token("ann").rpartition(".")[0],
    "four parts": lambda p, _: p.token("ann") + ".e30",
    "empty": lambda p, _: "",
    "words": lambda p, _: "let me in",
    "oversized": claims(filler="x" * 16000),
    "a name twice": claims_as_text(lambda t: t.replace('"sub": "ann"', '"sub": "ann", "sub": "bob"')),
    "nested deeply": claims_as_text(lambda t: t[:-1] + ', "x": ' + "[" * 100 + "]" * 100 + "}"),
    "a NUL": claims_as_text(lambda t: t.replace("ann", "an\0n")),
    "an array": claims_as_text(lambda t: f"[{t}]"),
}


def test_bad_tokens(start, provider, counting_upstream, stranger):
    """Each is refused, before and after what it asks for is cached, and nothing is asked of DynamoDB for it."""
    proxy = start()
    with rest.Rest(proxy.endpoint) as api:
        in_time(api, oidc_server.bearer(provider.token("ann")))
        bad = {name: make(provider, stranger) for name, make in BAD.items()}
        for attempt in ("cold", "warm"):
            counting_upstream.forget()
            for name, text in bad.items():
                for target in ("/in-person", GROUP, "/board"):
                    reply = api.get(target, oidc_server.bearer(text))
                    assert reply.status == 401, f"{name} on {target}, {attempt}: {reply}"
                    assert_unauthenticated(reply)
                    assert reply.cache is None
            assert counting_upstream.count() == 0
            good = oidc_server.bearer(provider.token("ann"))
            for target in ("/in-person", GROUP, "/board"):
                assert api.get(target, good).status == 200
    log = proxy.output()
    assert not [name for name, text in bad.items() if len(text) > 20 and text in log]
    assert provider.token("ann").split(".")[0] not in log


def test_a_token_at_its_edges(api, provider):
    """The clocks may differ by max_clock_skew, a minute, here with seconds to spare."""
    now = int(time.time())
    assert api.get("/notes", oidc_server.bearer(provider.token("ann", exp=now - 30))).status == 200
    assert api.get("/notes", oidc_server.bearer(provider.token("ann", nbf=now + 30, iat=now + 30))).status == 200
    assert api.get("/notes", oidc_server.bearer(provider.token("ann", exp=now + 60.5))).status == 200
    aud = provider.token("ann", client_id=None, aud=["another-app", provider.CLIENT])
    assert api.get("/notes", oidc_server.bearer(aud)).status == 200


def test_headers_that_show_a_token(api, provider):
    good = provider.token("ann")
    for scheme in ("Bearer", "bearer", "BEARER", "Bearer  "):
        assert api.get("/notes", {"Authorization": f"{scheme} {good}"}).status == 200
    twice = [("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")]
    assert_unauthenticated(api.get("/notes", twice))
    for value in ("Bearer", "Bearer ", f"Bearer,{good}", f"Bearer {good} {good}", f"Bearer {good},"):
        assert_unauthenticated(api.get("/notes", {"Authorization": value}))
    for value in (good, f"Token {good}", "Basic YW5uOmFubg==", ""):
        assert_unauthenticated(api.get("/notes", {"Authorization": value}), shown=False)
    assert_unauthenticated(api.get("/notes", {"X-Authorization": f"Bearer {good}"}), shown=False)
    assert_unauthenticated(api.get(f"/notes?access_token={good}"), shown=False)
    assert_unauthenticated(api.get("/notes", {"Cookie": f"access_token={good}"}), shown=False)
    assert_unauthenticated(api.post("/notes", {"text": "x", "access_token": good}), shown=False)
    assert_unauthenticated(api.get("/notes"), shown=False)


def test_who_may_call_what(api, provider):
    token = oidc_server.bearer(provider.token("ann"))
    for target in ("/notes", GROUP, "/in-person"):
        assert api.get(target, token).status == 200
        assert_unauthenticated(api.get(target), shown=False)
    head = api.call("HEAD", "/notes")
    assert head.status == 401 and head.headers["WWW-Authenticate"] == "Bearer" and not head.body
    assert api.call("HEAD", "/notes", headers=token).status == 200
    assert api.call("OPTIONS", "/notes").status == 204
    reply = api.get("/in-person", back_end())
    assert (reply.status, reply.code) == (403, "forbidden")
    reply = api.post("/groups/walkers/members", {"user": "eve"}, token)
    assert (reply.status, reply.code) == (403, "forbidden")
    assert api.get("/board").status == 200
    assert api.get("/board", token).status == 200
    assert api.get("/board", back_end()).status == 200


def test_who_may_not_call_learns_nothing(api):
    """Neither that the body is wrong, nor that a page's bounds are."""
    assert_unauthenticated(api.post("/notes", b"{not json", {"Content-Type": "application/json"}), shown=False)
    assert_unauthenticated(api.post("/notes", {}), shown=False)
    assert_unauthenticated(api.get("/notes?limit=0"), shown=False)
    assert_unauthenticated(api.get("/notes?before=a&after=b"), shown=False)


# ---- claims ----


def test_a_claim_names_the_partition(api, provider):
    """On one connection, by turns, cold and from the cache: each sees his own."""
    seen = []
    for _ in range(3):
        for user in ("ann", "bob"):
            reply = api.get("/notes", oidc_server.bearer(provider.token(user)))
            assert reply.json == [{"text": f"a note of {user}'s"}]
            seen.append(reply.cache)
    assert seen == ["MISS", "MISS", "HIT", "HIT", "HIT", "HIT"]
    assert api.get("/notes", oidc_server.bearer(provider.token("nobody"))).json == []


def test_claims_that_cannot_be_used(api, provider):
    for sub in (None, "", "  ", "\u3000"):
        text = oidc_server.token(provider.key, {**provider.claims("x"), "sub": sub})
        reply = api.get("/notes", oidc_server.bearer(text))
        assert (reply.status, reply.code) == (403, "claim_missing"), (sub, reply)
    for sub in (["ann"], {"ann": 1}, True, "an\0n", "ann\n", "an\x7fn", "an\x85n"):
        reply = api.get("/notes", oidc_server.bearer(provider.token(sub)))
        assert (reply.status, reply.code) == (403, "claim_unusable"), (sub, reply)
    assert api.get("/notes", oidc_server.bearer(provider.token(7))).json == []


def test_claims_are_values_and_never_syntax(api, direct, provider):
    """What a claim holds ends up inside of a string, whatever it looks like."""
    for sub in ('ann"},"x":{"S":"', "{claim.sub}", "ann#1", "\u00e4nn", "a\\u0000b", "{{}}", "../bob"):
        who = oidc_server.bearer(provider.token(sub, **{"given:name": sub}))
        assert api.post("/notes", {"text": "mine"}, who).json == {"author": sub, "name": sub}
        assert api.get("/notes", who).json == [{"text": "mine"}]
        key = {":p": {"S": f"NOTES#{sub}"}}
        query = {"TableName": "plain", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": key}
        assert direct.ok("Query", query).json["Items"][0]["author"] == {"S": sub}


def test_who_writes_is_whose_token_it_is(api, direct, provider):
    """Whatever the body, the query string and a back end's headers say."""
    token = oidc_server.bearer(provider.token("ann", **{"given:name": "Ann"}))
    token.update({"X-User-Sub": "bob", "X-User-Name": "Bob"})
    body = {"text": "t", "sub": "bob", "author": "bob", "claim.sub": "bob", "claim": {"sub": "bob"}, "name": "Bob"}
    reply = api.post("/notes?sub=bob&claim.sub=bob", body, token)
    assert reply.status == 201 and reply.json == {"author": "ann", "name": "Ann"}
    key = {":p": {"S": "NOTES#ann"}}
    query = {"TableName": "plain", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": key}
    written = direct.ok("Query", query).json["Items"][-1]
    assert (written["author"], written["name"], written["text"]) == ({"S": "ann"}, {"S": "Ann"}, {"S": "t"})
    assert api.get("/notes", oidc_server.bearer(provider.token("bob"))).json == [{"text": "a note of bob's"}]


# ---- membership ----


def test_a_group_is_read_by_its_members(api, provider, counting_upstream):
    ann, bob, eve = (oidc_server.bearer(provider.token(user)) for user in ("ann", "bob", "eve"))
    refused = api.get(GROUP, eve)  # before anything of it is cached
    assert (refused.status, refused.code) == (403, "forbidden")
    assert not [r for r in counting_upstream.seen("Query") if "GROUP#walkers" in json.dumps(r.json)]
    first = api.get(GROUP, ann)
    assert first.status == 200 and first.json == [{"text": "at nine", "author": "zoe"}] and first.cache == "MISS"
    again = api.get(GROUP, bob)
    assert again.status == 200 and again.json == first.json and again.cache == "HIT"
    counting_upstream.forget()
    for target in (GROUP, GROUP + "?limit=5", GROUP + "?after=0", "/groups/%77alkers/messages"):
        refused = api.get(target, eve)  # and after it is
        assert (refused.status, refused.code) == (403, "forbidden")
        assert "at nine" not in refused.body.decode() and refused.cache != "HIT"
    head = api.call("HEAD", GROUP, headers=eve)
    assert head.status == 403
    assert api.get(GROUP, ann).cache == "HIT"
    assert counting_upstream.count() == 0  # eve's (absent) memberships are cached as well


def test_membership_comes_and_goes(api, proxy, provider):
    """With writes through the proxy: the next request sees them."""
    eve = oidc_server.bearer(provider.token("eve"))
    assert api.get(GROUP, eve).status == 403
    assert api.post("/groups/walkers/members", {"user": "eve"}, back_end("ann")).status == 201
    assert api.get(GROUP, eve).json == [{"text": "at nine", "author": "zoe"}]
    assert api.get(GROUP, eve).cache == "HIT"
    gone = {"TableName": "plain", "Key": {"pk": {"S": "USER#eve"}, "sk": {"S": "walkers"}}}
    assert proxy.call("DeleteItem", gone).status == 200
    assert api.get(GROUP, eve).status == 403


def test_a_group_is_written_by_its_members(api, direct, provider, counting_upstream):
    ann, eve = (oidc_server.bearer(provider.token(user)) for user in ("ann", "eve"))
    assert api.get(GROUP, ann).status == 200
    refused = api.post(GROUP, {"text": "hi", "author": "ann"}, eve)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert counting_upstream.count("PutItem") == 0
    assert api.post(GROUP, {"text": "at ten", "author": "eve"}, ann).json == {"author": "ann"}
    texts = [(m["text"], m["author"]) for m in api.get(GROUP, ann).json]
    assert sorted(texts) == [("at nine", "zoe"), ("at ten", "ann")]


# ---- back ends ----


def test_a_back_end_names_its_user(api):
    assert api.get("/notes", back_end("ann")).json == [{"text": "a note of ann's"}]
    assert api.get("/notes", back_end("bob")).json == [{"text": "a note of bob's"}]
    assert api.get(GROUP, back_end("ann")).status == 200
    assert api.get(GROUP, back_end("eve")).status == 403
    reply = api.post("/notes", {"text": "t"}, back_end("ann", **{"X-User-Name": "Ann"}))
    assert reply.json == {"author": "ann", "name": "Ann"}


def test_a_back_end_that_is_none(api, provider, proxy):
    for secret in ("", "x", SECRET[:-1], SECRET + "x", SECRET.upper()):
        assert_unauthenticated(api.get("/notes", {**back_end(), "X-Readaside-Secret": secret}))
        assert_unauthenticated(api.get("/board", {**back_end(), "X-Readaside-Secret": secret}))
    assert_unauthenticated(api.get("/notes", {"X-User-Sub": "ann"}), shown=False)
    assert_unauthenticated(api.get("/notes", {**back_end(), **oidc_server.bearer(provider.token("ann"))}))
    assert_unauthenticated(api.get("/notes", [*back_end().items(), ("x-readaside-secret", SECRET)]))
    assert SECRET not in proxy.output() and SECRET[:-1] not in proxy.output()


def test_a_back_ends_claims(api):
    missing = {"X-Readaside-Secret": SECRET}
    for headers in (missing, {**missing, "X-User-Sub": ""}, {**missing, "X-User-Name": "Ann"}):
        reply = api.get("/notes", headers)
        assert (reply.status, reply.code) == (403, "claim_missing")
    for headers in (
        [*back_end("ann").items(), ("x-user-sub", "ann")],
        list(back_end(b"an\xe9").items()),
        list(back_end("an\tn").items()),
    ):
        reply = api.get("/notes", headers)
        assert (reply.status, reply.code) == (403, "claim_unusable"), headers


# ---- the provider's keys ----


def test_key_rotation(api, provider):
    old = provider.token("ann")
    in_time(api, oidc_server.bearer(old))
    assert api.get("/notes", oidc_server.bearer(old)).status == 200
    assert provider.fetches == 1
    provider.rotate("second")
    assert api.get("/notes", oidc_server.bearer(provider.token("ann"))).status == 200
    assert api.get("/notes", oidc_server.bearer(old)).status == 200
    assert provider.fetches == 2


def test_a_key_that_is_withdrawn(api, provider):
    old = provider.token("ann")
    assert api.get("/notes", oidc_server.bearer(old)).status == 200
    provider.rotate("second", keep=False)
    assert api.get("/notes", oidc_server.bearer(old)).status == 200  # the set isn't fetched for each token
    assert api.get("/notes", oidc_server.bearer(provider.token("ann"))).status == 200
    assert_unauthenticated(api.get("/notes", oidc_server.bearer(old)))


def test_unknown_keys_cost_one_fetch(proxy, provider):
    """However many there are, at once or one after another, and good tokens go on meanwhile."""
    good = oidc_server.bearer(provider.token("ann"))
    with rest.Rest(proxy.endpoint) as api:
        in_time(api, good)
    before = provider.fetches

    def ask(worker):
        with rest.Rest(proxy.endpoint) as api:
            for n in range(20):
                wrong = oidc_server.token(provider.key, provider.claims("ann"), {"kid": f"{worker}-{n}"})
                assert_unauthenticated(api.get("/notes", oidc_server.bearer(wrong)))
                assert api.get("/notes", good).status == 200

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert provider.fetches == before + 1


def test_what_no_key_makes_good_costs_none(api, provider):
    in_time(api, oidc_server.bearer(provider.token("ann")))
    before = provider.fetches
    for make in (header(alg="HS256", kid="x"), header(crit=["x"], kid="x"), header(kid=None), not_signed("none")):
        assert_unauthenticated(api.get("/notes", oidc_server.bearer(make(provider, None))))
    assert provider.fetches == before


def test_the_provider_goes(api, provider, proxy):
    """The keys that are known go on; a new one can't be followed, and is refused."""
    good = oidc_server.bearer(provider.token("ann"))
    in_time(api, good)
    provider.stop()
    provider.rotate("second")
    assert_unauthenticated(api.get("/notes", oidc_server.bearer(provider.token("ann"))))
    assert api.get("/notes", good).status == 200
    waiting.until(lambda: "go on being used" in proxy.output(), "the log to tell of it")


@pytest.mark.parametrize("answer", [(500, b"{}"), (200, b"<html>"), (200, b'{"keys": []}'), (404, b"")])
def test_the_provider_talks_nonsense(api, provider, answer):
    good = oidc_server.bearer(provider.token("ann"))
    in_time(api, good)
    provider.answer = answer
    provider.rotate("second", keep=False)
    assert_unauthenticated(api.get("/notes", oidc_server.bearer(provider.token("ann"))))
    assert api.get("/notes", good).status == 200
    assert provider.fetches == 2


def test_the_provider_is_away_at_start(start, provider):
    """Nothing can be said of a token then: that is our fault, and over when the provider is back."""
    good = oidc_server.bearer(provider.token("ann"))
    provider.stop()
    with rest.Rest(start().endpoint) as api:
        reply = api.get("/notes", good)
        assert (reply.status, reply.code) == (503, "unavailable")
        assert int(reply.headers["Retry-After"]) > 0
        assert api.get("/board").status == 200
        assert api.get("/notes", back_end("ann")).status == 200
        assert_unauthenticated(api.get("/notes"), shown=False)
        assert_unauthenticated(api.get("/notes", oidc_server.bearer(header(alg="none")(provider, None))))
        provider.start()
        in_time(api, good)
        assert api.get("/notes", good).json == [{"text": "a note of ann's"}]


def test_keys_over_tls(plain, proxy_factory, counting_upstream, tmp_path):
    """By the authority that the config names, and by no other."""
    redis_server.make_authority(tmp_path, "authority")
    redis_server.make_authority(tmp_path, "another")
    certificate = redis_server.make_certificate(tmp_path, "authority", "provider", "IP:127.0.0.1")
    provider = oidc_server.Provider(certificate)
    try:
        good = oidc_server.bearer(provider.token("ann"))
        statuses = {}
        for name in ("authority", "another"):
            jwt = provider.config(ca_file=str(tmp_path / f"{name}.crt"))
            proxy = proxy_factory(counting_upstream.endpoint, {"auth": {"jwt": jwt}, "routes": [ROUTES[0]]})
            with rest.Rest(proxy.endpoint) as api:
                statuses[name] = api.get("/notes", good).status
        assert statuses == {"authority": 200, "another": 503}
        assert provider.fetches == 1
    finally:
        provider.stop()


def test_keys_in_the_clear_never_go_by_way_of_a_proxy(plain, proxy_factory, counting_upstream, provider):
    """Plain HTTP is for this machine alone: whoever stands between could put keys of his own there."""
    between, asked = oidc_server.Provider(), []
    between.reply = lambda target: (asked.append(target), (200, json.dumps({"keys": [between.key.jwk]}).encode()))[1]
    try:
        forged = oidc_server.bearer(oidc_server.token(between.key, provider.claims("ann")))
        settings = {"auth": {"jwt": provider.config()}, "routes": [ROUTES[0]]}
        proxy = proxy_factory(counting_upstream.endpoint, settings, {"http_proxy": between.issuer, "no_proxy": ""})
        with rest.Rest(proxy.endpoint) as api:
            in_time(api, oidc_server.bearer(provider.token("ann")))
            assert_unauthenticated(api.get("/notes", forged))
        assert not asked
    finally:
        between.stop()


def test_an_end_does_not_wait_for_a_provider_that_hangs(plain, proxy_factory, counting_upstream, provider):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        jwt = provider.config(jwks_uri=f"http://127.0.0.1:{silent.getsockname()[1]}/keys")
        proxy = proxy_factory(counting_upstream.endpoint, {"auth": {"jwt": jwt}, "routes": [ROUTES[0]]})
        connection, _ = silent.accept()
        with connection:
            proxy.terminate()
            assert proxy.wait() == 0
    assert "timed out" not in proxy.output() and "can't be had" not in proxy.output()


# ---- where it isn't asked for ----


def test_without_jwt_a_token_is_refused(plain, proxy_factory, counting_upstream, provider):
    """It must not be taken for proof by anybody behind the proxy, nor by who sends it."""
    routes = [route for route in ROUTES if route["name"] in ("my-notes", "board")]
    backend = {"secret": SECRET, "claims": {"sub": "X-User-Sub"}}
    proxy = proxy_factory(counting_upstream.endpoint, {"auth": {"backend": backend}, "routes": routes})
    with rest.Rest(proxy.endpoint) as api:
        for target in ("/notes", "/board"):
            assert_unauthenticated(api.get(target, oidc_server.bearer(provider.token("ann"))))
            assert api.get(target, back_end()).status == 200
    assert provider.fetches == 0
