"""An adversary of the HTTP framing: whatever two parties could read in two ways is read in one way, or refused and the
connection closed. What is hidden in the bytes (a DeleteItem) is never carried out, neither on a new connection nor
behind a hit that is answered before evhttp has parsed it; and afterwards the cache still says what the table says.

The sender is taken for a proxy in front that reads the bytes strictly, and that hides a stranger's bytes in a value or
a body. So a request is right if it is answered once, as what it is; and where it is malformed, closing is what makes
sure that nobody's next request is the rest of it.
"""
import gzip
import json

import pytest

from support import counting_proxy, processes, raw, raw_http, tables, wire

TABLE = "chat"
KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
OTHER = {"pk": {"S": "room"}, "sk": {"S": "2"}}
ITEM = {**KEY, "v": {"S": "text"}}
BODY = json.dumps({"TableName": TABLE, "Key": KEY}).encode()
GET = raw.request("GetItem", BODY)
HIDDEN = raw.request("DeleteItem", BODY)
N = len(HIDDEN)


def request(*extra, body=b"", length=None, target="/", method="POST", version="HTTP/1.1"):
    head = raw.head(length, "GetItem", extra, method, target)
    return head.replace(b"HTTP/1.1", version.encode("latin-1"), 1) + body


class Attacked:
    def __init__(self, proxy, upstream):
        self.port = proxy.port
        self.upstream = upstream

    def __call__(self, data, how, **more):
        """`how`: on a new connection; behind a hit, in one piece with it; or behind it with the first piece cut in
        the middle of its head."""
        if how == "alone":
            return raw_http.attack(self.port, data, **more)
        if how == "behind a hit":
            return raw_http.attack(self.port, data, before=GET, learnt=GET, **more)
        cut = min(40, len(data) - 1)
        return raw_http.attack(self.port, data[:cut], data[cut:], before=GET, learnt=GET, **more)


@pytest.fixture(scope="module")
def attacked(ddb_local, readaside_binary, tmp_path_factory):
    """One proxy for all that is in this file: what one attack leaves behind, another may stumble over."""
    with wire.Wire(ddb_local.endpoint) as direct:
        tables.create(direct, tables.chat(TABLE))
    upstream = counting_proxy.CountingUpstream(ddb_local.endpoint)
    proxy = processes.Proxy(readaside_binary, processes.base_config(upstream.endpoint), tmp_path_factory.mktemp("proxy"))
    yield proxy, upstream
    upstream.stop()
    proxy.stop()


QUERY = {
    "TableName": TABLE,
    "KeyConditionExpression": "pk = :p",
    "ExpressionAttributeValues": {":p": {"S": "room"}},
}


@pytest.fixture
def attack(attacked):
    """Afterwards a normal request works, nothing that was hidden has happened, and the cache isn't poisoned."""
    proxy, upstream = attacked
    with proxy.wire() as through:
        through.ok("PutItem", {"TableName": TABLE, "Item": ITEM})  # so that nothing of it is cached
        upstream.forget()
        yield Attacked(proxy, upstream)
        assert proxy.alive()
        assert [r for r in upstream.seen("DeleteItem") if r.target == f"{wire.DATA}.DeleteItem"] == []
        for _ in range(2):
            assert through.ok("GetItem", {"TableName": TABLE, "Key": KEY}).json == {"Item": ITEM}
            assert through.ok("GetItem", {"TableName": TABLE, "Key": OTHER}).json == {}
            assert through.ok("Query", QUERY).json["Items"] == [ITEM]


HOW = pytest.mark.parametrize("how", ["alone", "behind a hit", "in pieces"])


def refused(fate, *statuses):
    """One error of a known shape, then the end."""
    assert len(fate.replies) == 1 and not fate.kept, fate
    reply = fate.replies[0]
    assert reply.status in (statuses or (400,)), fate
    assert reply.headers["Connection"] == "close"
    if not raw_http.is_page(reply):
        assert reply.headers["Content-Type"] == "application/x-amz-json-1.0" and reply.headers["x-amz-crc32"], fate
        assert reply.error == "SerializationException" and reply.message, fate


def served(fate, kept=True):
    assert fate.statuses == [200] and fate.kept == kept, fate
    assert fate.replies[0].json == {"Item": ITEM}


