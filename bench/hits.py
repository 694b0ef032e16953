"""The hit contest: wrk on a core of its own asks one server after another for the same reply, round after round."""
import json
import pathlib
import resource
import subprocess

import workload
from servers import HERE, Failed, command_on

CONNECTIONS = 32
WARM_UP_SECONDS = 2
NO_CACHE = "-"


class Read:
    """What is asked for, and who is asked. All of them must give the same content."""

    def __init__(self, name, data, expected, folder):
        self.name = name
        self.data = data
        self.expected = expected  # of the body's JSON: is it right?
        self.file = pathlib.Path(folder, f"{name}.request")
        self.file.write_bytes(data)
        self.contestants = []

    def enter(self, name, server, port, x_cache, own_json=False):
        self.contestants.append(Contestant(name, self, server, port, x_cache, own_json))


class Contestant:
    def __init__(self, name, read, server, port, x_cache, own_json):
        self.name = name
        self.read = read
        self.server = server
        self.port = port
        self.x_cache = x_cache  # what every reply must say, or NO_CACHE
        self.own_json = own_json  # it prints the content itself, perhaps in other bytes than the others
        self.length = None  # of the body; found out by `warm`
        self.rounds = []

    def __str__(self):
        return f"{self.read.name}, {self.name}"


def warm(read):
    """Fills the caches; the bodies must be right, and the same byte for byte unless a contestant prints its own."""
    bodies = set()
    for contestant in read.contestants:
        workload.read_once(contestant.port, read.data)
        again = workload.read_once(contestant.port, read.data)
        if contestant.x_cache != NO_CACHE and again.cache != contestant.x_cache:
            raise Failed(f"{contestant}: the second read is no hit: {repr(again)[:500]}")
        if not read.expected(again.json):
            raise Failed(f"{contestant}: a reply of other content: {repr(again)[:500]}")
        contestant.length = len(again.body)
        if not contestant.own_json:
            bodies.add(again.body)
    if len(bodies) != 1:
        raise Failed(f"the contestants' replies to the {read.name} differ in {len(bodies)} ways")


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def load(contestant, seconds, core):
    """Runs wrk against `contestant`; one round's figures. Fails unless every reply was what it had to be."""
    url = f"http://127.0.0.1:{contestant.port}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", HERE / "verify.lua", url]
    command += ["--", contestant.read.file, contestant.length, contestant.x_cache]
    server_before, client_before = contestant.server.cpu_seconds(), children_cpu()
    done = subprocess.run(
        command_on(core, command), capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    server_cpu, client_cpu = contestant.server.cpu_seconds() - server_before, children_cpu() - client_before
    if done.returncode != 0:
        raise Failed(f"wrk ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    seen = json.loads(done.stdout.splitlines()[-1])
    if seen["requests"] == 0 or seen["wrong"] or seen["socket_errors"]:
        raise Failed(f"{contestant}: not every reply was a good one: {seen}")
    return {
        "requests": seen["requests"],
        "requests_per_second": seen["requests"] / seen["seconds"],
        "cpu_us_per_request": server_cpu / seen["requests"] * 1e6,
        "server_cores_busy": server_cpu / seen["seconds"],
        "client_cores_busy": client_cpu / seen["seconds"],
    }


def contest(reads, rounds, seconds, core, upstreams, progress):
    """Fills in the rounds of each contestant of `reads`. Each round begins with another contestant.

    `upstreams` count what arrives behind the caches."""
    contestants = [contestant for read in reads for contestant in read.contestants]
    for read in reads:
        warm(read)
    for contestant in contestants:
        progress(f"hit: warming up {contestant}")
        load(contestant, WARM_UP_SECONDS, core)
    # No cached contestant may ask upstream from here on: that and X-Cache are two witnesses of a hit.
    for upstream in upstreams:
        upstream.forget()
    for number in range(rounds):
        first = number % len(contestants)
        for contestant in contestants[first:] + contestants[:first]:
            figures = load(contestant, seconds, core)
            contestant.rounds.append(figures)
            progress(
                f"hit: round {number + 1}/{rounds}, {contestant}: "
                f"{figures['requests_per_second']:.0f}/s, {figures['cpu_us_per_request']:.1f} µs of CPU each"
            )
    for upstream in upstreams:
        if upstream.count():
            raise Failed(f"what should have been hits went upstream: {upstream.seen()[:3]}")
