"""A program on a terminal of its own (a pty): what it draws, keys, its size, and what it leaves behind."""
import fcntl
import os
import re
import struct
import subprocess
import termios
import threading

from support import processes, waiting

HOME = "\x1b[H"
ESCAPE = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]")


def plain(text):
    return ESCAPE.sub("", text)


def _take_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """Runs `command` with a screen of `columns` by `lines`. What it draws over is told apart by going home."""

    def __init__(self, command, columns=100, lines=40, environment=None):
        self.master, self.slave = os.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self.slave)
        self.output = b""
        kept = processes.child_environment({"TERM": "xterm", "LC_ALL": "C.UTF-8", **(environment or {})})
        self.process = subprocess.Popen(
            command, stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE, env=kept,
            preexec_fn=_take_terminal,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                some = os.read(self.master, 65536)
            except OSError:
                return
            if not some:
                return
            self.output += some

    def resize(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def press(self, keys):
        os.write(self.master, keys)

    @property
    def text(self):
        return self.output.decode(errors="replace")

    def frames(self):
        """What has been drawn, whole: each a list of lines without escapes. The last one may be on its way."""
        drawn = self.text.split(HOME)[1:]
        whole = [plain(frame.partition("\x1b[J")[0]) for frame in drawn if "\x1b[J" in frame]
        return [[line.rstrip("\r") for line in frame.split("\n")] for frame in whole]

    def until_frame(self, good, what):
        """The first frame from now on, or the last one, that is good."""

        def look():
            frames = self.frames()
            return next((frame for frame in frames[-1:] if good(frame)), None)

        return waiting.until(look, f"{what} in {self.text[-3000:]!r}")

    def end(self):
        """Awaits its end: (status, what it said on stderr)."""
        try:
            _, said = self.process.communicate(timeout=waiting.PATIENCE)
        finally:
            self.process.kill()
        return self.process.returncode, said.decode()

    def is_as_before(self):
        return termios.tcgetattr(self.slave) == self.before

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.slave)
        self._reader.join(waiting.PATIENCE)
        os.close(self.master)
