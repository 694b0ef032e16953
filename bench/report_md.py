"""The result of a run in Markdown: first the targets, then every contest."""
import report


def _row(cells):
    return "| " + " | ".join(cells) + " |"


def _grid(columns, rows, words=None):
    """`words`: the columns that aren't figures; only the first one if it isn't given."""
    words = words or {0}
    rule = ["---" if column in words else "---:" for column in range(len(columns))]
    return [_row(columns), _row(rule), *(_row([report.number(cell) for cell in row]) for row in rows), ""]


def _work(work):
    columns = ["", *(f"{name}: median (min to max)" for name, _, _ in report.FIGURES), "server cores", "client cores"]
    rows = []
    for name, made in work["contestants"].items():
        row = [name]
        for _, figure, form in report.FIGURES:
            median, least, most = (form.format(made[figure][what]) for what in ("median", "min", "max"))
            row.append(f"{median} ({least} to {most})")
        busy = (made[figure]["median"] for figure in ("server_cores_busy", "client_cores_busy"))
        rows.append(row + [f"{share:.2f}" for share in busy])
    doubts = [f"- {doubt}" for doubt in report.doubts(work)]
    return [f"**{report.work_title(work)}**", "", *_grid(columns, rows), *doubts, *([""] if doubts else [])]


def _targets(found):
    rows = [[t["what"], report.target_limit(t), report.number(t["value"]), report.verdict(t)] for t in found]
    return ["## Targets", "", *_grid(["", "limit", "this run", ""], rows, {0, 3})]


def text(result):
    lines = ["# readaside beside its peers", "", report.machine_line(result["machine"]), ""]
    lines += [", ".join(result["versions"].values()) + ".", ""]
    lines += [f"{result['rounds']} rounds of {result['seconds']} s each, in turn; {result['took']:.0f} s in all.", ""]
    missing = [*result["absent"], *report.failures(result)]
    lines += [*(f"- {each}" for each in missing), ""] if missing else []
    found = report.targets(result)
    lines += _targets(found) if found else []
    for contest in result["contests"].values():
        lines += [f"## {contest['title']}", "", *(f"- {sentence}" for sentence in contest["about"]), ""]
        for work in contest["works"]:
            lines += _work(work)
        if contest["ratios"]:
            columns = ["ratio of the medians", "requests/s", "CPU/request"]
            rows = [[r["what"], r["requests_per_second"], r["cpu_us_per_request"]] for r in contest["ratios"]]
            lines += _grid(columns, rows)
        for table in contest["tables"]:
            words = {column for column in range(len(table["columns"])) if report.is_text(table, column)}
            lines += [f"**{table['title']}**", "", *_grid(table["columns"], table["rows"], words)]
    return "\n".join(lines).rstrip() + "\n"
