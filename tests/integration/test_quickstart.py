"""config/quickstart: what a newcomer sees, that what it prints works, and that nothing stays behind."""
import os
import re
import signal
import subprocess

from support import ports, processes, waiting


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
    routes = re.findall(r"(?:GET|POST) +/api/messages.* X-Cache: (\w+) ", done.stdout)
    assert routes == ["MISS", "HIT", "BYPASS", "MISS"], done.stdout
    used = re.findall(r"^ +http://127\.0\.0\.1:(\d+),", done.stdout, re.MULTILINE)
    assert len(used) == 2, done.stdout
    assert not [port for port in used if ports.accepts(int(port))], "something was left running"


def printed_commands(output):
    """The export line, and what to try with what is expected of it, as a person would copy them."""
    export = re.search(r"^  (export AWS_ACCESS_KEY_ID=.*)$", output, re.MULTILINE).group(1)
    python = re.search(r"^  Python +(.*?)^  AWS CLI", output, re.MULTILINE | re.DOTALL).group(1)
    aws = re.search(r"^  AWS CLI +(.*)$", output, re.MULTILINE).group(1)
    curls = re.findall(r"^  (curl .*)$", output, re.MULTILINE)
    tools = re.findall(r"^  (build/readaside .*)$", output, re.MULTILINE)
    assert len(curls) == 4 and len(tools) == 3, output
    return export, [
        ("HTTPStatusCode", python.replace("['ResponseMetadata']['HTTPHeaders']", "['ResponseMetadata']")),
        ("Items", aws),
        ('rel="next"', curls[0]),
        ('"display_name"', curls[1]),
        ("Hello!", curls[2]),
        ('["message_blank"]', curls[3]),
        ("Jonas Lindqvist", tools[0]),
        ("Hello!", tools[1]),
        ("10400 items", tools[2]),
    ]


def test_what_it_says_to_try_works_and_ctrl_c_stops_it(tmp_path):
    log = tmp_path / "output"
    with log.open("w") as out:
        quickstart = subprocess.Popen(
            [processes.ROOT / "config" / "quickstart"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        waiting.until(lambda: "Ctrl-C stops both" in log.read_text() or quickstart.poll() is not None, "the end of it", patience=600)
        output = log.read_text()
        assert quickstart.poll() is None, output
        export, commands = printed_commands(output)
        bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        for expected, command in commands:
            tried = subprocess.run(
                ["bash", "-c", f"{export}\n{command}"], cwd=processes.ROOT, env=bare, capture_output=True, text=True, timeout=120, check=False
            )
            assert tried.returncode == 0 and expected in tried.stdout, (command, tried.stdout, tried.stderr)
        used = re.findall(r"^ +http://127\.0\.0\.1:(\d+),", output, re.MULTILINE)
        quickstart.send_signal(signal.SIGINT)
        assert quickstart.wait(60) == 0, log.read_text()
        assert not [port for port in used if ports.accepts(int(port))], "something was left running"
    finally:
        if quickstart.poll() is None:
            quickstart.terminate()
            quickstart.wait(60)


def test_help():
    done = subprocess.run(
        [processes.ROOT / "config" / "quickstart", "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0 and "--once" in done.stdout
