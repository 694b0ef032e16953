"""Connections that break while a request waits, in the way that evhttp notices by itself.

"100 Continue" can't be written, since the socket's send queue is nearly full of replies that nobody reads. The body
arrives all the same, the request goes upstream, and then the client resets: evhttp frees the connection, and the
request has none any more.
"""
import socket

import pytest

from support import raw, waiting

TABLE = "chat"
LARGE = {"pk": {"S": "room"}, "sk": {"S": "large"}}
SMALL = {"pk": {"S": "room"}, "sk": {"S": "small"}}
OTHER = {"pk": {"S": "room"}, "sk": {"S": "other"}}
BODIES = {
    "GetItem": {"TableName": TABLE, "Key": OTHER},
    "PutItem": {"TableName": TABLE, "Item": OTHER},
    "Scan": {"TableName": TABLE},
}


def queues(port, sock):
    """(bytes that the server couldn't send yet, bytes that it hasn't read)"""
    peer = sock.getsockname()[1]
    with open("/proc/net/tcp", encoding="ascii") as lines:
        next(lines)
        for line in lines:
            _, local, remote, _, both = line.split()[:5]
            if int(local.rpartition(":")[2], 16) == port and int(remote.rpartition(":")[2], 16) == peer:
                sent, _, received = both.partition(":")
                return int(sent, 16), int(received, 16)
    raise AssertionError("no such connection")


def deaf(port):
    """A connection whose client reads nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(30)
    sock.connect(("127.0.0.1", port))
    return sock


def fill(port, sock, enough, key=LARGE):
    """Asks for replies until the server's send queue holds `enough`, or until it reads no further request.
    Returns what the queue holds. The header keeps the requests off the express way, which stops to read earlier."""
    ask = raw.request("GetItem", {"TableName": TABLE, "Key": key}, extra=("Content-Encoding: identity",))
    while queues(port, sock)[0] < enough:
        before = queues(port, sock)[0]
        sock.sendall(ask)
        try:
            waiting.until(lambda: queues(port, sock)[1] == 0 and queues(port, sock)[0] > before, "a reply", patience=0.5)
        except AssertionError:
            break
    return queues(port, sock)[0]


@pytest.mark.parametrize("operation", BODIES)
def test_a_connection_that_evhttp_gives_up(chat, proxy, direct, counting_upstream, operation):
    for key, size in (LARGE, 200_000), (SMALL, 6_000):
        direct.ok("PutItem", {"TableName": TABLE, "Item": {**key, "v": {"S": "x" * size}}})
        assert [proxy.call("GetItem", {"TableName": TABLE, "Key": key}).cache for _ in range(2)] == ["MISS", "HIT"]
    with deaf(proxy.port) as probe:
        capacity = fill(proxy.port, probe, 1 << 30)
        raw.reset_on_close(probe)
    gate = counting_upstream.hold(operation)
    socks = []
    for permille in range(950, 1003, 4):  # nearly full; how nearly is the kernel's business
        sock = deaf(proxy.port)
        fill(proxy.port, sock, capacity * permille // 1000 - 200_000)
        fill(proxy.port, sock, capacity * permille // 1000, SMALL)
        whole = raw.request(operation, BODIES[operation], extra=("Expect: 100-continue",))
        at = whole.index(b"\r\n\r\n") + 4
        sock.sendall(whole[:at])
        try:
            waiting.until(lambda: queues(proxy.port, sock)[1] == 0, "the head to be read", patience=0.5)
        except AssertionError:
            pass  # the queue is full: nothing is read any more
        sock.sendall(whole[at:])
        socks.append(sock)
    gate.wait_for(1)
    for sock in socks:
        raw.reset_on_close(sock)
        sock.close()
    gate.release()
    assert proxy.call("GetItem", {"TableName": TABLE, "Key": LARGE}).status == 200
    assert proxy.alive()
