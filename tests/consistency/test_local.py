"""Histories in front of DynamoDB Local."""
from test_histories import must_be_caught, must_hold


def test_linearizable():
    found = must_hold("--upstream", "local", "--minutes", 0.4, "--gap", 2, "--min-reads", 5000)
    assert found["faults"]
    assert found["near_hits"] > 100


def test_a_mistake_is_caught():
    must_be_caught("--mutant", "naive", "--upstream", "local", "--minutes", 0.5, "--no-faults")
