"""Stands between a proxy and Redis: passes bytes on, late if told so, and strikes at a bad moment.

Orders come as lines on standard input, whose end ends it. Prints its port first, and in the end its counts.

    to PORT         where connections go that are made from now on
    delay SECONDS   each way, up to
    hang, flow      nothing is passed on, either way, until it flows again
    deafen, hear    what Redis tells those who have subscribed to it hangs
    cut-all         breaks all connections
    cut-before      the next connection that sends a BEGIN breaks before Redis gets it,
    cut-after       or once Redis has carried it out, before its acknowledgement gets back
    stop-after PID  that process is stopped when the acknowledgement of the next BEGIN gets there, or a moment later
    forget          nothing happens at the next BEGIN
"""
import asyncio
import collections
import json
import os
import random
import re
import signal
import sys
import time

import orders

# EVALSHA of a script with one key and two arguments, of which the second is a time of a second or more: only BEGIN
# has such. The markers that are set anew when a connection is made are BEGINs as well.
BEGIN = re.compile(rb"\*6\r\n\$7\r\nEVALSHA\r\n\$40\r\n[0-9a-f]{40}\r\n\$1\r\n1\r\n\$\d+\r\n[^\r]+\r\n\$\d+\r\n[^\r]+\r\n\$[4-9]\r\n\d+\r\n")

SUBSCRIBE = b"\r\n$9\r\nSUBSCRIBE\r\n"

MOMENT = 0.0002  # seconds in which a proxy does what it does on an acknowledgement


class Forwarder:
    def __init__(self, port, seed):
        self.port = port
        self.random = random.Random(seed)
        self.delay = 0.0
        self.flows, self.hears = asyncio.Event(), asyncio.Event()
        self.flows.set()
        self.hears.set()
        self.at_begin = None  # what happens at the next one
        self.pid = None
        self.connections = set()
        self.counts = collections.Counter()

    def order(self, line):
        word, _, value = line.strip().partition(" ")
        if word == "delay":
            self.delay = float(value)
        elif word == "to":
            self.port = int(value)
        elif word == "hang":
            self.flows.clear()
        elif word == "flow":
            self.flows.set()
        elif word == "deafen":
            self.hears.clear()
        elif word == "hear":
            self.hears.set()
        elif word in ("cut-before", "cut-after", "stop-after"):
            self.at_begin = word
            self.pid = int(value or 0)
        elif word == "forget":
            self.at_begin = None
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
        self.then = None  # what happens once Redis has answered
        self.listens = False  # it has subscribed to something

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
            await self.forwarder.flows.wait()
            if not data:
                return
            if self.forwarder.delay:
                await asyncio.sleep(self.forwarder.random.uniform(0, self.forwarder.delay))
            if not await deliver(data):
                return

    async def to_redis(self, data):
        forwarder = self.forwarder
        self.listens = self.listens or SUBSCRIBE in data
        begin = BEGIN.search(data) if forwarder.at_begin else None
        if begin is None:
            self.redis.write(data)
            return True
        self.then, forwarder.at_begin = forwarder.at_begin, None
        forwarder.counts[self.then] += 1
        self.redis.write(data[: begin.start()] if self.then == "cut-before" else data)
        return self.then != "cut-before"

    async def to_client(self, data):
        if self.listens and not self.forwarder.hears.is_set():
            self.forwarder.counts["pushes held"] += 1
            await self.forwarder.hears.wait()
        if self.then == "cut-after":
            return False
        stops, self.then = self.then == "stop-after", None
        if stops and self.forwarder.random.random() < 0.2:
            os.kill(self.forwarder.pid, signal.SIGSTOP)
            stops = False
        self.client.write(data)
        if stops:
            # The process is at work on it by now: reads it, or signs, or has sent the write.
            until = time.monotonic() + self.forwarder.random.uniform(0, MOMENT)
            while time.monotonic() < until:
                pass
            os.kill(self.forwarder.pid, signal.SIGSTOP)
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
