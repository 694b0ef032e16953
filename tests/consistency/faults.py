"""What goes wrong during a run, one thing after the other. Each is noted with its time, for the traces.

The protocol doesn't promise that Redis may lose its data while a proxy that has writes under way is dead or stopped:
nobody is left then who could set their markers again. So Redis is restarted only when every proxy has been well for
as long as a marker may live, and no proxy is touched before all of them have found the new Redis. The same goes for
a failover, in which what the old master had not yet passed on is lost.
"""
import asyncio
import collections
import random
import signal
import time

import timing

MEMORY_FAULTS = ("kill", "pause", "stop")
REDIS_FAULTS = (
    *MEMORY_FAULTS, "stop-after", "cut-before", "cut-after", "cut-all", "slow", "slow-one", "slower", "deaf",
    "full-noeviction", "full-lru",
)  # fmt: skip
# In each a replica becomes the master, and each forwarder is told so in its own time.
FAILOVERS = ("failover-kill", "failover-stop", "failover-cut")
STOP_SIGNING = "stop-signing"  # only where the library is given
# Each way, up to: hardly noticed; as long as a proxy waits for, nearly; longer than that.
SLOW, WITHIN, SLOWER = 0.02, 0.4 * timing.COMMAND_TIMEOUT, 4 * timing.COMMAND_TIMEOUT
# A failover comes so long after what it is for, and is known to all in so long; timing.QUARANTINE must allow for it.
NOTICED, MOVES = (1.0, 2.0), 1.0
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
        if mutant == "no-quarantine" and not only:
            return await self._restart_always()
        calm = timing.QUARANTINE + timing.CLIENT_TIMEOUT
        while True:
            for name in only or self._deck():
                await asyncio.sleep(self.random.uniform(0.2, 1) * self.gap)
                await self._happen(name)
                if name in FAILOVERS and mutant is None:
                    await asyncio.sleep(calm)
            if self.cluster.redis and not only:
                await asyncio.sleep(timing.HOLD + timing.CLIENT_TIMEOUT)
                for name in self._what_redis_loses():
                    await self._happen(name)
                    await asyncio.sleep(calm)

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

    def _what_redis_loses(self):
        names = ["restart"]
        if self.cluster.options.replicas:
            names.append(FAILOVERS[self.counts["restart"] % len(FAILOVERS)])
        return names

    def between_rounds(self):
        """All that the next round doesn't know is thrown away."""
        usable = self.cluster.redis and self.cluster.servers.steady
        if usable and not self.cluster.options.only and self.random.random() < 0.5:
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

    async def _deaf(self):
        """All but what tells the near caches of changes arrives."""
        await self._order("deafen", self.cluster.members)
        try:
            await asyncio.sleep(self.random.uniform(0.2, 2))
        finally:
            await self._order("hear", self.cluster.members)

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
        self.cluster.servers.steady = False
        await _to_its_end(self._restart_and_settle)
        self.cluster.servers.steady = True
        self.note("Redis is there again")

    def _restart_and_settle(self):
        self.cluster.redis.restart()
        self.cluster.servers.settle()

    async def _failover_kill(self):
        async def ended(old):
            await _to_its_end(lambda: old.start_following(self.cluster.redis))

        await self._failover(lambda old: old.kill(), ended, "has been killed")

    async def _failover_stop(self):
        """It is back while some proxies still talk to it."""

        async def ended(old):
            await asyncio.sleep(self.random.uniform(0, MOVES))
            old.signal(signal.SIGCONT)
            self.note("SIGCONT of the old master")
            await asyncio.sleep(self.random.uniform(MOVES, 2 * MOVES))
            await _to_its_end(lambda: old.follow(self.cluster.redis))

        await self._failover(lambda old: old.signal(signal.SIGSTOP), ended, "is stopped")

    async def _failover_cut(self):
        """Its proxies reach it, its replicas don't, until the new one serves."""

        async def ended(old):
            await asyncio.sleep(timing.QUARANTINE + 2 * MOVES)
            old.link.order("flow")
            await _to_its_end(lambda: old.follow(self.cluster.redis))

        await self._failover(lambda old: old.link.order("hang"), ended, "is cut off")

    async def _failover(self, begin, end, what):
        servers = self.cluster.servers
        servers.steady = False
        self.note(f"Redis's master {what}")
        begin(servers.master)
        await asyncio.sleep(self.random.uniform(*NOTICED))
        old = await asyncio.get_running_loop().run_in_executor(None, servers.promote, self.random.choice(servers.replicas()))
        self.note("a replica is the master")
        await asyncio.gather(self._move(), end(old))
        await _to_its_end(servers.settle)
        self.note("the old master follows the new one")
        servers.steady = True

    async def _move(self):
        """To each proxy by itself it is told where the master is. Those who aren't cut off stay with the old one until
        they find out what it has become."""
        members = self.random.sample(self.cluster.members, len(self.cluster.members))
        at = sorted(self.random.uniform(0, MOVES) for _ in members)
        for number, (member, before, then) in enumerate(zip(members, [0, *at], at)):
            await asyncio.sleep(then - before)
            await self._order(f"to {self.cluster.redis.port}", [member])
            if number == 0 or number + 1 < len(members) and self.random.random() < 0.5:
                await self._order("cut-all", [member])

    # ---- what breaks the promise ----

    async def _restart_always(self):
        self.cluster.upstream.order("late 0.1")
        while True:
            await asyncio.sleep(self.random.uniform(0.5, 1) * self.gap)
            await self._happen("kill")
            await self._happen("restart")
