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


class Application:
    """gunicorn with its Redis: they stop together, and what CPU they used is counted together."""

    def __init__(self, redis, application):
        self.redis = redis
        self.application = application
        self.port = application.port

    def await_ready(self):
        self.redis.await_ready()
        self.application.await_ready()

    def stop(self):
        self.application.stop()
        self.redis.stop()

    def cpu_seconds(self):
        return self.application.cpu_seconds() + self.redis.cpu_seconds()


def dynamodb_local(folder):
    port = ports.free_port()
    return Server("dynamodb-local", [ROOT / "config" / "dynamodb-local", "run", port, "-sharedDb"], port, folder)


def readaside(binary, upstream, routes, folder, core):
    port = ports.free_port()
    config = pathlib.Path(folder, "readaside.jsonc")
    config.write_text(
        f"""{{
  "listen": {{ "address": "127.0.0.1:{port}", "threads": 1 }},
  "upstream": {{ "endpoint": "{upstream}", "region": "us-east-1" }},
  "routes": {json.dumps(routes)},
  "tables": {{ "*": {{ "ttl": "10m" }} }}
}}
""",
        encoding="utf-8",
    )
    return Server("readaside", [binary, "serve", "-c", config], port, folder, core)


def nginx(upstream, route_upstream, folder, core):
    """Its other listeners: `locked_port` has proxy_cache_lock on, `route_port` caches GETs of `route_upstream`."""
    port, locked_port, route_port = ports.free_port(), ports.free_port(), ports.free_port()
    home = pathlib.Path(folder, "nginx")
    home.mkdir()
    names = {
        "FOLDER": home,
        "PLAIN_PORT": port,
        "LOCKED_PORT": locked_port,
        "ROUTE_PORT": route_port,
        "UPSTREAM": upstream,
        "ROUTE_UPSTREAM": route_upstream,
    }
    template = string.Template((HERE / "nginx.conf").read_text(encoding="utf-8"))
    config = home / "nginx.conf"
    config.write_text(template.safe_substitute(names), encoding="utf-8")
    path = "/usr/sbin/nginx"
    server = Server("nginx", [path, "-p", home, "-e", "stderr", "-c", config], port, folder, core)
    server.locked_port, server.route_port = locked_port, route_port
    return server


def by_hand(upstream, folder, core):
    """by_hand.py under gunicorn with one worker of the default kind, and a Redis that saves nothing to disk."""
    port, redis_port = ports.free_port(), ports.free_port()
    redis = ["redis-server", "--bind", "127.0.0.1", "--port", redis_port, "--dir", folder, "--save", ""]
    gunicorn = ["/usr/bin/python3", "-B", "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    gunicorn += ["--chdir", HERE, "--worker-tmp-dir", folder]
    gunicorn += ["--env", f"REDIS_URL=redis://127.0.0.1:{redis_port}/0", "--env", f"DYNAMODB_ENDPOINT={upstream}"]
    gunicorn += ["by_hand:app"]
    return Application(
        Server("redis", redis, redis_port, folder, core), Server("gunicorn", gunicorn, port, folder, core)
    )
