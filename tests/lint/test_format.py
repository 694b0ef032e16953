"""clang-format finds nothing to change."""
import shutil
import subprocess

import sources


def test_clang_format():
    tool = sources.tool("clang-format")
    done = subprocess.run(
        [tool, "--dry-run", "-Werror", "--ferror-limit=5", *sources.c_files()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_shell_scripts():
    tool = shutil.which("shellcheck")
    assert tool, "shellcheck isn't there; tests/run installs it"
    scripts = [p for p in sources.all_files() if p.suffix in ("", ".sh") and p.read_text().startswith("#!/usr/bin/env bash")]
    assert scripts
    done = subprocess.run([tool, "--severity=warning", *scripts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
