"""The programs of this folder that a run starts, and tells what to do."""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


class Helper:
    """Prints its port first, takes orders, and in the end prints its counts."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-B", HERE / program, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{program} did not start")
        self.port = int(line)

    def order(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self):
        said, _ = self.process.communicate()
        return json.loads(said) if said.strip() else {}

    def kill(self):
        """If it is still there."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
