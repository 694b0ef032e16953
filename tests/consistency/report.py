"""What a run says: a line while it goes on, a table at its end, and the first violation as a readable trace."""
import json
import sys
import time

NEAR = 2_000_000_000  # ns around a violation that a trace shows
MOST_LINES = 60


def progress(started, seconds, counts, faults, nviolations):
    line = (
        f"{time.monotonic() - started:6.0f} of {seconds:.0f} s: {counts.reads} reads, {sum(counts.writes.values())} writes, "
        f"hit rate {counts.hit_rate:.2f}, {len(faults.done)} fault notes, {nviolations} violations"
    )
    if sys.stderr.isatty():
        print("\r" + line, end="", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)


def trace(key, reads, writes, commits, violation, faults):
    """Everything that concerns the item around the operations of a violation, in the order of time."""
    at_fault = violation.operations
    times = [t for o in at_fault for t in (o.invoked, o.responded)] or [t for t, _ in commits[-1:]] or [0]
    # What contradicts each other may be seconds apart: then all of it is shown, and what is near either end.
    start, end = min(times), max(times)
    lines = [(o.invoked, _shown(o, o in at_fault)) for o in (*writes, *reads) if _near(o.invoked, o.responded, times) or o in at_fault]
    lines += [(t, f"          upstream commits {v}") for t, v in _told(commits, {o.value for o in at_fault}, times)]
    lines += [(t, f"          {text}") for t, text in faults if start - 5 * NEAR < t < end + NEAR]
    lines.sort(key=lambda line: line[0])
    head = f"{violation.oracle}: item {key[1]} of {key[0]}: {violation.text}\n"
    return head + "\n".join(f"{(t - start) / 1e6:+10.1f} ms {text}" for t, text in _cut(lines))


def _told(commits, values, times):
    """Those of the values in question, what overwrote them, and what is near."""
    pairs = zip([(0, None), *commits], commits)
    return [commit for before, commit in pairs if {before[1], commit[1]} & values or _near(commit[0], commit[0], times)]


def _near(invoked, responded, times):
    return any(invoked < t + NEAR / 40 and responded > t - NEAR / 40 for t in times)


def _cut(lines):
    """The ends of what is too long, and all that contradicts each other."""
    if len(lines) <= MOST_LINES:
        return lines
    half = MOST_LINES // 2
    return [line for i, line in enumerate(lines) if i < half or i >= len(lines) - half or line[1].startswith(">>")]


def _shown(operation, at_fault):
    mark = ">> " if at_fault else "   "
    took = f"{(operation.responded - operation.invoked) / 1e6:.1f} ms"
    if hasattr(operation, "outcome"):
        return f"{mark}{operation.through:4s}   writes {operation.value}: {operation.outcome} after {took}"
    return f"{mark}{operation.through:4s}   reads {operation.value} ({operation.how}) in {took}"


def figures(options, counts, faults, upstream, forwarders, violations, problems):
    """What the table and the JSON say."""
    return {
        "mode": options.mode,
        "store": options.store,
        "proxies": options.proxies,
        "replicas": options.replicas,
        "upstream_is": options.upstream,
        "near": options.near,
        "when_store_down": options.when_store_down,
        "mutant": options.mutant,
        "seed": options.seed,
        "reads": counts.reads,
        "item_reads_judged": counts.judged,
        "failed_reads": counts.failed_reads,
        "writes": dict(counts.writes),
        "hit_rate": round(counts.hit_rate, 3),
        "replies": dict(counts.cache),
        "near_hits": counts.near,
        "faults": dict(faults.counts),
        "upstream": upstream,
        "forwarders": dict(forwarders),
        "violations": violations,
        "problems": problems,
    }


def table(found):
    rows = [
        ("store, mode", f"{found['store']}, {found['mode']}, {found['proxies']} proxies, seed {found['seed']}"),
        ("mutant", found["mutant"] or "none"),
        ("reads", f"{found['reads']} ({found['item_reads_judged']} items judged, {found['failed_reads']} requests failed)"),
        ("writes", ", ".join(f"{n} {outcome}" for outcome, n in sorted(found["writes"].items()))),
        ("hit rate", f"{found['hit_rate']:.3f} ({_listed(found['replies'])}; {found['near_hits']} near)"),
        ("faults", _listed(found["faults"])),
        ("upstream", _listed(found["upstream"])),
        ("forwarders", _listed(found["forwarders"])),
        ("violations", _listed(found["violations"]) or "none"),
        ("problems", "; ".join(found["problems"]) or "none"),
    ]
    return "\n".join(f"{name:12s} {text}" for name, text in rows)


def _listed(counts):
    return ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))


def as_json(found):
    return json.dumps(found, indent=2, sort_keys=True)
