"""Hooks of the lint tests."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.skips import pytest_sessionfinish  # noqa: E402,F401  (a hook that pytest finds by its name)
