"""What a run is about, as processes: the stand-in for DynamoDB, Redis with a forwarder in front, and the proxies."""
import collections
import os
import pathlib
import signal

import local
import servers
import timing
import upstream
from helper import Helper

from support import ports, processes, waiting, wire

# Real settings with which the promise doesn't hold, or a cache that never held it: the oracles must catch each.
MUTANTS = {
    "naive": "a cache in front of each proxy that removes entries once a write has been answered",
    "short-hold": "markers of unknown fate end long before DynamoDB would refuse the late write",
    "alone": "proxies that don't share a store",
    "no-quarantine": "a Redis that is new is served from at once; proxies have just been killed, or there was a failover",
    "no-min-replicas": "a master that is cut off from its replicas goes on taking heartbeats",
    "impatient": "a near cache that isn't told of changes is held to what it promises when it is",
}


class Member:
    """One proxy, always at the same port, whatever happens to its process."""

    def __init__(self, name, binary, config, folder, forwarder=None, stopper=None):
        self.name = name
        self.binary = binary
        self.config = config
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.port = ports.free_port()
        self.config["listen"]["address"] = f"127.0.0.1:{self.port}"
        self.starts = 0
        self.proxy = None
        self.forwarder = forwarder  # to Redis
        self.stopper = stopper  # a library to preload; see stop_signing.c
        self.stop_order = self.folder / "stop"
        self.naive = None
        self.start()

    @property
    def client_port(self):
        """Where clients go."""
        return self.naive.port if self.naive else self.port

    def start(self):
        self.starts += 1
        folder = self.folder / str(self.starts)
        folder.mkdir()
        more = {"LD_PRELOAD": self.stopper, "READASIDE_STOP_SIGNING": os.fspath(self.stop_order)} if self.stopper else {}
        self.proxy = processes.Proxy(self.binary, self.config, folder, more)

    def pid(self):
        return self.proxy.process.pid

    def kill(self):
        self.proxy.process.kill()
        self.proxy.process.wait()
        self._judge_output()

    def _judge_output(self):
        output = self.proxy.output()
        assert not processes.SANITIZER_SPOKE.search(output), f"a sanitizer spoke:\n{output}"

    def stopped(self):
        """By a signal."""
        with open(f"/proc/{self.pid()}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "T"

    def signal(self, number):
        self.proxy.process.send_signal(number)

    def stop(self):
        if self.naive:
            self.naive.stop()
        self.signal(signal.SIGCONT)
        self.proxy.stop()


class Cluster:
    def __init__(self, options, folder):
        self.folder = pathlib.Path(folder)
        self.log_path = self.folder / "commits"
        self.options = options
        self.servers = None
        self.forwarders = []
        self.members = []
        self.counts = {"forwarders": collections.Counter(), "upstream": {}}
        self.upstream = self._upstream()
        try:
            self._start()
        except BaseException:
            self.kill()
            raise

    @property
    def redis(self):
        """The server that is the master now, or None."""
        return self.servers and self.servers.master

    def _upstream(self):
        if self.options.upstream == "local":
            return local.Local(self.folder)
        return Helper("upstream.py", "--log", self.log_path, "--seed", self.options.seed)

    def _start(self):
        shared = self.options.store == "redis" and self.options.mutant != "alone"
        if shared:
            fenced = self.options.mutant != "no-min-replicas"
            self.servers = servers.Servers(self.folder / "redis", self.options.replicas, fenced, self.options.seed)
        for number in range(self.options.proxies):
            name = f"p{number + 1}"
            forwarder = self._forwarder(number) if shared else None
            config = self.config(forwarder, name)
            folder, stopper = self.folder / name, self.options.stopper
            self.members.append(Member(name, self.options.binary, config, folder, forwarder, stopper))
            if self.options.mutant == "naive":
                self.members[-1].naive = Helper("naive.py", self.members[-1].port)

    def _forwarder(self, number):
        self.forwarders.append(Helper("forwarder.py", self.redis.port, self.options.seed + number))
        return self.forwarders[-1]

    def config(self, forwarder, name):
        hold = timing.REQUEST_TIMEOUT * 1.2 if self.options.mutant == "short-hold" else timing.HOLD
        table = {
            "ttl": "8s",
            "negative_ttl": "8s",
            "stale_while_revalidate": "1s",
            "stale_if_error": "4s",
            "serve_consistent_reads": self.options.mode == "linearizable",
        }
        config = {
            "listen": {"threads": 2},
            "upstream": {
                "endpoint": f"http://127.0.0.1:{self.upstream.port}",
                "region": "us-east-1",
                "request_timeout": timing.text(timing.REQUEST_TIMEOUT),
            },
            "consistency": self.options.mode,
            **({"writes_when_store_down": self.options.when_store_down} if self.options.when_store_down else {}),
            "unknown_write_hold": timing.text(hold),
            "tables": {upstream.TABLE: table},
        }
        if forwarder:
            config["cache"] = {"store": "redis", "redis": self.redis_config(forwarder)}
            if self.options.near is not None:
                config["cache"]["near"] = self.near_config()
        else:
            config["cache"] = {"store": "memory", "state_file": os.fspath(self.folder / f"state-{name}")}
        return config

    def redis_config(self, forwarder):
        quarantine = 0 if self.options.mutant == "no-quarantine" else timing.QUARANTINE
        return {
            "url": f"redis://127.0.0.1:{forwarder.port}",
            "command_timeout": timing.text(self.options.command_timeout),
            "heartbeat": timing.text(timing.HEARTBEAT),
            "quarantine": timing.text(quarantine),
        }

    def near_config(self):
        return {"max_age": timing.text(self.options.near)} if self.options.near else {"max_bytes": "0"}

    def await_hits(self):
        """A run's time isn't for the quarantine of a store that is new."""
        probe = {"TableName": upstream.TABLE, "Key": {"pk": {"S": "probe"}, "sk": {"S": "probe"}}}

        def hit(member):
            try:
                return wire.call_once(f"http://127.0.0.1:{member.port}", "GetItem", probe).cache == "HIT"
            except OSError:
                return False

        for member in self.members:
            waiting.until(lambda m=member: hit(m), f"{member.name} to serve from its store")

    def stop(self):
        """Ends everything; a proxy that doesn't end as it should is an error."""
        try:
            for member in self.members:
                member.stop()
            for forwarder in self.forwarders:
                self.counts["forwarders"].update(forwarder.stop())
            self.counts["upstream"] = self.upstream.stop()
        finally:
            self.kill()

    def kill(self):
        """Whatever is left."""
        for member in self.members:
            if member.proxy and member.proxy.alive():
                member.signal(signal.SIGCONT)
                member.proxy.process.kill()
                member.proxy.process.wait()
        helpers = [*self.forwarders, self.upstream, *(m.naive for m in self.members)]
        for helper in helpers:
            if helper:
                helper.kill()
        if self.servers:
            self.servers.stop()
