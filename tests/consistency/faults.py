"""What goes wrong during a run, one thing after the other. Each is noted with its time, for the traces.

The protocol doesn't promise that Redis may lose its data while a proxy that has writes under way is dead or stopped:
nobody is left then who could set their markers again. So Redis is restarted only when every proxy has been well for
as long as a marker may live, and no proxy is touched before all of them have found the new Redis.
"""
import asyncio
import collections
import random
import signal
import time

import timing

MEMORY_FAULTS = ("kill", "pause", "stop")
REDIS_FAULTS = (
    *MEMORY_FAULTS, "stop-after", "cut-before", "cut-after", "cut-all", "slow", "slow-one", "slower", "full-noeviction",
    "full-lru",
)  # fmt: skip
STOP_SIGNING = "stop-signing"  # only where the library is given
# Each way, up to: hardly noticed; as long as a proxy waits for, nearly; longer than that.
SLOW, WITHIN, SLOWER = 0.02, 0.4 * timing.COMMAND_TIMEOUT, 4 * timing.COMMAND_TIMEOUT
LESS = 100_000  # bytes that maxmemory is below what is used, so that something must go


async def _to_its_end(work):
    """In a thread; not left half done when the run is over meanwhile."""
    task = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


class Faults:
    def __init__(self, cluster, seed, gap):
        self.cluster = cluster
        self.random = random.Random(f"{seed}-faults")
        self.gap = gap  # seconds between two, up to
        self.done = []  # (monotonic ns, text)
        self.counts = collections.Counter()

    def note(self, text):
        self.done.append((time.monotonic_ns(), text))

    async def run(self):
        """Until cancelled. Each comes once before any comes again."""
        mutant, only = self.cluster.options.mutant, self.cluster.options.only
        if mutant == "no-quarantine":
            return await self._restart_always()
        while True:
            for name in only or self._deck():
                await asyncio.sleep(self.random.uniform(0.2, 1) * self.gap)
                await self._happen(name)
            if self.cluster.redis and not only:
                await asyncio.sleep(timing.HOLD + timing.CLIENT_TIMEOUT)
                await self._happen("restart")
                await asyncio.sleep(timing.QUARANTINE + timing.CLIENT_TIMEOUT)

    async def _happen(self, name):
        self.counts[name] += 1
        await getattr(self, "_" + name.replace("-", "_"))()

    def _deck(self):
        """What strikes at a BEGIN is what the protocol is most about: it comes more often, and so do kills."""
        if not self.cluster.redis:
            return self.random.sample(MEMORY_FAULTS, len(MEMORY_FAULTS))
        names = [*REDIS_FAULTS, "kill", "cut-after", "cut-after", "cut-before"]
        if self.cluster.options.stopper:
            names += [STOP_SIGNING, STOP_SIGNING]
        self.random.shuffle(names)
        return names

    def between_rounds(self):
        """All that the next round doesn't know is thrown away."""
        if self.cluster.redis and not self.cluster.options.only and self.random.random() < 0.5:
            self.counts["flushall"] += 1
            self.note("FLUSHALL")
            self.cluster.redis.command("FLUSHALL")

    def _someone(self):
        return self.random.choice(self.cluster.members)

    # ---- of proxies ----

    async def _kill(self):
        member = self._someone()
        self.note(f"kill -9 of {member.name}")
        member.kill()
        try:
            await asyncio.sleep(self.random.choice((0, 0, 0.5)))
        finally:
            await _to_its_end(member.start)
        self.note(f"{member.name} is there again")

    async def _pause(self):
        await self._stop_for(self.random.uniform(0.05, 2 * timing.REQUEST_TIMEOUT))

    async def _stop(self):
        """Longer than any marker lives."""
        await self._stop_for(timing.HOLD * self.random.uniform(1.02, 1.3))

    async def _stop_for(self, seconds):
        member = self._someone()
        self.note(f"SIGSTOP of {member.name}")
        member.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            member.signal(signal.SIGCONT)
            self.note(f"SIGCONT of {member.name}")

    async def _stop_after(self):
        """Longer than any marker lives, when a BEGIN has just been acknowledged, or a moment later."""
        member = self._someone()
        member.forwarder.order(f"stop-after {member.pid()}")
        try:
            await self._until_stopped(member, "at the acknowledgement of a BEGIN")
        finally:
            member.forwarder.order("forget")
            await self._go_on(member)

    async def _stop_signing(self):
        """The same, exactly between the acknowledgement and the signature."""
        member = self._someone()
        member.stop_order.touch()
        try:
            await self._until_stopped(member, "before it signs a write")
        finally:
            member.stop_order.unlink(missing_ok=True)
            await self._go_on(member)

    async def _until_stopped(self, member, where):
        """And then for so long that the marker has run out. Returns if it doesn't come to that."""
        given_up = time.monotonic() + timing.HOLD
        while not member.stopped():
            if time.monotonic() > given_up:
                return
            await asyncio.sleep(0.01)
        self.note(f"SIGSTOP of {member.name} {where}")
        await asyncio.sleep(timing.HOLD * 1.02)

    async def _go_on(self, member):
        """What it sends now, signed anew, upstream may carry out as late as it likes."""
        self.cluster.upstream.order("late 0.7")
        member.signal(signal.SIGCONT)
        self.note(f"SIGCONT of {member.name}")
        try:
            await asyncio.sleep(0.1)
        finally:
            self.cluster.upstream.order("late 0")

    # ---- of the way to Redis ----

    async def _order(self, order, members=None):
        for member in members or [self._someone()]:
            self.note(f"{member.name} and Redis: {order}")
            member.forwarder.order(order)

    async def _cut_before(self):
        await self._order("cut-before")

    async def _cut_after(self):
        await self._order("cut-after")

    async def _cut_all(self):
        await self._order("cut-all", self.cluster.members)

    async def _slow(self):
        await self._slowed(SLOW, self.cluster.members)

    async def _slow_one(self):
        await self._slowed(WITHIN, [self._someone()])

    async def _slower(self):
        await self._slowed(SLOWER, self.cluster.members)

    async def _slowed(self, seconds, members):
        await self._order(f"delay {seconds:g}", members)
        try:
            await asyncio.sleep(self.random.uniform(1, 3))
        finally:
            await self._order("delay 0", members)

    # ---- of Redis ----

    async def _full_noeviction(self):
        await self._full("noeviction")

    async def _full_lru(self):
        await self._full("volatile-lru")

    async def _full(self, policy):
        redis = self.cluster.redis
        self.note(f"Redis: maxmemory reached, {policy}")
        redis.command("CONFIG", "SET", "maxmemory-policy", policy)
        used = redis.command("INFO", "memory").split("used_memory:")[1].split("\r\n")[0]
        redis.command("CONFIG", "SET", "maxmemory", int(used) - LESS)
        await asyncio.sleep(self.random.uniform(1, 3))
        redis.command("CONFIG", "SET", "maxmemory", 0)
        self.note("Redis: maxmemory is no limit any more")

    async def _restart(self):
        self.note("restart of Redis")
        await _to_its_end(self.cluster.redis.restart)
        self.note("Redis is there again")

    # ---- what breaks the promise ----

    async def _restart_always(self):
        self.cluster.upstream.order("late 0.1")
        while True:
            await asyncio.sleep(self.random.uniform(0.5, 1) * self.gap)
            await self._happen("kill")
            await self._happen("restart")
