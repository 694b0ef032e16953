"""TLS on the listeners: that it works, that nothing is ever sent past it, who may connect, and certificates' reload.

What is sent past TLS can't be seen by a client that breaks off there, so the server's bytes are looked at on the wire.
"""
import http.client
import json
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading

import pytest

from support import ports, processes, raw, redis_server, tables, tls, waiting

processes.Proxy.READY = re.compile(r"listening on (https?://\S+)")

TABLE = "chat"
LONG = "x" * 300_000
FOR_THE_ADDRESS = "IP:127.0.0.1"
TOKEN = "a-token-that-nobody-guesses"


def key(sk, pk="room"):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def get(sk="1"):
    return {"TableName": TABLE, "Key": key(sk)}


def put(sk, text="short"):
    return {"TableName": TABLE, "Item": {**key(sk), "v": {"S": text}}}


def query(pk="room"):
    return {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
    }


GET = raw.request("GetItem", get())
LONG_QUERY = raw.request("Query", query("long"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Of the authorities `one` and `other`: `server`, `later`, and the clients' `client` and `stranger`."""
    folder = tmp_path_factory.mktemp("certificates")
    made = {}
    for authority, names in (("one", ("server", "later", "client")), ("other", ("stranger",))):
        redis_server.make_authority(folder, authority)
        for name in names:
            made[name] = redis_server.make_certificate(folder, authority, name, FOR_THE_ADDRESS)
    return made


@pytest.fixture
def files(certificates, tmp_path):
    """The files that a configuration names, whose content changes."""

    class Files:
        cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

        def put(self, name):
            self.cert.write_bytes(open(certificates[name].certificate, "rb").read())
            self.key.write_bytes(open(certificates[name].key, "rb").read())

        def options(self, **more):
            return {"cert_file": str(self.cert), "key_file": str(self.key), **more}

    made = Files()
    made.put("server")
    return made


@pytest.fixture
def client(certificates):
    return tls.context(certificates["server"].authority)


@pytest.fixture
def secure(proxy_factory, counting_upstream, files):
    """secure({listen options}) is a proxy with TLS."""

    def start(listen=None, tls_options=None, **more):
        listen = {"threads": 1, "tls": files.options(**(tls_options or {})), **(listen or {})}
        return proxy_factory(counting_upstream.endpoint, {"listen": listen, **more})

    return start


@pytest.fixture
def items(direct, chat):
    for sk in ("1", "2"):
        assert direct.call("PutItem", put(sk)).status == 200
    for sk in range(3):
        item = {"TableName": chat, "Item": {**key(str(sk), "long"), "v": {"S": LONG}}}
        assert direct.call("PutItem", item).status == 200
    return chat


@pytest.fixture
def tapped(secure, client, items):
    """(proxy, connect): connections through a tap, whose bytes are checked at the end."""
    proxy = secure()
    tap = tls.Tap(proxy.port)
    yield proxy, lambda: tls.connect(proxy.port, client, to=tap.port)
    tap.stop()
    assert tap.check() > 0


def ask(sock, data, reader=None, **more):
    sock.sendall(data)
    return (reader or raw.ReplyReader(sock)).next(**more)


def certificate_of(sock):
    return dict(pair[0] for pair in sock.getpeercert()["subject"])["commonName"]


# ---- what is served over it ----


def test_the_first_line_says_https(secure, items, client):
    proxy = secure()
    assert proxy.endpoint.startswith("https://127.0.0.1:")
    with tls.Wire(proxy.endpoint, client) as line:
        assert line.call("GetItem", get()).cache == "MISS"
        assert [line.call("GetItem", get()).cache for _ in range(3)] == ["HIT"] * 3
        assert line.call("PutItem", put("1", "changed")).status == 200
        assert line.call("GetItem", get()).json["Item"]["v"]["S"] == "changed"
        assert line.call("NoSuchOperation", {}).error == "UnknownOperationException"


def test_an_unchanged_sdk(secure, items, certificates):
    import boto3

    proxy = secure()
    ddb = boto3.client(
        "dynamodb",
        endpoint_url=proxy.endpoint,
        region_name="us-east-1",
        aws_access_key_id="readaside",
        aws_secret_access_key="readaside-secret",
        verify=certificates["server"].authority,
    )
    for _ in range(3):
        assert ddb.get_item(**get())["Item"]["v"]["S"] == "short"
        assert ddb.query(**query("long"))["Count"] == 3


# ---- nothing is sent past it ----


def test_hits_in_a_row(tapped):
    _, connect = tapped
    with connect() as sock:
        reader = raw.ReplyReader(sock)
        bodies = {ask(sock, GET, reader).body for _ in range(200)}
        assert len(bodies) == 1


@pytest.mark.parametrize("pieces", [1, 7])
def test_pipelined(tapped, pieces):
    """Many requests in a record, and records that requests span."""
    _, connect = tapped
    with connect() as sock:
        whole = (GET + raw.request("GetItem", get("2")) + raw.request("NoSuchOperation", {})) * 40
        size = len(whole) // pieces + 1
        for at in range(0, len(whole), size):
            sock.sendall(whole[at : at + size])
        reader = raw.ReplyReader(sock)
        assert [reader.next().status for _ in range(120)] == [200, 200, 400] * 40


def test_long_replies_to_a_slow_reader(tapped):
    """Nothing is taken until far more has been asked for than sockets hold; requests wait as well."""
    proxy, connect = tapped
    with connect() as sock:
        reader = raw.ReplyReader(sock)
        first = ask(sock, LONG_QUERY, reader)
        assert first.json["Count"] == 3
        count = 40
        sock.sendall(LONG_QUERY * count + GET)
        with tls.connect(proxy.port, sock.context) as other:
            assert ask(other, GET).status == 200
        for _ in range(count):
            assert reader.next().body == first.body
        assert reader.next().json["Item"]["sk"]["S"] == "1"


def test_more_is_asked_than_is_taken(tapped):
    """Megabytes of requests behind a reply that isn't taken yet: they wait in the client, and are all answered."""
    _, connect = tapped
    with connect() as sock:
        count = 6000
        sender = socket_sender(sock, LONG_QUERY * 4 + GET * count)
        reader = raw.ReplyReader(sock)
        assert all(reader.next().status == 200 for _ in range(count + 4))
        sender.join(60)


def socket_sender(sock, data):
    thread = threading.Thread(target=sock.sendall, args=(data,), daemon=True)
    thread.start()
    return thread


def test_heads_errors_and_the_end(tapped):
    _, connect = tapped
    with connect() as sock:
        reader = raw.ReplyReader(sock)
        assert ask(sock, b"HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", reader, bodiless=True).status == 405
        assert ask(sock, b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", reader).status == 404
        assert ask(sock, raw.request("GetItem", b"{"), reader).status == 400
        assert ask(sock, raw.request("GetItem", get(), extra=("Connection: close",)), reader).status == 200
        assert reader.closed()
    for wrong in (b"no request at all\r\n\r\n", b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", raw.head(1 << 30)):
        with connect() as sock:
            sock.sendall(wrong)
            reader = raw.ReplyReader(sock)
            assert reader.next().status >= 400
            assert reader.closed()


def test_the_end_is_told(secure, items, client):
    """Whoever insists on it learns that a reply is whole (RFC 8446 section 6.1)."""
    proxy = secure()
    client.options &= ~ssl.Options(1 << 7)  # SSL_OP_IGNORE_UNEXPECTED_EOF, which Python sets
    sock = socket.create_connection(("127.0.0.1", proxy.port), timeout=120)
    with client.wrap_socket(sock, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as line:
        reader = raw.ReplyReader(line)
        assert ask(line, raw.request("GetItem", get(), extra=("Connection: close",)), reader).status == 200
        assert line.recv(1) == b""  # ssl.SSLEOFError if it isn't


def test_continue(tapped):
    _, connect = tapped
    with connect() as sock:
        reader = raw.ReplyReader(sock)
        for text in ("one", "two"):  # also where a reply has been written before
            body = json.dumps(put("9", text)).encode()
            sock.sendall(raw.head(len(body), "PutItem", extra=("Expect: 100-continue",)))
            while b"\r\n\r\n" not in reader.rest:
                reader.rest += sock.recv(65536)
            assert reader.rest == b"HTTP/1.1 100 Continue\r\n\r\n"
            reader.rest = b""
            sock.sendall(body)
            assert reader.next().status == 200
            assert ask(sock, raw.request("GetItem", get("9")), reader).json["Item"]["v"]["S"] == text


def test_clients_that_break_off(secure, items, client, counting_upstream):
    """In a handshake, a head, a body, before "100 Continue" can be written, while a request waits upstream, and in
    the middle of a long reply."""
    proxy = secure()
    asks = [
        b"POST / HT",
        raw.head(100),
        raw.head(100, "PutItem", extra=("Expect: 100-continue",)),
        LONG_QUERY,
        LONG_QUERY * 20,
        raw.request("Scan", {"TableName": TABLE}),
    ]
    for reset in (False, True):
        for data in asks:
            with tls.connect(proxy.port, client) as sock:
                if reset:
                    raw.reset_on_close(sock)
                sock.sendall(data)
        with socket.create_connection(("127.0.0.1", proxy.port)) as sock:
            if reset:
                raw.reset_on_close(sock)
            sock.sendall(b"\x16\x03\x01\x02\x00\x01")
    held = counting_upstream.hold("Query")
    sock = tls.connect(proxy.port, client)
    sock.sendall(raw.request("Query", query("nobody")))
    held.wait_for(1)
    sock.close()
    held.release()
    with tls.Wire(proxy.endpoint, client) as line:
        assert line.call("GetItem", get()).status == 200
    waiting.until(lambda: not alive(proxy.port), "all connections to be closed")


@pytest.mark.parametrize("before", [0, 1], ids=["first request", "second request"])
def test_clients_that_are_gone_when_they_are_read(secure, items, client, before):
    """What is written to them at once, such as "100 Continue", fails in the middle of reading what they sent."""
    proxy = secure()
    asks = [
        raw.head(100, "PutItem", extra=("Expect: 100-continue",)),
        raw.head(2, "PutItem", extra=("Expect: 100-continue",)) + b"{}",
        LONG_QUERY,
        GET * 20,
        raw.head(1 << 30),
        b"no request at all\r\n\r\n",
    ]
    for data in asks:
        sock = tls.connect(proxy.port, client)
        for _ in range(before):
            assert ask(sock, GET).status == 200
        proxy.process.send_signal(signal.SIGSTOP)
        peer = sock.getsockname()[1]
        sock.sendall(data)
        raw.reset_on_close(sock)
        sock.close()
        raw.wait_until_told(proxy.port, peer)
        proxy.process.send_signal(signal.SIGCONT)
        with tls.Wire(proxy.endpoint, client) as line:
            assert line.call("GetItem", get()).status == 200


def alive(port):
    return [s for s in raw.server_sockets(port) if s[1] == raw.ESTABLISHED]


# ---- who may connect ----


@pytest.mark.parametrize("data", [GET, b"GET / HTTP/1.0\r\n\r\n", b"\r\n", b"\x00" * 200, b"\x16\x03"])
def test_what_isnt_tls_is_closed(secure, items, client, data):
    proxy = secure({"header_timeout": "500ms"})
    with raw.connect(proxy.port) as sock:
        sock.sendall(data)
        try:
            got = sock.recv(4096)
            assert not got or got[0] == 21, got  # an alert
            while got:
                got = sock.recv(4096)
        except ConnectionResetError:
            pass
    with tls.Wire(proxy.endpoint, client) as line:
        assert line.call("GetItem", get()).status == 200


def test_old_versions_are_refused(secure, certificates):
    proxy = secure()
    settings = {"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1}
    old = tls.context(certificates["server"].authority, **settings)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        tls.connect(proxy.port, old)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_and_tickets(secure, items, certificates, version):
    proxy = secure()
    one = tls.context(certificates["server"].authority, minimum_version=version, maximum_version=version)
    with tls.connect(proxy.port, one) as sock:
        assert not sock.session_reused
        assert ask(sock, GET).status == 200
        session = sock.session
    with tls.connect(proxy.port, one, session=session) as sock:
        assert sock.session_reused
        assert ask(sock, GET).status == 200


def test_clients_must_show_a_certificate(secure, items, certificates):
    proxy = secure(tls_options={"client_ca_file": certificates["client"].authority})
    authority = certificates["server"].authority
    known = tls.context(authority, certificates["client"])
    with tls.Wire(proxy.endpoint, known) as line:
        assert line.call("GetItem", get()).status == 200
    for other in (tls.context(authority), tls.context(authority, certificates["stranger"])):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            with tls.Wire(proxy.endpoint, other) as line:
                line.call("GetItem", get())
    with tls.connect(proxy.port, known) as sock:
        session = sock.session
        assert ask(sock, GET).status == 200
        session = sock.session
    with tls.connect(proxy.port, known, session=session) as sock:  # and who was known needn't be asked again
        assert sock.session_reused
        assert ask(sock, GET).status == 200


# ---- reload ----


def hang_up(proxy, done):
    """SIGHUP; waits for what it says then."""
    before = proxy.output().count("SIGHUP:")
    proxy.process.send_signal(signal.SIGHUP)
    waiting.until(lambda: proxy.output().count("SIGHUP:") > before, "the reload")
    last = [line for line in proxy.output().splitlines() if "SIGHUP:" in line][-1]
    assert ("read anew" in last and "couldn't" not in last) == done, last


def test_new_connections_get_the_new_certificate(secure, items, client, files):
    proxy = secure({"threads": 2})
    old = tls.connect(proxy.port, client)
    assert certificate_of(old) == "server"
    files.put("later")
    with tls.connect(proxy.port, client) as sock:
        assert certificate_of(sock) == "server"
    hang_up(proxy, True)
    for _ in range(4):
        with tls.connect(proxy.port, client) as sock:
            assert certificate_of(sock) == "later"
            assert ask(sock, GET).status == 200
    with old:
        assert ask(old, GET).status == 200


BAD = {
    "no such file": (lambda f: f.cert.unlink(), "cert_file"),
    "no certificate": (lambda f: f.cert.write_text("hello"), "cert_file"),
    "no key": (lambda f: f.key.write_text("hello"), "key_file"),
    "another's key": (lambda f: f.key.write_bytes(f.other), "key_file"),
}


@pytest.mark.parametrize("wrong, named", BAD.values(), ids=BAD.keys())
def test_a_bad_file_changes_nothing(secure, items, client, certificates, files, wrong, named):
    proxy = secure()
    files.other = open(certificates["client"].key, "rb").read()
    files.put("later")
    wrong(files)
    hang_up(proxy, False)
    assert f"listen.tls.{named}: " in proxy.output()
    with tls.connect(proxy.port, client) as sock:
        assert certificate_of(sock) == "server"
        assert ask(sock, GET).status == 200
    files.put("later")
    hang_up(proxy, True)
    with tls.connect(proxy.port, client) as sock:
        assert certificate_of(sock) == "later"


@pytest.mark.parametrize("wrong, named", list(BAD.values())[1:], ids=list(BAD)[1:])
def test_it_doesnt_start_with_one(readaside_binary, counting_upstream, certificates, files, tmp_path, wrong, named):
    files.other = open(certificates["client"].key, "rb").read()
    wrong(files)
    config = processes.base_config(counting_upstream.endpoint)
    config["listen"]["tls"] = files.options()
    path = tmp_path / "config.jsonc"
    path.write_text(json.dumps(config))
    command = [readaside_binary, "serve", "-c", path]
    done = subprocess.run(command, env=processes.child_environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode in (1, 2)
    assert f"listen.tls.{named}: " in done.stderr
    assert "PRIVATE KEY" not in done.stderr


# ---- the admin listener ----


def cache_stats(binary, proxy):
    command = [binary, "cache", "stats", "-c", proxy.config_path]
    return subprocess.run(command, env=processes.child_environment(), capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("over_tls", [False, True])
def test_admin(secure, items, readaside_binary, client, certificates, files, over_tls):
    admin = {"address": f"127.0.0.1:{ports.free_port()}", "token": TOKEN}
    if over_tls:
        admin["tls"] = files.options()
    proxy = secure(admin=admin)
    done = cache_stats(readaside_binary, proxy)
    assert done.returncode == 0, done.stderr
    port = int(admin["address"].rpartition(":")[2])

    def status(**headers):
        line = http.client.HTTPSConnection if over_tls else http.client.HTTPConnection
        more = {"context": client} if over_tls else {}
        connection = line("127.0.0.1", port, timeout=120, **more)
        connection.request("GET", "/admin/cache/stats", headers=headers)
        reply = connection.getresponse()
        body = reply.read()
        assert TOKEN.encode() not in body
        connection.close()
        return reply.status

    assert status(Authorization=f"Bearer {TOKEN}") == 200
    assert status(Authorization=f"bearer   {TOKEN}") == 200
    assert status(Authorization=f"Bearer {TOKEN}", Host="admin.example.com") == 200
    assert status(Authorization=f"Bearer {TOKEN}", Origin="https://example.com") == 403
    wrong = [f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN[:-1]}x", "Bearer ", "Basic x", TOKEN, "Bearer"]
    assert [status(Authorization=w) for w in wrong] == [401] * len(wrong)
    assert status() == 401
    assert status(Host="evil.example.com") == 401
    assert TOKEN not in proxy.output()
    if over_tls:
        files.put("later")
        hang_up(proxy, True)
        with tls.connect(port, client) as sock:
            assert certificate_of(sock) == "later"
        assert cache_stats(readaside_binary, proxy).returncode == 0  # it trusts the file as it is now


def test_the_command_trusts_that_certificate_alone(secure, items, readaside_binary, certificates, files):
    admin = {"address": f"127.0.0.1:{ports.free_port()}", "token": TOKEN, "tls": files.options()}
    proxy = secure(admin=admin)
    files.put("stranger")  # the proxy shows the old one still
    done = cache_stats(readaside_binary, proxy)
    assert done.returncode != 0
    assert "certificate" in done.stderr, done.stderr
    assert TOKEN not in done.stderr


def test_without_a_token_only_loopback_may_be_named(secure, items, readaside_binary):
    admin = {"address": f"127.0.0.1:{ports.free_port()}"}
    proxy = secure(admin=admin)
    assert cache_stats(readaside_binary, proxy).returncode == 0
    for host, status in (("evil.example.com", 403), ("localhost", 200), ("127.0.0.1:1", 200)):
        connection = http.client.HTTPConnection(admin["address"], timeout=120)
        connection.request("GET", "/admin/cache/stats", headers={"Host": host})
        assert connection.getresponse().status == status
        connection.close()


def test_a_handshake_in_pieces(secure, items, client):
    """A record's first bytes and no more: it counts as a request that isn't finished."""
    proxy = secure({"header_timeout": "300ms"})
    hello = b"\x16\x03\x01" + struct.pack(">H", 512) + b"\x01"
    socks = [raw.connect(proxy.port) for _ in range(50)]
    for sock in socks:
        sock.sendall(hello)
    with tls.Wire(proxy.endpoint, client) as line:
        assert line.call("GetItem", get()).status == 200
    for sock in socks:
        assert raw.ReplyReader(sock).closed()
        sock.close()
