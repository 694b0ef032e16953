"""Oracles: what must be true of a history, one item at a time. Pure; the clock is one for all, in any unit.

A history is what clients saw: writes, each of a value that no other write has, and reads. `before` is the value that
an item has at first; nothing writes it. Writes end in one of three ways:

    ok       it has happened, once, between its invocation and its response
    failed   it has never happened and never will
    unknown  it may have happened, or may yet, at any time after its invocation

The commit log is what upstream knows: (time, value) in the order in which writes took effect.
"""
import bisect
import typing

OK, FAILED, UNKNOWN = "ok", "failed", "unknown"
INFINITY = float("inf")


class Write(typing.NamedTuple):
    value: typing.Any
    invoked: float
    responded: float  # when the client knew, or gave up
    outcome: str
    through: str = ""  # which proxy


class Read(typing.NamedTuple):
    value: typing.Any
    invoked: float
    responded: float
    through: str = ""
    how: str = ""  # which request, and where its reply came from


class Violation(typing.NamedTuple):
    oracle: str
    text: str
    operations: tuple  # those that contradict each other


class Zone(typing.NamedTuple):
    """The operations on one value. Forward (first < last): the item held the value from `first` to `last` at least.
    Backward: at one instant between `last` and `first` at least."""

    value: typing.Any
    first: float  # the earliest response
    last: float  # the latest invocation
    ends_first: typing.Any  # the operations that say so
    begins_last: typing.Any


def _zones(reads, writes, before):
    """The zone of each value that was read, or written for certain; a Violation if a read can't be."""
    written = {w.value: w for w in writes if w.outcome != FAILED}
    by_value = {}
    for read in reads:
        by_value.setdefault(read.value, []).append(read)
    for value, of_value in by_value.items():
        if value == before:
            continue
        write = written.get(value)
        soonest = min(of_value, key=lambda r: r.responded)
        if write is None:
            return Violation("linearizable", f"{value} was read, which no write has written", (soonest,))
        if soonest.responded < write.invoked:
            return Violation("linearizable", f"{value} was read before it was written", (soonest, write))
    zones = []
    for value, write in written.items():
        of_value = by_value.get(value, [])
        if write.outcome == OK or of_value:
            zones.append(_zone(value, write, of_value))
    if before in by_value:
        last = max(by_value[before], key=lambda r: r.invoked)
        zones.append(Zone(before, -INFINITY, last.invoked, None, last))
    return zones


def _zone(value, write, reads):
    ended = [(r.responded, r) for r in reads] + ([(write.responded, write)] if write.outcome == OK else [])
    begun = [(r.invoked, r) for r in reads] + [(write.invoked, write)]
    first, ends_first = min(ended, key=lambda pair: pair[0])
    last, begins_last = max(begun, key=lambda pair: pair[0])
    return Zone(value, first, last, ends_first, begins_last)


def not_linearizable(reads, writes, before=None):
    """A Violation, or None: Gibbons and Korach's test for a register whose writes have values of their own. The
    history is linearizable exactly if no two forward zones overlap and no backward zone lies inside a forward one."""
    zones = _zones(reads, writes, before)
    if isinstance(zones, Violation):
        return zones
    forward = sorted((z for z in zones if z.first < z.last), key=lambda z: (z.first, z.last))
    for one, next_one in zip(forward, forward[1:]):
        if next_one.first < one.last:
            return _contradiction(one, next_one)
    starts = [z.first for z in forward]
    for zone in zones:
        if zone.first < zone.last:
            continue
        around = bisect.bisect_left(starts, zone.last) - 1
        if around >= 0 and forward[around].last > zone.first:
            return _contradiction(forward[around], zone)
    return None


def _contradiction(one, other):
    """One held its value for a time in which the other must have held another."""
    involved = [z for z in (one.ends_first, other.ends_first, other.begins_last, one.begins_last) if z is not None]
    text = f"{one.value} was there before and after {other.value} was"
    return Violation("linearizable", text, tuple(dict.fromkeys(involved)))


