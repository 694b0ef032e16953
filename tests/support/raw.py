"""Requests byte by byte over a plain socket, and a look at the sockets from outside."""
import json
import socket
import struct

from support import waiting, wire

ESTABLISHED = "01"
TIME_WAIT = "06"


def head(length, operation="GetItem", extra=(), method="POST", path="/", length_name="Content-Length: "):
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"X-Amz-Target: {wire.DATA}.{operation}",
        "Content-Type: application/x-amz-json-1.0",
        f"Authorization: {wire.authorization()}",
    ]
    if length is not None:
        lines.append(f"{length_name}{length}")
    lines.extend(extra)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def request(operation, body, **more):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return head(len(body), operation, **more) + body


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=120)


def reset_on_close(sock):
    """Makes close() send a reset instead of an orderly end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class ReplyReader:
    """Reads one reply after another from a socket."""

    def __init__(self, sock):
        self.sock = sock
        self.rest = b""

    def _more(self):
        try:
            got = self.sock.recv(65536)
        except ConnectionResetError:
            got = b""
        self.rest += got
        return bool(got)

    def next(self, bodiless=False):
        """A wire.Reply, or None if the peer closed before one was whole."""
        while b"\r\n\r\n" not in self.rest:
            if not self._more():
                return None
        top, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lines = top.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        if status == 100:
            return self.next(bodiless)
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        lengths = [int(v) for n, v in headers if n.lower() == "content-length"]
        length = 0 if bodiless else (lengths[0] if lengths else None)
        while length is None or len(self.rest) < length:
            if not self._more():
                if length is None:
                    break
                return None
        body, self.rest = (self.rest, b"") if length is None else (self.rest[:length], self.rest[length:])
        if bodiless:
            headers = [h for h in headers if h[0].lower() != "x-amz-crc32"]
        return wire.Reply(status, headers, body)

    def closed(self):
        """Waits for the peer to close; False if it sends something more instead."""
        if self.rest:
            return False
        return not self._more()


def exchange(port, data, shut=False):
    """Sends `data` on a connection of its own and reads one reply (None: closed without one)."""
    with connect(port) as sock:
        try:
            sock.sendall(data)
            if shut:
                sock.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return ReplyReader(sock).next()


def server_sockets(port):
    """[(peer port, state, bytes not read yet)] of the connections that a server on `port` has, as the kernel
    sees them."""
    found = []
    with open("/proc/net/tcp", encoding="ascii") as lines:
        next(lines)
        for line in lines:
            _, local, peer, state, queues = line.split()[:5]
            if int(local.rpartition(":")[2], 16) == port and state != "0A":
                found.append((int(peer.rpartition(":")[2], 16), state, int(queues.partition(":")[2], 16)))
    return found


def wait_until_read(port, socks):
    """Until the server has accepted all of `socks` and read all that was sent on them."""
    peers = {s.getsockname()[1] for s in socks}

    def all_read():
        read = {p for p, state, unread in server_sockets(port) if state == ESTABLISHED and unread == 0}
        return peers <= read

    waiting.until(all_read, f"{len(peers)} connections to be read")


def wait_until_gone(port, peer_port):
    """Until the server has closed its side of the connection from `peer_port` too."""
    waiting.until(
        lambda: all(p != peer_port or state == TIME_WAIT for p, state, _ in server_sockets(port)),
        f"the connection from {peer_port} to be closed",
    )


def wait_until_told(port, peer_port):
    """Until the server's kernel knows that the client on `peer_port` has left."""
    waiting.until(
        lambda: all(p != peer_port or state != ESTABLISHED for p, state, _ in server_sockets(port)),
        f"the end of the connection from {peer_port} to arrive",
    )
