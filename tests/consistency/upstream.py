"""A stand-in for DynamoDB that does everything the protocol has to live with, and writes down what it did.

One table with a partition key `pk` and a sort key `sk`. A write takes effect at one instant, its commit, which is
noted in the commit log. Until then, and after, much can go wrong (`Hazards`): it commits long after the client has
given up, though never once its signature is older than the fence; it is refused; its reply is lost, or is a 500
though it has happened or is still going to. A read sees the table at one instant too, and its reply may be slow to
leave; without ConsistentRead it sees the table as it was a moment ago.

Run as a program it prints its port, serves until its standard input ends, and then prints its counts. Orders come as
lines on that: `late SHARE` makes so many more of the writes late.
"""
import argparse
import asyncio
import bisect
import calendar
import collections
import json
import random
import time

import http1
import orders
import timing

TABLE = "rooms"
DESCRIPTION = {
    "TableName": TABLE,
    "TableStatus": "ACTIVE",
    "TableArn": f"arn:aws:dynamodb:us-east-1:000000000000:table/{TABLE}",
    "TableId": "00000000-0000-4000-8000-000000000000",
    "CreationDateTime": 1767225600,
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
}


class Hazards:
    """How likely each mishap is. They are told apart by one random number per request."""

    WRITES = (
        ("late", 0.006),  # commits between the proxy's deadline and the fence, or just past it
        ("slow", 0.050),  # commits a little later; the reply takes its time, too
        ("refused", 0.010),  # 400: it doesn't happen
        ("failed", 0.001),  # 500: it doesn't happen
        ("failed-done", 0.001),  # 500: it has happened
        ("failed-late", 0.003),  # 500: it is going to happen
        ("lost", 0.001),  # the connection breaks: it doesn't happen
        ("lost-done", 0.002),  # the connection breaks: it has happened
        ("silent-done", 0.001),  # it has happened, and no reply ever comes
    )
    READS = (
        ("slow", 0.040),  # what was read is a while on its way
        ("waits", 0.040),  # it is read a while later
        ("silent", 0.002),  # no reply ever comes
        ("failed", 0.002),
        ("lost", 0.002),
    )

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.counts = collections.Counter()
        self.late = 0.0  # so many of the writes are late, on top

    def order(self, line):
        word, _, value = line.strip().partition(" ")
        if word == "late":
            self.late = float(value)

    def of_write(self):
        return self.of((("late", self.late),), "write") or self.of(self.WRITES, "write")

    def of(self, kinds, what):
        drawn = self.random.random()
        for name, share in kinds:
            if drawn < share:
                self.counts[f"{what} {name}"] += 1
                return name
            drawn -= share
        return None

    def between(self, least, most):
        return self.random.uniform(least, most)


class Table:
    """Items as they were committed: of each its newest body, and for reads that aren't consistent the one before."""

    def __init__(self, log):
        self.partitions = collections.defaultdict(dict)  # pk -> sk -> [(committed, body), ...], at most two
        self.sorted = collections.defaultdict(list)  # pk -> sks in order
        self.log = log

    def commit(self, pk, sk, item):
        """The instant at which a write takes effect. The time is taken after it: nothing is called older than it is."""
        versions = self.partitions[pk].get(sk)
        if versions is None:
            bisect.insort(self.sorted[pk], sk)
            versions = self.partitions[pk][sk] = []
        body = json.dumps(item)
        versions.append((time.monotonic(), body))
        del versions[:-2]
        self.log.write(f"{time.monotonic_ns()} {pk} {sk} {item['v']['N']}\n")

    def item(self, pk, sk, consistent, lag):
        """Its text, or None."""
        versions = self.partitions[pk].get(sk) if pk in self.partitions else None
        if not versions:
            return None
        if consistent or time.monotonic() - versions[-1][0] > lag:
            return versions[-1][1]
        return versions[-2][1] if len(versions) > 1 else None

    def query(self, pk, consistent, lag, limit, forward):
        """Texts of items, and whether there are more."""
        names = self.sorted[pk] if pk in self.sorted else []
        names = names if forward else names[::-1]
        found = []
        last = None
        for position, sk in enumerate(names):
            text = self.item(pk, sk, consistent, lag)
            if text is not None:
                found.append(text)
                last = sk
            if limit and len(found) == limit:
                return found, (last if position + 1 < len(names) else None)
        return found, None


def signed_at(head):
    """When the request was signed, by its own word: Unix time in whole seconds."""
    date = http1.header(head, b"x-amz-date")
    return calendar.timegm(time.strptime(date.decode(), "%Y%m%dT%H%M%SZ"))


