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
    made["requests"] = sum(r["requests"] for r in contestant.rounds)
    made["rounds"] = contestant.rounds
    return made


def ratios(contestants, own, peer):
    """Of the medians, `own` over `peer`."""
    return {
        figure: contestants[own][figure]["median"] / contestants[peer][figure]["median"]
        for figure in ("requests_per_second", "cpu_us_per_request")
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


def text(result):
    told, hit, herd = result["machine"], result["hit"], result["herd"]
    load = " ".join(f"{value:.1f}" for value in told["load_average"])
    lines = [
        f"{told['when']}   {told['cpu']}, {told['cores']} cores, Linux {told['kernel']}, load average before: {load}",
        "   ".join(result["versions"].values()),
        "",
        f"Hit: a Query of {hit['messages']} messages, {hit['body_bytes']} bytes, {hit['connections']} connections, "
        f"{hit['rounds']} rounds of {hit['seconds']} s each, in turn",
        "",
        f"{'':<26}{'requests/s':>27}   {'server CPU, µs/request':>27}   {'cores busy':>16}",
        f"{'':<26}" + (f"{'median':>9}{'min':>9}{'max':>9}   " * 2) + f"{'server':>8}{'client':>8}",
    ]
    lines += [_row(name, made) for name, made in hit["contestants"].items()]
    lines += ["", "The proxy and nginx have one core for themselves, the client another; DynamoDB Local runs on any."]
    lines += doubts(hit["contestants"])
    lines += ["", f"{'ratio of the medians':<30}{'requests/s':>12}{'CPU/request':>14}"]
    for name, found in hit["ratios"].items():
        lines.append(f"{name:<30}{found['requests_per_second']:>12.2f}{found['cpu_us_per_request']:>14.2f}")
    lines += ["", f"Herd: {herd['clients']} clients ask at once for one key that isn't cached", ""]
    lines.append(f"{'':<26}{'reads upstream, each time':>27}")
    lines += [f"{name:<26}{' '.join(map(str, counts)):>27}" for name, counts in herd["upstream_reads"].items()]
    return "\n".join(lines)
