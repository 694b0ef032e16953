"""Routes against whoever means ill, and against tables that change under them."""
import json

import pytest

from support import raw, rest, tables, wire

TABLE = "notes"
KEY = {"pk": {"S": "{path.book}"}, "sk": {"S": "{path.note}"}}

ROUTES = [
    {
        "name": "list",
        "method": "GET",
        "path": "/books/{book}",
        "query": {"table": TABLE, "partition_key": "{path.book}", "order": "oldest"},
    },
    {
        "name": "by-owner",
        "method": "GET",
        "path": "/owners/{owner}",
        "query": {"table": TABLE, "index": "by-owner", "partition_key": "{path.owner}", "order": "oldest"},
    },
    {
        "name": "add",
        "method": "POST",
        "path": "/books/{book}/{note}",
        "when": ["body.text"],
        "validate": {"body.text": {"max_chars": 1000000}},
        "operation": "PutItem",
        "request": {"TableName": TABLE, "Item": {**KEY, "text": {"S": "{body.text}"}}},
        "reply": {"object": {f"text{n}": "{body.text}" for n in range(50)}},
    },
    {
        "name": "touch",
        "method": "POST",
        "path": "/touch/{book}/{note}",
        "operation": "UpdateItem",
        "request": {
            "TableName": TABLE,
            "Key": KEY,
            "UpdateExpression": "SET touched = :now",
            "ExpressionAttributeValues": {":now": {"S": "{now}"}},
        },
        "reply": {"object": {"at": "{now}"}},
    },
    {
        "name": "copy",
        "method": "PUT",
        "path": "/books/{book}/{note}",
        "operation": "PutItem",
        "request": {
            "TableName": TABLE,
            "Item": {**KEY, **{f"text{n}": {"S": "{body.text}"} for n in range(50)}},
        },
        "reply": {"object": {}},
    },
]


@pytest.fixture
def notes(direct):
    tables.create(direct, tables.plain(TABLE))
    return TABLE


@pytest.fixture
def proxy(notes, proxy_factory, counting_upstream):
    changes = {"routes": ROUTES, "listen": {"max_body": "2MiB"}}
    return proxy_factory(counting_upstream.endpoint, changes)


@pytest.fixture
def api(proxy):
    with rest.Rest(proxy.endpoint) as connection:
        yield connection


def put(direct, book, note, **more):
    direct.ok("PutItem", {"TableName": TABLE, "Item": {"pk": {"S": book}, "sk": {"S": note}, **more}})


# ---- one request is one request ----


def request(method, target, body=b"", *headers):
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def smuggled():
    body = json.dumps({"text": "smuggled"}).encode()
    return request("POST", "/books/b/1", body, "Content-Type: application/json", f"Content-Length: {len(body)}")


@pytest.mark.parametrize("target", ["/books/b", "/", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_is_never_the_next_request(proxy, counting_upstream, method, target, chunked):
    inner = smuggled()
    framing, body = f"Content-Length: {len(inner)}", inner
    if chunked:
        framing, body = "Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner)
    with raw.connect(proxy.port) as sock:
        sock.sendall(request(method, target, body, framing))
        replies = raw.ReplyReader(sock)
        bodiless = method == "HEAD" or (method, target) == ("OPTIONS", "/books/b")
        assert replies.next(bodiless) is not None
        if method == "HEAD" or chunked:
            assert replies.closed(), "what follows isn't looked at"
        else:  # the body was read, and the connection is in step
            sock.sendall(request("GET", "/nowhere"))
            assert replies.next().status == 404
    assert counting_upstream.count("PutItem") == 0


def test_a_head_without_a_body_keeps_its_connection(proxy):
    with raw.connect(proxy.port) as sock:
        replies = raw.ReplyReader(sock)
        for headers in ([], ["Content-Length: 0"]):
            sock.sendall(request("HEAD", "/books/b", b"", *headers))
            assert replies.next(bodiless=True).headers.get("Connection") is None
        sock.sendall(request("GET", "/nowhere"))
        assert replies.next().status == 404


def test_pipelined_requests_of_both_faces_are_answered_in_order(proxy):
    query = {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "b"}},
    }
    together = [smuggled(), request("GET", "/books/b"), raw.request("Query", query), request("GET", "/nowhere")]
    with raw.connect(proxy.port) as sock:
        sock.sendall(b"".join(together * 3))
        replies = raw.ReplyReader(sock)
        for _ in range(3):
            made, listed, queried, nowhere = (replies.next() for _ in together)
            assert made.json["text0"] == "smuggled"
            assert [n["text"] for n in listed.json] == ["smuggled"]
            assert queried.json["Count"] == 1
            assert nowhere.status == 404


