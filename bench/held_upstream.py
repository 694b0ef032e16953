"""An upstream that keeps every Query until it is told to answer, and counts them; for far more connections than threads
could serve. Anything else is answered at once."""
import asyncio
import threading
import zlib

from support import waiting


class HeldUpstream:
    def __init__(self, table, reply):
        """DescribeTable's and every other reply, as JSON."""
        self._table, self._reply = map(_whole, (table, reply))
        self._queries = 0
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096))
        self.endpoint = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def hold(self):
        """Forgets what was counted, and keeps what comes from here on."""
        self._queries = 0
        self._call(self._set_open(False))

    def wait_for_one(self):
        waiting.until(self.count, "a Query upstream")

    def release(self):
        self._call(self._set_open(True))

    def count(self):
        return self._queries

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(waiting.PATIENCE)

    async def _set_open(self, is_open):
        if is_open:
            self._open.set()
        else:
            self._open.clear()

    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                fields = dict(line.split(":", 1) for line in head.split("\r\n")[1:] if ":" in line)
                await reader.readexactly(int(fields.get("content-length", "0")))
                writer.write(await self._answer(fields.get("x-amz-target", "")))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, target):
        if target.endswith("describetable"):
            return self._table
        if target.endswith("query"):
            self._queries += 1
            await self._open.wait()
        return self._reply


def _whole(body):
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
        f"x-amz-crc32: {zlib.crc32(body)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
