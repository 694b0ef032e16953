"""Hooks of the tests of histories, and where they find their modules."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from support.skips import pytest_sessionfinish  # noqa: E402,F401  (a hook that pytest finds by its name)
