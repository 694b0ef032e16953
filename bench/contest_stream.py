"""From a write behind the proxy's back to its invalidation: how long a read through the proxy still shows what was."""
import contextlib
import itertools
import random
import threading
import time

import results
import servers
from bench import serving
from support import following, tables, waiting, wire

TABLE = "plain"
SAMPLES, SAMPLES_QUICK = 300, 60
BUSY_PAUSE = 0.02
DEFAULT, QUICK = "500ms", "50ms"
ABOUT = (
    "An item is cached, then written straight to DynamoDB; from that write's reply on it is read through the proxy again and again, "
    "on one connection, until the reply is the new one. Writes come at random moments.",
    "A quiet table is read once per streams.idle_interval; in a busy one (here 50 writes a second to other items, straight to "
    "DynamoDB too) there is always something, and DynamoDB allows five reads of a shard a second.",
    "DynamoDB Local's streams show a record at once. DynamoDB's own say \"near real time\": that time comes on top.",
)


def percentile(found, part):
    return sorted(found)[min(len(found) - 1, int(len(found) * part))]


def key(name):
    return {"pk": {"S": name}, "sk": {"S": "1"}}


class Followed:
    """A proxy that follows the table, and its last number of each item."""

    def __init__(self, bench, name, interval, store=None):
        self.bench, self.name = bench, name
        one = {TABLE: {"ttl": "1h", "stream": "follow", "fresh_as_of": True}}
        # What follows costs next to nothing; the interval is what is measured, so it is nothing else that is tuned.
        more = {"tables": one, "streams": {"idle_interval": interval}}
        behind = bench.database().endpoint
        if store:
            self.server = servers.readaside_on(store, bench, behind, bench.server_core, near="64MiB", **more)
        else:
            self.server = servers.readaside(bench, behind, bench.server_core, **more)
        self.numbers = itertools.count(1)
        self.seconds = []

    def await_following(self, straight):
        """Until a write of some item is seen: the stream has been found, and is read."""
        with wire.Wire(self.server.endpoint) as through:
            waiting.until(lambda: self.sample(straight, through) is not None, f"{self.name} to follow")

    def sample(self, straight, through, patience=30):
        """Seconds from the write's reply to the first read that shows it."""
        name = f"{self.server.port}"
        read = {"TableName": TABLE, "Key": key(name)}
        waiting.until(lambda: through.ok("GetItem", read).cache == "HIT", f"{self.name}: the item to be cached")
        number = str(next(self.numbers))
        straight.ok("PutItem", {"TableName": TABLE, "Item": {**key(name), "n": {"N": number}}})
        began = time.monotonic()
        while True:
            reply = through.ok("GetItem", read)
            took = time.monotonic() - began
            if reply.json.get("Item", {}).get("n", {}).get("N") == number:
                return took
            if took > patience:
                raise servers.Failed(f"{self.name}: a write wasn't seen in {patience} s")


@contextlib.contextmanager
def busy(endpoint):
    """Writes other items, all the time."""
    done = threading.Event()

    def write():
        with wire.Wire(endpoint) as straight:
            for number in itertools.count():
                if done.wait(BUSY_PAUSE):
                    return
                straight.ok("PutItem", {"TableName": TABLE, "Item": {**key(f"busy{number % 50}"), "n": {"N": str(number)}}})

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def measure(bench, followed, pause):
    rng, wait = random.Random(1), threading.Event()
    with wire.Wire(bench.database().endpoint) as straight, wire.Wire(followed.server.endpoint) as through:
        followed.await_following(straight)
        for _ in range(SAMPLES_QUICK if bench.quick else SAMPLES):
            wait.wait(rng.random() * pause)  # so that writes don't keep step with the reads of the shard
            followed.seconds.append(followed.sample(straight, through))
    found = [s * 1000 for s in followed.seconds]
    bench.progress(f"{followed.name}: p50 {percentile(found, 0.5):.0f} ms, p99 {percentile(found, 0.99):.0f} ms")
    return [followed.name, percentile(found, 0.5), percentile(found, 0.99), max(found), len(found)]


def alone(bench, name, interval, pause):
    followed = Followed(bench, name, interval)
    with serving(followed.server):
        return measure(bench, followed, pause)


def beside(bench):
    """Of two proxies on one Redis the one that doesn't read the shard: the other one's work must reach it."""
    with serving(servers.redis(bench, bench.server_core)) as (store,):
        leading = Followed(bench, "the one that reads the shard", DEFAULT, store)
        with serving(leading.server):
            with wire.Wire(bench.database().endpoint) as straight:
                leading.await_following(straight)
            other = Followed(bench, f"two on one Redis, the other one; quiet, {DEFAULT}", DEFAULT, store)
            with serving(other.server):
                return measure(bench, other, 0.5)


def run(bench):
    with wire.Wire(bench.database().endpoint) as straight:
        tables.create(straight, following.streamed(tables.plain()))
    rows = [alone(bench, f"quiet, {DEFAULT} (the default)", DEFAULT, 0.5), alone(bench, f"quiet, {QUICK}", QUICK, 0.05)]
    with busy(bench.database().endpoint):
        rows.append(alone(bench, "busy", DEFAULT, 0.2))
    rows.append(beside(bench))
    columns = ["", "p50, ms", "p99, ms", "most, ms", "writes"]
    shown = results.table("From a write's reply to its invalidation", columns, rows, chart=1, unit="ms")
    return results.contest("Following a stream", ABOUT, tables=[shown])
