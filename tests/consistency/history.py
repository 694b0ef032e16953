"""Clients of the proxies, and the history of what they did and saw.

A run has rounds. Each has partitions of its own, so that a round's history is judged when it is over, and forgotten.
"""
import asyncio
import collections
import itertools
import json
import random
import time

import http1
import oracles
import timing
import upstream

PARTITIONS = 40
ITEMS = ("a", "b", "c", "d")
SHARE_OF_WRITES = 0.05
SHARE_OF_CONSISTENT_READS = 0.05
STAYS = 0.85  # how often a client goes on with the proxy, and the partition, that it has
PADDING = "x" * 60


class Counts:
    """Of the whole run."""

    def __init__(self):
        self.reads = self.failed_reads = 0
        self.cache = collections.Counter()  # X-Cache of each read
        self.near = 0  # hits of the proxy's own memory
        self.writes = collections.Counter()  # outcome
        self.judged = 0  # reads of single items that an oracle has looked at

    @property
    def hit_rate(self):
        return (self.cache["HIT"] + self.cache["STALE"]) / self.reads if self.reads else 0.0


class Shape:
    """A way to ask for items of a partition, and what its replies say about them."""

    def __init__(self, name, operation, asked, consistent=False):
        self.name = name
        self.operation = operation
        self.asked = {"TableName": upstream.TABLE, **asked}
        if consistent:
            self.name += " consistent"
            self.asked["ConsistentRead"] = True
        self.limit = asked.get("Limit")
        self.forward = asked.get("ScanIndexForward", True)

    def request(self, pk):
        text = json.dumps(self.asked).replace('"@pk"', json.dumps(pk))
        return http1.request(self.operation, text.encode())

    def values(self, body):
        """{sk: value} of every item that the reply says anything about; None: it isn't there."""
        found = json.loads(body)
        if self.operation == "GetItem":
            item = found.get("Item")
            return {self.asked["Key"]["sk"]["S"]: item and value_of(item)}
        seen = {item["sk"]["S"]: value_of(item) for item in found["Items"]}
        order = ITEMS if self.forward else ITEMS[::-1]
        if self.limit and len(seen) == self.limit:
            last = max(order.index(sk) for sk in seen)
            order = order[: last + 1]
        return {sk: seen.get(sk) for sk in order}


def value_of(item):
    return int(item["v"]["N"])


def get(sk, **more):
    return Shape(f"GetItem {sk}", "GetItem", {"Key": {"pk": {"S": "@pk"}, "sk": {"S": sk}}}, **more)


def query(name, more=None, **options):
    condition = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "@pk"}}}
    return Shape(f"Query {name}", "Query", {**condition, **(more or {})}, **options)


SHAPES = (
    *(get(sk) for sk in ITEMS),
    query("all"),
    query("first two", {"Limit": 2}),
    query("last", {"Limit": 1, "ScanIndexForward": False}),
)
CONSISTENT_SHAPES = (get("a", consistent=True), query("all", consistent=True))


class Round:
    """One set of partitions and what happened to them."""

    def __init__(self, number, rng):
        self.name = f"round-{number}"
        self.partitions = [f"{self.name}-{i}" for i in range(PARTITIONS)]
        rng.shuffle(self.partitions)
        # Some are much in demand, so that reads and writes of the same items meet.
        self.weights = list(itertools.accumulate(1 / (i + 6) for i in range(PARTITIONS)))
        self.reads = collections.defaultdict(list)
        self.writes = collections.defaultdict(list)
        self.requests = {}

    def request(self, pk, shape):
        known = self.requests.get((pk, shape))
        if known is None:
            known = self.requests[pk, shape] = shape.request(pk)
        return known

    def keys(self):
        return sorted(set(self.reads) | set(self.writes))


class Recorder:
    """What clients share: the cluster, the counters, the round under way."""

    def __init__(self, members, seed):
        self.members = members
        self.seed = seed
        self.counts = Counts()
        self.values = itertools.count(1)
        self.current = None
        self.stops_at = 0.0


