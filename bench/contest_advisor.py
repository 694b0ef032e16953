"""The TTL advisor: what it says of a workload, beside the same workload replayed at each TTL for real."""
import json
import subprocess

import results
import servers

KEYS, MS_BETWEEN = 100_000, 20
WORKLOADS = [(zipf, writes) for zipf in (0.8, 0.99) for writes in (0.05, 0.2)]
LIMIT = 1  # percentage point
EVENTS = 50_000  # a second, of one pattern
ABOUT = (
    f"Reads and writes of {KEYS:,} keys by Zipf's law, {MS_BETWEEN} ms apart on average, on a clock that is passed in. The advisor sees "
    "them once. Then the same are replayed through the in-process store, from empty, at each of its TTLs: a lookup for each read, a fill "
    "for each miss, a marker for each write.",
    "The error is the mean, over the TTLs, of how far the advisor's hit ratio is from the one that the replay had, in percentage points.",
    f"CPU is the advisor's own, per read or write, on one core; at {EVENTS:,} a second of one pattern it must not take more than 2 % of it.",
)


def replay(bench, operations, zipf, writes):
    command = ["taskset", "-c", bench.server_core, bench.advisor_replay, zipf, writes, operations, KEYS, MS_BETWEEN, 1]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise servers.Failed(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def name(zipf, writes):
    return f"zipf {zipf:g}, {writes * 100:.0f} % writes"


def duration(ms):
    for unit, length in (("h", 3_600_000), ("m", 60_000)):
        if ms >= length and ms % length == 0:
            return f"{ms // length}{unit}"
    return f"{ms // 1000}s"


def shown(found):
    columns = ["", "mean error, points", "largest", "followed exactly, % of reads", "CPU, ns per event", "bytes"]
    rows = []
    for which, one in found.items():
        largest = max(abs(p["real"] - p["estimated"]) for p in one["points"])
        rows.append([which, one["mean_error"] * 100, largest * 100, one["exact"] * 100, one["ns_per_event"], one["bytes"]])
    yield results.table("Hit ratios, estimated and real", columns, rows, chart=1)
    for which, one in found.items():
        points = [[duration(p["ttl_ms"]), p["real"] * 100, p["estimated"] * 100] for p in one["points"]]
        yield results.table(f"The curve: {which}", ["TTL", "hit ratio replayed, %", "estimated, %"], points)


def targets(found):
    for which, one in found.items():
        yield results.target(f"advisor: mean absolute error of hit ratios, percentage points, {which}", one["mean_error"] * 100, LIMIT)
    cpu = max(one["ns_per_event"] for one in found.values())
    yield results.target(f"advisor: share of a core at {EVENTS:,} events a second of one pattern, %", cpu * EVENTS / 1e9 * 100, 2)
    yield results.target("advisor: bytes of one pattern", max(one["bytes"] for one in found.values()), 1 << 20)


def run(bench):
    operations = 300_000 if bench.quick else 1_000_000
    found = {}
    for zipf, writes in WORKLOADS:
        one = found[name(zipf, writes)] = replay(bench, operations, zipf, writes)
        bench.progress(f"{name(zipf, writes)}: {operations:,} operations, mean error {one['mean_error']:.4f}")
    about = (f"{operations:,} operations for each workload.", *ABOUT)
    return results.contest("TTL advisor", about, tables=shown(found), targets=targets(found))
