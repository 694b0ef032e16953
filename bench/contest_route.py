"""A hit of a route: GET, plain JSON, as a browser asks; beside nginx's cache and an application's own."""
import contextlib

import counted_gets
import results
import rounds
import servers
import workload
from bench import counted, serving

OWN, NGINX, FLASK = "readaside", "nginx proxy_cache", "Flask and Redis by hand"
ABOUT = (
    "GET /api/messages/{group} as config/cruddur.jsonc declares it: the same 20 messages as plain JSON, cached, asked for with "
    "a browser's headers.",
    "nginx repeats what readaside made once; readaside forbids that to shared caches, and nginx is told to keep it all the "
    "same.",
    "Flask is by_hand.py under gunicorn with one worker; its Redis runs on the same core and is counted too.",
)


def measure(bench, upstream, stack):
    core = bench.server_core
    own = servers.readaside(bench, upstream.endpoint, core, routes=workload.routes())
    between = counted_gets.CountedGets(own.endpoint)
    stack.callback(between.stop)
    ports = ("ROUTE_PORT", "PLAIN_PORT", "LOCKED_PORT", "OPEN_PORT")
    names = {"UPSTREAM": upstream.endpoint, "ROUTE_UPSTREAM": between.endpoint}
    peer = servers.nginx(bench, "nginx.conf", core, ports, **names)
    store = servers.redis(bench, core)
    by_hand = servers.Together(servers.flask(bench, core, upstream.endpoint, store), store)
    for server in (own, peer, by_hand):
        stack.enter_context(serving(server))
    title = f"Route: GET of the same {workload.MESSAGES} messages as plain JSON, cached"
    work = rounds.Work("route", title, bench, workload.route_request(), workload.is_right_on_route)
    work.enter(OWN, own, x_cache="HIT")
    work.enter(NGINX, peer, x_cache="HIT")
    # DynamoDB Local escapes two emoji, which readaside passes on and Python's JSON doesn't do.
    work.enter(FLASK, by_hand, x_cache="HIT", own_json=True)
    rounds.run(bench, [work], [upstream, between])
    return rounds.figures(work)


def run(bench):
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(counted(bench.database().endpoint))
        made = measure(bench, upstream, stack)
    return results.contest("Route hit", ABOUT, [made], rounds.ratios(made, OWN))
