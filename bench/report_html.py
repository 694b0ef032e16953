"""The result of a run as one page: no script, nothing fetched, charts in SVG, light or dark as the reader's system is."""
import html

import report

STYLE = """
:root { color-scheme: light dark; --ink: #1c1f23; --soft: #5d6672; --line: #d9dde2; --paper: #ffffff; --own: #1f6feb;
        --peer: #9aa4af; --good: #1a7f37; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --soft: #9aa4af; --line: #363c44; --paper: #14171a;
        --own: #58a6ff; --peer: #6b7684; --good: #3fb950; --bad: #ff7b72; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-top: 1px solid var(--line);
     padding-top: 1.2rem; } h3 { font-size: 1rem; }
p, li, caption { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0 1.5rem; }
th, td { text-align: right; padding: .25rem .8rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; }
th { font-weight: 600; color: var(--soft); }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
svg { display: block; width: 100%; max-width: 46rem; height: auto; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; } svg .value { fill: var(--soft); }
svg .own { fill: var(--own); } svg .peer { fill: var(--peer); } svg .spread { stroke: var(--ink); stroke-width: 1.5; }
"""
WIDTH, LABELS, VALUES, ROW, BAR = 760, 230, 90, 30, 18


def _bars(title, unit, bars):
    """[(name, value, least, most)], drawn from zero; least and most as a line over the bar's end."""
    top = max((most for *_, most in bars), default=0) or 1
    scale = (WIDTH - LABELS - VALUES) / top
    parts = [f'<svg viewBox="0 0 {WIDTH} {ROW * len(bars) + 4}" role="img" aria-label="{html.escape(title)}">']
    for index, (name, value, least, most) in enumerate(bars):
        y = index * ROW
        middle = y + 2 + BAR / 2
        kind = "own" if name.startswith("readaside") else "peer"
        parts.append(f'<text x="{LABELS - 10}" y="{middle + 4:.0f}" text-anchor="end">{html.escape(name)}</text>')
        parts.append(f'<rect class="{kind}" x="{LABELS}" y="{y + 2}" width="{value * scale:.1f}" height="{BAR}" rx="2"/>')
        if most > least:
            ends = f'x1="{LABELS + least * scale:.1f}" x2="{LABELS + most * scale:.1f}"'
            parts.append(f'<line class="spread" {ends} y1="{middle}" y2="{middle}"/>')
        where = LABELS + most * scale + 8
        shown = html.escape(f"{report.number(value)} {unit}")
        parts.append(f'<text class="value" x="{where:.1f}" y="{middle + 4:.0f}">{shown}</text>')
    return "".join([*parts, "</svg>"])


def _grid(columns, rows):
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    lines = []
    for row in rows:
        cells = []
        for cell in map(report.number, row):
            mark = {"reached": "good", "MISSED": "bad"}.get(cell)
            cells.append(f"<td{f' class={mark}' if mark else ''}>{html.escape(cell)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _work(work):
    columns = [""]
    for name, _, _ in report.FIGURES:
        columns += [name, "min", "max"]
    rows, bars = [], []
    for name, made in work["contestants"].items():
        row = [name]
        for _, figure, form in report.FIGURES:
            row += [form.format(made[figure][what]) for what in ("median", "min", "max")]
        busy = (made[figure]["median"] for figure in ("server_cores_busy", "client_cores_busy"))
        rows.append(row + [f"{share:.2f}" for share in busy])
        bars.append((name, *(made["cpu_us_per_request"][what] for what in ("median", "min", "max"))))
    parts = [f"<h3>{html.escape(report.work_title(work))}</h3>", "<p>CPU per request, less is better; the line is min to max</p>"]
    parts += [_bars("CPU per request", "µs", bars), _grid([*columns, "server cores", "client cores"], rows)]
    return parts + [f"<p>{html.escape(doubt)}</p>" for doubt in report.doubts(work)]


def _table(table):
    parts = [f"<h3>{html.escape(table['title'])}</h3>"]
    if table["chart"] is not None:
        column = table["chart"]
        values = [(row[0], row[column]) for row in table["rows"] if isinstance(row[column], (int, float))]
        parts += [f"<p>{html.escape(table['columns'][column])}</p>"]
        parts += [_bars(table["title"], table["unit"], [(name, value, value, value) for name, value in values])]
    return parts + [_grid(table["columns"], table["rows"])]


def _contest(contest):
    sentences = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in contest["about"])
    parts = [f"<h2>{html.escape(contest['title'])}</h2>", f"<ul>{sentences}</ul>"]
    for work in contest["works"]:
        parts += _work(work)
    if contest["ratios"]:
        rows = [[r["what"], f"{r['requests_per_second']:.2f}", f"{r['cpu_us_per_request']:.2f}"] for r in contest["ratios"]]
        parts.append(_grid(["ratio of the medians", "requests/s", "CPU/request"], rows))
    for table in contest["tables"]:
        parts += _table(table)
    return parts


def text(result):
    found = report.targets(result)
    rows = [[t["what"], report.target_limit(t), report.number(t["value"]), report.verdict(t)] for t in found]
    parts = ['<!doctype html><html lang="en"><head><meta charset="utf-8">']
    parts += ['<meta name="viewport" content="width=device-width"><title>readaside beside its peers</title>']
    parts += [f"<style>{STYLE}</style></head><body><h1>readaside beside its peers</h1>"]
    parts += [f"<p>{html.escape(report.machine_line(result['machine']))}<br>"]
    parts += [f"{html.escape(', '.join(result['versions'].values()))}<br>{result['rounds']} rounds of {result['seconds']} s each, in "]
    parts += [f"turn; {result['took']:.0f} s in all</p>", *(f"<p>{html.escape(absent)}</p>" for absent in result["absent"])]
    parts += ["<h2>Targets</h2>", _grid(["", "limit", "this run", ""], rows)] if found else []
    for contest in result["contests"].values():
        parts += _contest(contest)
    return "\n".join([*parts, "</body></html>"]) + "\n"
