"""Histories of three proxies that share a Redis."""
import os

import pytest
from test_histories import must_be_caught, must_hold

READS = 200_000
STOPPER = os.environ.get("READASIDE_STOPPER")


def test_linearizable():
    found = must_hold("--store", "redis", "--minutes", 2, "--min-reads", READS)
    assert found["faults"]["kill"] >= 1
    assert found["forwarders"]["cut-after"] >= 1, "cut between BEGIN and its acknowledgement"


@pytest.mark.skipif(not STOPPER, reason="READASIDE_STOPPER names no library")
def test_stopped_between_begin_and_signature():
    found = must_hold(
        "--store", "redis", "--minutes", 1.5, "--gap", 1, "--only", "stop-signing", "--stopper", STOPPER, "--min-reads", 5000
    )  # fmt: skip
    assert found["faults"]["stop-signing"] >= 5


def test_read_after_write():
    must_hold("--store", "redis", "--mode", "read_after_write", "--minutes", 0.7, "--min-reads", 5000)


@pytest.mark.parametrize("mutant", ["naive", "short-hold"])
def test_mistakes_are_caught(mutant):
    must_be_caught(mutant, "--store", "redis", "--minutes", 0.2, "--no-faults", "--min-reads", 0)


def test_a_restarted_redis_that_is_believed_at_once_is_caught():
    must_be_caught("no-quarantine", "--store", "redis", "--minutes", 0.4, "--gap", 2, "--min-reads", 0)