@pytest.mark.parametrize(
    "target, status",
    [
        ("//evil/books/b", 404),  # a path (RFC 9112 section 3.2.1): whoever guards /books/ lets it pass
        ("//books/b", 404),
        ("///books/b", 404),
        ("/books//b", 404),
        ("/./books/b", 404),
        ("/x/../books/b", 404),
        ("/books/b/", 404),
        ("/books;x/b", 404),
        ("/BOOKS/b", 404),
        ("/books%2fb", 404),
        ("/%62ooks/b", 200),
        ("http://127.0.0.1/books/b", 200),  # absolute-form (RFC 9112 section 3.2.2)
        ("http://127.0.0.1//books/b", 404),
        ("*", 404),
    ],
)
def test_a_path_has_one_spelling_but_for_escapes(proxy, target, status):
    assert raw.exchange(proxy.port, request("GET", target)).status == status


# ---- what a page of another site may send unasked ----


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"]
)
@pytest.mark.parametrize("body", [b"", b"text=x", b'{"text": "x"}'])
def test_a_form_cannot_write_even_where_no_body_is_read(api, counting_upstream, kind, body):
    headers = {"Origin": "https://evil.example", **({"Content-Type": kind} if kind else {})}
    for target in ("/touch/b/1", "/books/b/1"):
        reply = api.post(target, body, headers)
        assert (reply.status, reply.code) == (415, "unsupported_media_type"), target
    assert counting_upstream.count() == 0


def test_json_may_be_empty_where_no_body_is_read(api, direct):
    reply = api.post("/touch/b/1", b"", {"Content-Type": "application/json"})
    assert reply.status == 200
    item = direct.ok("GetItem", {"TableName": TABLE, "Key": {"pk": {"S": "b"}, "sk": {"S": "1"}}}).json["Item"]
    assert item["touched"]["S"] == reply.json["at"]


# ---- much from little ----


def test_a_value_multiplied_is_refused_before_anything_is_sent(api, counting_upstream):
    for send, target in ((api.post, "/books/b/1"), (lambda *a: api.call("PUT", *a), "/books/b/1")):
        reply = send(target, {"text": "x" * 100000})
        assert (reply.status, reply.code) == (413, "body_too_large"), target
    assert counting_upstream.count("PutItem") == 0
    reply = api.post("/books/b/1", {"text": "x" + "\n" * 50000})
    assert reply.status == 200 and reply.json["text49"] == "x" + "\n" * 50000


def test_a_long_error_of_dynamodbs_is_cut(api, counting_upstream):
    message = "Value é" * 20000
    counting_upstream.fail("PutItem", status=400, error="ValidationException", message=message)
    reply = api.post("/books/b/1", {"text": "x"})
    assert (reply.status, reply.code) == (400, "invalid_request")
    assert message.startswith(reply.json["message"]) and len(reply.json["message"]) > 500


# ---- tables that become others ----


def test_a_table_made_anew_with_other_keys(api, direct):
    put(direct, "b", "1")
    assert api.get("/books/b").json == [{"pk": "b", "sk": "1"}]
    tables.create(direct, tables.definition(TABLE, {"id": "S", "at": "N"}, "id", "at"))
    direct.ok("PutItem", {"TableName": TABLE, "Item": {"id": {"S": "c"}, "at": {"N": "2"}}})
    reply = api.get("/books/c")
    assert (reply.status, reply.code) == (502, "upstream_error"), "not the client's mistake"
    assert api.get("/books/c").json == [{"id": "c", "at": 2}]


def test_a_table_made_anew_with_keys_of_another_type(api, direct):
    put(direct, "7", "1")
    assert api.get("/books/7").json == [{"pk": "7", "sk": "1"}]
    tables.create(direct, tables.definition(TABLE, {"pk": "N", "sk": "S"}, "pk", "sk"))
    direct.ok("PutItem", {"TableName": TABLE, "Item": {"pk": {"N": "8"}, "sk": {"S": "2"}}})
    assert api.get("/books/8").status == 502
    assert api.get("/books/8").json == [{"pk": 8, "sk": "2"}]


