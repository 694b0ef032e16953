"""Growth: what a hit costs, and what an entry costs, when there are many."""
import json
import pathlib
import re
import statistics
import time

import fixed
import loadgen_run
import results
import rounds
import servers
from bench import serving
from support import wire

TABLE = "growth"
BATCH = 100  # BatchGetItem's most
BODY = 200
DIGESTS = 64  # of the unit and of the request: they are the key
SIZES = (10_000, 1_000_000, 10_000_000)
SPELLINGS = 32
PRIMING = 128  # connections that fill
WARM_UP_SECONDS = 1
SCHEMA = {
    "TableName": TABLE,
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}
SAME, SPELT = "always the same bytes", "other bytes each time"
ABOUT = (
    f"GetItem of uniformly random keys, all of them cached in this process; a reply's body has {BODY} bytes. A process for "
    "each size, all alive at once, on the same core in turn.",
    "They are filled through HTTP, 100 entries with each BatchGetItem, from an upstream that makes the items up.",
    f"The target is for hits on one path: each key is asked for in one of {SPELLINGS} spellings (white space), so that hardly any "
    "request comes twice within a second, and every size does the same work for a hit but for finding it. What is shown beside it, "
    "always the same bytes, compares two paths: a request that comes again byte for byte within a second, of up to 4,096, isn't "
    "parsed again; with 10,000 keys that is many of them, with 10 million none.",
    f"Overhead is resident memory, less that of the process after its first {PRIMING} batches, one on each connection, when its "
    f"buffers have grown; per entry since then, beyond the body and {DIGESTS} bytes of digests.",
)


class Grown:
    """A readaside with `entries` entries."""

    def __init__(self, bench, behind, entries):
        self.bench = bench
        self.entries = entries
        cache = {"max_bytes": "16GiB"}
        tables = {TABLE: {"ttl": "24h"}}
        self.server = servers.readaside(bench, behind, bench.server_core, f"growth-{entries}", tables=tables, cache=cache)
        self.cpu = {SAME: [], SPELT: []}
        self.overhead = self.filled_in = None

    def workload(self, name, keys, operations):
        file = pathlib.Path(self.bench.folder, f"growth-{self.entries}-{name}.json")
        file.write_text(json.dumps({"table": TABLE, "keys": keys, "operations": operations}), encoding="utf-8")
        return file

    def fill(self):
        keys = [{"id": {"S": f"{{key:8}}{low:02}"}} for low in range(BATCH)]
        operation = {"name": "fill", "operation": "BatchGetItem", "distribution": "seq"}
        operation["request"] = {"RequestItems": {TABLE: {"Keys": keys}}}
        file = self.workload("fill", self.entries // BATCH, [operation])
        primed = min(PRIMING, self.entries // BATCH)
        first = self.send(file, "-n", primed, "-c", primed)
        if first["outcomes"]["miss"]["count"] != primed:
            raise servers.Failed(f"what is to be filled was there already: {first['outcomes']}")
        before, began = self.resident(), time.monotonic()
        self.send(file, "-n", self.entries // BATCH, "-c", PRIMING)
        self.filled_in = time.monotonic() - began
        with wire.Wire(self.server.endpoint) as client:
            last = client.call("GetItem", {"TableName": TABLE, "Key": {"id": {"S": f"{self.entries - 1:010}"}}})
        if last.cache != "HIT" or len(last.body) != BODY:
            raise servers.Failed(f"{self.entries} entries: the last one isn't there as it should be: {last}")
        more = self.entries - primed * BATCH
        self.overhead = (self.resident() - before) / more - BODY - DIGESTS if more else None

    def resident(self):
        text = pathlib.Path("/proc", str(self.server.process.pid), "status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) * 1024

    def send(self, file, *options):
        return loadgen_run.run(self.bench, self.server.endpoint, "-w", file, "--no-sign", *options)

    def spelt(self, number):
        """GetItem with so much white space in it; the tokens are the same."""
        text = f'{{{{"TableName":"{TABLE}",{" " * number}"Key":{{{{"id":{{{{"S":"{{key:10}}"}}}}}}}}}}}}'
        headers = {"X-Amz-Target": "DynamoDB_20120810.GetItem", "Content-Type": "application/x-amz-json-1.0"}
        return {"name": f"get {number}", "method": "POST", "path": "/", "headers": headers, "text": text, "kind": "read",
                "distribution": "uniform", "weight": 1}  # fmt: skip

    def load(self, kind, seconds, seed):
        spellings = 1 if kind == SAME else SPELLINGS
        operations = [self.spelt(number) for number in range(spellings)]
        file = self.workload(f"get-{spellings}", self.entries, operations)
        before = self.server.cpu_seconds()
        report = self.send(file, "-d", f"{seconds}s", "--seed", seed)
        if report["outcomes"]["hit"]["count"] != report["requests"]:
            raise servers.Failed(f"{self.entries} entries: not every read was a hit: {report}")
        return (self.server.cpu_seconds() - before) / report["requests"] * 1e6

    def round(self, kind, number):
        self.cpu[kind].append(self.load(kind, self.bench.seconds, number + 2))
        self.bench.progress(
            f"round {number + 1}/{self.bench.rounds}, {self.entries} entries, {kind}: {self.cpu[kind][-1]:.1f} µs of CPU each"
        )


def measure(bench, grown):
    for each in grown:
        each.fill()
        bench.progress(f"{each.entries} entries filled in {each.filled_in:.1f} s")
    runs = [(each, kind) for each in grown for kind in (SAME, SPELT)]
    for each, kind in runs:
        each.load(kind, WARM_UP_SECONDS, 1)
    rounds.in_turn(bench, runs, lambda one, number: one[0].round(one[1], number))


def shown(grown):
    columns = ["", "CPU per hit, µs: median", "min", "max"]
    rows = []
    for kind in (SAME, SPELT):
        for each in grown:
            found = each.cpu[kind]
            rows.append([f"{each.entries:,} entries, {kind}", statistics.median(found), min(found), max(found)])
    yield results.table("CPU per hit", columns, rows, chart=1, unit="µs")
    columns = ["", "overhead per entry, bytes", "filled in, s"]
    rows = [[f"{each.entries:,} entries", each.overhead, each.filled_in] for each in grown]
    yield results.table("Memory", columns, rows)


def targets(grown):
    least, most = grown[0], grown[-1]
    value = statistics.median(most.cpu[SPELT]) / statistics.median(least.cpu[SPELT])
    yield results.target(f"growth: CPU per hit, {most.entries:,} entries / {least.entries:,}, {SPELT}", value, 1.15)
    what = f"growth: overhead per entry at {most.entries:,}, bytes beyond key digest and body"
    yield results.target(what, most.overhead, 96)


def run(bench):
    sizes = SIZES[:2] if bench.quick else SIZES
    upstream = servers.fixed_reply(bench, fixed.table(SCHEMA), b"{}", bench.client_core, item_bytes=BODY)
    with serving(upstream):
        grown = [Grown(bench, upstream.endpoint, entries) for entries in sizes]
        with serving(*(each.server for each in grown)):
            measure(bench, grown)
    return results.contest("Growth", ABOUT, tables=shown(grown), targets=targets(grown))