def older_than_committed(reads, commits, before=None):
    """A Violation, or None: a read gave what upstream had overwritten before the read was invoked."""
    overwritten = {}
    value = before
    for time, next_value in commits:
        overwritten.setdefault(value, (time, next_value))
        value = next_value
    worst = None
    for read in reads:
        time, by = overwritten.get(read.value, (INFINITY, None))
        if time < read.invoked and (worst is None or read.invoked - time > worst[0]):
            worst = (read.invoked - time, by, read)
    if worst is None:
        return None
    return Violation("commit log", f"{worst[2].value} was read although upstream had {worst[1]} already", (worst[2],))


def _told(writes, through, others_after, rank):
    """When a read through this proxy is held to which write: [time], and of the writes up to then the one that is
    newest by `rank`."""
    known = [(w.responded + (0 if w.through == through else others_after), w) for w in writes]
    known.sort(key=lambda pair: pair[0])
    newest = []
    for _, write in known:
        newest.append(write if not newest or rank(write) > rank(newest[-1]) else newest[-1])
    return [time for time, _ in known], newest


def _by_proxy(reads, others_after):
    """[(proxy, its reads)]; one group if it makes no difference."""
    groups = {}
    for read in reads:
        groups.setdefault(read.through if others_after else None, []).append(read)
    return groups.items()


def _too_old(read, newest):
    text = f"{read.value} was read although {newest.value}, which is newer, had been acknowledged"
    return Violation("acknowledged writes", text, (newest, read))


def older_than_acknowledged(reads, writes, commits, before=None, others_after=0):
    """A Violation, or None: a read gave a value from before a write that had been acknowledged when it was invoked,
    or, if the write went through another proxy, so long before."""
    position = {before: -1}
    for place, (_, value) in enumerate(commits):
        position.setdefault(value, place)
    told = [w for w in writes if w.outcome == OK and w.value in position]
    for through, of_proxy in _by_proxy(reads, others_after):
        times, newest = _told(told, through, others_after, lambda w: position[w.value])
        for read in of_proxy:
            known = bisect.bisect_left(times, read.invoked) - 1
            if known >= 0 and read.value in position and position[read.value] < position[newest[known].value]:
                return _too_old(read, newest[known])
    return None


def surely_older_than_acknowledged(reads, writes, before=None, others_after=0):
    """The same where there is no commit log: of writes that overlapped nobody knows which was first, nor when those
    took effect whose outcome is unknown."""
    ended = {w.value: w.responded for w in writes if w.outcome == OK}
    written = {w.value for w in writes if w.outcome != FAILED}
    ended[before] = -INFINITY
    told = [w for w in writes if w.outcome == OK]
    for through, of_proxy in _by_proxy(reads, others_after):
        times, newest = _told(told, through, others_after, lambda w: w.invoked)
        for read in of_proxy:
            if read.value != before and read.value not in written:
                return Violation("acknowledged writes", f"{read.value} was read, which no write has written", (read,))
            known = bisect.bisect_left(times, read.invoked) - 1
            if known >= 0 and ended.get(read.value, INFINITY) < newest[known].invoked:
                return _too_old(read, newest[known])
    return None


def impossible(reads, writes, commits, before=None):
    """A Violation, or None: what clients saw, and what upstream did, don't belong to one world."""
    committed = {}
    for time, value in commits:
        if value in committed:
            return Violation("commit log", f"{value} was committed twice", ())
        committed[value] = time
    for write in writes:
        if write.outcome == OK and not write.invoked <= committed.get(write.value, -INFINITY) <= write.responded:
            return Violation("commit log", f"{write.value} was acknowledged, but not committed by then", (write,))
        if write.outcome == FAILED and write.value in committed:
            return Violation("commit log", f"{write.value} was said to have failed, but was committed", (write,))
    for read in reads:
        if read.value != before and not committed.get(read.value, INFINITY) <= read.responded:
            return Violation("commit log", f"{read.value} was read, but not committed by then", (read,))
    return None


def judge(mode, reads, writes, commits, before=None, others_after=0):
    """The violations of what `mode` promises; `commits` is None where nobody knows them."""
    linearizable = mode == "linearizable"
    found = [not_linearizable(reads, writes, before)] if linearizable else []
    if commits is None:
        found.append(surely_older_than_acknowledged(reads, writes, before, others_after))
    else:
        found.append(impossible(reads, writes, commits, before))
        if linearizable:
            found.append(older_than_committed(reads, commits, before))
        found.append(older_than_acknowledged(reads, writes, commits, before, others_after))
    return [v for v in found if v is not None]
