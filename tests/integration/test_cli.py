"""The binary's command line as a shell sees it: streams and exit statuses."""
import json
import os
import pathlib
import subprocess

import pytest

from support import momento_server

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE_TOOLS = ["schema-load", "seed", "list-tables", "drop", "scan", "get-conversation", "list-conversations"]
CACHE_TOOLS = ["ping", "get", "delete", "stats"]
COMMANDS = ["serve", "check", "markers", "cache", *(f"cache {tool}" for tool in CACHE_TOOLS),
            "ddb", *(f"ddb {tool}" for tool in TABLE_TOOLS), "version", "help"]


@pytest.fixture
def run(readaside_binary, tmp_path):
    def run_it(*words, **more):
        return subprocess.run([readaside_binary, *words], capture_output=True, text=True, timeout=30, check=False,
                              cwd=tmp_path, **more)

    return run_it


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_on_stdout(run, command):
    done = run(*command.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: readaside {command}")
    assert all(len(line) <= 110 for line in done.stdout.splitlines())


def test_the_overview_names_every_command(run):
    overview = run("help").stdout
    for command in COMMANDS:
        assert f"  {command.split()[0]} " in overview
    ddb = run("ddb", "--help").stdout
    assert all(f"  {tool} " in ddb for tool in TABLE_TOOLS)


@pytest.mark.parametrize("words, hint", [
    (["srve"], "did you mean 'serve'?"),
    (["ddb", "schema-laod"], "did you mean 'schema-load'?"),
    (["check", "--jsom"], "did you mean '--json'?"),
    (["zzz"], "unknown command 'zzz'"),
    ([], "usage: readaside"),
])
def test_mistakes_exit_with_2(run, words, hint):
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in done.stderr


def test_output_that_cannot_be_written_is_a_failure(readaside_binary):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([readaside_binary, "help", "config"], stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=30, check=False)
    assert done.returncode == 1
    assert "No space left" in done.stderr


def test_every_shipped_configuration_is_sound(run):
    shipped = sorted((ROOT / "config").glob("*.jsonc"))
    assert shipped
    own = {**os.environ, "REDIS_URL": "redis://127.0.0.1", "READASIDE_LISTEN": "127.0.0.1:8091",  # redis.jsonc's
           "MOMENTO_API_KEY": momento_server.v2_key(), "MOMENTO_ENDPOINT": "cell.example",  # momento.jsonc's
           "COGNITO_REGION": "eu-west-1", "COGNITO_USER_POOL_ID": "eu-west-1_AbC",  # cruddur-auth.jsonc's
           "COGNITO_CLIENT_ID": "client", "READASIDE_SECRET": "0123456789abcdef"}
    for path in shipped:
        done = run("check", "-c", path, env=own)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{path}: ok\n")
        assert json.loads(run("check", "-c", path, "--json", env=own).stdout) == []


@pytest.mark.parametrize(("redis", "short"), [
    ({}, None), ({"heartbeat": "9s"}, None), ({"heartbeat": "10s"}, "30050ms"), ({"quarantine": "0s"}, "3050ms"),
    ({"quarantine": "3050ms"}, None), ({"quarantine": "10s", "command_timeout": "8s"}, "11s")])
def test_a_quarantine_shorter_than_a_lost_redis_is_believed(run, tmp_path, redis, short):
    cache = {"store": "redis", "redis": {"url": "redis://localhost", **redis}}
    (tmp_path / "c.jsonc").write_text(json.dumps({"cache": cache, "tables": {"*": {}}}))
    done = run("check", "-c", "c.jsonc")
    assert (done.returncode, done.stderr) == (0, "")
    assert ("shorter than three heartbeats" in done.stdout) == (short is not None)
    assert not short or f"command_timeout, {short}." in done.stdout


def test_problems_come_all_at_once_with_their_lines(run, tmp_path):
    (tmp_path / "bad.jsonc").write_text('{\n  "listen": { "threads": 0 },\n  // a comment\n  "cahce": {},\n'
                                        '  "tables": { "chat": { "ttl": "5 s" } }\n}\n')
    done = run("check", "-c", "bad.jsonc")
    assert (done.returncode, done.stdout) == (2, "")
    starts = ["bad.jsonc:2: listen.threads: ", "bad.jsonc:4: cahce: ", "bad.jsonc:5: tables.chat.ttl: "]
    lines = done.stderr.splitlines()
    for start in starts:
        assert any(line.startswith(start) and "accepted" in line for line in lines), (start, lines)
    listed = json.loads(run("check", "--json", "-c", "bad.jsonc").stdout)
    assert [(p["line"], p["path"], p["severity"]) for p in listed] == [
        (2, "listen.threads", "error"), (4, "cahce", "error"), (5, "tables.chat.ttl", "error")]


def test_the_summary_says_what_is_promised_and_what_it_costs(run, tmp_path):
    (tmp_path / "c.jsonc").write_text(json.dumps({
        "upstream": {"endpoint": "http://127.0.0.1:8000", "region": "us-east-1"},
        "consistency": "linearizable",
        "tables": {"chat": {"ttl": "30s", "patterns": [{"name": "feed", "partition_key": "F#*", "ttl": "0"}]}}}))
    done = run("check", "-c", "c.jsonc")
    assert done.returncode == 0, done.stderr
    assert "table chat\n  ttl 30s" in done.stdout
    assert "feed: partition_key F#*, not cached" in done.stdout
    assert "consistency linearizable: " in done.stdout
    assert "twice the read units" in done.stdout
