"""Time, scaled down by one factor for all: what takes DynamoDB minutes takes seconds here.

A marker of unknown fate lives 17 minutes: 30 s of attempts, 15 minutes that a signature is good for, 60 s that the
clocks may differ and 30 s in which DynamoDB carries the write out. Divided by the same number these keep their
order, and that is what the protocol stands on. Signatures say when they were made in whole seconds, rounded down:
a fence of a few seconds is therefore up to one second stricter than it looks, and never laxer.
"""

ATTEMPTS = 30.0
SIGNATURE = 15 * 60.0
SKEW = 60.0
EXECUTION = 30.0
FACTOR = 200.0

FENCE = SIGNATURE / FACTOR  # a write whose signature is older is refused
HOLD = (ATTEMPTS + SIGNATURE + SKEW + EXECUTION) / FACTOR  # unknown_write_hold
REQUEST_TIMEOUT = 0.25  # the proxy gives up on upstream
CLIENT_TIMEOUT = 1.0  # a client gives up on a proxy
COMMAND_TIMEOUT, PATIENT = 0.1, 0.4  # a proxy gives up on Redis
HEARTBEAT = 0.2
# A Redis that is new serves nothing, until all proxies have found it, have set their markers there, and serve nothing
# from the old one. They are told in 1 s, may have backed off for 2 s, and the old one is silent for 3 heartbeats; a
# master takes heartbeats for up to 4 s after it has been cut off from its replicas, of which one passes before there
# is a new one.
QUARANTINE = 5.0
# A near hit is as old as Redis's word on it, which was up to the command timeout on its way, and is itself so long on
# its way to the client.
MOMENT = 0.1


def text(seconds):
    """As the config takes it."""
    return f"{round(seconds * 1000)}ms"
