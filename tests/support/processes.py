"""DynamoDB Local and the proxy as child processes: started, awaited, stopped and judged."""
import json
import os
import pathlib
import re
import signal
import subprocess
import threading

from support import ports, waiting, wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "readaside", "AWS_SECRET_ACCESS_KEY": "readaside-secret"}
SANITIZER_SPOKE = re.compile(
    r"(ERROR|WARNING): \w*Sanitizer|runtime error:|SUMMARY: \w*Sanitizer", re.MULTILINE
)


class DynamoDBLocal:
    """Tables live in memory. Separate databases per access key unless `shared`."""

    def __init__(self, log_path, shared=True):
        self.port = ports.free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        options = ["-sharedDb"] if shared else []
        self.log_path = pathlib.Path(log_path)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [ROOT / "config" / "dynamodb-local", "run", str(self.port), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        waiting.until(self._ready, "DynamoDB Local to answer", patience=300)

    def _ready(self):
        assert self.process.poll() is None, f"DynamoDB Local ended: {self.log_path.read_text()}"
        if not ports.accepts(self.port):
            return False
        return wire.call_once(self.endpoint, "ListTables", {}).status == 200

    def stop(self):
        self.process.kill()
        self.process.wait()


def base_config(upstream, **tables):
    """A config whose entries live long, so that only what a test does takes them away."""
    default = {"ttl": "10m", "ttl_jitter": "0%", "negative_ttl": "10m", "settle": "50ms"}
    return {
        "listen": {"address": "127.0.0.1:0", "threads": 2},
        "upstream": {"endpoint": upstream, "region": "us-east-1"},
        "tables": tables or {"*": default},
    }


def merged(base, changes):
    """`base` with the members of `changes` laid over it, objects member by member."""
    result = dict(base)
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        else:
            result[name] = value
    return result


def child_environment(extra=None):
    """Only what the proxy is meant to see: nothing of the caller's own AWS set-up."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    kept.update(CREDENTIALS)
    # Where there are no keys: neither those of who runs the tests, nor those of the machine.
    kept.update(
        AWS_EC2_METADATA_DISABLED="true", AWS_SHARED_CREDENTIALS_FILE="/dev/null", AWS_CONFIG_FILE="/dev/null"
    )
    kept.update(
        ASAN_OPTIONS="detect_leaks=1:halt_on_error=1:exitcode=99:detect_stack_use_after_return=1",
        UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:exitcode=99",
        TSAN_OPTIONS="halt_on_error=0:exitcode=99",
        LSAN_OPTIONS="exitcode=99",
    )
    kept.update(extra or {})
    return kept


class Proxy:
    """`readaside serve`, on a free port. stop() says whether it ended as it should."""

    READY = re.compile(r"listening on (http://\S+)")

    def __init__(self, binary, config, folder, environment=None):
        self.folder = pathlib.Path(folder)
        self.config_path = self.folder / "config.jsonc"
        self.config_path.write_text(json.dumps(config, indent=2))
        self.stderr_path = self.folder / "stderr"
        self.lines = []
        self.endpoint = None
        self._ready = threading.Event()
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                [binary, "serve", "-c", self.config_path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=child_environment(environment),
                text=True,
            )
        self._reader = threading.Thread(target=self._read_stdout, daemon=True)
        self._reader.start()
        self._ready.wait(waiting.PATIENCE)
        if self.endpoint is None:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the proxy did not start (exit {self.process.returncode}):\n{self.output()}")

    def _read_stdout(self):
        for line in self.process.stdout:
            self.lines.append(line)
            found = self.READY.search(line)
            if found:
                self.endpoint = found.group(1)
                self._ready.set()
        self._ready.set()

    @property
    def port(self):
        return int(self.endpoint.rpartition(":")[2])

    def output(self):
        return "".join(self.lines) + self.stderr_path.read_text(errors="replace")

    def wire(self, **more):
        return wire.Wire(self.endpoint, **more)

    def call(self, operation, body, **more):
        """On a connection of its own."""
        return wire.call_once(self.endpoint, operation, body, **more)

    def alive(self):
        return self.process.poll() is None

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, patience=waiting.PATIENCE):
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the proxy did not end in {patience:g} s:\n{self.output()}") from None

    def stop(self):
        """Ends the proxy as an operator would and fails unless it ends cleanly."""
        if self.alive():
            self.terminate()
        status = self.wait()
        self._reader.join()
        output = self.output()
        assert not SANITIZER_SPOKE.search(output), f"a sanitizer spoke:\n{output}"
        assert status == 0, f"the proxy ended with {status}:\n{output}"
