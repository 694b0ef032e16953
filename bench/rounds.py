"""Rounds: wrk on a core of its own loads one server after another with the same work, and what each used is noted."""
import json
import pathlib
import resource
import statistics
import subprocess

import workload
from servers import HERE, Failed, command_on
from support import waiting

CONNECTIONS = 32
NO_CACHE = "-"
FIGURES = ("requests_per_second", "cpu_us_per_request", "server_cores_busy", "client_cores_busy")
# Below this a server that has a core for itself was held back by something else.
BUSY = 0.9
# Of those who may bypass their store: what share of a round, and how often a round with more is made again.
BYPASSED_MOST, ATTEMPTS = 0.01, 6


class Work:
    """One piece of work and who does it. A request with `{unique}` in it is another one each time."""

    def __init__(self, name, title, bench, data=None, expected=None):
        self.name = name
        self.title = title
        self.bench = bench
        self.data = data
        self.expected = expected  # of a reply's JSON: is it right?
        self.contestants = []

    def enter(self, name, server, port=None, x_cache=NO_CACHE, **more):
        self.contestants.append(Contestant(name, self, server, port or server.port, x_cache, **more))


class Contestant:
    def __init__(self, name, work, server, port, x_cache, own_json=False, data=None, alone=True, may_bypass=False,
                 authority=None):  # fmt: skip
        self.name = name
        self.work = work
        self.server = server
        self.port = port
        self.x_cache = x_cache  # what every reply must say, or NO_CACHE
        self.own_json = own_json  # it prints the content itself, perhaps in other bytes than the others
        self.data = data or work.data  # the same work may be asked for in other words
        self.alone = alone  # it has a core for itself
        self.may_bypass = may_bypass  # a store that is slow for a moment (the machine is busy) isn't asked
        self.authority = authority  # the certificate that is trusted, where it is asked over TLS
        self.length = None  # of the body; found out by `warm`
        self.rounds = []
        self.file = pathlib.Path(work.bench.folder, f"{work.name}-{len(work.contestants)}.request")
        self.file.write_bytes(self.data)

    def __str__(self):
        return f"{self.work.name}, {self.name}"


def cached(contestant, data):
    """A reply that is a hit. A fill of Redis isn't waited for, so it needn't be the second."""

    def hit():
        reply = workload.read_once(contestant.port, data, contestant.authority)
        return reply if reply.cache == "HIT" else None

    return waiting.until(hit, f"a hit of {contestant}")


