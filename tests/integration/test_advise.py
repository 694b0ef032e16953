"""`readaside advise`: what other TTLs would have done with the traffic of a running proxy, and the advice taken."""
import json
import re
import subprocess
import threading

import pytest

from support import ports, processes, waiting

ROOMS = 300
TABLE = {
    "ttl": "10m",
    "ttl_jitter": "0%",
    "patterns": [
        {"name": "rooms", "partition_key": "room-*", "ttl": "1s"},
        {"name": "others", "partition_key": "other-*"},
    ],
}
# The same, as a person writes it.
FILE = """\
// What the tests of `advise` run on: a comment at the top.
{
  "listen": {"address": "127.0.0.1:0", "threads": 2}, // two loops, which are merged
  "admin": {"address": "127.0.0.1:%(admin)d"},
  "upstream": {"endpoint": "%(upstream)s", "region": "us-east-1"},
  /* "tables": {"chat": {"ttl": "1d"}} */
  "tables": {
    "chat": { // the one
      "ttl": "10m", /* not "ttl": "9m" */ "ttl_jitter": "0%%",
      "patterns": [
        // busy
        { "name": "rooms", "partition_key": "room-*", "ttl": "1s" /* too short? */ },
        { "name": "others", "partition_key": "other-*" }
      ]
    }
  }
}
"""


def room(number):
    return {"pk": {"S": f"room-{number}"}, "sk": {"S": "1"}}


def get(key):
    return {"TableName": "chat", "Key": key}


