"""What an attacker sends over a socket, and what became of it: every reply, whether the connection lives on, and
whether what was hidden in the bytes was carried out."""
import contextlib

from support import raw, waiting

# Sent behind everything else. Its reply tells that the connection was kept, and in step.
LAST = raw.request("ListTables", {}, extra=("Connection: close",))


class Fate:
    """What came back for some bytes. `kept`: the request behind them was answered as a request of its own."""

    def __init__(self, replies, kept):
        self.replies = replies
        self.kept = kept

    @property
    def statuses(self):
        return [reply.status for reply in self.replies]

    def __repr__(self):
        return f"Fate({self.replies}, kept={self.kept})"


def is_page(reply):
    """Is it libevent's own error page?"""
    return (reply.headers["Content-Type"] or "").startswith("text/html")


def is_last(reply):
    return reply.status == 200 and reply.body.startswith(b'{"TableNames"')


def warm(sock, reader, data):
    """Asks until the cache answers, and once more: from then on the bytes are known by heart, for a second."""

    def hit():
        sock.sendall(data)
        reply = reader.next()
        assert reply is not None and reply.status == 200, reply
        return reply.cache == "HIT"

    waiting.until(hit, "a hit")
    assert hit()


def wait_until_read(port, sock):
    """Until the server has read all that was sent, or has closed the connection over it."""
    peer = sock.getsockname()[1]

    def settled():
        return all(p != peer or state != raw.ESTABLISHED or unread == 0 for p, state, unread in raw.server_sockets(port))

    waiting.until(settled, "what was sent to be read")


def attack(port, *pieces, before=b"", learnt=None, bodiless=0, last=LAST):
    """Sends `before` and the pieces on a connection of its own, each read before the next is sent, with `last` (a
    ListTables that closes) behind them. `learnt` is asked first until it is a hit. `before` must be one whole request:
    its reply is checked and left out. The first `bodiless` replies have no body."""
    with raw.connect(port) as sock:
        reader = raw.ReplyReader(sock)
        if learnt:
            warm(sock, reader, learnt)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for at, piece in enumerate(pieces):
                end = at + 1 == len(pieces)
                sock.sendall((before if at == 0 else b"") + piece + (last if end else b""))
                if not end:
                    wait_until_read(port, sock)
        if before:
            first = reader.next()
            assert first is not None and first.status == 200, first
        replies = []
        while True:
            reply = reader.next(bodiless=len(replies) < bodiless)
            if reply is None:
                return Fate(replies, False)
            if is_last(reply):
                assert reader.closed(), "nothing may follow the last reply"
                return Fate(replies, True)
            replies.append(reply)