def never_two(fate):
    """Served and the connection closed, or refused: nothing behind it was taken for a request."""
    assert len(fate.replies) == 1 and not fate.kept, fate
    if fate.replies[0].status == 200:
        assert fate.replies[0].json == {"Item": ITEM}
    else:
        refused(fate, 400, 411, 413)


def one_body(fate):
    """The whole of HIDDEN was the body, which is no JSON."""
    assert fate.statuses == [400] and fate.kept, fate
    assert fate.replies[0].error == "SerializationException"


# ---- Content-Length ----

ODD_LENGTHS = {
    "plus": f"Content-Length: +{N}",
    "minus": f"Content-Length: -{N}",
    "minus nothing": "Content-Length: -0",
    "hexadecimal": f"Content-Length: 0x{N:x}",
    "hexadecimal without x": "Content-Length: 1f",
    "exponent": "Content-Length: 1e2",
    "fraction": f"Content-Length: {N}.0",
    "semicolon": f"Content-Length: {N};",
    "quoted": f'Content-Length: "{N}"',
    "list of equals": f"Content-Length: {N},{N}",
    "list of others": f"Content-Length: {N}, 0",
    "two in one": f"Content-Length: {N} 0",
    "none": "Content-Length:",
    "blank": "Content-Length:  ",
    "superscript": "Content-Length: \xb2",
    "vertical tab": f"Content-Length:\x0b{N}",
    "no-break space": f"Content-Length:\xa0{N}",
    "space before the colon": f"Content-Length : {N}",
    "tab before the colon": f"Content-Length\t: {N}",
    "NUL in the name": f"Content-Length\x00: {N}",
    "NUL behind": f"Content-Length: {N}\x00",
    "NUL between": f"Content-Length: 0\x00{N}",
    "NUL before the line": f"\x00Content-Length: {N}",
    "NUL before another line": f"Content-Length: {N}\r\n\x00X: y",
    "on its own line": f"Content-Length:\r\n {N}",
    "goes on": f"Content-Length: {N}\r\n 0",
    "goes on with nothing": f"Content-Length: {N}\r\n ",
    "a folded line that looks like it": f" Content-Length: {N}",
    "a folded line that looks like it, by tab": f"\tContent-Length: {N}",
    "twice the same": f"Content-Length: {N}\r\nContent-Length: {N}",
    "twice, then nothing": f"Content-Length: {N}\r\ncONTENT-lENGTH: 0",
    "nothing, then twice": f"Content-Length: 0\r\nContent-Length: {N}",
    "thrice, others between": f"Content-Length: {N}\r\nX: y\r\ncontent-length: {N}\r\nX: z\r\nCONTENT-LENGTH: {N}",
    "behind a bare CR": f"X: y\rContent-Length: {N}",
    "behind a bare CR and a space": f"X: y\r Content-Length: {N}",
    "no colon": f"Content-Length {N}",
    "no name": f": {N}\r\nContent-Length: {N}",
}
TOO_LONG = {
    "past the limit": str(1 << 30),
    "32 bits and what it is": str(2**32 + N),
    "63 bits": str(2**63 - 1),
    "past 63 bits": str(2**63),
    "64 bits": str(2**64 - 1),
    "past 64 bits, and what it is": str(2**64 + N),
    "a thousand digits": "9" * 1000,
}
FINE_LENGTHS = {
    "as it is": f"Content-Length: {N}",
    "spaces around": f"Content-Length:   {N}  ",
    "no space": f"Content-Length:{N}",
    "zeros in front": f"Content-Length: 000000{N}",
    "other case": f"cONTENT-lENGTH: {N}",
}


@HOW
@pytest.mark.parametrize("line", ODD_LENGTHS.values(), ids=ODD_LENGTHS.keys())
def test_odd_lengths(attack, line, how):
    refused(attack(request(line, body=HIDDEN), how))


@HOW
@pytest.mark.parametrize("length", TOO_LONG.values(), ids=TOO_LONG.keys())
def test_lengths_past_the_limit(attack, length, how):
    refused(attack(request(length=length, body=HIDDEN), how), 400, 413)


@HOW
@pytest.mark.parametrize("line", FINE_LENGTHS.values(), ids=FINE_LENGTHS.keys())
def test_fine_lengths(attack, line, how):
    one_body(attack(request(line, body=HIDDEN), how))


