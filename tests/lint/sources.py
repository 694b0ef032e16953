"""What the lint tests look at: the files that git knows or would take, and C functions in them."""
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("bench", "cache", "config", "proxy")
LLVM = "14"


def all_files():
    """Every file that is part of the project, new ones included, ignored ones not."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    found = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return sorted(path for path in found if path.is_file())


def c_files(*folders):
    """The .c and .h files of these folders (all of the project's without any)."""
    return [
        path
        for path in all_files()
        if path.suffix in (".c", ".h") and (not folders or path.relative_to(ROOT).parts[0] in folders)
    ]


def shown(path):
    return str(path.relative_to(ROOT))


def blanked(text):
    """The text with comments, strings and character constants replaced by spaces, lines kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def functions(text):
    """(line, name, lines) of each function, whose braces stand in the first column as clang-format puts them."""
    lines = blanked(text).split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            first = header_of(lines, start)
            name = re.search(r"(\w+)\s*\(", " ".join(lines[first - 1 : start - 1]))
            if name and line.rstrip() == "}":
                yield first, name.group(1), number - first + 1
            start = None


def header_of(lines, brace):
    """The line where what precedes an opening brace begins."""
    first = brace
    while first > 1 and lines[first - 2].strip() and not lines[first - 2].startswith(("}", "#")):
        first -= 1
    return first


def tool(name):
    """The path of a clang tool of the version that the tree is kept with; skips, saying so, where there is
    only another one: they disagree with each other about the same text."""
    path = shutil.which(f"{name}-{LLVM}") or shutil.which(name)
    assert path, f"{name} isn't there; tests/run installs it"
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"version (\d+)", said).group(1)
    if version != LLVM:
        pytest.skip(f"{name} is version {version}; this tree is checked with {LLVM} (Debian 12's)")
    return path
