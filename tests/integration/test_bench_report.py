"""The benchmark's reports: what a reader must not miss is in each of them, and a page fetches nothing."""
import html.parser
import pathlib
import re
import subprocess
import sys

import pytest

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import report  # noqa: E402
import report_html  # noqa: E402
import report_md  # noqa: E402
import results  # noqa: E402


def contestant(cpu, cores=1.0, held_back=False):
    def of(value):
        return {"median": value, "min": value * 0.9, "max": value * 1.1}

    return {
        "requests_per_second": of(1e6 / cpu),
        "cpu_us_per_request": of(cpu),
        "server_cores_busy": of(cores),
        "client_cores_busy": of(0.5),
        "body_bytes": 7501,
        "held_back": held_back,
    }


def result(contestants, **more):
    work = {"title": "A Query", "connections": 32, "contestants": contestants}
    table = results.table("Reads", ["", "reads", "what they said"], [["readaside", 1, "x & <y>"], ["nginx", 1000, "no"]], chart=1)
    targets = [results.target("a: one", 0.5, 0.9), results.target("b: two", 2, 1, exactly=True), results.target("c: three", None, 3)]
    return {
        "machine": {"when": "2026-01-01T00:00:00+00:00", "cpu": "A <CPU>", "cores": 2, "kernel": "6", "load_average": [0, 0, 0]},
        "versions": {"readaside": "readaside 1"},
        "rounds": 3,
        "seconds": 1,
        "took": 10,
        "absent": ["webdis took no part: it isn't installed"],
        "failed": ["herd: it went wrong"],
        "contests": {"near": results.contest("Near hit", ["It is so."], [work], [], [table], targets)},
        **more,
    }


USUAL = {"readaside": contestant(10), "nginx proxy_cache": contestant(20, 0.5, held_back=True), "bare": contestant(11)}
WRITERS = [report.text, report_md.text, report_html.text]


@pytest.mark.parametrize("write", WRITERS)
def test_what_must_not_be_missed(write):
    text = write(result(USUAL))
    assert "webdis took no part" in text
    assert "This contest failed: herd: it went wrong" in text
    assert re.search(r"nginx\s+proxy_cache\s+\(0\.50\s+of\s+its\s+core\)", text)
    for word in ("reached", "MISSED", "not measured", "10.0", "20.0", "Near hit", "It is so."):
        assert word in text
    assert not re.search(r"readaside\s+\(1\.00", text)


@pytest.mark.parametrize("write", WRITERS)
def test_nothing_is_said_of_what_went_well(write):
    text = write(result({"readaside": contestant(10)}, absent=[], failed=[]))
    assert "failed" not in text and "no part" not in text and "Held back" not in text


class Page(html.parser.HTMLParser):
    VOID = {"meta", "line", "rect", "polygon"}

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID and tag not in ("br", "p", "li"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in ("p", "li"):
            assert self.open.pop() == tag

    def bars(self):
        return [(a["class"], float(a["width"])) for tag, a in self.seen if tag == "rect"]


def test_the_page_is_whole_and_fetches_nothing():
    text = report_html.text(result(USUAL))
    page = Page(text)
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in page.seen}
    assert not any({"src", "href"} & set(attrs) for _, attrs in page.seen)
    assert "url(" not in text and "@import" not in text
    assert "x &amp; &lt;y&gt;" in text and "A &lt;CPU&gt;" in text


def test_bars_are_as_long_as_their_values():
    (own, first), (peer, second), *_ = Page(report_html.text(result(USUAL))).bars()
    assert (own, peer) == ("own", "peer")
    assert second == pytest.approx(2 * first, abs=0.1)


def test_one_that_is_far_beyond_the_others_is_cut_and_says_so():
    """The others stay readable. Counts aren't cut: there the distance is what matters."""
    far = {**USUAL, "DynamoDB Local": contestant(600)}
    page = Page(report_html.text(result(far)))
    widths = [width for _, width in page.bars()]
    assert widths[1] > 0.5 * widths[3] > 0
    assert [tag for tag, _ in page.seen].count("polygon") == 1
    assert "600 µs" in report_html.text(result(far))
    assert widths[5] == pytest.approx(1000 * widths[4], rel=0.2)


def test_words_stand_left_and_figures_right():
    text = report_md.text(result(USUAL))
    assert "| --- | ---: | --- |\n| readaside | 1 | x & <y> |" in text
    assert "| --- | ---: | ---: | --- |\n| a: one |" in text


@pytest.mark.parametrize("options, says", [(["--only", "nonsense"], "nonsense"), (["--rounds"], "--rounds")])
def test_misuse(options, says):
    done = subprocess.run([BENCH / "run", *options], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and not done.stdout
    assert says in done.stderr


def test_help_names_every_contest():
    done = subprocess.run([BENCH / "run", "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    for file in BENCH.glob("contest_*.py"):
        assert re.search(rf"\b{file.stem.removeprefix('contest_')}\b", done.stdout), file
