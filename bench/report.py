"""From rounds to medians, and how they are shown."""
import datetime
import os
import pathlib
import platform
import statistics

# Below this a server that has a core for itself was held back by something else.
BUSY = 0.9
FIGURES = ("requests_per_second", "cpu_us_per_request", "server_cores_busy", "client_cores_busy")


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(contestant):
    made = {figure: spread([r[figure] for r in contestant.rounds]) for figure in FIGURES}
    made["body_bytes"] = contestant.length
    made["requests"] = sum(r["requests"] for r in contestant.rounds)
    made["rounds"] = contestant.rounds
    return made


def ratios(own, peer):
    """Of the medians, `own` over `peer`."""
    return {
        figure: own[figure]["median"] / peer[figure]["median"]
        for figure in ("requests_per_second", "cpu_us_per_request")
    }


def read(contested):
    """All about one read: its contestants, and the first of them beside each of the others."""
    made = {contestant.name: summary(contestant) for contestant in contested.contestants}
    own, *peers = made
    return {
        "contestants": made,
        "ratios": {f"{own} / {peer}": ratios(made[own], made[peer]) for peer in peers},
    }


def machine():
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_average": list(os.getloadavg()),
    }


def _row(name, made):
    cells = f"{name:<26}"
    for figure, form in (("requests_per_second", "{:9.0f}"), ("cpu_us_per_request", "{:9.1f}")):
        cells += "".join(form.format(made[figure][what]) for what in ("median", "min", "max")) + "   "
    busy = (made[figure]["median"] for figure in ("server_cores_busy", "client_cores_busy"))
    return cells + "".join(f"{share:8.2f}" for share in busy)


def doubts(contestants):
    """What makes requests/s say little, for the reader to see beside the figures."""
    for name, made in contestants.items():
        if made["server_cores_busy"]["median"] < BUSY:
            yield (
                f"{name} got only {made['server_cores_busy']['median']:.2f} of its core: other programs or the client held it "
                "back, and requests/s isn't what it can do."
            )


TITLES = {
    "query": "Query: {messages} messages as DynamoDB sends them, {bytes} bytes",
    "route": "Route: GET /api/messages/{{group}}, the same {messages} messages as plain JSON, {bytes} bytes",
}


def _table(name, made, messages):
    lengths = " or ".join(map(str, sorted({each["body_bytes"] for each in made["contestants"].values()})))
    lines = [
        TITLES[name].format(messages=messages, bytes=lengths),
        "",
        f"{'':<26}{'requests/s':>27}   {'server CPU, µs/request':>27}   {'cores busy':>16}",
        f"{'':<26}" + (f"{'median':>9}{'min':>9}{'max':>9}   " * 2) + f"{'server':>8}{'client':>8}",
    ]
    lines += [_row(*each) for each in made["contestants"].items()]
    return lines + [*doubts(made["contestants"]), ""]


def _ratio(name, found):
    return f"{name:<42}{found['requests_per_second']:>12.2f}{found['cpu_us_per_request']:>14.2f}"


def _ratios(hit):
    lines = [f"{'ratio of the medians':<42}{'requests/s':>12}{'CPU/request':>14}"]
    for name, made in hit["reads"].items():
        lines += [_ratio(f"{name}: {pair}", found) for pair, found in made["ratios"].items()]
    return lines + [_ratio("readaside: route / query", hit["route_over_query"]), ""]


def text(result):
    told, hit, herd = result["machine"], result["hit"], result["herd"]
    load = " ".join(f"{value:.1f}" for value in told["load_average"])
    versions = list(result["versions"].values())
    lines = [
        f"{told['when']}   {told['cpu']}, {told['cores']} cores, Linux {told['kernel']}, load average before: {load}",
        "   ".join(versions[:4]),
        "   ".join(versions[4:]),
        "",
        f"Hits: {hit['connections']} connections, {hit['rounds']} rounds of {hit['seconds']} s each, in turn",
        "",
    ]
    for name, made in hit["reads"].items():
        lines += _table(name, made, hit["messages"])
    lines += ["The servers have one core for themselves, the client another; DynamoDB Local runs on any.", ""]
    lines += _ratios(hit)
    lines += [f"Herd: {herd['clients']} clients ask at once for one key that isn't cached", ""]
    lines.append(f"{'':<26}{'reads upstream, each time':>27}")
    lines += [f"{name:<26}{' '.join(map(str, counts)):>27}" for name, counts in herd["upstream_reads"].items()]
    return "\n".join(lines)
