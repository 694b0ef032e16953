"""`readaside stream` as a child process, and what it has said."""
import json
import pathlib
import re
import signal
import subprocess
import threading

from support import processes, waiting


class Consumer:
    """Reads positions and dead letters in `folder`, so that another one in the same folder goes on from there."""

    def __init__(self, binary, config_path, endpoint, folder, *words, environment=None):
        self.folder = pathlib.Path(folder)
        self.dead_path = self.folder / "dead.jsonl"
        self.stderr_path = self.folder / f"stderr-{len(list(self.folder.glob('stderr-*')))}"
        self.events = []
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                [binary, "stream", "-c", config_path, "--endpoint", endpoint, "--json",
                 "--state", self.folder / "state", "--dead-letters", self.dead_path, *words],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
                env=processes.child_environment(environment), text=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            # a line that kill -9 has cut short is nobody's event
            if line.endswith("\n"):
                self.events.append(json.loads(line))

    def output(self):
        return self.stderr_path.read_text(errors="replace")

    def total(self, what):
        return sum(e[what] for e in self.events if e["event"] == "done")

    def named(self, event):
        return [e for e in self.events if e["event"] == event]

    def dead(self):
        return [json.loads(line) for line in self.dead_path.read_text().splitlines()] if self.dead_path.exists() else []

    def until(self, condition, what):
        def holds():
            found = condition()
            assert found or self.process.poll() is None, f"the consumer ended: {self.output()}"
            return found

        return waiting.until(holds, f"{what}; {self.output()}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def stop(self):
        """As an operator would; what it says and how it ends is judged."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.end(0)

    def end(self, status=0):
        try:
            got = self.process.wait(waiting.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the consumer did not end:\n{self.output()}") from None
        self._reader.join()
        assert not processes.SANITIZER_SPOKE.search(self.output()), self.output()
        assert got == status, f"the consumer ended with {got}:\n{self.output()}"
        return self


RULE = {
    "name": "newest-message", "table": "cruddur-messages", "on": ["INSERT"], "partition_key": "MSG#*",
    "rows": {"index": "message-group-sk-index", "partition_key": "{star}", "row_partition_key": "GRP#*"},
    "set": {"sk": "{new.sk}", "message": "{new.message}"},
}


def rows_of(items):
    """The group rows among items: (user, group) and what they show."""
    found = {}
    for item in items:
        if re.match("GRP#", item["pk"]["S"]):
            found.setdefault((item["pk"]["S"], item["message_group_uuid"]["S"]), []).append(
                (item["sk"]["S"], item["message"]["S"]))
    return found
