"""The result of a run as one page: no script, nothing fetched, charts in SVG, light or dark as the reader's system is."""
import html

import report

STYLE = """
:root { color-scheme: light dark; --ink: #1c1f23; --soft: #5d6672; --line: #d9dde2; --paper: #ffffff; --own: #1f6feb;
        --peer: #9aa4af; --good: #1a7f37; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --soft: #9aa4af; --line: #363c44; --paper: #14171a;
        --own: #58a6ff; --peer: #6b7684; --good: #3fb950; --bad: #ff7b72; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 66rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-top: 1px solid var(--line);
     padding-top: 1.2rem; } h3 { font-size: 1rem; }
p, li, caption { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0 1.5rem; }
th, td { text-align: right; padding: .25rem .8rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; min-width: 12rem; }
th { font-weight: 600; color: var(--soft); white-space: normal; vertical-align: bottom; }
th.words, td.words { text-align: left; white-space: normal; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
svg { display: block; width: 100%; max-width: 46rem; height: auto; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; } svg .value { fill: var(--soft); }
svg .own { fill: var(--own); } svg .gap { fill: var(--paper); } svg .peer { fill: var(--peer); } svg .spread { stroke: var(--ink); stroke-width: 1.5; }
"""
WIDTH, VALUES, ROW, BAR, LETTER = 760, 90, 30, 18, 7.2
MARKS = {"reached": ' class="words good"', "MISSED": ' class="words bad"'}
# A bar so many times as long as the next one is cut short, or nobody could tell the others apart.
CUT = 12


def _scale_top(bars, may_cut):
    """The value at the charts' right end. One contestant that is far beyond all others may end there."""
    ends = sorted((most for *_, most in bars), reverse=True)
    if may_cut and len(ends) > 2 and ends[0] > CUT * ends[1]:
        return 1.5 * ends[1]
    return (ends[0] if ends else 0) or 1


def _bar(left, y, scale, top, bar):
    """The bar's shapes, and where they end."""
    name, value, least, most, own = bar
    kind, length, middle = "own" if own else "peer", min(value, top) * scale, y + 2 + BAR / 2
    parts = [f'<text x="{left - 10}" y="{middle + 4:.0f}" text-anchor="end">{html.escape(name)}</text>']
    parts.append(f'<rect class="{kind}" x="{left}" y="{y + 2}" width="{length:.1f}" height="{BAR}" rx="2"/>')
    if value > top:
        gap = left + length - 24
        corners = f"{gap:.1f},{y + BAR + 3} {gap + 8:.1f},{y + 1} {gap + 14:.1f},{y + 1} {gap + 6:.1f},{y + BAR + 3}"
        parts.append(f'<polygon class="gap" points="{corners}"/>')
    elif most > least:
        ends = f'x1="{left + least * scale:.1f}" x2="{left + min(most, top) * scale:.1f}"'
        parts.append(f'<line class="spread" {ends} y1="{middle}" y2="{middle}"/>')
    return parts, left + min(most, top) * scale


def _bars(title, unit, bars, may_cut=False):
    """[(name, value, least, most)], drawn from zero; least and most as a line over the bar's end."""
    # Where all are readaside itself no name says so.
    own = [("readaside" in name) or not any("readaside" in other for other, *_ in bars) for name, *_ in bars]
    left = round(LETTER * max((len(name) for name, *_ in bars), default=0)) + 20
    top = _scale_top(bars, may_cut)
    scale = (WIDTH - left - VALUES) / top
    parts = [f'<svg viewBox="0 0 {WIDTH} {ROW * len(bars) + 4}" role="img" aria-label="{html.escape(title)}">']
    for index, (bar, is_own) in enumerate(zip(bars, own)):
        y = index * ROW
        shapes, end = _bar(left, y, scale, top, (*bar, is_own))
        shown = html.escape(f"{report.number(bar[1])} {unit}")
        parts += [*shapes, f'<text class="value" x="{end + 8:.1f}" y="{y + BAR / 2 + 6:.0f}">{shown}</text>']
    return "".join([*parts, "</svg>"])


def _grid(columns, rows, words=()):
    """`words`: the columns, besides the first, that aren't figures."""
    kinds = [' class="words"' if column in words else "" for column in range(len(columns))]
    head = "".join(f"<th{kind}>{html.escape(name)}</th>" for kind, name in zip(kinds, columns))
    lines = []
    for row in rows:
        cells = []
        for kind, cell in zip(kinds, map(report.number, row)):
            mark = MARKS.get(cell, kind)
            cells.append(f"<td{mark}>{html.escape(cell)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _work(work):
    columns = ["", *(f"{name}: median (min to max)" for name, _, _ in report.FIGURES)]
    rows, bars = [], []
    for name, made in work["contestants"].items():
        row = [name]
        for _, figure, form in report.FIGURES:
            median, least, most = (form.format(made[figure][what]) for what in ("median", "min", "max"))
            row.append(f"{median} ({least} to {most})")
        busy = (made[figure]["median"] for figure in ("server_cores_busy", "client_cores_busy"))
        rows.append(row + [f"{share:.2f}" for share in busy])
        bars.append((name, *(made["cpu_us_per_request"][what] for what in ("median", "min", "max"))))
    parts = [f"<h3>{html.escape(report.work_title(work))}</h3>", "<p>CPU per request, less is better; the line is min to max</p>"]
    parts += [_bars("CPU per request", "µs", bars, may_cut=True), _grid([*columns, "server cores", "client cores"], rows)]
    return parts + [f"<p>{html.escape(doubt)}</p>" for doubt in report.doubts(work)]


def _table(table):
    parts = [f"<h3>{html.escape(table['title'])}</h3>"]
    if table["chart"] is not None:
        column = table["chart"]
        values = [(row[0], row[column]) for row in table["rows"] if isinstance(row[column], (int, float))]
        parts += [f"<p>{html.escape(table['columns'][column])}</p>"]
        parts += [_bars(table["title"], table["unit"], [(name, value, value, value) for name, value in values])]
    words = {column for column in range(1, len(table["columns"])) if report.is_text(table, column)}
    return parts + [_grid(table["columns"], table["rows"], words)]


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
    parts += [f"turn; {result['took']:.0f} s in all</p>"]
    parts += [f'<p class="bad">{html.escape(each)}</p>' for each in (*result["absent"], *report.failures(result))]
    parts += ["<h2>Targets</h2>", _grid(["", "limit", "this run", ""], rows, {3})] if found else []
    for contest in result["contests"].values():
        parts += _contest(contest)
    return "\n".join([*parts, "</body></html>"]) + "\n"
