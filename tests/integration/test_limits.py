"""What a client may take of the proxy: connections, the time that a request may need to arrive, its head's size.

Who is closed, and in which order, is what is looked at; no time is measured. Short timeouts are the configuration's.
"""
import contextlib
import json
import resource
import select
import socket

import pytest

from support import raw

TABLE = "chat"
LONG = "x" * 300_000
LATE = {"header_timeout": "10m", "body_timeout": "10m"}


def key(sk, pk="room"):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def get(sk="1"):
    return {"TableName": TABLE, "Key": key(sk)}


def query(pk):
    return {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
    }


GET = raw.request("GetItem", get())
HEAD_OF_GET, BODY_OF_GET = GET[: GET.index(b"\r\n\r\n") + 4], GET[GET.index(b"\r\n\r\n") + 4 :]


@pytest.fixture
def limited(proxy_factory, counting_upstream, direct, chat):
    """limited(listen options) is a proxy with them, in front of a table with the item "1"."""
    item = {"TableName": chat, "Item": {**key("1"), "v": {"S": "short"}}}
    assert direct.call("PutItem", item).status == 200

    def start(**listen):
        return proxy_factory(counting_upstream.endpoint, {"listen": {"threads": 1, **listen}})

    return start


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Line:
    """A connection of its own."""

    def __init__(self, proxy, source=None):
        address = (source, 0) if source else None
        self.sock = socket.create_connection(("127.0.0.1", proxy.port), timeout=120, source_address=address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = raw.ReplyReader(self.sock)

    def send(self, data):
        self.sock.sendall(data)
        return self

    def reply(self, **more):
        return self.reader.next(**more)

    def ask(self, data=GET):
        return self.send(data).reply()

    def closed(self):
        return self.reader.closed()

    def close(self):
        self.sock.close()


@pytest.fixture
def line():
    """line(proxy) connects; all are closed in the end."""
    made = []

    def connect(proxy, source=None):
        made.append(Line(proxy, source))
        return made[-1]

    yield connect
    for one in made:
        one.close()


def refused(connect, proxy, source=None):
    """Is a connection closed before it is answered?"""
    one = connect(proxy, source)
    try:
        return one.ask() is None
    except (BrokenPipeError, ConnectionResetError):
        return True


# ---- time ----


def test_a_head_and_nothing_else_has_header_timeout(limited, line):
    proxy = limited(header_timeout="400ms", body_timeout="10m")
    waits_for_body = line(proxy).send(HEAD_OF_GET + BODY_OF_GET[:5])
    served = line(proxy)
    assert [served.ask().status for _ in range(3)] == [200] * 3  # a miss, and hits before evhttp has seen them
    at_once = line(proxy)
    assert [at_once.ask().cache for _ in range(2)] == ["HIT"] * 2  # nor has it seen this connection's first
    between = line(proxy)
    assert between.ask(raw.request("GetItem", get("none"), extra=("Content-Encoding: identity",))).status == 200
    silent, begun, in_pieces = line(proxy), line(proxy), line(proxy)
    begun.send(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    for byte in HEAD_OF_GET[:-3]:
        in_pieces.send(bytes([byte]))
    for late in (silent, begun, in_pieces):
        assert late.closed()
    assert waits_for_body.send(BODY_OF_GET[5:]).reply().status == 200
    for one in (served, at_once, between):
        assert one.ask().status == 200


def test_a_body_has_body_timeout(limited, line):
    proxy = limited(header_timeout="10m", body_timeout="300ms")
    begun = line(proxy).send(HEAD_OF_GET[:30])
    served = line(proxy)
    assert served.ask().status == 200
    whole, split, chunked = line(proxy), line(proxy), line(proxy)
    whole.send(HEAD_OF_GET + BODY_OF_GET[:-1])
    split.send(HEAD_OF_GET[:-1]).send(HEAD_OF_GET[-1:])
    chunked.send(raw.head(None, "GetItem", extra=("Transfer-Encoding: chunked",)) + b"5\r\nabcde\r\n0\r\nX-A: b\r\n")
    for late in (whole, split, chunked):
        assert late.closed()
    assert begun.send(HEAD_OF_GET[30:] + BODY_OF_GET).reply().status == 200
    assert served.ask().status == 200


@pytest.mark.parametrize("first", [GET, raw.request("GetItem", get("2"))], ids=["a hit", "a miss"])
def test_the_next_request_has_begun(limited, line, first):
    """Its first bytes came with the request before it, whose reply is sent all the same."""
    proxy = limited(header_timeout="300ms", body_timeout="10m")
    one = line(proxy)
    assert one.ask().status == 200
    assert one.send(first + HEAD_OF_GET[:20]).reply().status == 200
    assert one.closed()


def test_who_is_served_isnt_hurried(limited, line, counting_upstream):
    proxy = limited(header_timeout="200ms", body_timeout="200ms")
    held = counting_upstream.hold("GetItem")
    waits = line(proxy).send(GET)
    held.wait_for(1)
    for _ in range(2):
        assert line(proxy).closed()
        assert line(proxy).send(HEAD_OF_GET).closed()
    held.release()
    assert waits.reply().status == 200
    assert waits.ask().cache == "HIT"


def test_a_new_request_has_its_own_time(limited, line):
    """Not what its connection's earlier ones have left."""
    proxy = limited(header_timeout="300ms", body_timeout="300ms")
    one = line(proxy)
    for _ in range(3):
        assert one.send(HEAD_OF_GET[:40]).send(HEAD_OF_GET[40:]).send(BODY_OF_GET).reply().status == 200
        assert line(proxy).closed()
        assert line(proxy).send(HEAD_OF_GET).closed()
    assert "longer than header_timeout" in proxy.output()
    assert "longer than body_timeout" in proxy.output()


def test_two_thousand_dribble(limited, line, many_files):
    """A byte every now and then, in a head or in a body; a normal client doesn't notice, and all of them go."""
    proxy = limited(threads=2, header_timeout="2s", body_timeout="2s")
    count = 2000
    body = raw.head(1_000_000, "PutItem")
    with contextlib.ExitStack() as stack:
        poll = select.poll()
        dribblers = {}
        for i in range(count):
            sock = stack.enter_context(raw.connect(proxy.port))
            sock.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " if i % 2 else body)
            sock.setblocking(False)
            poll.register(sock, select.POLLIN)
            dribblers[sock.fileno()] = sock
        normal = line(proxy)
        asked = closes = 0
        while dribblers:
            assert normal.ask().status == 200
            asked += 1
            for sock in dribblers.values():
                with contextlib.suppress(OSError):
                    sock.send(b"a")
            for fd, _ in poll.poll(20):
                with contextlib.suppress(ConnectionResetError):
                    assert dribblers[fd].recv(100) == b""
                poll.unregister(fd)
                del dribblers[fd]
                closes += 1
        assert closes == count
        assert asked > 1
        assert normal.ask().status == 200


# ---- connections ----


def test_so_many_connections(limited, line):
    proxy = limited(threads=2, max_connections=5, **LATE)
    ours = [line(proxy) for _ in range(5)]
    assert [one.ask().status for one in ours] == [200] * 5
    assert [refused(line, proxy) for _ in range(20)] == [True] * 20
    assert [one.ask().status for one in ours] == [200] * 5
    for _ in range(3):  # a place is given back as often as it is taken
        peer = ours[0].sock.getsockname()[1]
        ours.pop(0).close()
        raw.wait_until_gone(proxy.port, peer)
        ours.append(line(proxy))
        assert ours[-1].ask().status == 200
        assert refused(line, proxy)
    said = [text for text in proxy.output().splitlines() if "listen.max_connections (5)" in text]
    assert 1 <= len(said) < 20, said


def test_so_many_of_an_address(limited, line):
    proxy = limited(threads=2, max_connections_per_address=2, **LATE)
    ours = [line(proxy, "127.0.0.2") for _ in range(2)]
    assert [one.ask().status for one in ours] == [200] * 2
    assert refused(line, proxy, "127.0.0.2")
    others = [line(proxy, f"127.0.0.{i}") for i in (3, 3, 4, 5)]
    assert [one.ask().status for one in others] == [200] * 4
    assert refused(line, proxy, "127.0.0.3")
    peer = ours[0].sock.getsockname()[1]
    ours[0].close()
    raw.wait_until_gone(proxy.port, peer)
    assert line(proxy, "127.0.0.2").ask().status == 200
    assert refused(line, proxy, "127.0.0.2")
    assert "listen.max_connections_per_address (2)" in proxy.output()


def test_what_is_closed_for_being_late_gives_its_place_back(limited, line):
    proxy = limited(max_connections=3, header_timeout="300ms", body_timeout="300ms")
    for _ in range(3):
        late = [line(proxy), line(proxy).send(HEAD_OF_GET), line(proxy).send(HEAD_OF_GET[:9])]
        assert all(one.closed() for one in late)
        for one in late:
            peer = one.sock.getsockname()[1]
            one.close()
            raw.wait_until_gone(proxy.port, peer)
    assert line(proxy).ask().status == 200


# ---- what is read ----


def test_nothing_is_read_from_who_takes_nothing(limited, line, direct):
    """Requests that are sent while a reply isn't taken wait in the sockets, not in the proxy's memory."""
    for sk in range(3):
        item = {"TableName": TABLE, "Item": {**key(str(sk), "long"), "v": {"S": LONG}}}
        assert direct.call("PutItem", item).status == 200
    proxy = limited(idle_timeout="10m", **LATE)
    one = line(proxy)
    ask = raw.request("Query", query("long"), extra=("Content-Encoding: identity",))
    first = one.ask(ask)
    assert first.json["Count"] == 3
    many = 30  # their replies are more than sockets hold
    one.send(ask * many)
    one.sock.setblocking(False)
    peer = one.sock.getsockname()[1]
    data, sent = GET * 1000, 0
    poll = select.poll()
    poll.register(one.sock, select.POLLOUT)
    while sent < 200_000_000:
        with contextlib.suppress(BlockingIOError):
            sent += one.sock.send(data)
            continue
        unread = [n for p, _, n in raw.server_sockets(proxy.port) if p == peer]
        if unread and unread[0] > 0 and not poll.poll(500):
            break
    assert sent < 200_000_000
    one.sock.setblocking(True)
    for _ in range(many):
        assert one.reply().body == first.body


# ---- a head ----


def of_headers(n):
    """GET with so many headers, of which it has some by itself."""
    extra = tuple(f"X-{i}: a" for i in range(n - HEAD_OF_GET.count(b"\r\n") + 2))
    made = raw.request("GetItem", get(), extra=extra)
    assert made[: made.index(b"\r\n\r\n")].count(b"\r\n") == n
    return made


def test_so_many_headers(limited, line):
    proxy = limited(max_headers=20, max_header_bytes="4KiB")
    for _ in range(3):
        assert line(proxy).ask(of_headers(20)).status == 200
        one = line(proxy)
        reply = one.ask(raw.request("Scan", {"TableName": TABLE}, extra=tuple(f"X-{i}: a" for i in range(20))))
        assert (reply.status, "listen.max_headers" in reply.message) == (431, True)
        assert one.closed()


@pytest.mark.parametrize("where", ["wire", "route", "path"])
def test_so_long_a_head(limited, line, where):
    proxy = limited(max_header_bytes="4KiB")
    padding = f"X-Padding: {'a' * 4096}"
    if where == "wire":
        data = raw.request("Scan", {"TableName": TABLE}, extra=(padding,))
    elif where == "route":
        data = raw.head(None, extra=(padding,), method="GET", path="/any")
    else:
        data = raw.head(None, method="GET", path="/" + "a" * 4096)
    one = line(proxy)
    reply = one.ask(data)
    assert reply.status == 431
    assert "listen.max_header_bytes" in json.loads(reply.body)["message"]
    assert ("__type" in json.loads(reply.body)) == (where == "wire")
    assert one.closed()
    assert line(proxy).ask().status == 200


def test_far_too_long_a_head(limited, line):
    """More than is read of one, be it because a client goes on and on."""
    proxy = limited(max_header_bytes="4KiB", **LATE)
    one = line(proxy)
    sent = 0
    one.send(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while sent < 50_000_000:
            one.send(b"X-Padding: " + b"a" * 10_000 + b"\r\n")
            sent += 10_000
    assert sent < 50_000_000
    assert line(proxy).ask().status == 200


# ---- its name ----

GOOD = ["127.0.0.1", "127.0.0.1:1", "localhost", "LocalHost:8080", "a.localhost", "[::1]", "[::1]:80", "10.1.2.3"]
BAD = ["evil.example.com", "evil.example.com:80", "localhost.evil.com", "xlocalhost", "127.0.0.1.evil.com", "1.2.3.4x"]


def with_host(host):
    return GET.replace(b"Host: 127.0.0.1", b"Host: " + host.encode())


def test_names_that_mean_this_machine(limited, line):
    proxy = limited(hosts=["cache.internal"])
    one = line(proxy)
    for _ in range(2):  # also as hits
        for host in [*GOOD, "cache.internal", "Cache.Internal:443"]:
            assert one.ask(with_host(host)).status == 200, host
    for host in [*BAD, "internal", "xcache.internal", "cache.internal.evil.com"]:
        reply = line(proxy).ask(with_host(host))
        assert reply.status == 421, host
        assert "listen.hosts" in reply.message
    assert line(proxy).ask(GET.replace(b"Host: ", b"Host: localhost\r\nHost: ")).status == 400


def test_loopback_without_names(limited, line):
    proxy = limited()
    for host in GOOD:
        assert line(proxy).ask(with_host(host)).status == 200, host
    for host in BAD:
        assert line(proxy).ask(with_host(host)).status == 421, host


def test_who_is_exposed_has_any_name(limited, line, proxy_factory, counting_upstream):
    open_to_all = {"listen": {"address": "0.0.0.0:0"}, "auth": {"sigv4": "none"}}
    proxy = proxy_factory(counting_upstream.endpoint, open_to_all)
    for host in [*GOOD, *BAD]:
        assert line(proxy).ask(with_host(host)).status == 200, host
