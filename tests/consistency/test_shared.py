"""Histories of three proxies that share a Redis."""
import os

import pytest
from test_histories import NAIVE, must_be_caught, must_hold

READS = 200_000
STOPPER = os.environ.get("READASIDE_STOPPER")
NEAR = 0.3  # seconds


def only(*faults):
    return [word for fault in faults for word in ("--only", fault)]


def test_linearizable():
    found = must_hold("--minutes", 1.3, "--min-reads", READS)
    assert found["faults"]["kill"] >= 1
    assert found["forwarders"]["cut-after"] >= 1, "cut between BEGIN and its acknowledgement"
    assert found["near_hits"] > READS / 100


@pytest.mark.skipif(not STOPPER, reason="READASIDE_STOPPER names no library")
def test_stopped_between_begin_and_signature():
    found = must_hold("--minutes", 0.5, "--gap", 0.5, *only("stop-signing"), "--stopper", STOPPER, "--min-reads", 5000)
    assert found["faults"]["stop-signing"] >= 3


def test_read_after_write():
    """Redis and the way there fail, too: what can't be marked is refused."""
    arguments = ("--mode", "read_after_write", "--near", 0, "--when-store-down", "refuse")
    found = must_hold(*arguments, "--minutes", 0.6, "--gap", 1, "--min-reads", 5000)
    assert found["near_hits"] == 0
    assert found["faults"]["kill"] >= 1
    assert found["forwarders"]["cut-after"] >= 1


def test_read_after_write_that_goes_on_without_its_store():
    """Which it doesn't lose here: a write that it isn't told of promises nothing."""
    arguments = ("--mode", "read_after_write", "--near", NEAR, "--when-store-down", "pass")
    faults = only("kill", "deaf", "slow", "pause", "slow-one", "stop")
    found = must_hold(*arguments, *faults, "--minutes", 0.5, "--gap", 1.5, "--min-reads", 5000)
    assert found["near_hits"] > 1000
    assert found["forwarders"]["pushes held"] >= 1
    assert found["faults"]["kill"] >= 1


@pytest.mark.parametrize("mutant", ["naive", "short-hold"])
def test_mistakes_are_caught(mutant):
    must_be_caught("--mutant", mutant, "--minutes", 1, "--no-faults")


def test_a_redis_that_is_new_and_believed_at_once_is_caught():
    must_be_caught("--mutant", "no-quarantine", "--minutes", 0.7, "--gap", 2)


def test_a_near_cache_that_is_not_told_of_changes_is_caught():
    must_be_caught("--mutant", "impatient", "--minutes", 0.5, "--gap", 1)


@pytest.mark.skipif(not NAIVE, reason="READASIDE_NAIVE names no program")
@pytest.mark.parametrize(
    "mode",
    [
        ("linearizable", "--no-faults"),
        # Where only acknowledged writes count, what removes entries afterwards is late only if Redis is.
        ("read_after_write", "--near", 0, "--when-store-down", "refuse", "--gap", 1, *only("slow-one")),
    ],
)
def test_a_program_that_marks_nothing_is_caught(mode):
    must_be_caught("--mode", *mode, "--minutes", 0.7, program=NAIVE)
