"""What a contest gives back, in the shape that every report prints: plain data, ready for JSON."""


def contest(title, about, works=(), ratios=(), tables=(), targets=()):
    """`about` are sentences, `works` what rounds.figures makes, `ratios` what rounds.ratios makes."""
    return {
        "title": title,
        "about": list(about),
        "works": list(works),
        "ratios": list(ratios),
        "tables": list(tables),
        "targets": list(targets),
    }


def table(title, columns, rows, chart=None, unit=""):
    """Columns are names, rows lists that begin with a name. `chart`: which column is drawn, measured in `unit`."""
    return {"title": title, "columns": list(columns), "rows": [list(row) for row in rows], "chart": chart, "unit": unit}


def target(what, value, limit, exactly=False):
    """`value` None: it couldn't be measured, and so it isn't reached."""
    reached = value is not None and (value == limit if exactly else value <= limit)
    return {"what": what, "value": value, "limit": limit, "exactly": exactly, "reached": reached}
