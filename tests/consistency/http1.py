"""As much of HTTP/1.1 as a proxy and its upstream speak with each other, for asyncio and fast."""
import asyncio
import json
import time
import zlib

HEAD_END = b"\r\n\r\n"
REASONS = {200: b"OK", 400: b"Bad Request", 500: b"Internal Server Error", 503: b"Service Unavailable"}


def header(head, name):
    """The value of a header whose lower-case name is given, or None; `head` is the message's head."""
    at = head.lower().find(b"\r\n" + name + b":")
    if at < 0:
        return None
    start = at + len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()


def reply(status, body, extra=b""):
    """A reply as DynamoDB sends it."""
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()).encode()
    return b"HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: application/x-amz-json-1.0\r\nx-amz-crc32: %d\r\n%sContent-Length: %d\r\n\r\n%s" % (
        status,
        REASONS[status],
        date,
        zlib.crc32(body),
        extra,
        len(body),
        body,
    )


def error(status, kind, message):
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": message}
    return reply(status, json.dumps(body).encode())


def request(operation, body):
    """An operation as an SDK sends it; that its signature isn't one goes unnoticed by a proxy on loopback."""
    return (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.%s\r\n"
        b"Content-Type: application/x-amz-json-1.0\r\n"
        b"Authorization: AWS4-HMAC-SHA256 Credential=readaside/20260101/us-east-1/dynamodb/aws4_request, "
        b"SignedHeaders=host;x-amz-target, Signature=0000\r\nContent-Length: %d\r\n\r\n%s" % (operation.encode(), len(body), body)
    )


class Messages(asyncio.Protocol):
    """A connection on which whole messages arrive: `message(head, body)`."""

    def __init__(self):
        self.transport = None
        self.pending = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.pending = self.pending + data if self.pending else data
        while True:
            end = self.pending.find(HEAD_END)
            if end < 0:
                return
            head = self.pending[:end]
            length = int(header(head, b"content-length") or 0)
            whole = end + len(HEAD_END) + length
            if len(self.pending) < whole:
                return
            body = self.pending[end + len(HEAD_END) : whole]
            self.pending = self.pending[whole:]
            self.message(head, body)

    def message(self, head, body):
        raise NotImplementedError

    def send(self, data):
        if not self.transport.is_closing():
            self.transport.write(data)


class Lost(Exception):
    """The connection ended without a reply."""


class Caller(Messages):
    """A client's connection: one call at a time."""

    def __init__(self):
        super().__init__()
        self.waiting = None

    def message(self, head, body):
        waiting, self.waiting = self.waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result((head, body))

    def connection_lost(self, _):
        waiting, self.waiting = self.waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(Lost())

    async def call(self, data, timeout):
        """(status, head, body); Lost, or asyncio.TimeoutError, after which the connection is of no use."""
        if self.transport.is_closing():
            raise Lost()
        loop = asyncio.get_running_loop()
        self.waiting = waiting = loop.create_future()
        timer = loop.call_later(timeout, self._give_up, waiting)
        self.transport.write(data)
        try:
            head, body = await waiting
        finally:
            timer.cancel()
        return int(head[9:12]), head, body

    def _give_up(self, waiting):
        self.waiting = None
        if not waiting.done():
            waiting.set_exception(asyncio.TimeoutError())
        self.transport.abort()


async def connect(port, timeout):
    loop = asyncio.get_running_loop()
    _, protocol = await asyncio.wait_for(loop.create_connection(Caller, "127.0.0.1", port), timeout)
    return protocol
