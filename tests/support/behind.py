"""Random writes behind a proxy's back, reads through it, and the judge: what a read may not be older than.

Each item has one writer, so that its writes have an order. A write is certainly in the table once its reply is there; a
read is too old if it shows less than what was in the table by the time that the proxy says everything is invalidated
before: in the hit's own header, or in the table's statistics before the read was begun.
"""
import calendar
import http.client
import json
import random
import re
import threading
import time

from support import following, wire

TABLE = "chat"
PARTITIONS, ITEMS, OWNERS = 12, 4, 6


def now():
    return time.time_ns() / 1e6


def milliseconds(text):
    """Of "2024-06-11T18:42:28.336Z"."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z", text)
    return calendar.timegm(time.strptime(found[1], "%Y-%m-%dT%H:%M:%S")) * 1000 + int(found[2])


class Item:
    """The states that an item had: (number or None, when its write was begun, when it was surely done)."""

    def __init__(self, pk, sk):
        self.key = {"pk": {"S": pk}, "sk": {"S": sk}}
        self.owner = f"owner{(int(pk[1:]) * ITEMS + int(sk[1:])) % OWNERS}"
        self.states = [(None, 0, -1)]

    def image(self, number):
        return {**self.key, "v": {"N": str(number)}, "owner": {"S": self.owner}}

    def _last(self, holds):
        """The last state of which this is so; -1: there is none. It mostly is one of the last few."""
        return next((i for i in range(len(self.states) - 1, -1, -1) if holds(*self.states[i])), -1)

    def least(self, since):
        """The state that a read may not be older than."""
        return self._last(lambda number, begun, done: done is not None and done < since)

    def newest(self, number, until):
        """The last state of this number that was there, or on its way, at that time; -1: there was none."""
        return self._last(lambda n, begun, done: n == number and begun <= until)


class History:
    """Items, their writers and their readers."""

    def __init__(self, seed=1):
        self.seed = seed
        self.items = {(p, s): Item(f"p{p}", f"s{s}") for p in range(PARTITIONS) for s in range(ITEMS)}
        self.lock = threading.Lock()
        self.written = 0
        self.violations, self.failures = [], []
        self.reads = self.hits = self.dated = self.behind = 0
        self.done = threading.Event()

    # ---- writing ----

    def write(self, direct, through, n, writer, writers):
        """`n` writes to the items that are this writer's; one in five through a proxy, if one is given."""
        rng = random.Random(f"{self.seed}/{writer}")
        mine = [i for k, i in enumerate(self.items.values()) if k % writers == writer]
        with wire.Wire(direct) as straight:
            try:
                for number in range(1, n + 1):
                    self._write(rng, straight, through, rng.choice(mine), number * writers + writer)
            except Exception as problem:  # pylint: disable=broad-except
                self.failures.append(repr(problem))

    def _write(self, rng, straight, through, item, number):
        operation, body, number = self._made(rng, item, number)
        with self.lock:
            item.states.append((number, now(), None))
            self.written += 1
        if through and rng.random() < 0.2:
            reply = wire.call_once(through(), operation, body)
        else:
            reply = straight.call(operation, body)
        assert reply.status == 200, reply
        with self.lock:
            item.states[-1] = (number, item.states[-1][1], now())

    @staticmethod
    def _made(rng, item, number):
        how = rng.randrange(6)
        if how == 0:
            return "DeleteItem", {"TableName": TABLE, "Key": item.key}, None
        if how == 1:
            return "UpdateItem", {
                "TableName": TABLE, "Key": item.key, "UpdateExpression": "SET v = :v, #o = :o",
                "ExpressionAttributeNames": {"#o": "owner"},
                "ExpressionAttributeValues": {":v": {"N": str(number)}, ":o": {"S": item.owner}}}, number
        image = item.image(number)
        if how == 2:
            return "BatchWriteItem", {"RequestItems": {TABLE: [{"PutRequest": {"Item": image}}]}}, number
        if how == 3:
            return "TransactWriteItems", {"TransactItems": [{"Put": {"TableName": TABLE, "Item": image}}]}, number
        return "PutItem", {"TableName": TABLE, "Item": image}, number

    # ---- reading ----

    def read(self, proxy, reader):
        """Until `done`; a proxy that is killed meanwhile ends it."""
        rng = random.Random(f"{self.seed}/reader/{reader}")
        try:
            with wire.Wire(proxy.endpoint) as through:
                while not self.done.is_set():
                    self._read(rng, through, proxy)
        except (OSError, http.client.HTTPException) as problem:
            if not getattr(proxy, "killed", False):
                self.failures.append(repr(problem))
        except Exception as problem:  # pylint: disable=broad-except
            self.failures.append(repr(problem))

    def _read(self, rng, through, proxy):
        operation, body, items = self._asked(rng)
        since = getattr(proxy, "fresh", None) or 0
        reply = through.ok(operation, body)
        header = reply.headers.get("X-Cache-Fresh-As-Of")
        stated = milliseconds(header) if header else 0
        self._judge(items, reply, max(since, stated), now())
        with self.lock:
            self.reads += 1
            self.hits += reply.cache == "HIT"
            self.dated += bool(header)

    def _asked(self, rng):
        how = rng.randrange(3)
        if how == 0:
            item = rng.choice(list(self.items.values()))
            return "GetItem", {"TableName": TABLE, "Key": item.key}, [item]
        if how == 1:
            partition = rng.randrange(PARTITIONS)
            of_it = [i for (p, _), i in self.items.items() if p == partition]
            return "Query", {"TableName": TABLE, "KeyConditionExpression": "pk = :p",
                             "ExpressionAttributeValues": {":p": {"S": f"p{partition}"}}}, of_it
        owner = f"owner{rng.randrange(OWNERS)}"
        return "Query", {"TableName": TABLE, "IndexName": "by-owner", "KeyConditionExpression": "#o = :o",
                         "ExpressionAttributeNames": {"#o": "owner"}, "ExpressionAttributeValues": {":o": {"S": owner}},
                         }, [i for i in self.items.values() if i.owner == owner]

    def _judge(self, items, reply, since, until):
        found = reply.json["Items"] if "Items" in reply.json else [reply.json.get("Item", {})]
        shown = {(i["pk"]["S"], i["sk"]["S"]): int(i["v"]["N"]) for i in found if i}
        with self.lock:
            for item in items:
                number = shown.get((item.key["pk"]["S"], item.key["sk"]["S"]))
                got, least = item.newest(number, until), item.least(since)
                self.behind += got < item.least(until)
                if got < least:
                    self.violations.append({
                        "item": item.key, "shown": number, "state": got, "least": least, "since": since,
                        "until": until, "cache": reply.cache, "headers": dict(reply.headers.items()),
                        "states": item.states[max(got - 2, 0):least + 3]})

    # ---- what the proxies say ----

    def watch(self, proxies):
        """Keeps each one's `fresh`, which is what its statistics last said."""
        while not self.done.is_set():
            for proxy in proxies:
                try:
                    known = following.stats(proxy, TABLE)["fresh_as_of"]
                    proxy.fresh = max(known or 0, getattr(proxy, "fresh", 0))
                except (OSError, http.client.HTTPException, json.JSONDecodeError) as problem:
                    if not getattr(proxy, "killed", False):
                        self.failures.append(repr(problem))
            self.done.wait(0.02)

    def assert_sound(self):
        assert not self.failures, self.failures[:3]
        assert not self.violations, (len(self.violations), self.violations[:3])
