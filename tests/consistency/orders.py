"""Orders for a program of this folder: lines on its standard input, whose end ends it."""
import sys
import threading


def obey(order, loop, ended):
    """Runs `order(line)` in the loop for each, and sets the event `ended` there."""

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(order, line)
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()
