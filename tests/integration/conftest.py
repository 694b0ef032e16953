"""Fixtures. Each test file runs in a process of its own, with a DynamoDB Local of its own."""
import os
import pathlib
import sys

import boto3
import botocore.config
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support import counting_proxy, processes, tables, wire  # noqa: E402  (the path is set above)
from support.skips import pytest_sessionfinish  # noqa: E402,F401  (a hook that pytest finds by its name)


@pytest.fixture(scope="session")
def readaside_binary():
    """The program under test."""
    path = pathlib.Path(os.environ.get("READASIDE_BINARY", processes.ROOT / "build" / "readaside")).resolve()
    assert path.is_file(), f"{path} isn't there: build first, or set READASIDE_BINARY"
    return path


@pytest.fixture(scope="session")
def ddb_local(tmp_path_factory):
    """DynamoDB Local; every access key sees the same tables."""
    local = processes.DynamoDBLocal(tmp_path_factory.mktemp("dynamodb-local") / "log")
    yield local
    local.stop()


@pytest.fixture
def counting_upstream(ddb_local):
    """A forwarder to DynamoDB Local that counts and can hold, fail or cut requests."""
    upstream = counting_proxy.CountingUpstream(ddb_local.endpoint)
    yield upstream
    upstream.stop()


@pytest.fixture
def proxy_factory(readaside_binary, tmp_path_factory):
    """proxy_factory(upstream_endpoint, changes={...}, environment={...}) starts a proxy; all are stopped, and
    judged, at the end of the test."""
    started = []

    def start(upstream, changes=None, environment=None, config=None):
        whole = config or processes.merged(processes.base_config(upstream), changes or {})
        proxy = processes.Proxy(readaside_binary, whole, tmp_path_factory.mktemp("proxy"), environment)
        started.append(proxy)
        return proxy

    yield start
    failures = []
    for proxy in started:
        try:
            proxy.stop()
        except AssertionError as problem:
            failures.append(str(problem))
    assert not failures, "\n".join(failures)


@pytest.fixture
def proxy(proxy_factory, counting_upstream):
    """A proxy in front of the counting upstream, every table cached for long."""
    return proxy_factory(counting_upstream.endpoint)


@pytest.fixture
def direct(ddb_local):
    """A connection to DynamoDB Local itself."""
    with wire.Wire(ddb_local.endpoint) as connection:
        yield connection


@pytest.fixture
def through(proxy):
    """A connection to the proxy."""
    with proxy.wire() as connection:
        yield connection


@pytest.fixture
def chat(direct):
    """The table `chat`, empty."""
    tables.create(direct, tables.chat())
    return "chat"


@pytest.fixture
def plain(direct):
    """The table `plain`, empty."""
    tables.create(direct, tables.plain())
    return "plain"


@pytest.fixture
def client():
    """client(endpoint) is an unchanged boto3 client but for its endpoint."""

    def make(endpoint, **more):
        settings = botocore.config.Config(retries={"max_attempts": 0}, **more)
        return boto3.client(
            "dynamodb",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="readaside",
            aws_secret_access_key="readaside-secret",
            config=settings,
        )

    return make
