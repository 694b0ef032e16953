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


class Contestant:
    def __init__(self, name, server, x_cache):
        self.name = name
        self.server = server
        self.x_cache = x_cache  # what every reply must say, or NO_CACHE
        self.rounds = []


def warm(contestants, data):
    """Fills the caches; the body, which must be the same from all, byte for byte."""
    bodies = set()
    for contestant in contestants:
        workload.read_once(contestant.server.port, data)
        again = workload.read_once(contestant.server.port, data)
        if contestant.x_cache != NO_CACHE and again.cache != contestant.x_cache:
            raise Failed(f"{contestant.name}: the second read is no hit: {repr(again)[:500]}")
        bodies.add(again.body)
    if len(bodies) != 1:
        raise Failed(f"the contestants' replies differ in {len(bodies)} ways")
    return bodies.pop()


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def load(contestant, seconds, core, request_file, length):
    """Runs wrk against `contestant`; one round's figures. Fails unless every reply was what it had to be."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", HERE / "verify.lua", contestant.server.endpoint]
    command += ["--", request_file, length, contestant.x_cache]
    server_before, client_before = contestant.server.cpu_seconds(), children_cpu()
    done = subprocess.run(
        command_on(core, command), capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    server_cpu, client_cpu = contestant.server.cpu_seconds() - server_before, children_cpu() - client_before
    if done.returncode != 0:
        raise Failed(f"wrk ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    seen = json.loads(done.stdout.splitlines()[-1])
    if seen["requests"] == 0 or seen["wrong"] or seen["socket_errors"]:
        raise Failed(f"{contestant.name}: not every reply was a good one: {seen}")
    return {
        "requests": seen["requests"],
        "requests_per_second": seen["requests"] / seen["seconds"],
        "cpu_us_per_request": server_cpu / seen["requests"] * 1e6,
        "server_cores_busy": server_cpu / seen["seconds"],
        "client_cores_busy": client_cpu / seen["seconds"],
    }


def contest(contestants, rounds, seconds, core, upstream, folder, progress):
    """Fills in each contestant's rounds; the length of the reply's body. Each round begins with another contestant."""
    data = workload.request()
    request_file = pathlib.Path(folder, "request")
    request_file.write_bytes(data)
    length = len(warm(contestants, data))
    for contestant in contestants:
        progress(f"hit: warming up {contestant.name}")
        load(contestant, WARM_UP_SECONDS, core, request_file, length)
    # No cached contestant may ask upstream from here on: that and X-Cache are two witnesses of a hit.
    upstream.forget()
    for number in range(rounds):
        first = number % len(contestants)
        for contestant in contestants[first:] + contestants[:first]:
            figures = load(contestant, seconds, core, request_file, length)
            contestant.rounds.append(figures)
            progress(
                f"hit: round {number + 1}/{rounds}, {contestant.name}: "
                f"{figures['requests_per_second']:.0f}/s, {figures['cpu_us_per_request']:.1f} µs of CPU each"
            )
    if upstream.count():
        raise Failed(f"what should have been hits went upstream: {upstream.seen()[:3]}")
    return length
