"""Tables whose streams are followed, and what a proxy says of how far it has come."""
import http.client
import json
import time
import urllib.parse

from support import ports, processes, waiting

VIEW = "NEW_AND_OLD_IMAGES"


def streamed(table, view=VIEW):
    """The same table with a stream."""
    return {**table, "StreamSpecification": {"StreamEnabled": True, "StreamViewType": view}}


def settings(table, changes=None, **of_table):
    """A config's changes: `table` alone is cached, for long, and followed closely."""
    base = {
        "admin": {"address": f"127.0.0.1:{ports.free_port()}"},
        "streams": {"idle_interval": "50ms", "delivery_allowance": "100ms", "lease": "1s"},
        "tables": {
            table: {"ttl": "10m", "ttl_jitter": "0%", "negative_ttl": "10m", "settle": "0s", "stream": "follow"}
        },
    }
    base["tables"][table].update(of_table)
    return processes.merged(base, changes or {})


def stats(proxy, table):
    """What the admin listener says of a table's stream."""
    config = json.loads(proxy.config_path.read_text())
    connection = http.client.HTTPConnection(config["admin"]["address"], timeout=60)
    try:
        connection.request("GET", "/admin/cache/stats")
        return json.loads(connection.getresponse().read())["streams"][table]
    finally:
        connection.close()


def now():
    """The wall clock, in ms, as `fresh_as_of` has it; not before what has happened."""
    return time.time_ns() // 1_000_000 + 1


def caught_up(proxy, table, since=None):
    """Waits until everything before `since` (now) has been invalidated; its statistics."""
    since = since or now()

    def passed():
        assert proxy.alive(), proxy.output()
        known = stats(proxy, table)
        return known if known["fresh_as_of"] and known["fresh_as_of"] >= since else None

    return waiting.until(passed, f"following {table} to pass {since}; {proxy.output()}")
