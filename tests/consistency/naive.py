"""A cache that is wrong: what the oracles must catch. It stands in front of one proxy.

It does what is commonly done: a read fills what it finds missing, and a write that has been answered removes what it
has changed. A read that was under way meanwhile then fills the old value.

Its first argument is the port of the proxy. Prints its own port and serves until its standard input ends.
"""
import asyncio
import collections
import json
import sys

import http1
import orders
import timing


class Naive(http1.Messages):
    """One client's connection."""

    port = None
    entries = collections.defaultdict(dict)  # pk -> request -> reply's body

    def __init__(self):
        super().__init__()
        self.onward = None

    def message(self, head, body):
        operation = http1.header(head, b"x-amz-target").rpartition(b".")[2].decode()
        asyncio.ensure_future(self.carry_out(operation, body))

    async def carry_out(self, operation, body):
        asked = json.loads(body)
        pk = self.partition(operation, asked)
        entry = self.entries[pk].get(body) if operation != "PutItem" else None
        if entry is not None:
            self.send(http1.reply(200, entry, b"X-Cache: HIT\r\n"))
            return
        try:
            status, _, reply = await self.forward(operation, body)
        except (OSError, http1.Lost, asyncio.TimeoutError):
            self.transport.abort()
            return
        if operation == "PutItem":
            self.entries.pop(pk, None)
        elif status == 200:
            self.entries[pk][body] = reply
        self.send(http1.reply(status, reply, b"X-Cache: MISS\r\n"))

    @staticmethod
    def partition(operation, asked):
        if operation == "PutItem":
            return asked["Item"]["pk"]["S"]
        return asked["Key"]["pk"]["S"] if operation == "GetItem" else asked["ExpressionAttributeValues"][":pk"]["S"]

    async def forward(self, operation, body):
        if self.onward is None or self.onward.transport.is_closing():
            self.onward = await http1.connect(self.port, timing.CLIENT_TIMEOUT)
        return await self.onward.call(http1.request(operation, body), timing.CLIENT_TIMEOUT)


async def main():
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    Naive.port = int(sys.argv[1])
    server = await loop.create_server(Naive, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    orders.obey(lambda _: None, loop, ended)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
