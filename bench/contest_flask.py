"""A whole application: a Flask back end with boto3, asking DynamoDB, through readaside, or through Redis by hand."""
import contextlib

import results
import rounds
import servers
import workload
from bench import serving

DIRECT, THROUGH, BY_HAND = "boto3, direct", "boto3 through readaside", "boto3 and Redis by hand"
ABOUT = (
    "A page of 20 messages from by_hand.py (Flask, boto3) under gunicorn with one worker of the default kind, as a browser "
    "asks for it. Through readaside the application is the same as direct, but for its endpoint.",
    "CPU is of all that the application needs: gunicorn with readaside, or with Redis, on one core; direct, with DynamoDB "
    "Local, which runs on any core, and which is a test double: of DynamoDB itself nobody pays the CPU.",
    "By hand, a hit repeats the finished JSON and boto3 isn't even called; nothing makes it stale but its TTL.",
)


def run(bench):
    core, database = bench.server_core, bench.database()
    with contextlib.ExitStack() as stack:

        def start(server):
            stack.enter_context(serving(server))
            return server

        own = start(servers.readaside(bench, database.endpoint, core))
        store = start(servers.redis(bench, core))
        title = f"Flask: GET of {workload.MESSAGES} messages"
        work = rounds.Work("flask", title, bench, workload.route_request(), workload.is_right_on_route)
        direct = start(servers.flask(bench, core, database.endpoint))
        work.enter(DIRECT, servers.Together(direct, database), alone=False)
        through = start(servers.flask(bench, core, own.endpoint))
        work.enter(THROUGH, servers.Together(through, own))
        by_hand = start(servers.flask(bench, core, database.endpoint, store))
        work.enter(BY_HAND, servers.Together(by_hand, store), x_cache="HIT")
        rounds.run(bench, [work])
    made = rounds.figures(work)
    return results.contest("Flask back end", ABOUT, [made], rounds.ratios(made, THROUGH))
