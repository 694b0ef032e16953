"""The AWS CLI, Debian's, unchanged but for --endpoint-url."""
import json
import subprocess

import pytest

from support import processes

AWS = "/usr/bin/aws"


@pytest.fixture
def aws(tmp_path):
    """aws(endpoint, arguments…) runs `aws dynamodb …` and returns what it printed, and its log."""

    def run(endpoint, *arguments, status=0):
        environment = processes.child_environment(
            {"AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
        )
        command = [AWS, "--debug", "--region", "us-east-1", "--output", "json", "--endpoint-url", endpoint]
        done = subprocess.run(
            [*command, "dynamodb", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done.stderr[-3000:]
        return (json.loads(done.stdout) if done.stdout.strip() else None), done.stderr

    return run


def said(log, cache):
    return f"'X-Cache': '{cache}'" in log


QUERY = [
    "query",
    "--table-name",
    "chat",
    "--key-condition-expression",
    "pk = :pk",
    "--expression-attribute-values",
    '{":pk": {"S": "room"}}',
]


def test_miss_hit_write_fresh(chat, proxy, aws):
    for n in range(3):
        item = json.dumps({"pk": {"S": "room"}, "sk": {"S": str(n)}})
        aws(proxy.endpoint, "put-item", "--table-name", "chat", "--item", item)
    first, log = aws(proxy.endpoint, *QUERY)
    assert first["Count"] == 3 and said(log, "MISS")
    second, log = aws(proxy.endpoint, *QUERY)
    assert second == first and said(log, "HIT")
    aws(proxy.endpoint, "delete-item", "--table-name", "chat", "--key", '{"pk": {"S": "room"}, "sk": {"S": "0"}}')
    third, log = aws(proxy.endpoint, *QUERY)
    assert third["Count"] == 2 and said(log, "MISS")
    paged, _ = aws(proxy.endpoint, *QUERY, "--page-size", "1")
    assert paged["Items"] == third["Items"]


def test_control_and_errors(chat, proxy, aws):
    listed, _ = aws(proxy.endpoint, "list-tables")
    assert "chat" in listed["TableNames"]
    _, log = aws(proxy.endpoint, "describe-table", "--table-name", "no-such-table", status=254)
    assert "ResourceNotFoundException" in log
