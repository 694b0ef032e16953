"""Waiting for a condition: bounded, and never by a fixed sleep."""
import threading
import time

# Far more than a loaded machine needs: it bounds a hang, it is not a measurement.
PATIENCE = 60.0


def until(condition, what, patience=PATIENCE):
    """Polls `condition` until it returns something true, and returns that; fails with `what` after `patience`."""
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:g} s in vain for: {what}")
        pause.wait(0.01)
