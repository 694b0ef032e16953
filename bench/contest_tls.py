"""The near hit over TLS, beside nginx's cache over TLS, and what TLS adds to each."""
import subprocess

import results
import rounds
import servers
import workload
from bench import counted, serving
from support import tls

OWN, NGINX = "readaside, TLS", "nginx, TLS"
OWN_PLAIN, NGINX_PLAIN = "readaside", "nginx proxy_cache"
ABOUT = (
    "The wire Query of 20 messages with boto3's headers, already cached, over connections that stay: the handshakes are made "
    "before a round's requests, and hardly count.",
    "One certificate (ECDSA, P-256) for both, and the same version and cipher, which is checked; what isn't said is default.",
)
PORTS = ("TLS_PORT", "PLAIN_PORT")


def certificate(bench):
    """(certificate, key), self-signed, for 127.0.0.1."""
    files = bench.folder / "tls.crt", bench.folder / "tls.key"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1".split()
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise servers.Failed(f"openssl made no certificate:\n{done.stderr}")
    return files


def agreed(port, authority):
    """The version and the cipher of a connection."""
    with tls.connect(port, tls.context(authority)) as sock:
        return sock.version(), sock.cipher()[0]


def contest(bench, upstream, files):
    core, (public, private) = bench.server_core, files
    own = servers.readaside(bench, upstream.endpoint, core, tls={"cert_file": str(public), "key_file": str(private)})
    plain = servers.readaside(bench, upstream.endpoint, core)
    peer = servers.nginx(bench, "nginx_tls.conf", core, PORTS, UPSTREAM=upstream.endpoint, CERTIFICATE=public, KEY=private)
    with serving(own, plain, peer):
        ways = {agreed(port, public) for port in (own.port, peer.port)}
        if len(ways) != 1:
            raise servers.Failed(f"they don't agree on one version and cipher: {ways}")
        bench.progress(f"TLS is {' '.join(*ways)}")
        title = f"Query of {workload.MESSAGES} messages, cached, {' '.join(*ways)}"
        work = rounds.Work("tls", title, bench, workload.request(), workload.is_right)
        work.enter(OWN, own, x_cache="HIT", authority=public)
        work.enter(NGINX, peer, x_cache="HIT", authority=public)
        work.enter(OWN_PLAIN, plain, x_cache="HIT")
        work.enter(NGINX_PLAIN, peer, peer.ports["PLAIN_PORT"], "HIT")
        rounds.run(bench, [work], [upstream])
    return rounds.figures(work)


def run(bench):
    files = certificate(bench)
    with counted(bench.database().endpoint) as upstream:
        made = contest(bench, upstream, files)
    rows = [[over, rounds.difference(made, over, plain)] for over, plain in ((OWN, OWN_PLAIN), (NGINX, NGINX_PLAIN))]
    table = results.table("What TLS adds to a hit, µs of CPU", ["", "µs/request"], rows, 1, "µs")
    return results.contest("Near hit over TLS", ABOUT, [made], rounds.ratios(made, OWN, [NGINX]), [table])
