"""The processes under test: started on a core of their own, awaited, stopped, and asked what CPU they used."""
import json
import os
import pathlib
import signal
import string
import subprocess

from support import ports, waiting

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
NGINX = "/usr/sbin/nginx"
TICK = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """The benchmark can't go on; the text says why."""


def command_on(core, command):
    """`command` so that it runs on `core` only (None: anywhere) and ends if this script is killed."""
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    return ["setpriv", "--pdeathsig", "TERM", *pinned, *map(str, command)]


def environment():
    """Nothing of the caller's own AWS set-up; DynamoDB Local takes any credentials."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    kept.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")
    return kept


class Server:
    """A child process that listens on `port` of 127.0.0.1."""

    def __init__(self, name, command, port, folder, core=None):
        self.name = name
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"
        self.log = pathlib.Path(folder, f"{name}.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command_on(core, command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(),
            )

    def await_ready(self):
        waiting.until(lambda: self._living() and ports.accepts(self.port), f"{self.name} to accept connections")

    def _living(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended with {self.process.returncode}:\n{self.log.read_text(errors='replace')}")
        return True

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu_seconds(self):
        """User and system time so far of the process, its children, and the children that have ended."""
        self._living()
        return sum(sum(map(int, fields[11:15])) for fields in self._family()) / TICK

    def _family(self):
        """The fields of /proc/PID/stat from the state on (fields[1] is the parent) of this process and its children."""
        own = str(self.process.pid)
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    text = pathlib.Path("/proc", entry, "stat").read_text(encoding="utf-8", errors="replace")
                except OSError:  # it ended meanwhile
                    continue
                fields = text.rpartition(")")[2].split()
                if own in (entry, fields[1]):
                    yield fields


class Together:
    """A server and what it stands on: they stop together, and what CPU they used is counted together."""

    def __init__(self, server, *others):
        self.members = [*others, server]
        self.port = server.port
        self.endpoint = server.endpoint

    def await_ready(self):
        for member in self.members:
            member.await_ready()

    def stop(self):
        for member in reversed(self.members):
            member.stop()

    def cpu_seconds(self):
        return sum(member.cpu_seconds() for member in self.members)


def dynamodb_local(folder):
    port = ports.free_port()
    return Server("dynamodb-local", [ROOT / "config" / "dynamodb-local", "run", port, "-sharedDb"], port, folder)


def readaside(bench, endpoint, core, name="readaside", threads=1, tables=None, tls=None, **sections):
    """With its defaults but for what is given: `tables`, `listen.tls`, and further sections of the configuration."""
    port = ports.free_port()
    config = pathlib.Path(bench.folder, f"{name}-{port}.jsonc")
    options = {
        "listen": {"address": f"127.0.0.1:{port}", "threads": threads, **({"tls": tls} if tls else {})},
        "upstream": {"endpoint": endpoint, "region": "us-east-1"},
        "tables": {"*": {"ttl": "10m"}} if tables is None else tables,
        **sections,
    }
    config.write_text(json.dumps(options, indent=2), encoding="utf-8")
    return Server(f"{name}-{port}", [bench.own, "serve", "-c", config], port, bench.folder, core)


def redis(bench, core):
    """A Redis that saves nothing to disk."""
    port = ports.free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", bench.folder, "--save", ""]
    server = Server(f"redis-{port}", command, port, bench.folder, core)
    server.url = f"redis://127.0.0.1:{port}"
    return server


def readaside_on(store, bench, endpoint, core, near="0", **more):
    """readaside with `store`, a Redis, and up to `near` bytes held near."""
    # No proxy was ever connected to a Redis before this one, so there is nobody to wait for.
    connection = {"url": store.url, "quarantine": "0s"}
    cache = {"store": "redis", "redis": connection, "near": {"max_bytes": near}}
    return readaside(bench, endpoint, core, cache=cache, **more)


def nginx(bench, template, core, ports_named, **names):
    """nginx with `template`, whose $NAMES are `names` and, of `ports_named`, free ports; it listens on the first."""
    found = {name: ports.free_port() for name in ports_named}
    home = pathlib.Path(bench.folder, f"nginx-{found[ports_named[0]]}")
    home.mkdir()
    text = string.Template((HERE / template).read_text(encoding="utf-8"))
    config = home / "nginx.conf"
    config.write_text(text.safe_substitute(FOLDER=home, **found, **names), encoding="utf-8")
    command = [NGINX, "-p", home, "-e", "stderr", "-c", config]
    server = Server(home.name, command, found[ports_named[0]], bench.folder, core)
    server.ports = found
    return server


def webdis(bench, store, core):
    port = ports.free_port()
    config = pathlib.Path(bench.folder, f"webdis-{port}.json")
    options = {
        "redis_host": "127.0.0.1",
        "redis_port": store.port,
        "http_host": "127.0.0.1",
        "http_port": port,
        "threads": 1,
        "daemonize": False,
        "verbosity": 0,
        "logfile": "/dev/null",
    }
    config.write_text(json.dumps(options), encoding="utf-8")
    return Server(f"webdis-{port}", ["webdis", config], port, bench.folder, core)


def bare_evhttp(bench, reply, core):
    """Answers everything with `reply`, the bytes of a whole reply."""
    port = ports.free_port()
    file = pathlib.Path(bench.folder, f"bare-{port}.reply")
    file.write_bytes(reply)
    return Server(f"bare-evhttp-{port}", [bench.bare, port, file], port, bench.folder, core)


def fixed_reply(bench, table, reply, core, item_bytes=0):
    """An upstream that answers DescribeTable with `table`, everything else with `reply` (both JSON), at next to no cost."""
    port = ports.free_port()
    files = [pathlib.Path(bench.folder, f"fixed-{port}.{what}") for what in ("table", "reply")]
    for file, text in zip(files, (table, reply)):
        file.write_bytes(text)
    return Server(f"fixed-reply-{port}", [bench.fixed, port, *files, item_bytes], port, bench.folder, core)


def flask(bench, core, dynamodb, store=None):
    """by_hand.py under gunicorn with one worker of the default kind; with `store`, a Redis, it caches there."""
    port = ports.free_port()
    gunicorn = ["/usr/bin/python3", "-B", "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    gunicorn += ["--chdir", HERE, "--worker-tmp-dir", bench.folder, "--env", f"DYNAMODB_ENDPOINT={dynamodb}"]
    if store:
        gunicorn += ["--env", f"REDIS_URL={store.url}/0"]
    return Server(f"gunicorn-{port}", [*gunicorn, "by_hand:app"], port, bench.folder, core)
