"""Two event loops instead of one: what a hit costs must stay the same."""
import results
import rounds
import servers
import workload
from bench import counted, serving

ONE, TWO = "readaside, 1 thread", "readaside, 2 threads"
ABOUT = (
    "The cached Query, from one process with one event loop, and from one with two.",
    "With two cores the second loop shares one with the load, and so may the first: neither is pinned here, and only the CPU "
    "per request says something.",
)


def run(bench):
    database = bench.database()
    with counted(database.endpoint) as upstream:
        one, two = (servers.readaside(bench, upstream.endpoint, None, threads=threads) for threads in (1, 2))
        with serving(one, two):
            title = f"Query of {workload.MESSAGES} messages, cached"
            work = rounds.Work("threads", title, bench, workload.request(), workload.is_right)
            work.enter(ONE, one, x_cache="HIT", alone=False)
            work.enter(TWO, two, x_cache="HIT", alone=False)
            rounds.run(bench, [work], [upstream])
    made = rounds.figures(work)
    target = results.target("threads: CPU per request, two threads / one", rounds.ratio(made, TWO, ONE), 1.10)
    return results.contest("Threads", ABOUT, [made], rounds.ratios(made, TWO), targets=[target])
