"""TLS as a client speaks it, and what of it can be seen on the wire."""
import http.client
import socket
import ssl
import threading
import urllib.parse

from support import wire

# RFC 8446 section 5.1: the types of a record, and how long its fragment may be at most.
RECORD_TYPES = (20, 21, 22, 23)
RECORD_MOST = 2**14 + 256


def context(authority, certificate=None, **settings):
    """A client's, which trusts `authority` alone and may show a certificate of its own."""
    made = ssl.create_default_context(cafile=authority)
    if certificate:
        made.load_cert_chain(certificate.certificate, certificate.key)
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def connect(port, client, to=None, session=None):
    """A TLS connection; `to` is another port to connect to, such as a Tap's."""
    sock = socket.create_connection(("127.0.0.1", to or port), timeout=120)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        return client.wrap_socket(sock, server_hostname="127.0.0.1", session=session)
    except BaseException:
        sock.close()
        raise


class Wire(wire.Wire):
    """One keep-alive connection over TLS."""

    def __init__(self, endpoint, client, **more):
        super().__init__(endpoint, **more)
        url = urllib.parse.urlsplit(endpoint)
        self.connection = http.client.HTTPSConnection(url.hostname, url.port, timeout=120, context=client)


class Tap:
    """A forwarder on a port of its own, for one connection at a time, that keeps what the server has sent."""

    def __init__(self, port):
        self.to = port
        self.seen = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            seen = bytearray()
            self.seen.append(seen)
            for given in ((client, server, None), (server, client, seen)):
                self.threads.append(threading.Thread(target=self._forward, args=given, daemon=True))
                self.threads[-1].start()

    @staticmethod
    def _forward(source, sink, seen):
        try:
            while data := source.recv(65536):
                if seen is not None:
                    seen += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        if seen is not None:  # the server's direction is the last
            source.close()
            sink.close()

    def stop(self):
        """Waits for the connections' ends."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(60)

    def check(self):
        """Every byte from the server is in a record of TLS, and what these hold can't be read."""
        assert self.seen
        records = 0
        for seen in self.seen:
            for word in (b"HTTP/1", b"Content-", b"x-amz", b"readaside", b"<HTML"):
                assert word not in seen, word
            at = 0
            while at < len(seen):
                kind, major, length = seen[at], seen[at + 1], int.from_bytes(seen[at + 3 : at + 5], "big")
                assert kind in RECORD_TYPES and major == 3 and length <= RECORD_MOST, seen[at : at + 80]
                at += 5 + length
                records += 1
            assert at == len(seen), "the last record is cut off"
        return records
