"""Many clients at once: no read is older than the newest write that was acknowledged before it began.

Each key has one writer, which counts up; each reader notes the count acknowledged so far, reads, and must not see
less. Clients come and go in mid-request. READASIDE_STEPS says how many reads there are in all, READASIDE_SEED where
their choices begin.
"""
import concurrent.futures
import os
import random
import threading

import pytest

from support import raw

READS = int(os.environ.get("READASIDE_STEPS", "3000"))
SEED = int(os.environ.get("READASIDE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
TABLE = "chat"
KEYS = [{"pk": {"S": f"room-{n % 2}"}, "sk": {"S": str(n)}} for n in range(4)]
READERS = 8
ROOM_OF = {n: f"room-{n % 2}" for n in range(4)}


class Ledger:
    """The newest acknowledged version of each key."""

    def __init__(self):
        self.acknowledged = [0] * len(KEYS)
        self.stop = threading.Event()


def put(n, version):
    return {"TableName": TABLE, "Item": {**KEYS[n], "owner": {"S": "ann"}, "version": {"N": str(version)}}}


def update(n, version):
    return {
        "TableName": TABLE,
        "Key": KEYS[n],
        "UpdateExpression": "SET version = :v",
        "ExpressionAttributeValues": {":v": {"N": str(version)}},
    }


def write(proxy, ledger, n, rng):
    """Counts key `n` up until told to stop, with now and then a pause of one read, so that reads hit too."""
    with proxy.wire() as wire:
        while not ledger.stop.is_set():
            version = ledger.acknowledged[n] + 1
            how = rng.randrange(3)
            if how == 0:
                wire.ok("PutItem", put(n, version))
            elif how == 1:
                wire.ok("UpdateItem", update(n, version))
            else:
                wire.ok("BatchWriteItem", {"RequestItems": {TABLE: [{"PutRequest": {"Item": put(n, version)["Item"]}}]}})
            ledger.acknowledged[n] = version
            for _ in range(rng.randrange(4)):
                wire.ok("GetItem", {"TableName": TABLE, "Key": KEYS[n]})


def versions(reply, items):
    found = {i["sk"]["S"]: int(i["version"]["N"]) for i in items}
    return [(int(sk), version, reply.cache) for sk, version in found.items()]


def read(wire, rng):
    """One random read; returns (key number, version, X-Cache) of what it saw."""
    n = rng.randrange(len(KEYS))
    how = rng.randrange(4)
    if how == 0:
        reply = wire.ok("GetItem", {"TableName": TABLE, "Key": KEYS[n]})
        return versions(reply, [reply.json["Item"]])
    if how == 1:
        reply = wire.ok("BatchGetItem", {"RequestItems": {TABLE: {"Keys": KEYS}}})
        return versions(reply, reply.json["Responses"][TABLE])
    body = {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": ROOM_OF[n]}},
    }
    if how == 3:
        body["ScanIndexForward"] = False
    reply = wire.ok("Query", body)
    return versions(reply, reply.json["Items"])


def reader(proxy, ledger, rng, count):
    hits = 0
    with proxy.wire() as wire:
        for _ in range(count):
            before = list(ledger.acknowledged)
            for n, version, cache in read(wire, rng):
                assert version >= before[n], f"READASIDE_SEED={SEED}: {cache}: key {n} is {version}, was {before[n]}"
                hits += cache == "HIT"
    return hits


def leaver(proxy, ledger, rng):
    """Sends requests and leaves without waiting for the reply, politely or not."""
    while not ledger.stop.is_set():
        body = {"TableName": TABLE, "Key": KEYS[rng.randrange(len(KEYS))]}
        with raw.connect(proxy.port) as sock:
            sock.sendall(raw.request("GetItem", body))
            if rng.random() < 0.5:
                raw.reset_on_close(sock)
        proxy.call("GetItem", body)  # so that these don't come faster than the others


@pytest.mark.parametrize("threads", [1, 3])
def test_no_read_is_older_than_what_was_acknowledged(chat, proxy_factory, ddb_local, direct, threads):
    changes = {"listen": {"threads": threads}, "upstream": {"request_timeout": "30s"}}
    proxy = proxy_factory(ddb_local.endpoint, changes)
    for n in range(len(KEYS)):
        direct.ok("PutItem", put(n, 0))
    ledger = Ledger()
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        others = [pool.submit(write, proxy, ledger, n, random.Random(SEED + n)) for n in range(len(KEYS))]
        others.append(pool.submit(leaver, proxy, ledger, random.Random(SEED - 1)))
        readers = [
            pool.submit(reader, proxy, ledger, random.Random(SEED + 100 + n), READS // READERS) for n in range(READERS)
        ]
        try:
            hits = sum(r.result() for r in readers)
        finally:
            ledger.stop.set()
        for other in others:
            other.result()
    print(f"seed {SEED}: {hits} items from hits, {sum(ledger.acknowledged)} writes")
    assert hits > 0 and sum(ledger.acknowledged) > 0, "the test shows nothing"
