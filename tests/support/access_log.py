"""A proxy's access log: its lines as dicts, each of which must be whole."""
import json
import pathlib

from support import waiting


class AccessLog:
    """The file, from wherever the last look at it ended."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.seen = 0

    def lines(self):
        """All that is there, parsed."""
        data = self.path.read_bytes() if self.path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        return [parse(line) for line in whole.splitlines()]

    def next(self, count=1):
        """The next lines, once they are there; nothing may stand beyond them."""
        waiting.until(lambda: len(self.lines()) >= self.seen + count, f"{count} more lines in {self.path}")
        found = self.lines()[self.seen :]
        assert len(found) == count, found
        self.seen += count
        return found if count != 1 else found[0]


def parse(line):
    """Strictly: ASCII, at most 4 KiB, nothing twice."""
    assert len(line) < 4096, line
    assert all(0x20 <= byte < 0x7F for byte in line), line

    def members(pairs):
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), line
        return dict(pairs)

    return json.loads(line, object_pairs_hook=members)
