"""What it costs to ask clients for signatures: the near hit, of a readaside that verifies them and of one that doesn't."""
import results
import rounds
import servers
import workload
from bench import counted, serving
from support import signing

OPEN, SIGNED = "readaside, nobody signs", "readaside, auth.sigv4"
MOST_US = 8
ABOUT = (
    "The wire Query of 20 messages with boto3's headers, already cached, the same signed bytes for both: one verifies them, as "
    "it does for each request anew, the other passes the signature over.",
    "The request is signed once, before the rounds: it is good for five minutes.",
)


def keys_file(bench, key):
    path = bench.folder / "keys.json"
    signing.write_keys(path, key)
    return path


def request(key):
    """workload.request, signed with this key now: the same headers in the same order."""
    text = workload.body()
    made = dict(signing.headers(key, "Query", text.encode(), host="127.0.0.1:8080"))
    lines = []
    for line in workload.HEADERS.splitlines():
        name = line.partition(":")[0]
        lines.append(f"{name}: {made[name]}" if name in ("X-Amz-Date", "Authorization") else line)
    return ("\r\n".join([*lines, f"Content-Length: {len(text)}", "", text])).encode()


def run(bench):
    key = signing.Key("READASIDEBENCHKEY000")
    with counted(bench.database().endpoint) as upstream:
        lax = servers.readaside(bench, upstream.endpoint, bench.server_core)
        auth = {"sigv4": {"keys_file": str(keys_file(bench, key))}}
        strict = servers.readaside(bench, upstream.endpoint, bench.server_core, auth=auth)
        with serving(lax, strict):
            title = f"Query of {workload.MESSAGES} messages, cached, signed"
            work = rounds.Work("signed", title, bench, request(key), workload.is_right)
            work.enter(OPEN, lax, x_cache="HIT")
            work.enter(SIGNED, strict, x_cache="HIT")
            rounds.run(bench, [work], [upstream])
    made = rounds.figures(work)
    added = rounds.difference(made, SIGNED, OPEN)
    target = results.target("near hit: CPU per request that verifying a signature adds, µs", added, MOST_US)
    return results.contest("Signed near hit", ABOUT, [made], rounds.ratios(made, SIGNED), targets=[target])
