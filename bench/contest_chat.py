"""A chat application's load on DynamoDB Local, direct and through readaside: reads upstream, and latency."""
import statistics

import loadgen_run
import results
import rounds
import servers
from bench import serving

DIRECT, THROUGH = "DynamoDB Local, direct", "through readaside"
RATE = 800
TABLE = "chat-messages"
ABOUT = (
    f"readaside-bench's workload chat: 95 % Query, 5 % writes, Zipf 0.99 over 1,000 groups and as many users, {RATE} requests a "
    "second by a fixed schedule (open loop: latency counts from when a request was due), signed, on 32 connections.",
    "Both have the same DynamoDB Local behind them, which runs on any core: its latency is that of a test double.",
    "Reads upstream are those of the clients' reads whose replies say that they were no hit and joined no other's read.",
    "CPU is DynamoDB Local's and readaside's together.",
)


# As readaside-bench names them. Direct, nothing is said of a cache.
OUTCOMES = {"read": "reads", "hit": "reads, hits", "miss": "reads, misses", "bypass": "reads past the cache", "write": "writes"}


class Contestant:
    def __init__(self, name, server, endpoint):
        self.name = name
        self.server = server
        self.endpoint = endpoint
        self.reports = []
        self.cpu = []  # µs per request, of each round

    def load(self, bench, seconds, seed):
        options = ("-w", "chat", "--table", TABLE, "--rate", RATE, "-d", f"{seconds}s", "--seed", seed)
        before = self.server.cpu_seconds()
        report = loadgen_run.run(bench, self.endpoint, *options)
        return report, (self.server.cpu_seconds() - before) / report["requests"] * 1e6

    def median(self, figure):
        return statistics.median(map(figure, self.reports))

    def outcomes(self):
        """Those that there were in most rounds."""
        for outcome, what in OUTCOMES.items():
            if self.median(lambda report: report["outcomes"][outcome]["count"]):
                yield outcome, what


def per_thousand(report, count):
    return count / report["requests"] * 1000


def upstream(report):
    cache = report["cache"]
    return per_thousand(report, cache["reads"] - (cache["upstream_reads_saved"] or 0))


def counts(contestants):
    columns = ["", "reads upstream per 1,000 requests", "hits per 100 reads", "CPU, µs/request"]
    rows = []
    for each in contestants:
        hits = each.median(lambda report: 100 * (report["cache"]["hit_ratio"] or 0))
        rows.append([each.name, each.median(upstream), hits, statistics.median(each.cpu)])
    return results.table("Reads that DynamoDB gets", columns, rows, chart=1)


def latencies(contestants):
    """One row for each outcome: its own quantiles, of which the median of the rounds."""
    columns = ["", "per 1,000 requests", "p50, ms", "p99, ms"]
    rows = []
    for each in contestants:
        for outcome, what in each.outcomes():
            share = each.median(lambda report: per_thousand(report, report["outcomes"][outcome]["count"]))
            quantiles = [each.median(lambda report: report["outcomes"][outcome][q]) for q in ("p50", "p99")]
            rows.append([f"{each.name}: {what}", share, *quantiles])
    return results.table("Latency, from when a request was due", columns, rows, chart=2, unit="ms")


def run(bench):
    database = bench.database()
    bench.progress("filling the table")
    loadgen_run.prepare(bench, database.endpoint, "-w", "chat", "--table", TABLE)
    with serving(servers.readaside(bench, database.endpoint, bench.server_core)) as (own,):
        through = Contestant(THROUGH, servers.Together(own, database), own.endpoint)
        contestants = [Contestant(DIRECT, database, database.endpoint), through]
        for each in contestants:
            bench.progress(f"warming up {each.name}")
            each.load(bench, 1 + 2 * bench.warm_up, 1)

        def one(contestant, number):
            report, cpu = contestant.load(bench, bench.seconds * 2, number + 2)
            contestant.reports.append(report)
            contestant.cpu.append(cpu)
            bench.progress(f"round {number + 1}/{bench.rounds}, {contestant.name}: {upstream(report):.0f} of 1,000 upstream")

        rounds.in_turn(bench, contestants, one)
    late = sum(1 for each in contestants for report in each.reports if report["generator_overloaded"])
    noted = [f"In {late} of the rounds the load generator itself was late: other programs had its core."] if late else []
    return results.contest("Chat", [*ABOUT, *noted], tables=[counts(contestants), latencies(contestants)])
