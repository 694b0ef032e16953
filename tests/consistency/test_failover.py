"""Histories in which a replica of Redis takes its master's place, while the old one is killed, stopped or cut off."""
from test_histories import must_be_caught, must_hold
from test_shared import NEAR, only

FAILOVERS = ("failover-cut", "failover-kill", "failover-stop")


def test_linearizable():
    """Each comes by itself: with other faults around it, it is part of a run without --only."""
    found = must_hold("--replicas", 2, "--minutes", 0.8, "--gap", 6, *only(*FAILOVERS), "--min-reads", 5000)
    assert sum(found["faults"].values()) >= 3


def test_read_after_write():
    arguments = ("--mode", "read_after_write", "--near", NEAR, "--when-store-down", "refuse")
    found = must_hold(*arguments, "--replicas", 2, "--minutes", 0.5, "--gap", 6, *only("failover-cut"), "--min-reads", 5000)
    assert found["faults"]["failover-cut"] >= 1


def test_an_old_master_that_goes_on_taking_heartbeats_is_caught():
    must_be_caught("--mutant", "no-min-replicas", "--minutes", 0.8, "--gap", 2)


def test_a_new_master_that_is_believed_at_once_is_caught():
    must_be_caught("--mutant", "no-quarantine", "--replicas", 2, "--minutes", 0.8, "--gap", 2, *only("failover-cut"))
