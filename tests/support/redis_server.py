"""A Redis server as a child process, on ports and in a folder of its own; certificates by the openssl command."""
import os
import pathlib
import signal
import socket
import subprocess

from support import ports, waiting


class Redis:
    """`redis-server` without persistence. Plain on `port`, over `socket_path`, and with `tls` on `tls_port`."""

    def __init__(self, folder, options=(), tls=None, password=None):
        self.folder = pathlib.Path(folder)
        self.port = ports.free_port()
        self.tls_port = ports.free_port() if tls else None
        # The folder's own path may be longer than a socket's may be.
        self.socket_path = f"/tmp/readaside-{os.getpid()}-{self.port}.sock"
        self.password = password
        self.options = [*self._tls_options(tls), *options]
        if password:
            self.options += ["--requirepass", password]
        self.process = None
        self.start()

    def _tls_options(self, tls):
        if not tls:
            return []
        return [
            "--tls-port", str(self.tls_port), "--tls-cert-file", tls.certificate, "--tls-key-file", tls.key,
            "--tls-ca-cert-file", tls.authority, "--tls-auth-clients", "optional",
        ]  # fmt: skip

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        """Another server, empty, at the same place."""
        command = [
            "redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no",
            "--dir", str(self.folder), "--unixsocket", self.socket_path, *self.options,
        ]  # fmt: skip
        with open(self.folder / "redis.log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        waiting.until(self._answers, "Redis to answer")

    def _answers(self):
        assert self.process.poll() is None, f"Redis ended: {(self.folder / 'redis.log').read_text()}"
        try:
            return self.command("PING") == "PONG"
        except OSError:
            return False

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()

    def stop(self):
        self.kill()
        pathlib.Path(self.socket_path).unlink(missing_ok=True)

    def restart(self):
        self.kill()
        self.start()

    def command(self, *arguments):
        """One command on a connection of its own: text, int, None, or a list of them; errors are raised."""
        with Connection(("127.0.0.1", self.port), self.password) as connection:
            return connection.command(*arguments)

    def keys(self, pattern=b"*"):
        with Connection(("127.0.0.1", self.port), self.password) as connection:
            cursor, found = b"0", []
            while True:
                cursor, some = connection.raw("SCAN", cursor, "MATCH", pattern, "COUNT", "1000")
                found += some
                if cursor == b"0":
                    return found

    def contents(self):
        """Every unit's hash: {key: {field: value}}, as bytes."""
        with Connection(("127.0.0.1", self.port), self.password) as connection:
            everything = {}
            for key in self.keys():
                if connection.command("TYPE", key) == "hash":
                    flat = connection.raw("HGETALL", key)
                    everything[key] = dict(zip(flat[::2], flat[1::2]))
            return everything

    def fields(self, beginning):
        """(key, field) of all fields that begin so: b"r" entries, b"w" markers, b"!" generations."""
        return [
            (key, field)
            for key, unit in self.contents().items()
            if b"ra1:" in key and not key.endswith(b"epochs")
            for field in unit
            if field.startswith(beginning)
        ]

    def entries(self):
        return self.fields(b"r")

    def markers(self):
        return self.fields(b"w")


class Refused(Exception):
    """An error reply."""


class Connection:
    """RESP2, blocking."""

    def __init__(self, address, password=None):
        self.socket = socket.create_connection(address, timeout=waiting.PATIENCE)
        self.file = self.socket.makefile("rb")
        if password:
            self.command("AUTH", password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def raw(self, *arguments):
        parts = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
        self.socket.sendall(
            b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)
        )
        return self._reply()

    def command(self, *arguments):
        return _text(self.raw(*arguments))

    def _reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise Refused(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        return None if rest == b"-1" else [self._reply() for _ in range(int(rest))]


def _text(value):
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return [_text(v) for v in value] if isinstance(value, list) else value


class Certificate:
    def __init__(self, authority, certificate, key):
        self.authority, self.certificate, self.key = str(authority), str(certificate), str(key)


def _openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_authority(folder, name):
    """NAME.crt and NAME.key in `folder`."""
    _openssl(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}",
    )  # fmt: skip
    return folder / f"{name}.crt"


def make_certificate(folder, authority, name, subject_alternative_name):
    """Signed by that authority, whose files are in `folder`."""
    (folder / f"{name}.ext").write_text(f"subjectAltName={subject_alternative_name}\n")
    _openssl(
        folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
        "-out", f"{name}.csr", "-subj", f"/CN={name}",
    )  # fmt: skip
    _openssl(
        folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
        "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt",
    )  # fmt: skip
    return Certificate(folder / f"{authority}.crt", folder / f"{name}.crt", folder / f"{name}.key")