@HOW
@pytest.mark.parametrize("line", ["Content_Length: %d", "X-Content-Length: %d", "Content-Lengt: %d", "Content-Length2: %d"])
def test_another_name_is_another_header(attack, line, how):
    """There is no body then. (What stands behind is whoever's request: here one that does nothing.)"""
    fate = attack(request(line % len(raw_http.LAST)), how)
    assert fate.statuses == [400] and fate.kept, fate
    assert fate.replies[0].error == "SerializationException"


# ---- Transfer-Encoding ----


def chunk(data, size=b"%x", end=b"\r\n"):
    return size % len(data) + b"\r\n" + data + end


WHOLE = chunk(BODY) + b"0\r\n\r\n"
ODD_CODINGS = {
    "unknown": "Transfer-Encoding: xchunked",
    "unknown, longer": "Transfer-Encoding: chunkedx",
    "gzip": "Transfer-Encoding: gzip",
    "identity": "Transfer-Encoding: identity",
    "none": "Transfer-Encoding:",
    "list, chunked first": "Transfer-Encoding: chunked, identity",
    "list, chunked last": "Transfer-Encoding: identity, chunked",
    "gzip and chunked": "Transfer-Encoding: gzip, chunked",
    "twice in one": "Transfer-Encoding: chunked, chunked",
    "empty element first": "Transfer-Encoding: ,chunked",
    "empty element last": "Transfer-Encoding: chunked,",
    "parameter": "Transfer-Encoding: chunked;q=1",
    "quoted": 'Transfer-Encoding: "chunked"',
    "vertical tab": "Transfer-Encoding: \x0bchunked",
    "no-break space": "Transfer-Encoding: \xa0chunked",
    "dotless i": "Transfer-Encodıng: chunked".encode().decode("latin-1"),
    "NUL behind": "Transfer-Encoding: chunked\x00",
    "NUL between": "Transfer-Encoding: chunked\x00, identity",
    "NUL in the name": "Transfer-Encoding\x00: chunked",
    "space before the colon": "Transfer-Encoding : chunked",
    "on its own line": "Transfer-Encoding:\r\n chunked",
    "goes on": "Transfer-Encoding: chunked\r\n , identity",
    "a folded line that looks like it": " Transfer-Encoding: chunked",
    "twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "twice, the second another": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "twice, the first another": "Transfer-Encoding: identity\r\nTransfer-encoding: chunked",
    "and a length": f"Content-Length: {len(WHOLE)}\r\nTransfer-Encoding: chunked",
    "and a length behind it": f"Transfer-Encoding: chunked\r\nContent-Length: {len(WHOLE)}",
    "and no length": "Transfer-Encoding: chunked\r\nContent-Length: 0",
    "odd, and a length": f"Content-Length: {len(WHOLE)}\r\nTransfer-Encoding: \x0bchunked",
    "odd in name, and a length": f"Content-Length: {len(WHOLE)}\r\nTransfer-Encoding : chunked",
    "identity, and a length": f"Transfer-Encoding: identity\r\nContent-Length: {len(WHOLE)}",
    "behind a bare CR": "X: y\rTransfer-Encoding: chunked",
}


@HOW
@pytest.mark.parametrize("line", ODD_CODINGS.values(), ids=ODD_CODINGS.keys())
def test_odd_codings(attack, line, how):
    refused(attack(request(line, body=WHOLE + HIDDEN), how))


@HOW
@pytest.mark.parametrize("line", ["TE: chunked", "X-Transfer-Encoding: chunked", "Transfer_Encoding: chunked"])
def test_what_only_looks_like_a_coding(attack, line, how):
    one_body(attack(request(line, length=N, body=HIDDEN), how))