def warm(work):
    """Fills the caches; the bodies must be right, and the same byte for byte unless a contestant prints its own."""
    bodies = set()
    for contestant in work.contestants:
        data = contestant.data.replace(workload.UNIQUE, b"-" * len(workload.UNIQUE))
        again = cached(contestant, data) if contestant.x_cache == "HIT" else workload.read_once(contestant.port, data, contestant.authority)
        if not work.expected(again.json):
            raise Failed(f"{contestant}: a reply of other content: {repr(again)[:500]}")
        contestant.length = len(again.body)
        if not contestant.own_json:
            bodies.add(again.body)
    if len(bodies) != 1:
        raise Failed(f"the contestants' replies to the {work.name} differ in {len(bodies)} ways")


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def load(contestant, seconds, first):
    """Runs wrk against `contestant`; one round's figures. Fails unless every reply was what it had to be.

    `first` begins the numbers that make requests unique."""
    url = f"http{'s' if contestant.authority else ''}://127.0.0.1:{contestant.port}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", HERE / "verify.lua", url]
    command += ["--", contestant.file, contestant.length, contestant.x_cache, first]
    server_before, client_before = contestant.server.cpu_seconds(), children_cpu()
    done = subprocess.run(
        command_on(contestant.work.bench.client_core, command),
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    server_cpu, client_cpu = contestant.server.cpu_seconds() - server_before, children_cpu() - client_before
    if done.returncode != 0:
        raise Failed(f"wrk ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    seen = json.loads(done.stdout.splitlines()[-1])
    unasked = 0 if contestant.may_bypass else seen["bypassed"]
    if seen["requests"] == 0 or seen["wrong"] or seen["socket_errors"] or unasked:
        raise Failed(f"{contestant}: not every reply was a good one: {seen}")
    return {
        "requests": seen["requests"],
        "bypassed": seen["bypassed"],
        "requests_per_second": seen["requests"] / seen["seconds"],
        "cpu_us_per_request": server_cpu / seen["requests"] * 1e6,
        "server_cores_busy": server_cpu / seen["seconds"],
        "client_cores_busy": client_cpu / seen["seconds"],
    }


def in_turn(bench, contestants, do):
    """bench.rounds times calls do(contestant, round) for each of them. Each round begins with another one, so that a
    machine that gets slower, or busier, does so for all."""
    for number in range(bench.rounds):
        first = number % len(contestants)
        for contestant in contestants[first:] + contestants[:first]:
            do(contestant, number)


def run(bench, works, upstreams=()):
    """Fills in the rounds of each contestant of `works`. Where `upstreams`, which count, are given, they stand behind
    the caches, and nothing may come there in the rounds but what says that it bypassed."""
    contestants = [contestant for work in works for contestant in work.contestants]
    used = bypassed = 0

    def once(contestant, seconds):
        nonlocal used, bypassed
        for _ in range(ATTEMPTS):
            used += 1
            figures = load(contestant, seconds, used * 1_000_000 % 100_000_000)
            bypassed += figures["bypassed"]
            if figures["bypassed"] <= BYPASSED_MOST * figures["requests"]:
                return figures
            bench.progress(f"once more, {figures['bypassed']} of {figures['requests']} bypassed the store: {contestant}")
        raise Failed(f"{contestant}: the store was too slow, {ATTEMPTS} times")

    for work in works:
        warm(work)
    for contestant in contestants if bench.warm_up else ():
        bench.progress(f"warming up {contestant}")
        once(contestant, bench.warm_up)
    # No cached contestant may ask upstream from here on: that and X-Cache are two witnesses of a hit.
    for upstream in upstreams:
        upstream.forget()

    def one(contestant, number):
        figures = once(contestant, bench.seconds)
        contestant.rounds.append(figures)
        bench.progress(
            f"round {number + 1}/{bench.rounds}, {contestant}: "
            f"{figures['requests_per_second']:.0f}/s, {figures['cpu_us_per_request']:.1f} µs of CPU each"
        )

    in_turn(bench, contestants, one)
    for upstream in upstreams:
        if upstream.count() > bypassed:
            raise Failed(f"what should have been hits went upstream: {upstream.seen()[:3]}")


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(contestant):
    made = {figure: spread([r[figure] for r in contestant.rounds]) for figure in FIGURES}
    made["body_bytes"] = contestant.length
    made["requests"] = sum(r["requests"] for r in contestant.rounds)
    made["held_back"] = contestant.alone and made["server_cores_busy"]["median"] < BUSY
    made["rounds"] = contestant.rounds
    return made


def figures(work):
    """What a report shows of a piece of work."""
    return {
        "title": work.title,
        "connections": CONNECTIONS,
        "contestants": {contestant.name: summary(contestant) for contestant in work.contestants},
    }


def ratio(made, own, peer, figure="cpu_us_per_request"):
    """Of the medians of `figures`, `own` over `peer`; None: one of them wasn't there."""
    found = made["contestants"]
    if own not in found or peer not in found:
        return None
    return found[own][figure]["median"] / found[peer][figure]["median"]


def difference(made, name, other, figure="cpu_us_per_request"):
    """Of the medians of `figures`, by how much `name` has more than `other`."""
    found = made["contestants"]
    return found[name][figure]["median"] - found[other][figure]["median"]


def ratios(made, own, peers=None):
    """[{what, and the ratios of the medians}] of one contestant and each of the others (or of `peers`)."""
    found = made["contestants"]
    return [
        {
            "what": f"{own} / {peer}",
            "requests_per_second": ratio(made, own, peer, "requests_per_second"),
            "cpu_us_per_request": ratio(made, own, peer),
        }
        for peer in (peers or found)
        if peer != own and peer in found
    ]
