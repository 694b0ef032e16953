"""Stands between the proxies and Redis: passes bytes on, late if told so, and cuts connections at a bad moment.

Orders come as lines on standard input: `delay SECONDS` (each way, up to), `cut-before` and `cut-after` (the next
connection that sends a BEGIN breaks before Redis gets it, or once Redis has carried it out and before its
acknowledgement gets back), `cut-all`. The end of the input ends it. Prints its port first, and in the end its counts.
"""
import asyncio
import collections
import json
import random
import re
import sys

import orders

# EVALSHA of a script with one key and two arguments, of which the second is a time of a second or more: only BEGIN
# has such. The markers that are set anew when a connection is made are BEGINs as well.
BEGIN = re.compile(rb"\*6\r\n\$7\r\nEVALSHA\r\n\$40\r\n[0-9a-f]{40}\r\n\$1\r\n1\r\n\$\d+\r\n[^\r]+\r\n\$\d+\r\n[^\r]+\r\n\$[4-9]\r\n\d+\r\n")


class Forwarder:
    def __init__(self, port, seed):
        self.port = port
        self.random = random.Random(seed)
        self.delay = 0.0
        self.cut = None
        self.connections = set()
        self.counts = collections.Counter()

    def order(self, line):
        word, _, value = line.strip().partition(" ")
        if word == "delay":
            self.delay = float(value)
        elif word in ("cut-before", "cut-after"):
            self.cut = word
        elif word == "cut-all":
            for connection in list(self.connections):
                connection.close()
            self.counts["cut all"] += 1

    async def accept(self, reader, writer):
        connection = Connection(self, writer)
        self.connections.add(connection)
        try:
            await connection.run(reader)
        finally:
            connection.close()
            self.connections.discard(connection)


class Connection:
    def __init__(self, forwarder, client):
        self.forwarder = forwarder
        self.client = client
        self.redis = None
        self.muted = False  # nothing that Redis says reaches the client any more

    def close(self):
        for writer in (self.client, self.redis):
            if writer is not None:
                writer.transport.abort()

    async def run(self, reader):
        try:
            replies, self.redis = await asyncio.open_connection("127.0.0.1", self.forwarder.port)
        except OSError:
            return
        ways = [self.carry(reader, self.to_redis), self.carry(replies, self.to_client)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def carry(self, reader, deliver):
        """In order, each piece held up for a while of its own; returns when there is nothing more to carry."""
        while True:
            data = await reader.read(1 << 16)
            if not data:
                return
            if self.forwarder.delay:
                await asyncio.sleep(self.forwarder.random.uniform(0, self.forwarder.delay))
            if not deliver(data):
                return

    def to_redis(self, data):
        begin = BEGIN.search(data) if self.forwarder.cut else None
        if begin is None:
            self.redis.write(data)
            return True
        how, self.forwarder.cut = self.forwarder.cut, None
        self.forwarder.counts[how] += 1
        if how == "cut-before":
            self.redis.write(data[: begin.start()])
            return False
        self.redis.write(data[: begin.end()])
        self.muted = True
        return True

    def to_client(self, data):
        if self.muted:
            return False
        self.client.write(data)
        return True


async def main():
    forwarder, ended = Forwarder(int(sys.argv[1]), int(sys.argv[2])), asyncio.Event()
    server = await asyncio.start_server(forwarder.accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    orders.obey(forwarder.order, asyncio.get_running_loop(), ended)
    await ended.wait()
    print(json.dumps(forwarder.counts), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
