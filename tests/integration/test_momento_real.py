"""Momento itself as the store, where MOMENTO_API_KEY says whose; MOMENTO_CACHE_NAME names the cache."""
import json
import os
import secrets
import subprocess

import pytest
from test_momento import GET, NOTHING_NEAR, QUERY, put, until_hit, version

from support import processes, waiting

pytestmark = pytest.mark.skipif(
    not (os.environ.get("MOMENTO_API_KEY") and os.environ.get("MOMENTO_CACHE_NAME")),
    reason="MOMENTO_API_KEY and MOMENTO_CACHE_NAME aren't set: no account to test with",
)


@pytest.fixture
def config(counting_upstream):
    """Keys of this run's own, which are gone within minutes but for registers, which take a day."""
    base = processes.base_config(counting_upstream.endpoint)
    given = {"cache": os.environ.get("MOMENTO_CACHE_NAME"), "operations_per_second": 50, "request_timeout": "5s"}
    cache = {"store": "momento", "momento": given, "key_prefix": f"readaside-test-{secrets.token_hex(8)}:"}
    return processes.merged(base, {"cache": cache | NOTHING_NEAR["cache"], "tables": {"*": {"ttl": "2m", "negative_ttl": "1m"}}})


def run(binary, folder, config, *words):
    path = folder / "momento.jsonc"
    path.write_text(json.dumps(config))
    done = subprocess.run([binary, "cache", words[0], "-c", path, "--json", *words[1:]], check=False, timeout=120,
                          capture_output=True, text=True, env=processes.child_environment())
    return done.returncode, json.loads(done.stdout), done.stderr


def test_the_commands(readaside_binary, tmp_path, config, plain, proxy_factory, direct):
    status, found, said = run(readaside_binary, tmp_path, config, "ping")
    assert (status, said) == (0, ""), found
    direct.ok("PutItem", put("old"))
    proxy = proxy_factory(None, config=config)
    until_hit(proxy)
    key = ["plain", "--partition-key", "room", "--sort-key", "1"]
    status, found, _ = run(readaside_binary, tmp_path, config, "get", *key)
    assert status == 0 and len(found["units"][0]["entries"]) == 1
    status, found, _ = run(readaside_binary, tmp_path, config, "delete", *key)
    assert status == 0 and found["units"][0]["dropped"]
    status, found, _ = run(readaside_binary, tmp_path, config, "get", *key)
    assert status == 0 and found["units"][0]["entries"] == []


def test_a_cache_that_isnt_there(readaside_binary, tmp_path, config):
    config["cache"]["momento"]["cache"] = f"no-such-cache-{secrets.token_hex(8)}"
    status, found, _ = run(readaside_binary, tmp_path, config, "ping")
    assert status == 1 and "the cache doesn't exist" in found["error"], "the two 404s are told apart"


def test_two_proxies(config, plain, proxy_factory, direct, counting_upstream):
    direct.ok("PutItem", put("old"))
    one, other = (proxy_factory(None, config=config) for _ in range(2))
    for operation, body in (("GetItem", GET), ("Query", QUERY)):
        until_hit(one, operation)
        counting_upstream.forget()
        assert version(operation, until_hit(other, operation)) == "old"
        assert counting_upstream.count(operation) == 0, "it was the other's fill"
        assert one.call(operation, body).cache == "HIT"
    assert one.call("PutItem", put("new")).status == 200
    assert version("GetItem", one.call("GetItem", GET)) == "new"
    waiting.until(lambda: version("GetItem", other.call("GetItem", GET)) == "new", "the write to be seen")
    assert version("GetItem", until_hit(other)) == "new"
