"""Starting and ending: what an operator sees."""
import concurrent.futures
import signal
import socket
import subprocess

import pytest

from support import counting_proxy, ports, processes, raw, waiting

KEY = {"pk": {"S": "room"}, "sk": {"S": "1"}}
GET = {"TableName": "chat", "Key": KEY}


@pytest.fixture
def serve(readaside_binary, tmp_path):
    """serve(text) runs `readaside serve` with that config until it ends, for configs that it refuses."""

    def run(text, environment=None, remove=()):
        path = tmp_path / "config.jsonc"
        path.write_text(text)
        env = processes.child_environment(environment)
        for name in remove:
            env.pop(name, None)
        return subprocess.run(
            [readaside_binary, "serve", "-c", path],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def config(port, upstream="http://127.0.0.1:1"):
    return (
        f'{{"listen": {{"address": "127.0.0.1:{port}"}}, '
        f'"upstream": {{"endpoint": "{upstream}", "region": "us-east-1"}}, "tables": {{"*": {{}}}}}}'
    )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_drains(chat, proxy, counting_upstream, how):
    gate = counting_upstream.hold("GetItem")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        reading = pool.submit(proxy.call, "GetItem", GET)
        gate.wait_for(1)
        proxy.process.send_signal(how)
        waiting.until(lambda: not ports.accepts(proxy.port), "the listener to close")
        assert proxy.alive(), "a request is in flight"
        gate.release()
        assert reading.result().status == 200
    assert proxy.wait() == 0


def test_an_idle_connection_does_not_hold_up_the_end(proxy):
    with raw.connect(proxy.port) as sock:
        sock.sendall(raw.request("ListTables", {}))
        assert raw.ReplyReader(sock).next().status == 200
        proxy.terminate()
        assert proxy.wait() == 0


def test_the_drain_is_bounded(chat, proxy_factory, counting_upstream):
    changes = {"listen": {"drain_timeout": "200ms"}, "upstream": {"request_timeout": "30s"}}
    proxy = proxy_factory(counting_upstream.endpoint, changes)
    gate = counting_upstream.hold("GetItem")
    with raw.connect(proxy.port) as sock:
        sock.sendall(raw.request("GetItem", GET))
        gate.wait_for(1)
        proxy.terminate()
        assert proxy.wait() == 0
    gate.release()


def test_a_port_in_use_is_refused(proxy, serve):
    second = serve(config(proxy.port))
    assert second.returncode not in (0, None)
    assert str(proxy.port) in second.stderr and "in use" in second.stderr.lower(), second.stderr
    assert proxy.call("ListTables", {}).status == 200


def test_a_port_that_another_program_has_is_refused(serve):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = serve(config(port))
    assert refused.returncode != 0
    assert str(port) in refused.stderr, refused.stderr


def test_a_bad_config_is_refused_with_all_its_problems(serve):
    refused = serve('{"listen": {"adress": "127.0.0.1:0"},\n "cache": {"max_bytes": "64 elephants"}}')
    assert refused.returncode == 2
    assert "listen.adress" in refused.stderr and "address" in refused.stderr
    assert ":2: cache.max_bytes:" in refused.stderr


def test_a_config_that_is_not_there_is_refused(readaside_binary, tmp_path):
    refused = subprocess.run(
        [readaside_binary, "serve", "-c", tmp_path / "none.jsonc"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 2
    assert "none.jsonc" in refused.stderr


def test_missing_credentials_are_named(serve):
    refused = serve(config(0), remove=processes.CREDENTIALS)
    assert refused.returncode not in (0, None)
    assert "AWS_ACCESS_KEY_ID" in refused.stderr and "AWS_SECRET_ACCESS_KEY" in refused.stderr


def test_secrets_are_never_printed(proxy):
    proxy.call("ListTables", {})
    proxy.stop()
    assert processes.CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in proxy.output()


def test_the_program_outlives_an_upstream_that_comes_and_goes(ddb_local, proxy_factory):
    """It starts without upstream, and finds it once it is there."""
    port = ports.free_port()
    proxy = proxy_factory(f"http://127.0.0.1:{port}")
    assert proxy.call("ListTables", {}).status == 503
    late = counting_proxy.CountingUpstream(ddb_local.endpoint, port)
    try:
        waiting.until(lambda: proxy.call("ListTables", {}).status == 200, "upstream to be found")
    finally:
        late.stop()
