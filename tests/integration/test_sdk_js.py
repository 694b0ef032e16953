"""The AWS SDK for JavaScript v3 finds the proxy by AWS_ENDPOINT_URL_DYNAMODB alone; see tests/sdk-js/smoke.mjs."""
import os
import pathlib
import shutil
import subprocess

from support import processes


def sdk_folder():
    """Where tests/run installed tests/sdk-js/package.json, with its node_modules."""
    return pathlib.Path(os.environ.get("READASIDE_SDK_JS", processes.ROOT / "tests" / "sdk-js"))


def test_smoke(proxy, tmp_path):
    folder = sdk_folder()
    assert (folder / "node_modules" / "@aws-sdk").is_dir(), f"no SDK in {folder}: run tests/run, which installs it"
    # An ES module finds its packages beside itself, so it is run from there.
    script = tmp_path / "smoke.mjs"
    shutil.copy(processes.ROOT / "tests" / "sdk-js" / "smoke.mjs", script)
    os.symlink(folder.resolve() / "node_modules", tmp_path / "node_modules")
    environment = processes.child_environment(
        {"AWS_ENDPOINT_URL_DYNAMODB": proxy.endpoint, "AWS_REGION": "us-east-1", "HOME": str(tmp_path)}
    )
    done = subprocess.run(
        ["node", script],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
