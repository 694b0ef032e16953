"""Redis, alone or with replicas that can take its place.

A master takes writes only while a replica follows it (`min-replicas-to-write`): one that has been cut off takes no
heartbeat then, and proxies that still talk to it find that out by themselves. With two replicas there is one left
to follow the new master while the old one is away. Replicas reach their master through a forwarder, which can hang:
then neither end knows that the other is gone.
"""
import os
import pathlib

from helper import Helper
from support import redis_server, waiting

# A master counts a replica that it hasn't heard of for so many seconds, and looks once a second.
LAG = 2


class Node(redis_server.Redis):
    """One server, and the way by which others replicate it."""

    def __init__(self, folder, options, seed, alone):
        pathlib.Path(folder).mkdir()
        self.given = list(options)
        super().__init__(folder, options)
        self.link = None if alone else Helper("forwarder.py", self.port, seed)

    def info(self, section):
        """{name: text}."""
        lines = self.command("INFO", section).split("\r\n")
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def follow(self, master):
        self.command("REPLICAOF", "127.0.0.1", master.link.port)

    def start_following(self, master):
        """Anew, empty, and never a master meanwhile."""
        self.options = [*self.given, "--replicaof", f"127.0.0.1 {master.link.port}"]
        self.restart()

    def lead(self):
        """From now on, and after a restart."""
        self.options = self.given
        self.command("REPLICAOF", "NO", "ONE")

    def signal(self, number):
        os.kill(self.process.pid, number)

    def end(self):
        if self.link:
            self.link.kill()
        self.stop()


class Servers:
    def __init__(self, folder, replicas, fenced, seed):
        """`fenced`: a master without replicas takes no writes."""
        folder = pathlib.Path(folder)
        folder.mkdir()
        options = []
        if replicas:
            options = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"]
        if replicas and fenced:
            options += ["--min-replicas-to-write", "1", "--min-replicas-max-lag", str(LAG)]
        self.nodes = []
        self.steady = True  # no failover is under way
        try:
            for number in range(1 + replicas):
                self.nodes.append(Node(folder / str(number), options, seed, replicas == 0))
            self.master = self.nodes[0]
            for node in self.replicas():
                node.follow(self.master)
            self.settle()
        except BaseException:
            self.stop()
            raise

    def replicas(self):
        return [node for node in self.nodes if node is not self.master]

    def settle(self):
        """Until all that should follow the master do."""
        waiting.until(lambda: self._online() == len(self.nodes) - 1, "the replicas of Redis")

    def _online(self):
        return sum("state=online" in text for name, text in self.master.info("replication").items() if name.startswith("slave"))

    def promote(self, node):
        """It is the master, and all but the old one follow it."""
        old, self.master = self.master, node
        node.lead()
        for other in self.replicas():
            if other is not old:
                other.follow(node)
        return old

    def stop(self):
        for node in self.nodes:
            node.end()
