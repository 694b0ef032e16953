"""DynamoDB Local in the stand-in's place: a DynamoDB that is somebody else's work.

It commits nothing late, loses no reply, and keeps no log: the oracles have only what clients saw.
"""
from support import processes, tables, wire
from upstream import TABLE


class Local:
    def __init__(self, folder):
        self.server = processes.DynamoDBLocal(folder / "dynamodb-local.log")
        self.port = self.server.port
        try:
            with wire.Wire(self.server.endpoint) as connection:
                tables.create(connection, tables.plain(TABLE))
        except BaseException:
            self.kill()
            raise

    def order(self, line):
        """The stand-in's orders are mishaps, of which it knows none."""

    def stop(self):
        self.kill()
        return {}

    def kill(self):
        if self.server.process.poll() is None:
            self.server.stop()