def test_an_index_that_is_added(api, direct):
    assert api.get("/books/b").json == []
    tables.create(
        direct,
        tables.definition(TABLE, {"pk": "S", "sk": "S", "owner": "S"}, "pk", "sk", world=[tables.index("by-owner", "owner", "sk")]),
    )
    put(direct, "b", "1", owner={"S": "o"})
    reply = api.get("/owners/o")
    assert (reply.status, reply.code) == (500, "no_such_index")
    assert [n["pk"] for n in api.get("/owners/o").json] == ["b"]


def test_an_index_that_is_taken_away(api, direct):
    with_index = tables.definition(TABLE, {"pk": "S", "sk": "S", "owner": "S"}, "pk", "sk", world=[tables.index("by-owner", "owner", "sk")])
    tables.create(direct, with_index)
    assert api.get("/owners/o").json == []
    tables.create(direct, tables.plain(TABLE))
    assert api.get("/owners/p").status == 502
    assert (api.get("/owners/p").status, api.get("/owners/p").code) == (500, "no_such_index")


def test_a_table_dropped_and_made_again_over_the_wire(api, proxy, direct):
    put(direct, "b", "1")
    assert [api.get("/books/b").cache for _ in range(2)] == ["MISS", "HIT"]
    with proxy.wire() as through:
        tables.create(through, tables.plain(TABLE))
    assert api.get("/books/b").json == []


# ---- values stay values ----

STRANGE = [
    '","sk":{"S":"evil"},"x":{"S":"',
    '"}}, "TableName": "other',
    "{now}",
    "{{now}}",
    "{uuid.x}",
    "{body.text}",
    "env:HOME",
    "file:/etc/passwd",
    "\\",
    "\\u0022",
    ":p OR pk = :p",
    "#p",
    "$ref",
    "%00",
    "%s%n",
    "\u202e\u0301\ufeff\U0010ffff",
    "\u0001\u001f\u007f\u0085",
]


@pytest.mark.parametrize("value", STRANGE)
def test_a_value_never_becomes_anything_else(api, proxy, direct, value):
    quoted = "".join(f"%{byte:02X}" for byte in value.encode())
    in_path = not any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F for c in value)
    book = quoted if in_path else "b"
    reply = api.post(f"/books/{book}/1", {"text": value})
    assert reply.status == 200 and set(reply.json.values()) == {value}, reply
    stored = direct.ok("Scan", {"TableName": TABLE}).json["Items"]
    assert stored == [{"pk": {"S": value if in_path else "b"}, "sk": {"S": "1"}, "text": {"S": value}}]
    assert api.get(f"/books/{book}").json == [{"pk": value if in_path else "b", "sk": "1", "text": value}]
    assert not in_path or api.post(f"/books/{book}%0A/1", {"text": value}).code == "malformed_path"


@pytest.mark.parametrize(
    "query, code",
    [
        ("%6Cimit=5&limit=6", "repeated_input"),
        ("limit=5&limit=5", "repeated_input"),
        ("limit=5;limit=6", "limit_out_of_range"),
        ("limit=%2B5", "limit_out_of_range"),
        ("limit=5%00", "malformed_input"),
        ("limit=%EF%BC%95", "limit_out_of_range"),  # FULLWIDTH DIGIT FIVE
        ("limit=5.0", "limit_out_of_range"),
        ("limit=0x5", "limit_out_of_range"),
        ("limit=4294967297", "limit_out_of_range"),
        ("limit=18446744073709551617", "limit_out_of_range"),
        ("limi%", "malformed_input"),
        ("before=%C0%AF", "malformed_input"),
        ("before=a&%62efore=", "repeated_input"),
    ],
)
def test_parameters_that_pretend(api, counting_upstream, query, code):
    reply = api.get("/books/b?" + query)
    assert (reply.status, reply.code) == (400, code)
    assert counting_upstream.count("Query") == 0