@HOW
@pytest.mark.parametrize("line", ["Transfer-Encoding: chunked", "transfer-encoding:CHUNKED"])
@pytest.mark.parametrize(
    "body",
    [
        WHOLE,
        b"".join(chunk(BODY[n : n + 1]) for n in range(len(BODY))) + b"0\r\n\r\n",
        chunk(BODY, b"%X") + b"0\r\n\r\n",
        chunk(BODY, b"0000%x") + b"000\r\n\r\n",
        chunk(BODY) + b"0\r\nX-Trailer: yes\r\n\r\n",
        chunk(BODY) + b"0\r\nContent-Length: 5\r\nX-Amz-Target: DynamoDB_20120810.DeleteItem\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=["one", "byte by byte", "capitals", "zeros in front", "trailer", "trailer that pretends"],
)
def test_what_is_chunked_as_it_should_be(attack, line, body, how):
    """Served; whether the connection is kept is the proxy's choice."""
    fate = attack(request(line, body=body), how)
    assert fate.statuses == [200] and fate.replies[0].json == {"Item": ITEM}, fate


def test_chunked_in_http_1_0(attack):
    """There it means nothing (RFC 9112 section 6.1: a fault of framing)."""
    never_two(attack(request("Transfer-Encoding: chunked", body=WHOLE + HIDDEN, version="HTTP/1.0"), "alone"))


ODD_CHUNKS = {
    "plus": chunk(BODY, b"+%x"),
    "0x": chunk(BODY, b"0x%x"),
    "space in front": chunk(BODY, b" %x"),
    "vertical tab in front": chunk(BODY, b"\x0b%x"),
    "space behind": chunk(BODY, b"%x "),
    "tab behind": chunk(BODY, b"%x\t"),
    "something behind": chunk(BODY, b"%x zz"),
    "NUL behind": chunk(BODY, b"%x\x00"),
    "NUL and something behind": chunk(BODY, b"%x\x00zz"),
    "extension": chunk(BODY, b"%x;a=b"),
    "extension without a name": chunk(BODY, b"%x;"),
    "extension, quoted": chunk(BODY, b'%x;a="\\"b"'),
    "extension behind a space": chunk(BODY, b"%x ;a=b"),
    "extension that is a request": chunk(BODY, b"%x;" + HIDDEN.split(b"\r\n")[0]),
    "extension with LF": chunk(BODY, b"%x;a\nb"),
    "long extension": chunk(BODY, b"%x;" + b"a" * 100_000),
    "LF behind the size": b"%x\n" % len(BODY) + BODY + b"\r\n",
    "LF behind the data": chunk(BODY, end=b"\n"),
    "CR alone behind the size": b"%x\r" % len(BODY) + BODY + b"\r\n",
    "nothing behind the data": chunk(BODY, end=b""),
    "more behind the data": chunk(BODY, end=b"xx\r\n"),
    "empty lines behind the data": chunk(BODY, end=b"\r\n\r\n\r\n"),
    "empty line in front": b"\r\n" + chunk(BODY),
    "no size": b"\r\n" + BODY + b"\r\n",
    "no digits": b"zz\r\n" + BODY + b"\r\n",
    "minus": chunk(BODY, b"-%x"),
    "past 64 bits, and what it is": chunk(BODY, b"1%016x"),
    "64 bits": b"ffffffffffffffff\r\n" + BODY + b"\r\n",
    "63 bits": b"7fffffffffffffff\r\n" + BODY + b"\r\n",
    "the second wraps round": chunk(BODY) + b"fffffffffffffffe\r\n",
    "the sum is past the limit": chunk(BODY) + b"1100001\r\n",
}


@HOW
@pytest.mark.parametrize("body", ODD_CHUNKS.values(), ids=ODD_CHUNKS.keys())
def test_odd_chunks(attack, body, how):
    """libevent forgives some of these. Then the connection must not be used further, for a stricter proxy in front has
    read other requests in these bytes."""
    never_two(attack(request("Transfer-Encoding: chunked", body=body + b"0\r\n\r\n" + HIDDEN), how))


ODD_TRAILERS = {
    "no field": b"0\r\nnonsense\r\n\r\n",
    "no end": b"0\r\n",
    "minus nothing": b"-0\r\n\r\n",
    "0x": b"0x0\r\n\r\n",
    "something behind the 0": b"0 zz\r\n\r\n",
    "LF only": b"0\n\n",
    "large": b"0\r\nX-Trailer: " + b"a" * 200_000 + b"\r\n\r\n",
    "many": b"0\r\n" + b"X-Trailer: a\r\n" * 20_000 + b"\r\n",
    "folded": b"0\r\nX-Trailer: a\r\n b\r\n\r\n",
    "NUL": b"0\r\nX-Trailer: a\x00b\r\n\r\n",
    "NUL before the line": b"0\r\n\x00X-Trailer: a\r\n\r\n",
}


@HOW
@pytest.mark.parametrize("end", ODD_TRAILERS.values(), ids=ODD_TRAILERS.keys())
def test_odd_ends_of_chunks(attack, end, how):
    never_two(attack(request("Transfer-Encoding: chunked", body=chunk(BODY) + end + HIDDEN), how))


@HOW
def test_a_chunk_is_never_a_request(attack, how):
    fate = attack(request("Transfer-Encoding: chunked", body=chunk(HIDDEN) + b"0\r\n\r\n"), how)
    assert fate.statuses == [400] and fate.replies[0].error == "SerializationException", fate


# ---- the request line ----

NO_REQUEST_LINE = {
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/0.9 POST": b"POST /\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "HTTP/2.0": request(length=len(BODY), body=BODY, version="HTTP/2.0"),
    "HTTP/3": request(length=len(BODY), body=BODY, version="HTTP/3"),
    "no minor version": request(length=len(BODY), body=BODY, version="HTTP/1"),
    "something behind the version": request(length=len(BODY), body=BODY, version="HTTP/1.1x"),
    "tab behind the version": request(length=len(BODY), body=BODY, version="HTTP/1.1\t"),
    "NUL behind the version": request(length=len(BODY), body=BODY, version="HTTP/1.1\x00"),
    "NUL and more behind the version": request(length=len(BODY), body=BODY, version="HTTP/1.1\x00x"),
    "lower case": request(length=len(BODY), body=BODY, version="http/1.1"),
    "huge version": request(length=len(BODY), body=BODY, version="HTTP/99999999999.1"),
    "another protocol": request(length=len(BODY), body=BODY, version="ICAP/1.0"),
    "no method": request(length=len(BODY), body=BODY, method=""),
    "no target": request(length=len(BODY), body=BODY, target=""),
    "empty lines in front": b"\r\n\r\n" + GET,
    "NUL in the method": request(length=len(BODY), body=BODY, method="PO\x00ST"),
    "NUL in the target": request(length=len(BODY), body=BODY, target="/\x00"),
    "NUL and a version in the target": request(length=len(BODY), body=BODY, target="/ HTTP/1.1\x00"),
    "port out of range": request(length=len(BODY), body=BODY, target="http://127.0.0.1:99999999/"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "only NULs": b"\x00" * 64 + b"\r\n\r\n",
}
NO_METHOD = ["CONNECT", "TRACE", "post", "Post", "BREW", "PROPFIND", " POST", "\tPOST", "POST\t", "\rPOST", "M" * 5000]


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("data", NO_REQUEST_LINE.values(), ids=NO_REQUEST_LINE.keys())
def test_no_request_line(attack, data, how):
    refused(attack(data, how), 400)


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("method", NO_METHOD, ids=lambda m: repr(m[:9]))
def test_methods_that_there_are_not(attack, method, how):
    refused(attack(request(length=N, body=HIDDEN, method=method), how), 400, 501)


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
def test_a_tunnel_is_not_opened(attack, how):
    head = f"CONNECT 127.0.0.1:{attack.port} HTTP/1.1\r\nHost: 127.0.0.1:{attack.port}\r\n\r\n"
    refused(attack(head.encode() + HIDDEN, how), 400)


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("lines", [("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"), ("Upgrade: websocket", "Sec-WebSocket-Version: 13")])
def test_no_other_protocol_is_taken_up(attack, lines, how):
    served(attack(request("Connection: Upgrade", *lines, length=len(BODY), body=BODY), how))


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/0.9"])
def test_old_versions(attack, version):
    fate = attack(request(length=len(BODY), body=BODY, version=version), "behind a hit")
    served(fate, kept=False)


TARGETS_NOT_OURS = [
    "*", "?", "evil:443", "DynamoDB", "/%00", "/%2f", "/%2F%2e", "/.", "/./", "/..", "/a/..", "/%2e%2e/", "/;x", "/\\", "\\", "\\\\evil",
    "/a b", "/ /", "/\t", "/%zz", "/%", "/\x7f", "/\xff", "//", "//evil/", "///", "//evil:1/", "//evil@127.0.0.1/",
]  # fmt: skip


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("target", TARGETS_NOT_OURS, ids=repr)
def test_only_one_spelling_of_the_path_is_the_wire_api(attack, target, how):
    """Whoever guards "/" in front must not be passed by another name for it."""
    fate = attack(request(length=N, body=HIDDEN, target=target), how)
    if len(fate.replies) == 1 and raw_http.is_page(fate.replies[0]):
        return refused(fate)
    assert fate.statuses == [404] and fate.kept, fate
    assert set(fate.replies[0].json) == {"code", "message"}


@pytest.mark.parametrize("target", ["http://127.0.0.1/", "http://localhost/", "HTTP://127.0.0.1:80/"])
def test_the_absolute_form_is_the_same_path(attack, target):
    fate = attack(request(length=len(BODY), body=BODY, target=target), "behind a hit")
    assert fate.statuses == [200] and fate.replies[0].json == {"Item": ITEM}, fate


# ---- what a request means ----


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("other", ["DeleteItem", "GetItem", "Query"])
@pytest.mark.parametrize("name", ["X-Amz-Target", "x-amz-target", "X-AMZ-TARGET"])
def test_two_targets(attack, name, other, how):
    fate = attack(request(f"{name}: DynamoDB_20120810.{other}", length=len(BODY), body=BODY), how)
    refused(fate)


ODD_TARGETS = ["DynamoDB_20120810.DeleteItem\x00", "DynamoDB_20120810.\x00GetItem", "DynamoDB_20120810.GetItem,DynamoDB_20120810.DeleteItem", "DynamoDB_20120810.GetItem DeleteItem", "dynamodb_20120810.DeleteItem", "DynamoDB_20120810.deleteitem", "DynamoDB_20120810..DeleteItem", "DynamoDB_20120810.DeleteItem/../GetItem", "DynamoDB_20120810.Delete\x7fItem"]  # fmt: skip


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("target", ODD_TARGETS, ids=repr)
def test_odd_targets(attack, target, how):
    """An error, of the proxy's or of upstream; never another operation than the one that was named."""
    data = raw.request("GetItem", BODY).replace(b"DynamoDB_20120810.GetItem", target.encode("latin-1"), 1)
    fate = attack(data, how)
    assert len(fate.replies) == 1 and 400 <= fate.replies[0].status < 500, fate
    assert {r.operation for r in attack.upstream.seen()} <= {"GetItem", "DescribeTable", "ListTables", target.rpartition(".")[2]}


BAD_HEADS = {
    "no colon": "X-Nothing",
    "no name": ": y",
    "space in the name": "X Y: z",
    "space before the colon": "X : y",
    "DEL in the name": "X\x7f: y",
    "8-bit name": "X\xe9: y",
    "brackets in the name": "X(y): z",
    "NUL in a value": "X: a\x00b",
    "NUL in a name": "X\x00Y: z",
    "a line of NUL": "\x00",
    "folded": "X: a\r\n b",
    "folded by a tab": "X: a\r\n\tb",
    "folded, blank": "X: a\r\n  ",
    "bare CR": "X: a\rb",
    "bare CR and a space": "X: a\r b",
    "CR CR LF": "X: a\r",
}


@HOW
@pytest.mark.parametrize("line", BAD_HEADS.values(), ids=BAD_HEADS.keys())
def test_malformed_heads(attack, line, how):
    refused(attack(request(line, length=len(BODY), body=BODY), how))


FIRST_LINES = {"space": " X: y", "tab": "\tX: y", "a length": " Content-Length: 5", "NUL": "\x00X: y"}


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("line", FIRST_LINES.values(), ids=FIRST_LINES.keys())
def test_white_space_before_the_first_header(attack, line, how):
    data = GET.replace(b"\r\n", b"\r\n" + line.encode() + b"\r\n", 1)
    refused(attack(data, how))


LINE_ENDS = {
    "LF behind the request line": GET.replace(b"\r\n", b"\n", 1),
    "LF behind the headers": GET.replace(b"\r\n", b"\n"),
    "LF between headers": GET.replace(b"\r\nContent-Type", b"\nContent-Type"),
    "LF at the end": GET.replace(b"\r\n\r\n", b"\r\n\n"),
    "LF twice at the end": GET.replace(b"\r\n\r\n", b"\n\n"),
}


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("data", LINE_ENDS.values(), ids=LINE_ENDS.keys())
def test_lines_that_end_with_lf_alone(attack, data, how):
    """RFC 9112 section 2.2 allows that. Then it is the same request, and the next one begins behind its body."""
    fate = attack(data, how)
    if fate.statuses == [400]:
        return refused(fate)
    served(fate)


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("data", [GET.replace(b"\r\n", b"\r"), GET.replace(b"\r\n", b"\n\r"), GET.replace(b"\r\n\r\n", b"\r\r")], ids=["CR", "LF CR", "CR CR"])
def test_lines_that_end_otherwise(attack, data, how):
    """Never the request; where no line ends at all the head goes on, through the next request."""
    fate = attack(data, how)
    assert set(fate.statuses) <= {400, 404} and len(fate.replies) <= 1 and not fate.kept, fate


OVERSIZED = {
    "request line": request(length=len(BODY), body=BODY, target="/" + "a" * 1_000_000),
    "method": request(length=len(BODY), body=BODY, method="M" * 1_000_000),
    "header": request("X: " + "y" * 1_000_000, length=len(BODY), body=BODY),
    "header's name": request("X" * 1_000_000 + ": y", length=len(BODY), body=BODY),
    "headers": request(*(f"X-{n}: y" for n in range(50_000)), length=len(BODY), body=BODY),
    "same header": request(*["X: y"] * 50_000, length=len(BODY), body=BODY),
    "target": request("X-Amz-Target: " + "y" * 1_000_000, length=len(BODY), body=BODY),
}


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("data", OVERSIZED.values(), ids=OVERSIZED.keys())
def test_oversized(attack, data, how):
    refused(attack(data, how), 400, 413, 414, 431, 501)


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "aws-chunked", "identity, gzip", "GZIP", "x"])
def test_compressed_bodies(attack, coding, how):
    packed = gzip.compress(BODY)
    fate = attack(request(f"Content-Encoding: {coding}", length=len(packed), body=packed), how)
    refused(fate)
    assert "Content-Encoding" in fate.replies[0].message


