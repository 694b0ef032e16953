"""The herd: many clients ask for one key that isn't cached, all before the first reply; reads upstream are counted."""
import contextlib

import workload
from servers import Failed
from support import raw

CLIENTS = 200


def upstream_reads(port, upstream, number):
    """How often the server on `port` asked upstream for the one read that CLIENTS clients sent it.

    Upstream keeps every request until the server has received all clients' requests, so the figure doesn't
    depend on who is how quick."""
    # DynamoDB Local closes connections that were idle for 30 s, and a read that is sent on one that is just dying is sent
    # again, which isn't what is counted here. So one more read, of an entry of its own, leaves none that is old.
    workload.read_once(port, workload.request(workload.MESSAGES + 1 + number))
    # A limit below that of the hits: an entry that no cache has yet.
    data = workload.request(workload.MESSAGES - 1 - number)
    upstream.forget()
    gate = upstream.hold("Query")
    with contextlib.ExitStack() as stack:
        stack.callback(upstream.clear)
        socks = [stack.enter_context(raw.connect(port)) for _ in range(CLIENTS)]
        for sock in socks:
            sock.sendall(data)
        raw.wait_until_read(port, socks)
        gate.wait_for(1)
        gate.release()
        replies = [raw.ReplyReader(sock).next() for sock in socks]
    if {r and r.status for r in replies} != {200} or len({r.body for r in replies}) != 1:
        raise Failed(f"herd: port {port} gave replies that differ or are no 200")
    return upstream.count("Query")


def contest(ports, upstream, times, progress):
    """`ports` is {contestant's name: port}. {name: [reads upstream, each time]}"""
    found = {name: [] for name in ports}
    for number in range(times):
        for name, port in ports.items():
            count = upstream_reads(port, upstream, number)
            found[name].append(count)
            progress(f"herd: {number + 1}/{times}, {name}: {count} upstream")
    return found
