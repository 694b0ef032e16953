"""A hit in this process: the wire Query beside nginx's cache, and beside the least that an HTTP server on evhttp needs."""
import results
import rounds
import servers
import workload
from bench import counted, serving

OWN, BARE, DIRECT = "readaside", "bare evhttp", "DynamoDB Local"
NGINX, OPEN = "nginx proxy_cache", "nginx, open_file_cache"
ABOUT = (
    "The wire Query of 20 messages with boto3's headers, already cached. One thread, or one worker, on a core of its own; "
    "the load on the other.",
    "nginx compares bytes (method, target, body) and a write makes nothing stale; readaside reads what the request means.",
    "bare evhttp says the same bytes and headers to everything, with epoll's change list and the reply written at once.",
    "DynamoDB Local runs on any core: what the read costs without a cache, on a test double.",
)
PORTS = ("PLAIN_PORT", "LOCKED_PORT", "OPEN_PORT", "ROUTE_PORT")


def whole_reply(port):
    """A hit's bytes as they go over the wire."""
    workload.read_once(port, workload.request())
    reply = workload.read_once(port, workload.request())
    head = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
    return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode("latin-1") + reply.body


def measure(bench, database, upstream):
    core = bench.server_core
    own = servers.readaside(bench, upstream.endpoint, core)
    names = {"UPSTREAM": upstream.endpoint, "ROUTE_UPSTREAM": upstream.endpoint}
    peer = servers.nginx(bench, "nginx.conf", core, PORTS, **names)
    with serving(own, peer), serving(servers.bare_evhttp(bench, whole_reply(own.port), core)) as (bare,):
        title = f"Query of {workload.MESSAGES} messages, cached"
        work = rounds.Work("query", title, bench, workload.request(), workload.is_right)
        work.enter(OWN, own, x_cache="HIT")
        work.enter(NGINX, peer, x_cache="HIT")
        work.enter(OPEN, peer, peer.ports["OPEN_PORT"], "HIT")
        work.enter(BARE, bare, x_cache="HIT")
        work.enter(DIRECT, database, alone=False)
        rounds.run(bench, [work], [upstream])
    return rounds.figures(work)


def run(bench):
    database = bench.database()
    with counted(database.endpoint) as upstream:
        made = measure(bench, database, upstream)
    targets = [
        results.target("near hit: CPU per request, readaside / nginx proxy_cache", rounds.ratio(made, OWN, NGINX), 0.90),
        results.target("near hit: CPU per request, readaside / bare evhttp", rounds.ratio(made, OWN, BARE), 1.15),
        results.target(
            "near hit, the next mark: CPU per request, readaside / nginx with open_file_cache",
            rounds.ratio(made, OWN, OPEN),
            1.00,
        ),
    ]
    return results.contest("Near hit", ABOUT, [made], rounds.ratios(made, OWN), targets=targets)
