"""Words that are counted by: every reason for which a read bypasses the cache is one that the metrics know."""
import re

import sources

# Words of these files that look like reasons and are none: headers, and what else Cache-Status says.
OTHERS = {
    "content-encoding", "content-length", "content-type", "keep-alive", "transfer-encoding", "x-amz-crc32",
    "x-amz-target", "uncacheable-operation",
}  # fmt: skip
WHERE = {"proxy": ("op_*.c", "op.c", "request*.c"), "cache": ("*_store*.c",)}


def test_every_reason_has_a_number():
    listed = (sources.ROOT / "proxy" / "metrics_words.c").read_text()
    known = set(re.findall(r'"([a-z0-9-]+)"', listed.split("reasons[] = {")[1].split("};")[0]))
    given = {
        word
        for folder, patterns in WHERE.items()
        for pattern in patterns
        for path in (sources.ROOT / folder).glob(pattern)
        for word in re.findall(r'"([a-z]+(?:-[a-z0-9]+)+)"', path.read_text())
    }
    assert len(given & known) > 25, "the finder finds"
    assert given - OTHERS <= known, given - OTHERS - known
