"""What isn't a hit: reads of keys that nobody asked for before, and operations that pass through, beside nginx's
proxy_pass."""
import fixed
import results
import rounds
import servers
import workload
from bench import serving

MISS, CONSISTENT, PASS = "readaside, miss", "readaside, ConsistentRead", "readaside, table not cached"
NGINX = "nginx proxy_pass"
OTHER_TABLE = "not-" + workload.TABLE
ABOUT = (
    "Upstream says the same to everything at next to no cost (readaside-fixed-reply), on the client's core, so that it isn't "
    "the limit and its CPU isn't counted.",
    "A miss is the Query of a partition that nobody asked for before; its reply is stored. What passes through is "
    "the same Query with ConsistentRead, and of a table that isn't cached.",
    "readaside signs each request anew, as it must for DynamoDB, and checks the reply's checksum; nginx copies both ways, on "
    "connections that it keeps.",
)


def unique(**more):
    """A Query of another partition each time."""
    return workload.as_boto3(workload.body(key="MSG#" + workload.UNIQUE.decode(), **more))


def run(bench):
    tables = {workload.TABLE: {"ttl": "10m"}}
    with serving(servers.fixed_reply(bench, *fixed.replies(), bench.client_core)) as (behind,):
        own = servers.readaside(bench, behind.endpoint, bench.server_core, tables=tables)
        names = {"UPSTREAM": behind.endpoint.removeprefix("http://")}
        peer = servers.nginx(bench, "nginx_pass.conf", bench.server_core, ("PORT",), **names)
        with serving(own, peer):
            work = rounds.Work("miss", f"Query of {workload.MESSAGES} messages, not cached", bench, unique(), workload.is_right)
            work.enter(MISS, own, x_cache="MISS")
            work.enter(CONSISTENT, own, x_cache="BYPASS", data=unique(ConsistentRead=True))
            work.enter(PASS, own, x_cache="BYPASS", data=unique(table=OTHER_TABLE))
            work.enter(NGINX, peer)
            rounds.run(bench, [work])
    made = rounds.figures(work)
    targets = [
        results.target(f"pass-through: CPU per request, {own} / nginx proxy_pass", rounds.ratio(made, own, NGINX), 2.0)
        for own in (CONSISTENT, PASS)
    ]
    ratios = [each for own in (MISS, CONSISTENT, PASS) for each in rounds.ratios(made, own, (NGINX,))]
    return results.contest("Miss and pass-through", ABOUT, [made], ratios, targets=targets)
