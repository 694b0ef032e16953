"""Runs readaside-bench on the client's core and reads its report."""
import json
import subprocess

from servers import Failed, command_on, environment


def _output(bench, *arguments):
    command = command_on(bench.client_core, [bench.load, *arguments])
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=environment())
    if done.returncode != 0:
        raise Failed(f"readaside-bench ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def run(bench, endpoint, *options):
    """The report. Fails if a request did; says so if readaside-bench itself was the limit."""
    report = json.loads(_output(bench, "--json", "-", *options, endpoint))
    if report["generator_overloaded"]:
        bench.progress(f"the load generator was the limit: {report['generator_overloaded']}")
    return report


def prepare(bench, endpoint, *options):
    """Makes the workload's tables and fills them."""
    _output(bench, "--prepare-only", *options, endpoint)