class Advised:
    """A proxy, and `readaside advise` asking it."""

    def __init__(self, proxy, binary, text):
        self.proxy = proxy
        self.binary = binary
        self.path = proxy.config_path
        self.path.write_text(text, encoding="utf-8")

    def run(self, *words):
        command = [self.binary, "advise", "-c", self.path, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=processes.child_environment())

    def told(self, *words):
        done = self.run("--json", *words)
        assert done.returncode == 0, done
        return {each["pattern"]: each for each in json.loads(done.stdout)}

    def read(self):
        """Reads every room, on two connections, so that both loops see some of it."""

        def some(part):
            with self.proxy.wire() as wire:
                for number in range(part, ROOMS, 2):
                    wire.ok("GetItem", get(room(number)))

        threads = [threading.Thread(target=some, args=(part,)) for part in (0, 1)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    def read_until_longer_is_better(self, pattern="rooms"):
        """Reads until the advisor has seen enough to recommend another TTL for the rooms."""

        def better():
            self.read()
            told = self.told().get(pattern)
            return told and told["recommended_ms"] > told["current_ms"] and told

        return waiting.until(better, f"a longer TTL to be recommended; {self.told()}")


@pytest.fixture
def advised(readaside_binary, ddb_local, proxy_factory, chat, direct):
    for first in range(0, ROOMS, 25):
        puts = [{"PutRequest": {"Item": {**room(number), "text": {"S": "x" * 100}}}} for number in range(first, first + 25)]
        direct.ok("BatchWriteItem", {"RequestItems": {"chat": puts}})
    direct.ok("PutItem", {"TableName": "chat", "Item": {"pk": {"S": "other-1"}, "sk": {"S": "1"}}})
    admin = ports.free_port()
    config = processes.base_config(ddb_local.endpoint, chat=TABLE)
    config["admin"] = {"address": f"127.0.0.1:{admin}"}
    text = FILE % {"admin": admin, "upstream": ddb_local.endpoint}
    return Advised(proxy_factory(None, config=config), readaside_binary, text)


def point(advice, ttl):
    return next(each for each in advice["points"] if each["ttl_ms"] == ttl)


def test_nothing_is_known_of_what_nobody_has_read(advised):
    assert advised.told() == {}
    done = advised.run()
    assert done.returncode == 0 and done.stdout == ""
    assert "has seen no read yet that a TTL decides" in done.stderr


def test_reads_and_writes_are_played(advised):
    """Exactly, for there are few: every read after an item's first is a hit of the long TTLs, but for what a write clears."""
    with advised.proxy.wire() as wire:
        for _ in range(5):
            wire.ok("GetItem", get(room(1)))
        wire.ok("PutItem", {"TableName": "chat", "Item": {**room(1), "text": {"S": "y"}}})
        waiting.until(lambda: wire.ok("GetItem", get(room(1))).cache == "HIT", "a hit after the write")
        wire.ok("GetItem", get({"pk": {"S": "other-1"}, "sk": {"S": "1"}}))
        wire.ok("GetItem", get({"pk": {"S": "nothing"}, "sk": {"S": "1"}}))
        wire.ok("GetItem", {**get(room(1)), "ConsistentRead": True})
    told = advised.told()
    rooms = told["rooms"]
    misses = rooms["reads"] * (1 - point(rooms, 86_400_000)["hit_ratio"])
    assert set(told) == {"rooms", "others"}, "what isn't there has a TTL of its own, and is no business of this one"
    assert rooms["table"] == "chat" and rooms["current_ms"] == 1000
    assert rooms["invalidations"] >= 1
    assert misses == pytest.approx(2, abs=0.01), rooms
    assert rooms["reads"] >= 7
    assert told["others"]["reads"] == 1 and told["others"]["current_ms"] == 600_000
    assert rooms["recommended_ms"] == 1000 and rooms["reason"].startswith("too little is known")


def test_the_curve_is_shown(advised):
    told = advised.read_until_longer_is_better()
    ttls = [each["ttl_ms"] for each in told["points"]]
    ratios = [each["hit_ratio"] for each in told["points"]]
    assert ttls == sorted(ttls) and len(ttls) == 24 and ttls[0] == 1000 and ttls[-1] == 86_400_000
    assert all(0 <= ratio <= 1 for ratio in ratios) and ratios == sorted(ratios)
    assert point(told, told["recommended_ms"])["hit_ratio"] > point(told, 1000)["hit_ratio"] + 0.01
    assert point(told, told["recommended_ms"])["units_per_s"] < point(told, 1000)["units_per_s"]
    shown = advised.run("--pattern", "rooms")
    assert shown.returncode == 0 and shown.stderr == ""
    lines = shown.stdout.splitlines()
    assert re.fullmatch(r"table chat, pattern rooms: \d+ reads, \d+ invalidations since .* UTC", lines[0])
    assert re.match(r" *ttl +mark +hit ratio +of all reads +read units/s +memory +age of hits", lines[1])
    assert len(lines) == 1 + 1 + 24 + 1
    assert [line.split()[0] for line in lines[2:] if " now " in line] == ["1s"]
    assert len([line for line in lines if " better " in line]) == 1
    assert re.match(r"1s -> \d+s: hit ratio 0\.\d\d -> [01]\.\d\d, saves [\d.]+ read units/s, memory ", lines[-1])


def test_advice_is_written_and_the_proxy_reloads(advised):
    before = advised.path.read_text(encoding="utf-8")
    advised.path.chmod(0o640)
    told = advised.read_until_longer_is_better()
    done = advised.run("--write", "--pattern", "rooms")
    assert done.returncode == 0, done
    wanted = re.search(r"tables\.chat, pattern rooms: ttl (\S+)", done.stderr).group(1)
    assert "has reloaded it" in done.stderr
    assert advised.path.read_text(encoding="utf-8") == before.replace('"ttl": "1s"', f'"ttl": "{wanted}"')
    assert advised.path.stat().st_mode & 0o7777 == 0o640
    assert list(advised.path.parent.glob("config.jsonc*")) == [advised.path]
    now = advised.told("--pattern", "rooms")["rooms"]
    assert now["current_ms"] > 1000 and now["reads"] >= told["reads"], "what was learnt stays"
    again = advised.run("--write", "--pattern", "others")
    assert again.returncode == 0 and "no other TTL is recommended" in again.stderr


def test_a_table_s_ttl_is_not_for_patterns_that_inherit_it(advised, readaside_binary):
    """The rooms are the table's own here; `others`, without a TTL of its own, keeps what it had of the table."""
    text = advised.path.read_text(encoding="utf-8").replace('"ttl": "10m", /*', '"ttl": "1s", /*')
    text = text.replace('"room-*", "ttl": "1s"', '"busy-*", "ttl": "1h"')
    advised.path.write_text(text, encoding="utf-8")
    subprocess.run([readaside_binary, "reload", "-c", advised.path], check=True, env=processes.child_environment())
    advised.read_until_longer_is_better(pattern=None)
    done = advised.run("--write")
    assert done.returncode == 0, done
    wanted = re.search(r"tables\.chat: ttl (\S+)", done.stderr).group(1)
    text = text.replace('"ttl": "1s", /*', f'"ttl": "{wanted}", /*')
    assert advised.path.read_text(encoding="utf-8") == text.replace('"name": "others",', '"name": "others", "ttl": "1s",')


def test_a_file_that_is_not_sound_is_not_asked_about(advised):
    advised.path.write_text(advised.path.read_text(encoding="utf-8").replace("rooms", "rooms\\q"), encoding="utf-8")
    done = advised.run("--write")
    assert done.returncode == 2 and "config.jsonc:" in done.stderr


def test_wrong_calls(advised, readaside_binary):
    for words, status, text in (
        (["--pattern", "nobody"], 2, "has no pattern or table 'nobody'"),
        (["--jsn"], 2, "did you mean '--json'?"),
        (["more"], 2, "unknown argument 'more'"),
    ):
        done = advised.run(*words)
        assert done.returncode == status and text in done.stderr, done
    done = subprocess.run([readaside_binary, "advise"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "-c FILE is missing" in done.stderr


def test_a_proxy_that_is_not_there(advised):
    advised.proxy.stop()
    done = advised.run()
    assert done.returncode == 1 and "the proxy at http://127.0.0.1:" in done.stderr
