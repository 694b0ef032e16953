"""The herd: many clients ask for one key that isn't cached, all before the first reply; reads upstream are counted."""
import collections
import contextlib
import resource

import fixed
import results
import servers
import workload
from bench import serving
from held_upstream import HeldUpstream
from servers import Failed
from support import raw

CLIENTS = 1000
OWN, THREE = "readaside", "three readaside on one Redis"
NGINX, LOCKED = "nginx proxy_cache", "nginx, proxy_cache_lock"
PORTS = ("PLAIN_PORT", "LOCKED_PORT", "OPEN_PORT", "ROUTE_PORT")
ABOUT = (
    f"{CLIENTS} clients send the same Query, each on a connection of its own, of a key that no cache has. Upstream keeps every "
    "request until the servers have received all of them, so that the number of reads upstream depends on nobody's speed.",
    "With three proxies each has a third of the clients. They wait for each other's fill only for a while, and upstream keeps "
    "it from them for longer: what is counted is the worst that can come of it.",
)


def allow_files():
    """The clients are in this process, and so is upstream."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8 * CLIENTS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise Failed(f"{wanted} open files are needed, {hard} are allowed (ulimit -n)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def word(reply):
    """What a reply says of the cache: readaside's reason, or only nginx's word."""
    status = reply.headers.get("Cache-Status")
    return status.removeprefix("readaside; ") if status else f"X-Cache: {reply.cache}"


def upstream_reads(ports, upstream, number):
    """How often the servers on `ports` asked upstream for the one read that CLIENTS clients sent them, and what the
    replies said of it, the most frequent first."""
    data = workload.request(limit=workload.MESSAGES + 1 + number)  # an entry that no cache has yet
    upstream.hold()
    with contextlib.ExitStack() as stack:
        stack.callback(upstream.release)
        clients = {port: [] for port in ports}
        for client in range(CLIENTS):
            port = ports[client % len(ports)]
            clients[port].append(stack.enter_context(raw.connect(port)))
        socks = [sock for some in clients.values() for sock in some]
        for sock in socks:
            sock.sendall(data)
        for port, some in clients.items():
            raw.wait_until_read(port, some)
        upstream.wait_for_one()
        upstream.release()
        replies = [raw.ReplyReader(sock).next() for sock in socks]
    if {r and r.status for r in replies} != {200} or len({r.body for r in replies}) != 1:
        raise Failed(f"ports {ports} gave replies that differ or are no 200")
    said = collections.Counter(word(reply) for reply in replies)
    return upstream.count(), said.most_common()


def herd(bench, own, three, peer, upstream):
    """{name: [(reads upstream, what the replies said), each time]}"""
    contestants = {
        OWN: [own.port],
        THREE: [each.port for each in three],
        NGINX: [peer.port],
        LOCKED: [peer.ports["LOCKED_PORT"]],
    }
    # What each must learn of the table isn't part of a herd, and neither is opening the first connection upstream.
    for ports in contestants.values():
        for port in ports:
            workload.read_once(port, workload.request(limit=workload.MESSAGES))
    found = {name: [] for name in contestants}
    for number in range(min(bench.rounds, 3)):
        for name, ports in contestants.items():
            found[name].append(upstream_reads(ports, upstream, number))
            bench.progress(f"round {number + 1}, {name}: {found[name][-1][0]} upstream")
    return found


def run(bench):
    allow_files()
    core = None  # it's reads that are counted, not CPU: anywhere
    with contextlib.ExitStack() as stack:
        upstream = HeldUpstream(*fixed.replies())
        stack.callback(upstream.stop)
        # Nobody is to give up while upstream keeps what it got: how long that is depends on the machine.
        patient = {"endpoint": upstream.endpoint, "region": "us-east-1", "request_timeout": "30s"}
        (own,) = stack.enter_context(serving(servers.readaside(bench, upstream.endpoint, core, upstream=patient)))
        (store,) = stack.enter_context(serving(servers.redis(bench, core)))
        three = [servers.readaside_on(store, bench, upstream.endpoint, core, upstream=patient) for _ in range(3)]
        stack.enter_context(serving(*three))
        names = {"UPSTREAM": upstream.endpoint, "ROUTE_UPSTREAM": upstream.endpoint}
        (peer,) = stack.enter_context(serving(servers.nginx(bench, "nginx.conf", core, PORTS, **names)))
        found = herd(bench, own, three, peer, upstream)
    counts = {name: [count for count, _ in times] for name, times in found.items()}
    columns = ["", "reads upstream, the most", "each time", "what replies said then"]
    rows = []
    for name, times in found.items():
        most, said = max(times, key=lambda one: one[0])
        words = ", ".join(f"{number} × {what}" for what, number in said)
        rows.append([name, most, " ".join(map(str, counts[name])), words])
    table = results.table(f"{CLIENTS} clients, one cold key", columns, rows, chart=1)
    targets = [
        results.target("herd: reads upstream, one proxy", max(counts[OWN]), 1, exactly=True),
        results.target("herd: reads upstream, three proxies on one Redis", max(counts[THREE]), 3),
    ]
    return results.contest("Herd", ABOUT, tables=[table], targets=targets)
