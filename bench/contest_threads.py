"""Two event loops instead of one: what a hit costs must stay the same."""
import json
import pathlib
import statistics

import loadgen_run
import results
import rounds
import servers
import workload
from bench import serving

RATE, CONNECTIONS = 8000, 16  # for each event loop
ABOUT = (
    "The cached Query, asked of a process with one event loop and of one with two. Both may run on either core, and the load "
    "runs on one of them: with two cores, two loops and the load share these.",
    f"Once with the same load for each event loop: {RATE:,} requests a second on {CONNECTIONS} connections (readaside-bench, open "
    "loop). This compares like with like, but leaves little to contend for.",
    "And once as fast as wrk can on 32 connections in all: there two loops, which between them are quicker than wrk, find fewer "
    "requests each time that they wake, which costs more of each.",
)


class Contestant:
    def __init__(self, bench, database, threads):
        self.bench = bench
        self.threads = threads
        self.name = f"readaside, {threads} thread{'s' * (threads > 1)}"
        self.server = servers.readaside(bench, database.endpoint, None, threads=threads)
        self.cpu = []

    def load(self, file, seconds):
        options = ("-w", file, "--no-sign", "--rate", RATE * self.threads, "-c", CONNECTIONS * self.threads)
        before = self.server.cpu_seconds()
        report = loadgen_run.run(self.bench, self.server.endpoint, *options, "-d", f"{seconds}s")
        # The first one fills, and others may wait for it.
        if report["cache"]["reads"] != report["requests"] or report["cache"]["hit_ratio"] < 0.99:
            raise servers.Failed(f"{self.name}: not every read was a hit: {report['outcomes']}")
        return (self.server.cpu_seconds() - before) / report["requests"] * 1e6


def request_file(bench):
    body = workload.body().replace("{", "{{").replace("}", "}}")
    headers = {"X-Amz-Target": "DynamoDB_20120810.Query", "Content-Type": "application/x-amz-json-1.0"}
    operation = {"name": "query", "method": "POST", "path": "/", "headers": headers, "text": body, "kind": "read"}
    file = pathlib.Path(bench.folder, "threads.json")
    file.write_text(json.dumps({"operations": [operation]}), encoding="utf-8")
    return file


def measure(bench, contestants):
    file = request_file(bench)
    for each in contestants:
        workload.read_once(each.server.port, workload.request())
        each.load(file, 1)

    def one(contestant, number):
        contestant.cpu.append(contestant.load(file, bench.seconds))
        bench.progress(f"round {number + 1}/{bench.rounds}, {contestant.name}: {contestant.cpu[-1]:.1f} µs of CPU each")

    rounds.in_turn(bench, contestants, one)


def saturate(bench, contestants):
    title = f"Query of {workload.MESSAGES} messages, cached, as fast as it goes"
    work = rounds.Work("threads", title, bench, workload.request(), workload.is_right)
    for each in contestants:
        work.enter(each.name, each.server, x_cache="HIT", alone=False)
    rounds.run(bench, [work])
    return rounds.figures(work)


def run(bench):
    contestants = [Contestant(bench, bench.database(), threads) for threads in (1, 2)]
    with serving(*(each.server for each in contestants)):
        measure(bench, contestants)
        made = saturate(bench, contestants)
    medians = [statistics.median(each.cpu) for each in contestants]
    columns = ["", "CPU per hit, µs: median", "min", "max"]
    rows = [[each.name, median, min(each.cpu), max(each.cpu)] for each, median in zip(contestants, medians)]
    table = results.table("CPU per hit, each event loop with the same load", columns, rows, chart=1, unit="µs")
    one, two = (each.name for each in contestants)
    targets = [
        results.target("threads: CPU per request, two threads / one, the same load for each", medians[1] / medians[0], 1.10),
        results.target("threads: CPU per request, two threads / one, as fast as it goes", rounds.ratio(made, two, one), 1.10),
    ]
    return results.contest("Threads", ABOUT, [made], rounds.ratios(made, two), [table], targets)
