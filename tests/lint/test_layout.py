"""Rules of the source tree that no compiler checks."""
import pathlib
import re

import pytest
import sources

# Who may include whom: a folder's own headers, and those of the folders named here.
MAY_INCLUDE = {
    "config": {"config"},
    "cache": {"cache"},
    "proxy": {"proxy", "cache", "config"},
    "bench": {"bench", "proxy", "cache", "config"},
}
MAX_FUNCTION_LINES = 65
TOP_LEVEL = {"CMakeLists.txt", "README.md", "proxy", "cache", "config", "tests", "bench"}
# The config files that the project ships, loaded as a user would.
NOT_OF_ONE_SOURCE = {pathlib.PurePath("config/shipped_test.c")}
TEXT = {".c", ".h", ".py", ".md", ".txt", ".json", ".jsonc", ".mjs", ".sh", ".cmake", ".yml", ""}


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
        if found:
            yield number, found.group(1)


@pytest.mark.parametrize("folder", MAY_INCLUDE)
def test_includes_go_one_way(folder):
    wrong = [
        f"{sources.shown(path)}:{number}: includes {name}"
        for path in sources.c_files(folder)
        for number, name in includes(path)
        if name.partition("/")[0] not in MAY_INCLUDE[folder] or "/" not in name
    ]
    assert not wrong, f"{folder}/ may include only {sorted(MAY_INCLUDE[folder])}:\n" + "\n".join(wrong)


def test_every_folder_has_sources():
    """The other tests here would pass on nothing."""
    for folder in MAY_INCLUDE:
        assert sources.c_files(folder), folder


def test_functions_fit_a_screen():
    long = [
        f"{sources.shown(path)}:{line}: {name} has {lines} lines"
        for path in sources.c_files()
        for line, name, lines in sources.functions(path.read_text())
        if lines > MAX_FUNCTION_LINES
    ]
    assert not long, f"more than {MAX_FUNCTION_LINES} lines:\n" + "\n".join(long)


def test_the_function_finder_finds():
    text = 'static int\nfirst(int a,\n      int b)\n{\n    return "}\\n{"[a];\n}\n\nstruct x\n{\n    int y;\n};\nint z(void)\n{\n}\n'
    assert list(sources.functions(text)) == [(1, "first", 6), (12, "z", 3)]


def test_tests_mirror_the_sources():
    unit = sources.ROOT / "tests" / "unit"
    orphans = [
        sources.shown(path)
        for path in sources.c_files("tests")
        if path.name.endswith("_test.c") and unit in path.parents and not subject_exists(path.relative_to(unit))
    ]
    assert not orphans, "tests of no source:\n" + "\n".join(orphans)


def subject_exists(relative):
    if relative in NOT_OF_ONE_SOURCE:
        return True
    subject = sources.ROOT / relative.parent / relative.name.replace("_test.c", ".c")
    return subject.is_file() or subject.with_suffix(".h").is_file()


def test_nothing_else_at_the_top():
    top = {path.relative_to(sources.ROOT).parts[0] for path in sources.all_files()}
    extra = {name for name in top if not name.startswith(".") and not name.upper().startswith("LICEN")} - TOP_LEVEL
    assert not extra, extra


def text_lines():
    for path in sources.all_files():
        if path.suffix in TEXT:
            for number, line in enumerate(path.read_text().split("\n"), 1):
                yield f"{sources.shown(path)}:{number}", line


def test_text_rules():
    unfinished = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    wrong = []
    for where, line in text_lines():
        if line != line.rstrip():
            wrong.append(f"{where}: white space at the end of the line")
        if unfinished.search(line):
            wrong.append(f"{where}: unfinished work belongs in the tracker: {line.strip()}")
        if "\t" in line and not where.startswith((".git", "Makefile")):
            wrong.append(f"{where}: tab")
    assert not wrong, "\n".join(wrong)


def test_files_end_with_one_newline():
    wrong = []
    for path in sources.all_files():
        if path.suffix in TEXT:
            text = path.read_text()
            if text and (not text.endswith("\n") or text.endswith("\n\n")):
                wrong.append(sources.shown(path))
    assert not wrong, "must end with exactly one newline:\n" + "\n".join(wrong)


def test_headers_are_guarded():
    wrong = []
    for path in sources.c_files(*MAY_INCLUDE):
        if path.suffix == ".h":
            guard = "RA_" + re.sub(r"\W", "_", sources.shown(path)).upper()
            text = path.read_text()
            if f"#ifndef {guard}\n#define {guard}\n" not in text:
                wrong.append(f"{sources.shown(path)}: no guard {guard}")
    assert not wrong, "\n".join(wrong)


def test_public_names_have_the_prefix():
    """Every function that a header declares begins with ra_."""
    declared = re.compile(r"^[A-Za-z_][\w \t*]*?[ *](\w+)\(", re.MULTILINE)
    wrong = [
        f"{sources.shown(path)}: {name}"
        for path in sources.c_files(*MAY_INCLUDE)
        if path.suffix == ".h"
        for name in declared.findall(sources.blanked(path.read_text()))
        if not name.startswith("ra_") and name not in ("__attribute__", "_Static_assert", "defined")
    ]
    assert not wrong, "\n".join(wrong)
