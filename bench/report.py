"""The result of a run as text; report_md.py and report_html.py say the same in their ways."""
import datetime
import os
import pathlib
import platform
import textwrap

FIGURES = (("requests/s", "requests_per_second", "{:.0f}"), ("server CPU, µs/request", "cpu_us_per_request", "{:.1f}"))
NAME, WIDTH = 44, 120


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


def machine_line(told):
    load = " ".join(f"{value:.1f}" for value in told["load_average"])
    return f"{told['when']}   {told['cpu']}, {told['cores']} cores, Linux {told['kernel']}, load average before: {load}"


def number(value):
    """As short as it can be read: 12345, 123, 12.3, 1.23."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def work_title(work):
    lengths = sorted({made["body_bytes"] for made in work["contestants"].values()})
    return f"{work['title']}, {' or '.join(map(str, lengths))} bytes; {work['connections']} connections"


def doubts(work):
    """What makes requests/s say little, for the reader to see beside the figures: a sentence or none."""
    held = {name: made["server_cores_busy"]["median"] for name, made in work["contestants"].items() if made["held_back"]}
    if held:
        shares = "; ".join(f"{name} ({busy:.2f} of its core)" for name, busy in held.items())
        yield f"Held back by other programs or by the client, so that requests/s isn't what they can do: {shares}."


def failures(result):
    """What isn't in the report though it should be."""
    return [f"This contest failed: {problem}" for problem in result["failed"]]


def target_limit(target):
    if target["exactly"]:
        return f"= {target['limit']}"
    return f"≤ {number(target['limit'])}"


def verdict(target):
    return "not measured" if target["value"] is None else "reached" if target["reached"] else "MISSED"


def targets(result):
    return [target for contest in result["contests"].values() for target in contest["targets"]]


def _work(work):
    lines = [
        work_title(work),
        "",
        f"{'':<{NAME}}{'requests/s':>27}   {'server CPU, µs/request':>27}   {'cores busy':>16}",
        f"{'':<{NAME}}" + (f"{'median':>9}{'min':>9}{'max':>9}   " * 2) + f"{'server':>8}{'client':>8}",
    ]
    for name, made in work["contestants"].items():
        row = f"{name:<{NAME}}"
        for _, figure, form in FIGURES:
            row += "".join(f"{form.format(made[figure][what]):>9}" for what in ("median", "min", "max")) + "   "
        busy = (made[figure]["median"] for figure in ("server_cores_busy", "client_cores_busy"))
        lines.append(row + "".join(f"{share:8.2f}" for share in busy))
    return [*lines, *_wrapped(doubts(work)), ""]


def _ratios(found):
    lines = [f"{'ratio of the medians':<60}{'requests/s':>12}{'CPU/request':>14}"]
    lines += [f"{r['what']:<60}{r['requests_per_second']:>12.2f}{r['cpu_us_per_request']:>14.2f}" for r in found]
    return [*lines, ""]


def is_text(table, column):
    """Whether there are words in a column, or figures."""
    return column == 0 or all(isinstance(row[column], str) for row in table["rows"])


def _table(table):
    cells = [table["columns"], *([number(cell) for cell in row] for row in table["rows"])]
    widths = [max(len(row[i]) for row in cells) + 2 for i in range(len(table["columns"]))]
    lines = [table["title"], ""]
    widths[0] = max(NAME, widths[0])
    for row in cells:
        lines.append("".join(_cell(table, column, text, widths[column]) for column, text in enumerate(row)).rstrip())
    return [*lines, ""]


def _cell(table, column, text, width):
    if column == 0:
        return f"{text:<{width}}"
    return f"  {text:<{width - 2}}" if is_text(table, column) else f"{text:>{width}}"


def _wrapped(sentences):
    return [line for sentence in sentences for line in textwrap.wrap(sentence, WIDTH, initial_indent="- ", subsequent_indent="  ")]


def _targets(found):
    lines = [f"{'target':<92}{'limit':>8}{'this run':>10}"]
    lines += [
        f"{target['what']:<92}{target_limit(target):>8}{number(target['value']):>10}  {verdict(target)}" for target in found
    ]
    return [*lines, ""]


def text(result):
    told = result["machine"]
    lines = [machine_line(told), "   ".join(result["versions"].values())]
    lines += [f"{result['rounds']} rounds of {result['seconds']} s each, in turn; {result['took']:.0f} s in all", ""]
    missing = [*result["absent"], *failures(result)]
    lines += [*_wrapped(missing), ""] if missing else []
    for contest in result["contests"].values():
        lines += [f"== {contest['title']} ==", *_wrapped(contest["about"]), ""]
        for work in contest["works"]:
            lines += _work(work)
        if contest["ratios"]:
            lines += _ratios(contest["ratios"])
        for table in contest["tables"]:
            lines += _table(table)
    found = targets(result)
    return "\n".join(lines + (_targets(found) if found else [])).rstrip()
