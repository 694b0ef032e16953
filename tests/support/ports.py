"""Ports that nobody else uses, picked at run time, so that test runs can share a machine."""
import fcntl
import os
import pathlib
import random
import socket
import tempfile

# Below what the kernel gives to clients (net.ipv4.ip_local_port_range).
FIRST, LAST = 20000, 32000

_chance = random.SystemRandom()
_kept = []  # files whose locks last as long as this process


def free_port():
    """A port that no other process which asks here gets while this one lives, and that nobody listens on: between
    now and the moment at which a server binds it nobody else can."""
    folder = pathlib.Path(tempfile.gettempdir()) / f"readaside-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    while True:
        port = _chance.randrange(FIRST, LAST)
        lock = open(folder / str(port), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _kept.append(lock)
        return port


def accepts(port, host="127.0.0.1"):
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except OSError:
        return False