# ---- bodies where there should be none, and bodies that wait ----


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "PUT", "PATCH"])
def test_bodies_of_other_methods(attack, method, chunked, how):
    if chunked:
        data = request("Transfer-Encoding: chunked", method=method, body=chunk(HIDDEN) + b"0\r\n\r\n")
    else:
        data = request(method=method, length=N, body=HIDDEN)
    fate = attack(data, how, bodiless=method == "HEAD")
    assert fate.statuses == [405], fate
    assert method != "HEAD" or not fate.kept


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
def test_expect_continue_with_the_body_behind_it(attack, how):
    served(attack(request("Expect: 100-continue", length=len(BODY), body=BODY), how))


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
def test_expect_continue_with_another_request_as_the_body(attack, how):
    one_body(attack(request("Expect: 100-continue", length=N, body=HIDDEN), how))


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
@pytest.mark.parametrize("value", ["100-continue, x", "200-ok", "x", "100-CONTINUE", ""])
def test_other_expectations(attack, value, how):
    """Answered 417, or passed over; the body is the body either way."""
    fate = attack(request(f"Expect: {value}", length=N, body=HIDDEN), how)
    assert fate.statuses in ([400], [417]), fate


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
def test_expect_continue_without_a_body(attack, how):
    fate = attack(request("Expect: 100-continue", length=0), how)
    assert fate.statuses == [400] and fate.kept, fate


