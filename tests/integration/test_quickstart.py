"""config/quickstart --once: what a newcomer sees, and that nothing stays behind."""
import re
import subprocess

from support import ports, processes


def test_once():
    done = subprocess.run(
        [processes.ROOT / "config" / "quickstart", "--once"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(r"Query +X-Cache: (\w+) +[\d.]+ ms", done.stdout)
    assert found == ["MISS", "HIT", "MISS"], done.stdout
    used = re.findall(r"^ +http://127\.0\.0\.1:(\d+),", done.stdout, re.MULTILINE)
    assert len(used) == 2, done.stdout
    assert not [port for port in used if ports.accepts(int(port))], "something was left running"


def test_help():
    done = subprocess.run(
        [processes.ROOT / "config" / "quickstart", "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0 and "--once" in done.stdout
