"""What it costs to be seen: a hit in this process, with metrics and the TTL advisor and without."""
import results
import rounds
import servers
import workload
from bench import counted, serving
from support import ports

ON, OFF = "readaside, metrics and advisor", "readaside, neither"
ABOUT = (
    "The near hit's Query, by the same program with its defaults and with `admin.metrics` false: nothing is counted, and the TTL "
    "advisor is told nothing. One event loop, and the advisor's thread, on a core of their own, whose time counts whole; the load on the other.",
)


def measure(bench, upstream):
    def proxy(name, metrics):
        admin = {"address": f"127.0.0.1:{ports.free_port()}", "metrics": metrics}
        return servers.readaside(bench, upstream.endpoint, bench.server_core, name, admin=admin)

    with serving(proxy("seen", True), proxy("unseen", False)) as (seen, unseen):
        work = rounds.Work("seeing", f"Query of {workload.MESSAGES} messages, cached", bench, workload.request(), workload.is_right)
        work.enter(ON, seen, x_cache="HIT")
        work.enter(OFF, unseen, x_cache="HIT")
        rounds.run(bench, [work], [upstream])
    return rounds.figures(work)


def run(bench):
    with counted(bench.database().endpoint) as upstream:
        made = measure(bench, upstream)
    ratio = rounds.ratio(made, ON, OFF)
    targets = [results.target("seeing: CPU per near hit, metrics and advisor on / both off", ratio, 1.05)]
    return results.contest("Seeing", ABOUT, [made], rounds.ratios(made, ON), targets=targets)
