"""The dashboard's page without a proxy: its files as they are served, and a stream of events that a test makes up. For
what a running proxy can't be brought to say at will: minutes of traffic at once, money, takeovers, nonsense."""
import http.server
import json
import math
import pathlib
import queue
import random
import re
import threading

from support import processes

FOLDER = processes.ROOT / "proxy" / "dashboard"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
BEGAN = 1_760_000_000_000  # ms since 1970
TTLS = [1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900, 1200, 1800, 3600, 7200, 14400, 28800, 57600, 86400]


def policy():
    """The Content-Security-Policy that the proxy sends."""
    text = (processes.ROOT / "proxy" / "admin_dashboard.c").read_text()
    return "".join(re.findall(r'"([^"]*)"', re.search(r"policy\[\] =(.*?);\n", text, re.DOTALL).group(1)))


def chart_library():
    return pathlib.Path("/usr/share/javascript/chart.js/chart.min.js")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _send(self, status, kind, body=b"", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy())
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/admin/events":
            self._events()
            return
        name = "index.html" if self.path == "/" else self.path.removeprefix("/dashboard/")
        path = chart_library() if name == "chart.min.js" else FOLDER / name
        if path.is_file():
            self._send(200, TYPES[path.suffix], path.read_bytes())
        else:
            self._send(404, "text/plain")

    def _events(self):
        site = self.server.site
        if site.token and self.headers["Authorization"] != f"Bearer {site.token}":
            self._send(401, "application/json", b'{"error": "admin.token is wanted"}')
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        while True:
            event = site.queue.get()
            if event is None:
                return
            self.wfile.write(event)
            self.wfile.flush()


class Site:
    def __init__(self, token=None):
        self.token = token
        self.queue = queue.Queue()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.site = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def say(self, name, value):
        text = value if isinstance(value, str) else json.dumps(value)
        self.queue.put(f"event: {name}\ndata: {text}\n\n".encode())

    def hang_up(self):
        """Ends the stream that is read now."""
        self.queue.put(None)

    def stop(self):
        self.hang_up()
        self.server.shutdown()
        self.server.server_close()


def quiet(at=BEGAN + 5000):
    """What a proxy says that nobody has called, with everything optional absent."""
    band = {"count": 0, "p50": 0, "p90": 0, "p99": 0, "p999": 0}
    names = "hit near miss stale bypass coalesced negative write pass error".split()
    return {
        "at": at,
        "started": BEGAN,
        "version": "0.1.0",
        "store": "memory",
        "caching": "on",
        "threads": 2,
        "requests": dict.fromkeys(names, 0),
        "patterns": [],
        "bypasses": {},
        "refused_fills": {},
        "latency": {name: dict(band) for name in ("hit", "miss", "write", "store", "upstream")},
        "upstream": {"reads": 0, "writes": 0, "reads_saved": 0, "units_spent": 0, "units_saved": 0},
        "money": None,
        "streams": {},
        "memory": {"bytes": 0, "max_bytes": 64 << 20, "entries": 0, "evictions": 0},
        "near": None,
        "connections": 0,
        "in_flight": 0,
        "breakers": [],
        "top_keys": [],
        "events": [],
        "advice": [],
    }


def advised(table, pattern, current, recommended, reason, rate, half_life):
    """A curve that flattens: the longer `half_life`, the later."""
    points = []
    for ttl in sorted({*TTLS, current}):
        ratio = 0.97 * (1 - math.exp(-((ttl / half_life) ** 0.55)))
        points.append(
            {
                "ttl_ms": ttl * 1000,
                "hit_ratio": ratio,
                "bytes": int(9e6 * (1 - math.exp(-ttl / half_life / 3)) * rate / 40),
                "units_per_s": rate * (1 - ratio),
                "stale_age_ms": int(ttl * 380),
            }
        )
    return {
        "table": table,
        "pattern": pattern,
        "current_ms": current * 1000,
        "recommended_ms": recommended * 1000,
        "reason": reason,
        "reads": int(rate * 3600),
        "since": BEGAN,
        "points": points,
    }


