"""config/grafana-dashboard.json: every panel asks for what /metrics declares, by labels that it has."""
import json
import re
import subprocess

import pytest

from support import processes

FILE = processes.ROOT / "config" / "grafana-dashboard.json"
NAME = re.compile(r"\breadaside_\w+")
SELECTOR = re.compile(r"\b(readaside_\w+)\{([^}]*)\}")
LABEL = re.compile(r'(\w+)=~?"[^"]*"')
# What the dashboard of the admin address shows, as far as there are metrics of it.
SHOWN_THERE = """
    requests_total reads_total near_hits_total negative_hits_total coalesced_reads_total bypasses_total
    writes_total invalidations_total fills_refused_total capacity_units_spent_total capacity_units_saved_total
    request_duration_seconds upstream_duration_seconds store_duration_seconds upstream_requests_total store_health
    store_bytes store_max_bytes near_bytes near_max_bytes entries near_entries evictions_total
    stream_lag_seconds stream_in_bounds stream_records_total connections requests_in_flight start_time_seconds
""".split()
TARGET_S_OWN = {"instance", "job"}  # labels that Prometheus adds


@pytest.fixture(scope="module")
def dashboard():
    return json.loads(FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def declared(readaside_binary):
    """{name: (type, labels)} as `readaside help metrics` lists what /metrics declares."""
    done = subprocess.run([readaside_binary, "help", "metrics"], capture_output=True, text=True, timeout=60, check=True)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]
    return {name.strip("`"): (kind, set(filter(None, labels.split(", ")))) for name, kind, labels, _ in rows}


def expressions(dashboard):
    """Each expression with where it stands."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            assert variable["query"]["query"] == variable["definition"]
            yield f"variable {variable['name']}", variable["definition"]
    for note in dashboard["annotations"]["list"]:
        yield f"annotation {note['name']}", note["expr"]


def family(name, declared):
    """The metric that a series is of."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return base if declared.get(base, ("",))[0] == "histogram" and base != name else name


def test_it_is_for_grafana_10(dashboard):
    assert dashboard["schemaVersion"] == 38 and dashboard["uid"] == "readaside" and dashboard["title"] == "readaside"
    assert "__inputs" not in dashboard, "it can be provisioned from the file as it is"
    assert "id" not in dashboard


def test_every_metric_that_it_asks_for_is_declared(dashboard, declared):
    for where, expression in expressions(dashboard):
        names = NAME.findall(expression)
        assert names, where
        for name in names:
            kind, _ = declared.get(family(name, declared), (None, None))
            assert kind, f"{where}: {name}"
            assert kind != "histogram" or name != family(name, declared), f"{where}: {name} has no series of its own name"


def test_every_label_that_it_asks_for_is_one_of_the_metric(dashboard, declared):
    for where, expression in expressions(dashboard):
        for name, selector in SELECTOR.findall(expression):
            labels = declared[family(name, declared)][1] | TARGET_S_OWN
            assert set(LABEL.findall(selector)) <= labels, f"{where}: {selector}"
            assert LABEL.sub("", selector).strip(", ") == "", f"{where}: {selector}"
        own = set.union(*(declared[family(name, declared)][1] for name in NAME.findall(expression)))
        for by in re.findall(r"by \(([^)]*)\)", expression):
            assert set(by.split(", ")) <= own | TARGET_S_OWN | {"le"}, f"{where}: by {by}"


def test_counters_are_asked_for_as_rates_and_gauges_are_not(dashboard, declared):
    for where, expression in expressions(dashboard):
        for name in NAME.findall(expression):
            kind, _ = declared[family(name, declared)]
            grown = bool(re.search(rf"\b(rate|increase)\({name}\b", expression))
            assert grown == (kind in ("counter", "histogram")) or where.startswith("variable"), f"{where}: {name}"


def test_legends_name_labels_that_are_left(dashboard):
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            kept = set(", ".join(re.findall(r"by \(([^)]*)\)", target["expr"])).split(", "))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept, (panel["title"], target)


def test_all_that_the_other_dashboard_has_is_here(dashboard, declared):
    shown = {family(name, declared) for _, expression in expressions(dashboard) for name in NAME.findall(expression)}
    assert {"readaside_" + name for name in SHOWN_THERE} <= shown


def test_expressions_close_what_they_open(dashboard):
    closing = {")": "(", "]": "[", "}": "{"}
    for where, expression in expressions(dashboard):
        opened = []
        for char in re.sub(r'"[^"]*"', "", expression):
            if char in "([{":
                opened.append(char)
            elif char in closing:
                assert opened and opened.pop() == closing[char], f"{where}: {expression}"
        assert not opened, f"{where}: {expression}"


def test_panels_have_names_of_their_own_and_do_not_overlap(dashboard):
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels if panel["type"] != "row"}) == len([p for p in panels if p["type"] != "row"])
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_data_source_is_a_variable(dashboard):
    variables = {v["name"]: v for v in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"] == chosen
            assert panel["targets"] and all(target["datasource"] == chosen for target in panel["targets"])
    assert all(variables[name]["datasource"] == chosen for name in ("instance", "table"))
    used = set(re.findall(r"\$(\w+)", " ".join(e for _, e in expressions(dashboard))))
    assert used <= set(variables) | {"__rate_interval", "__range", "__interval"}
