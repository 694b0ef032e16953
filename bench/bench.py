"""What all contests share: the cores, the length of rounds, a folder, the programs, and DynamoDB Local."""
import contextlib
import os
import sys
import time

import servers
import workload
from support.counting_proxy import CountingUpstream


class Bench:
    def __init__(self, build, folder, quick, stack):
        self.own = build / "readaside"
        self.load = build / "readaside-bench"
        self.bare = build / "readaside-bare-evhttp"
        self.fixed = build / "readaside-fixed-reply"
        self.advisor_replay = build / "readaside-advisor-replay"
        self.folder = folder
        self.quick = quick
        self.rounds, self.seconds = (3, 1) if quick else (5, 3)
        # What the first round costs more the median leaves out.
        self.warm_up = 0 if quick else 1
        self.server_core, self.client_core = sorted(os.sched_getaffinity(0))[:2]
        self.stack = stack  # what is stopped at the very end
        self.absent = []  # peers that aren't there, in words
        self.contest = None
        self._started = time.monotonic()
        self._database = None

    def progress(self, text):
        where = f"{self.contest}: " if self.contest else ""
        print(f"[{time.monotonic() - self._started:5.1f} s] {where}{text}", file=sys.stderr, flush=True)

    def elapsed(self):
        return time.monotonic() - self._started

    def missing(self, peer, why):
        """A peer that can't take part: the report says so."""
        self.absent.append(f"{peer} took no part: {why}")
        self.progress(self.absent[-1])

    def database(self):
        """DynamoDB Local with the shipped conversation, started when it is first asked for. It runs on any core."""
        if self._database is None:
            self.progress("starting DynamoDB Local")
            self._database = servers.dynamodb_local(self.folder)
            self.stack.callback(self._database.stop)
            self._database.await_ready()
            workload.seed(self._database.endpoint)
        return self._database


@contextlib.contextmanager
def serving(*started):
    """Awaits the servers, and stops them in the end."""
    with contextlib.ExitStack() as stack:
        for server in started:
            stack.callback(server.stop)
        for server in started:
            server.await_ready()
        yield started


@contextlib.contextmanager
def counted(endpoint):
    """A forwarder to that endpoint of DynamoDB that counts what comes through it."""
    upstream = CountingUpstream(endpoint)
    try:
        yield upstream
    finally:
        upstream.stop()