class Traffic:
    """A busy proxy's counters, second by second, the same each time."""

    PATTERNS = (
        ("orders", "by-customer", 300_000, 0.86, 420),
        ("orders", "line-items", 60_000, 0.71, 210),
        ("sessions", None, 30_000, 0.58, 130),
        ("catalogue", "products", 600_000, 0.97, 640),
    )

    def __init__(self, seed=7):
        self.random = random.Random(seed)
        self.live = quiet(BEGAN + 3_600_000 * 31)
        self.live["patterns"] = [
            {**dict.fromkeys("hit miss stale bypass coalesced negative write invalidations units_spent units_saved".split(), 0),
             "table": table, "pattern": pattern, "ttl_ms": ttl}
            for table, pattern, ttl, _, _ in self.PATTERNS
        ]
        self._garnish()

    def _garnish(self):
        self.live.update(
            store="redis",
            threads=4,
            money={"currency": "USD", "per_hour": 0.41, "saved_per_hour": 1.87, "saved_per_month": 1365.1},
            streams={
                "orders": {"lag_ms": 412, "fresh_as_of": self.live["at"] - 412, "in_bounds": True, "records": 81_220},
                "sessions": {"lag_ms": 48_000, "fresh_as_of": self.live["at"] - 48_000, "in_bounds": False, "records": 9_312},
            },
            memory={"bytes": 0, "max_bytes": 0, "entries": 0, "evictions": 0},
            near={"bytes": 151 << 20, "max_bytes": 256 << 20, "entries": 48_233},
            connections=214,
            in_flight=17,
            breakers=["serving"] * 4,
            top_keys=[
                {"table": t, "pattern": p, "digest": f"{n:016x}" * 4, "key": key, "reads": reads}
                for n, (t, p, key, reads) in enumerate(
                    [
                        ("catalogue", "products", "PROD#espresso-machine", 91_830),
                        ("catalogue", "products", "PROD#grinder", 70_112),
                        ("orders", "by-customer", None, 40_007),
                        ("sessions", None, None, 21_900),
                        ("orders", "line-items", "ORDER#2024-11-29#77120", 9_411),
                    ],
                    0x3FA9C1D2,
                )
            ],
            events=[
                {"at": self.live["at"] - ago * 1000, "kind": kind, "text": text}
                for ago, kind, text in [
                    (111_600, "start", "readaside 0.1.0 listens on port 8080"),
                    (5_400, "stream", "table orders: its stream is followed"),
                    (3_700, "takeover", "table orders: shard shardId-00000001760000000-5c1d of its stream is read here now"),
                    (1_260, "reload", "configuration read anew: tables.catalogue.patterns[0].ttl is 10m"),
                    (95, "breaker", "redis 10.0.4.17 port 6379: answers slowly or not at all; reads go to DynamoDB"),
                    (70, "breaker", "redis 10.0.4.17 port 6379: serves again"),
                ]
            ],
            advice=[
                advised("catalogue", "products", 600, 600, "10m is where the curve is flat: no other TTL is better by 0.01", 640, 9),
                advised("orders", "by-customer", 300, 1200, "5m → 20m: hit ratio 0.83 → 0.91, saves 41 read units/s, memory +120 MiB; beyond that the curve is flat", 420, 160),
                advised("orders", "line-items", 60, 300, "1m → 5m: hit ratio 0.61 → 0.79, saves 36 read units/s, memory +38 MiB; beyond that memory doesn’t allow more", 210, 60),
                advised("sessions", None, 30, 30, "writes that bypass the proxy were seen and the stream isn’t followed: no longer TTL is advised", 130, 400),
            ],
        )

    def second(self):
        """One second later."""
        live, rnd = self.live, self.random
        live["at"] += 1000
        t = (live["at"] - BEGAN) / 1000
        trouble = 0.25 if 95 < t % 300 < 120 else 1.0
        for p, (_, _, _, ratio, rate) in zip(live["patterns"], self.PATTERNS):
            reads = int(rate * (1 + 0.3 * math.sin(t / 47 + len(p["table"]))) * rnd.uniform(0.88, 1.12))
            hit = int(reads * ratio * rnd.uniform(0.97, 1.0) * trouble)
            stale = reads // 90
            miss = reads - hit - stale
            more = {"hit": hit, "stale": stale, "miss": miss, "coalesced": miss // 9, "negative": hit // 30, "bypass": reads // 25}
            more.update(write=reads // 12, invalidations=reads // 10, units_spent=miss * 1.0, units_saved=hit * 1.0)
            for name, n in more.items():
                p[name] += n
            for name in ("hit", "stale", "miss", "coalesced", "negative", "bypass", "write"):
                live["requests"][name] += more[name]
            live["requests"]["near"] += hit * 2 // 3
            live["upstream"]["reads"] += miss + more["bypass"]
            live["upstream"]["reads_saved"] += hit
            live["upstream"]["units_spent"] += more["units_spent"]
            live["upstream"]["units_saved"] += more["units_saved"]
        live["requests"]["pass"] += rnd.randrange(14)
        live["requests"]["error"] += rnd.randrange(3) if trouble == 1.0 else 40
        live["bypasses"] = {"consistent-read": int(t) % 7000, "marked": 812, "stream-lag": 4_410, "scan": 77}
        live["refused_fills"] = {"overtaken": 310, "too-large": 4}
        for i, (name, p50) in enumerate([("hit", 190), ("miss", 5200), ("write", 7100), ("store", 420), ("upstream", 4700)]):
            wave = p50 * (1 + 0.2 * math.sin(t / 31 + i)) * (1 if trouble == 1.0 else 2.2)
            live["latency"][name] = {
                "count": 9000 // (i + 1),
                "p50": int(wave * rnd.uniform(0.95, 1.05)),
                "p90": int(wave * rnd.uniform(1.7, 2.1)),
                "p99": int(wave * rnd.uniform(4, 5)),
                "p999": int(wave * rnd.uniform(9, 16)),
            }
        return json.loads(json.dumps(live))

    def minutes(self, site, minutes):
        for _ in range(int(minutes * 60)):
            live = self.second()
            site.say("live", live)
        return live
