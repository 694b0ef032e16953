"""The committed golden values of the signature tests are what this machine's botocore makes."""
import json
import pathlib
import subprocess
import sys

import pytest

UNIT = pathlib.Path(__file__).resolve().parents[1] / "unit" / "proxy"


def test_golden_values_are_botocores():
    pytest.importorskip("botocore")
    made = subprocess.run([sys.executable, UNIT / "sigv4_golden.py"], check=True, capture_output=True, text=True)
    assert json.loads(made.stdout) == json.loads((UNIT / "sigv4_golden.json").read_text())