class Server(http1.Messages):
    """One connection."""

    table = None
    hazards = None
    fence = timing.FENCE
    lag = 0.5  # what a read that isn't consistent may miss

    def message(self, head, body):
        target = http1.header(head, b"x-amz-target")
        if target is None:
            # Somebody wants to know what time it is.
            self.send(http1.reply(200, b"{}"))
            return
        operation = target.rpartition(b".")[2].decode()
        self.hazards.counts[operation] += 1
        asked = json.loads(body)
        if operation == "PutItem":
            self.write(signed_at(head), asked["Item"])
        elif operation in ("GetItem", "Query"):
            self.read(operation, asked)
        elif operation == "DescribeTable":
            self.send(http1.reply(200, json.dumps({"Table": DESCRIPTION}).encode()))
        else:
            self.send(http1.error(400, "UnknownOperationException", operation))

    # ---- writes ----

    def write(self, signed, item):
        h, later = self.hazards, asyncio.get_running_loop().call_later
        kind = h.of_write()
        if kind is None:
            later(h.between(0, 0.002), self.carry_out, signed, item, h.between(0, 0.001))
        elif kind == "slow":
            later(h.between(0, 0.06), self.carry_out, signed, item, h.between(0, 0.06))
        elif kind == "late":
            later(h.between(timing.REQUEST_TIMEOUT, self.fence * 1.05), self.carry_out, signed, item, 0)
        elif kind == "refused":
            later(h.between(0, 0.01), self.send, http1.error(400, "ConditionalCheckFailedException", "made up"))
        elif kind.startswith("failed"):
            if kind == "failed-late":
                later(h.between(0.05, self.fence * 1.05), self.carry_out, signed, item, None)
            elif kind == "failed-done":
                self.carry_out(signed, item, None)
            later(h.between(0, 0.01), self.send, http1.error(500, "InternalServerError", "made up"))
        else:
            if kind != "lost":
                self.carry_out(signed, item, None)
            if kind != "silent-done":
                later(h.between(0, 0.01), self.transport.abort)

    def carry_out(self, signed, item, answers_in):
        """Commits, unless the signature has expired; None: nobody is told."""
        if time.time() - signed > self.fence:
            self.hazards.counts["write fenced"] += 1
            answer = http1.error(400, "InvalidSignatureException", "Signature expired")
        else:
            self.table.commit(item["pk"]["S"], item["sk"]["S"], item)
            self.hazards.counts["write committed"] += 1
            if self.transport.is_closing():
                self.hazards.counts["write committed after the proxy had left"] += 1
            answer = http1.reply(200, b"{}")
        if answers_in is not None:
            asyncio.get_running_loop().call_later(answers_in, self.send, answer)

    # ---- reads ----

    def read(self, operation, asked):
        h, later = self.hazards, asyncio.get_running_loop().call_later
        kind = h.of(h.READS, "read")
        if kind == "silent":
            return
        if kind == "failed":
            self.send(http1.error(500, "InternalServerError", "made up"))
        elif kind == "lost":
            self.transport.abort()
        elif kind == "waits":
            later(h.between(0, 0.1), self.look, operation, asked, 0)
        elif kind == "slow":
            self.look(operation, asked, h.between(0, 0.15))
        else:
            self.look(operation, asked, h.between(0, 0.003))

    def look(self, operation, asked, answers_in):
        """What is read is fixed now, whenever it arrives."""
        consistent = asked.get("ConsistentRead", False)
        self.hazards.counts["read consistent" if consistent else "read not consistent"] += 1
        lag = self.hazards.between(0, self.lag)
        body = self.get_item(asked, consistent, lag) if operation == "GetItem" else self.query(asked, consistent, lag)
        asyncio.get_running_loop().call_later(answers_in, self.send, http1.reply(200, body.encode()))

    def get_item(self, asked, consistent, lag):
        text = self.table.item(asked["Key"]["pk"]["S"], asked["Key"]["sk"]["S"], consistent, lag)
        return "{}" if text is None else f'{{"Item":{text}}}'

    def query(self, asked, consistent, lag):
        pk = asked["ExpressionAttributeValues"][":pk"]["S"]
        forward = asked.get("ScanIndexForward", True)
        found, last = self.table.query(pk, consistent, lag, asked.get("Limit"), forward)
        more = "" if last is None else f',"LastEvaluatedKey":{{"pk":{{"S":"{pk}"}},"sk":{{"S":"{last}"}}}}'
        return f'{{"Count":{len(found)},"Items":[{",".join(found)}],"ScannedCount":{len(found)}{more}}}'


async def serve(options):
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    with open(options.log, "w", buffering=1) as log:
        Server.table, Server.hazards, Server.fence = Table(log), Hazards(options.seed), options.fence
        server = await loop.create_server(Server, "127.0.0.1", 0, backlog=1024)
        print(server.sockets[0].getsockname()[1], flush=True)
        orders.obey(Server.hazards.order, loop, ended)
        await ended.wait()
    print(json.dumps(Server.hazards.counts), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fence", type=float, default=timing.FENCE)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
