"""A hit in Redis: readaside that holds nothing near, beside webdis and nginx with Lua, each with a Redis of its own."""
import contextlib
import pathlib
import shutil

import results
import rounds
import servers
import workload
from bench import counted, serving
from support import redis_server

LINEARIZABLE, FAST = "readaside, linearizable", "readaside, read_after_write"
WEBDIS, LUA = "webdis", "nginx + Lua"
KEY = "messages"
LUA_FILES = ("/usr/lib/nginx/modules/ngx_http_lua_module.so", "/usr/share/lua/5.1/nginx/redis.lua")
ABOUT = (
    "The same Query, its reply in Redis and nowhere else: each request goes to Redis and back.",
    "CPU is the server's and its Redis's together; both are pinned to the same core.",
    "webdis is asked by GET for the same body, with the same headers but for those of a body. nginx + Lua is a read-aside "
    "cache by MD5 of target and body.",
    "Where the machine is busy, readaside may find its Redis too slow and bypass it; rounds in which more than 1 % did are "
    "made again.",
    "A hit of readaside is one HMGET; whether a write is under way that touches the whole table is asked by one HGET for all "
    "that ask in the same moment. The others GET.",
)


class Contest:
    """Starts each contestant with its own Redis and enters it."""

    def __init__(self, bench, upstream, stack):
        self.bench = bench
        self.upstream = upstream
        self.stack = stack
        title = f"Query of {workload.MESSAGES} messages, in Redis"
        self.work = rounds.Work("redis", title, bench, workload.request(), workload.is_right)

    def start(self, server):
        self.stack.enter_context(serving(server))
        return server

    def redis(self):
        return self.start(servers.redis(self.bench, self.bench.server_core))

    def own(self, name, consistency):
        store = self.redis()
        more = {"consistency": consistency}
        server = self.start(servers.readaside_on(store, self.bench, self.upstream.endpoint, self.bench.server_core, **more))
        self.work.enter(name, servers.Together(server, store), x_cache="HIT", may_bypass=True)

    def webdis(self):
        if not shutil.which("webdis"):
            self.bench.missing(WEBDIS, "it isn't installed")
            return
        store = self.redis()
        body = workload.read_once(self.bench.database().port, workload.request()).body
        with redis_server.Connection(("127.0.0.1", store.port)) as connection:
            connection.command("SET", KEY, body)
        server = self.start(servers.webdis(self.bench, store, self.bench.server_core))
        self.work.enter(WEBDIS, servers.Together(server, store), data=workload.get(f"/GET/{KEY}.txt"))

    def lua(self):
        if not all(pathlib.Path(name).exists() for name in LUA_FILES):
            self.bench.missing(LUA, "its modules aren't installed")
            return
        store = self.redis()
        names = {"UPSTREAM": self.upstream.endpoint, "REDIS_PORT": store.port}
        server = self.start(servers.nginx(self.bench, "nginx_lua.conf", self.bench.server_core, ("PORT",), **names))
        self.work.enter(LUA, servers.Together(server, store), x_cache="HIT")


def run(bench):
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(counted(bench.database().endpoint))
        contest = Contest(bench, upstream, stack)
        contest.own(LINEARIZABLE, "linearizable")
        contest.own(FAST, "read_after_write")
        contest.webdis()
        contest.lua()
        rounds.run(bench, [contest.work], [upstream])
    made = rounds.figures(contest.work)
    targets = [
        results.target(f"Redis hit: CPU per request, {own} / webdis + Redis", rounds.ratio(made, own, WEBDIS), 0.80)
        for own in (LINEARIZABLE, FAST)
    ]
    ratios = [each for own in (LINEARIZABLE, FAST) for each in rounds.ratios(made, own, (WEBDIS, LUA))]
    return results.contest("Redis hit", ABOUT, [made], ratios, targets=targets)
