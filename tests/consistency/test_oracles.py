"""The oracles, against brute force and by hand: one that misses something proves nothing."""
import os
import random

import oracles
from oracles import FAILED, OK, UNKNOWN, Read, Write

SEED = int(os.environ.get("READASIDE_SEED", "1"))
HISTORIES = 20000


def brute_force(reads, writes, before):
    """Is there an order? Tries all, one operation after the other; `value` is what the item holds."""
    operations = [w for w in writes if w.outcome != FAILED] + list(reads)
    ends = [oracles.INFINITY if isinstance(o, Write) and o.outcome == UNKNOWN else o.responded for o in operations]
    needed = sum(1 << i for i, end in enumerate(ends) if end != oracles.INFINITY)
    tried = set()

    def possible(done, value):
        if done & needed == needed:
            return True
        if (done, value) in tried:
            return False
        tried.add((done, value))
        left = [i for i in range(len(operations)) if not done >> i & 1]
        limit = min(ends[i] for i in left)
        for i in left:
            operation = operations[i]
            if operation.invoked > limit:
                continue
            if isinstance(operation, Write):
                if possible(done | 1 << i, operation.value):
                    return True
            elif operation.value == value and possible(done | 1 << i, value):
                return True
        return False

    return possible(0, before)


def random_history(rng):
    """Short, crowded, with ties."""
    reads, writes = [], []
    nvalues = rng.randint(1, 4)
    span = rng.choice((6, 12, 30))
    for value in range(1, nvalues + 1):
        invoked = rng.randrange(span)
        outcome = rng.choices((OK, UNKNOWN, FAILED), (7, 2, 1))[0]
        writes.append(Write(value, invoked, invoked + 1 + rng.randrange(span // 2), outcome))
    for _ in range(rng.randrange(7)):
        invoked = rng.randrange(span + 4)
        value = rng.choice((None, *range(1, nvalues + 1)))
        reads.append(Read(value, invoked, invoked + 1 + rng.randrange(span // 3)))
    return reads, writes


def plausible_history(rng):
    """As a register would have it, then perhaps one read made wrong: many of these are linearizable."""
    events = []
    reads, writes = [], []
    for value in range(1, rng.randint(2, 5)):
        events.append((rng.randrange(1, 60), value))
    events.sort()
    for at, value in events:
        known = at + rng.randrange(0, 8)
        writes.append(Write(value, at - rng.randrange(1, 8), known + 1, rng.choices((OK, UNKNOWN), (4, 1))[0]))
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(70)
        seen = [value for time, value in events if time <= at]
        wrong = rng.random() < 0.1
        value = rng.choice([v for _, v in events]) if wrong else (seen[-1] if seen else None)
        reads.append(Read(value, at - rng.randrange(1, 6), at + 1 + rng.randrange(6)))
    return reads, writes


def test_linearizable_as_brute_force_says():
    rng = random.Random(SEED)
    verdicts = {True: 0, False: 0}
    for number in range(HISTORIES):
        reads, writes = random_history(rng) if number % 2 else plausible_history(rng)
        expected = brute_force(reads, writes, None)
        found = oracles.not_linearizable(reads, writes)
        assert (found is None) == expected, (SEED, reads, writes, found)
        verdicts[expected] += 1
    assert min(verdicts.values()) > HISTORIES / 10, f"one-sided: {verdicts}"


def test_a_long_history_is_judged_by_its_one_mistake():
    writes = [Write(i, 10 * i, 10 * i + 5, OK) for i in range(1, 5001)]
    reads = [Read(i, 10 * i + 6, 10 * i + 8) for i in range(1, 5001)]
    commits = [(10 * i + 2, i) for i in range(1, 5001)]
    assert oracles.judge("linearizable", reads, writes, commits) == []
    late = Read(2500, 25011 + 5, 25011 + 6)
    found = oracles.judge("linearizable", [*reads, late], writes, commits)
    assert {v.oracle for v in found} == {"linearizable", "commit log", "acknowledged writes"}
    assert all(late in v.operations for v in found)


def test_a_read_of_what_was_overwritten_by_a_write_that_nobody_was_told_of():
    """A late write has become visible, and then isn't any more."""
    writes = [Write(1, 0, 5, OK), Write(2, 10, 12, UNKNOWN)]
    reads = [Read(2, 21, 22), Read(1, 30, 31)]
    commits = [(3, 1), (20, 2)]
    assert oracles.not_linearizable(reads, writes) is not None
    assert oracles.older_than_committed(reads, commits) is not None
    assert oracles.older_than_acknowledged(reads, writes, commits) is None, "all that read_after_write promises"
    assert oracles.judge("read_after_write", reads, writes, commits) == []


def test_a_read_that_nobody_contradicts_may_still_be_too_old_for_the_commit_log():
    writes = [Write(1, 0, 5, OK), Write(2, 10, 100, OK)]
    reads = [Read(1, 50, 51)]
    commits = [(3, 1), (20, 2)]
    assert oracles.not_linearizable(reads, writes) is None
    assert oracles.older_than_committed(reads, commits) is not None
    assert oracles.older_than_committed([Read(1, 20, 51)], commits) is None, "at the same instant is in time"


def test_what_was_there_at_first():
    writes = [Write(1, 10, 15, OK)]
    commits = [(12, 1)]
    assert oracles.judge("linearizable", [Read(None, 1, 2), Read(None, 11, 16), Read(1, 16, 17)], writes, commits) == []
    found = oracles.judge("linearizable", [Read(None, 16, 17)], writes, commits)
    assert {v.oracle for v in found} == {"linearizable", "commit log", "acknowledged writes"}


def test_older_than_acknowledged_goes_by_the_order_of_commits():
    """The write that was acknowledged last needn't be the newest."""
    writes = [Write(1, 0, 30, OK), Write(2, 0, 10, OK)]
    commits = [(1, 1), (2, 2)]
    assert oracles.older_than_acknowledged([Read(2, 40, 41)], writes, commits) is None
    assert oracles.older_than_acknowledged([Read(1, 40, 41)], writes, commits) is not None
    assert oracles.older_than_acknowledged([Read(1, 9, 41)], writes, commits) is None


def test_what_can_not_be():
    write = Write(1, 10, 15, OK)
    assert oracles.impossible([], [write], [(12, 1)]) is None
    assert oracles.impossible([], [write], [(12, 1), (13, 1)]) is not None
    assert oracles.impossible([], [write], []) is not None
    assert oracles.impossible([], [write], [(16, 1)]) is not None
    assert oracles.impossible([], [write._replace(outcome=FAILED)], [(12, 1)]) is not None
    assert oracles.impossible([], [write._replace(outcome=UNKNOWN)], [(99, 1)]) is None
    assert oracles.impossible([Read(1, 10, 11)], [write], [(12, 1)]) is not None
    assert oracles.impossible([Read(2, 10, 11)], [write], [(12, 1)]) is not None


def random_told_history(rng):
    """Of two proxies; every write that isn't refused is committed at some time, in time if it was acknowledged."""
    writes, commits = [], []
    for value in range(1, rng.randint(2, 6)):
        invoked = rng.randrange(30)
        outcome = rng.choices((OK, UNKNOWN, FAILED), (6, 2, 1))[0]
        write = Write(value, invoked, invoked + 1 + rng.randrange(12), outcome, rng.choice("pq"))
        writes.append(write)
        if outcome == OK:
            commits.append((rng.randint(write.invoked, write.responded), value))
        elif outcome == UNKNOWN:
            commits.append((invoked + rng.randrange(30), value))
    rng.shuffle(commits)
    commits.sort(key=lambda pair: pair[0])
    reads = []
    for _ in range(rng.randrange(6)):
        invoked = rng.randrange(50)
        reads.append(Read(rng.choice((None, *(v for _, v in commits))), invoked, invoked + 1, rng.choice("pq")))
    return reads, writes, commits


def known_to(read, writes, others_after):
    return [w for w in writes if w.outcome == OK and w.responded + (0 if w.through == read.through else others_after) < read.invoked]


def test_older_than_acknowledged_as_its_definition_says():
    rng = random.Random(SEED)
    verdicts = {True: 0, False: 0}
    for _ in range(HISTORIES):
        reads, writes, commits = random_told_history(rng)
        others_after = rng.choice((0, 0, 5, 20))
        place = {None: -1, **{value: i for i, (_, value) in enumerate(commits)}}
        expected = any(place[w.value] > place[r.value] for r in reads for w in known_to(r, writes, others_after))
        found = oracles.older_than_acknowledged(reads, writes, commits, others_after=others_after)
        assert (found is not None) == expected, (SEED, reads, writes, commits, others_after, found)
        verdicts[expected] += 1
    assert min(verdicts.values()) > HISTORIES / 20, f"one-sided: {verdicts}"


def test_surely_older_than_acknowledged_as_its_definition_says():
    """Whatever the commit log would have been; so where it says something, the other oracle does, too."""
    rng = random.Random(SEED)
    verdicts = {True: 0, False: 0}
    for _ in range(HISTORIES):
        reads, writes, commits = random_told_history(rng)
        others_after = rng.choice((0, 0, 5, 20))
        ended = {None: -oracles.INFINITY, **{w.value: w.responded for w in writes if w.outcome == OK}}
        expected = any(
            ended.get(r.value, oracles.INFINITY) < w.invoked for r in reads for w in known_to(r, writes, others_after)
        )  # fmt: skip
        found = oracles.surely_older_than_acknowledged(reads, writes, others_after=others_after)
        assert (found is not None) == expected, (SEED, reads, writes, others_after, found)
        if found:
            assert oracles.older_than_acknowledged(reads, writes, commits, others_after=others_after) is not None
        verdicts[expected] += 1
    assert min(verdicts.values()) > HISTORIES / 20, f"one-sided: {verdicts}"


def test_other_proxies_may_take_their_time_the_same_one_may_not():
    writes = [Write(1, 0, 5, OK, "p"), Write(2, 10, 15, OK, "p")]
    commits = [(3, 1), (12, 2)]
    for judge in (
        lambda reads: oracles.judge("read_after_write", reads, writes, commits, others_after=20),
        lambda reads: oracles.judge("read_after_write", reads, writes, None, others_after=20),
    ):
        assert judge([Read(1, 34, 36, "q"), Read(1, 14, 16, "p"), Read(2, 16, 17, "p")]) == []
        assert [v.oracle for v in judge([Read(1, 36, 37, "q")])] == ["acknowledged writes"]
        assert [v.oracle for v in judge([Read(1, 16, 17, "p")])] == ["acknowledged writes"]


def test_without_a_commit_log():
    writes = [Write(1, 0, 5, OK), Write(2, 10, 12, UNKNOWN), Write(3, 20, 25, FAILED)]
    assert oracles.judge("linearizable", [Read(1, 30, 31), Read(2, 32, 33)], writes, None) == []
    assert oracles.judge("linearizable", [Read(2, 30, 31), Read(1, 32, 33)], writes, None) != []
    assert oracles.judge("read_after_write", [Read(2, 30, 31), Read(1, 32, 33)], writes, None) == []
    for impossible in (3, 4):
        for mode in ("linearizable", "read_after_write"):
            assert oracles.judge(mode, [Read(impossible, 30, 31)], writes, None) != []