@pytest.mark.parametrize(
    "body, code",
    [
        (b'{"text":"a","\\u0074ext":"b"}', "malformed_json"),
        (b'{"text":"a"}{"text":"b"}', "malformed_json"),
        (b'\xef\xbb\xbf{"text":"a"}', "malformed_json"),
        (b'{"text":"\xc0\xaf"}', "malformed_json"),
        (b'{"text":01}', "malformed_json"),
        (b'{"text":NaN}', "malformed_json"),
        (b'{"text":{"S":"a"}}', "malformed_input"),
        (b'{"text":"\\u0000"}', "malformed_input"),
        (b'{"text":"a\\u0000b"}', "malformed_input"),
        (b'{"text\\u0000":"a"}', "not_found"),  # another member
        (b'{"text":"\\u200b"}', None),  # ZERO WIDTH SPACE isn't White_Space
        (b'{"text":"\\u0301"}', None),
        (b'{"text":1e999999999}', None),
    ],
)
def test_bodies_that_pretend(api, body, code):
    reply = api.post("/books/b/1", body, {"Content-Type": "application/json"})
    assert (reply.status == 200) if code is None else (reply.code == code and reply.status in (400, 404)), reply


# ---- paging ----


@pytest.mark.parametrize("size, limit", [(1, 5), (300000, 100)], ids=["limit", "pages that DynamoDB ends at 1 MB"])
def test_every_item_comes_once_while_others_go(proxy_factory, counting_upstream, notes, direct, size, limit):
    proxy = proxy_factory(counting_upstream.endpoint, {"routes": ROUTES})
    for note in range(12):
        put(direct, "b", f"{note:02}", text={"S": "x" * size})
    seen, target = [], f"/books/b?limit={limit}&extra=%3C%3E"
    with rest.Rest(proxy.endpoint) as api:
        while target:
            reply = api.get(target)
            page = [n["sk"] for n in reply.json]
            assert page or not reply.next
            seen += page
            target = reply.next
            if page:  # the page's last goes: the next page begins after where it was
                proxy.call("DeleteItem", {"TableName": TABLE, "Key": {"pk": {"S": "b"}, "sk": {"S": page[-1]}}})
    assert seen == [f"{note:02}" for note in range(12)]
    assert counting_upstream.count("Query") >= 3


def test_what_links_cannot_say(proxy_factory, counting_upstream, direct):
    indexes = [tables.index("flat", "owner"), tables.index("by-day", "owner", "day")]
    tables.create(direct, tables.definition(TABLE, {"pk": "S", "sk": "S", "owner": "S", "day": "S"}, "pk", "sk", world=indexes))
    routes = [
        {
            "name": name,
            "method": "GET",
            "path": f"/{name}/{{owner}}",
            "query": {"table": TABLE, "index": name, "partition_key": "{path.owner}", "order": order},
            "reply": {"each": {"note": "sk"}},
        }
        for name, order in (("flat", "oldest"), ("by-day", "newest"))
    ]
    proxy = proxy_factory(counting_upstream.endpoint, {"routes": routes})
    for note, day in (("1", "mon"), ("2", "tue"), ("3", "tue"), ("4", "wed")):
        put(direct, "b", note, owner={"S": "o"}, day={"S": day})
    with rest.Rest(proxy.endpoint) as api:
        assert api.get("/flat/o?limit=2").next is None, "without a sort key there is nothing to go on from"
        assert len(api.get("/flat/o").json) == 4
        page = api.get("/by-day/o?limit=2&after=mon")
        assert [n["note"] for n in page.json][0] == "4" and "before=tue" in page.next and "after" not in page.next
        assert [n["note"] for n in api.get(page.next).json] == ["1"], "the other of tuesday's is skipped"
        whole = api.get("/by-day/o?limit=3")
        assert {n["note"] for n in whole.json + api.get(whole.next).json} == {"1", "2", "3", "4"}


def test_a_sort_key_that_no_link_can_say(api, direct):
    for note in (" ", "a\u0000b", "c"):
        put(direct, "b", note)
    first = api.get("/books/b?limit=1")
    assert ([n["sk"] for n in first.json], first.next) == ([" "], None)
    second = api.get("/books/b?limit=1&after=%20a")
    assert [n["sk"] for n in second.json] == ["a\u0000b"]
    assert api.get(second.next).code == "malformed_input", "told, rather than passed over"


# ---- whose requests they are ----


def test_the_wire_apis_error_shape_and_the_routes_stay_apart(api, proxy):
    routed = api.post("/books/b/1", b"{", {"Content-Type": "application/json", "X-Amz-Target": f"{wire.DATA}.PutItem"})
    assert (routed.status, routed.code) == (400, "malformed_json")
    assert proxy.call("PutItem", b"{").error == "SerializationException"