class Client:
    def __init__(self, recorder, number):
        self.recorder = recorder
        self.random = random.Random(f"{recorder.seed}-{number}")
        self.callers = {}  # of each proxy the connection
        self.member = None
        self.pk = None

    async def run(self):
        """Until the round's end."""
        r = self.recorder
        while time.monotonic() < r.stops_at:
            self._choose()
            caller = await self._caller()
            if caller is None:
                continue
            if self.random.random() < SHARE_OF_WRITES:
                await self._write(caller)
            else:
                await self._read(caller)
            if self.random.random() < 0.3:
                await asyncio.sleep(self.random.uniform(0, 0.01))
        for caller in self.callers.values():
            caller.transport.abort()
        self.callers.clear()
        self.pk = None

    def _choose(self):
        r, rng = self.recorder, self.random
        if self.member is None or rng.random() > STAYS:
            self.member = rng.choice(r.members)
        if self.pk is None or rng.random() > STAYS:
            self.pk = rng.choices(r.current.partitions, cum_weights=r.current.weights)[0]

    async def _caller(self):
        """The connection to the proxy; None if there is none to be had now."""
        caller = self.callers.get(self.member)
        if caller is not None and not caller.transport.is_closing():
            return caller
        try:
            caller = self.callers[self.member] = await http1.connect(self.member.client_port, timing.CLIENT_TIMEOUT)
            return caller
        except (OSError, asyncio.TimeoutError):
            await asyncio.sleep(0.02)
            self.member = None
            return None

    async def _write(self, caller):
        value, sk = next(self.recorder.values), self.random.choice(ITEMS)
        item = {"pk": {"S": self.pk}, "sk": {"S": sk}, "v": {"N": str(value)}, "padding": {"S": PADDING}}
        data = http1.request("PutItem", json.dumps({"TableName": upstream.TABLE, "Item": item}).encode())
        through = self.member.name
        invoked = time.monotonic_ns()
        outcome = oracles.UNKNOWN
        try:
            status, _, _ = await caller.call(data, timing.CLIENT_TIMEOUT)
            if status == 200:
                outcome = oracles.OK
            elif status == 400:
                outcome = oracles.FAILED
        except (http1.Lost, asyncio.TimeoutError):
            self.member_is_away()
        write = oracles.Write(value, invoked, time.monotonic_ns(), outcome, through)
        self.recorder.current.writes[self.pk, sk].append(write)
        self.recorder.counts.writes[outcome] += 1

    def member_is_away(self):
        """It has been killed, or stopped: for now others get the requests."""
        self.member = None

    async def _read(self, caller):
        counts, rng = self.recorder.counts, self.random
        consistent = rng.random() < SHARE_OF_CONSISTENT_READS
        shape = rng.choice(CONSISTENT_SHAPES if consistent else SHAPES)
        data = self.recorder.current.request(self.pk, shape)
        through = self.member.name
        invoked = time.monotonic_ns()
        try:
            status, head, body = await caller.call(data, timing.CLIENT_TIMEOUT)
        except (http1.Lost, asyncio.TimeoutError):
            counts.failed_reads += 1
            self.member_is_away()
            return
        responded = time.monotonic_ns()
        if status != 200:
            counts.failed_reads += 1
            return
        cache = (http1.header(head, b"x-cache") or b"-").decode()
        counts.reads += 1
        counts.cache[cache] += 1
        if b"detail=near" in (http1.header(head, b"cache-status") or b""):
            counts.near += 1
            cache += " near"
        how = f"{shape.name}, {cache}"
        for sk, value in shape.values(body).items():
            self.recorder.current.reads[self.pk, sk].append(oracles.Read(value, invoked, responded, through, how))


async def play(recorder, clients, current, seconds):
    """One round."""
    recorder.current = current
    recorder.stops_at = time.monotonic() + seconds
    await asyncio.gather(*(client.run() for client in clients))


class Commits:
    """Upstream's commit log, read as it grows."""

    def __init__(self, path):
        self.file = open(path)  # noqa: SIM115  (for as long as the run lasts)
        self.rest = ""

    def close(self):
        self.file.close()

    def of(self, current):
        """{(pk, sk): [(time, value), ...]} of a round that is over; other rounds' late ones are of no interest."""
        found = collections.defaultdict(list)
        *lines, self.rest = (self.rest + self.file.read()).split("\n")
        for line in lines:
            at, pk, sk, value = line.split(" ")
            if pk.rpartition("-")[0] == current.name:
                found[pk, sk].append((int(at), int(value)))
        return found


def judge(mode, current, commits, counts, others_after):
    """[(key, reads, writes, commits, [violations])] of the items that have any. `commits`: None if there is no log."""
    found = []
    for key in current.keys():
        reads, writes = current.reads[key], current.writes[key]
        committed = None if commits is None else commits[key]
        counts.judged += len(reads)
        violations = oracles.judge(mode, reads, writes, committed, others_after=others_after)
        if violations:
            found.append((key, reads, writes, committed or [], violations))
    return found
