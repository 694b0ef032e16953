"""Short histories: the product keeps what its mode promises, and what doesn't is caught."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

RUN = pathlib.Path(__file__).resolve().parent / "run"
SEED = os.environ.get("READASIDE_SEED", "1")
# The product but for one mistake: nothing is marked before a write, and what it has changed is removed after it.
NAIVE = os.environ.get("READASIDE_NAIVE")


def play(*arguments, program=None):
    """(exit status, figures)."""
    done = subprocess.run(
        [sys.executable, "-B", RUN, "--json", "--seed", SEED, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "READASIDE_BINARY": program} if program else None,
    )
    assert done.returncode in (0, 1), arguments
    return done.returncode, json.loads(done.stdout)


def explained(found):
    trace = found.pop("trace")
    return f"{json.dumps(found, indent=1)}\n{trace}"


def must_hold(*arguments):
    status, found = play(*arguments)
    assert status == 0, explained(found)
    assert found["violations"] == {}
    return found


def must_be_caught(*arguments, program=None):
    """By an oracle, and not because the run was too short or hardly cached."""
    status, found = play("--round", 6, "--stop-at-first", "--min-reads", 0, *arguments, program=program)
    assert status == 1
    assert found["violations"], explained(found)
    assert ">>" in found["trace"], "the trace marks what contradicts each other"


def test_one_proxy_with_its_own_store():
    found = must_hold("--store", "memory", "--minutes", 0.45, "--gap", 15, "--only", "kill", "--only", "pause", "--min-reads", 5000)
    assert found["faults"]["kill"] >= 1, "a kill -9 is what this is about"


@pytest.mark.parametrize("mutant", ["naive", "short-hold", "alone"])
def test_mistakes_are_caught(mutant):
    must_be_caught("--mutant", mutant, "--store", "memory", "--minutes", 0.5, "--no-faults")


@pytest.mark.skipif(not NAIVE, reason="READASIDE_NAIVE names no program")
def test_a_program_that_marks_nothing_is_caught():
    must_be_caught("--store", "memory", "--minutes", 0.5, "--no-faults", program=NAIVE)
