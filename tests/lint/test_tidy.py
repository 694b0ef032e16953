"""clang-tidy over all sources, with the checks of .clang-tidy. Needs compile_commands.json, which cmake writes:
READASIDE_BUILD names the build folder."""
import concurrent.futures
import json
import os
import pathlib
import subprocess

import sources

BUILD = pathlib.Path(os.environ.get("READASIDE_BUILD", sources.ROOT / "build"))


def tidy(tool, path):
    done = subprocess.run(
        [tool, "--quiet", "-p", BUILD, path],
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else f"{sources.shown(path)}\n{done.stdout}{done.stderr}"


def test_clang_tidy():
    tool = sources.tool("clang-tidy")
    database = BUILD / "compile_commands.json"
    assert database.is_file(), f"{database} isn't there: configure with -DCMAKE_EXPORT_COMPILE_COMMANDS=ON"
    built = {pathlib.Path(entry["file"]).resolve() for entry in json.loads(database.read_text())}
    wanted = [p for p in sources.c_files(*sources.FOLDERS) if p.suffix == ".c"]
    missing = [sources.shown(p) for p in wanted if p not in built]
    assert not missing, f"not in {database}, configure again: {missing}"
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [p for p in pool.map(lambda path: tidy(tool, path), wanted) if p]
    assert not problems, "\n".join(problems)