def test_a_body_that_never_comes_whole(attack):
    """The client ends in the middle of it: nothing is carried out, nothing cached."""
    data = raw.request("DeleteItem", BODY)
    with raw.connect(attack.port) as sock:
        sock.sendall(data[:-1])
        sock.shutdown(1)
        reader = raw.ReplyReader(sock)
        reply = reader.next()
        assert reply is None or reply.status == 400, reply


@pytest.mark.parametrize("how", ["alone", "behind a hit"])
def test_a_pipeline_is_answered_in_order_up_to_what_is_wrong(attack, how):
    """Two hits, a fault, and what stands behind it: three replies."""
    fate = attack(GET + GET + request("Content-Length : 5", body=HIDDEN) + HIDDEN, how)
    assert fate.statuses == [200, 200, 400] and not fate.kept, fate
    assert [reply.json for reply in fate.replies[:2]] == [{"Item": ITEM}] * 2


def test_a_known_body_under_another_target(attack):
    """The bytes of the body are known by heart; what is asked for is not told by them alone."""
    for other in (b"Query", b"Scan", b"BatchGetItem", b"GetItems", b"getitem"):
        data = GET.replace(b".GetItem", b"." + other)
        fate = attack(data, "behind a hit")
        assert len(fate.replies) == 1 and b"text" not in fate.replies[0].body or other == b"Scan", fate


def test_a_known_body_and_some_more(attack):
    for body in (BODY + b" ", b" " + BODY, BODY + b"x", BODY + b"\x00", BODY[:-1], BODY + BODY):
        fate = attack(raw.request("GetItem", body), "behind a hit")
        expected = 200 if body.strip() == BODY else 400
        assert fate.statuses == [expected] and fate.kept, (body, fate)
