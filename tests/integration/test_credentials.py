"""The proxy's own credentials: every source of AWS's chain against stand-ins, which one counts, and their renewal."""
import json
import re
import subprocess
import sys
import threading
import time

import boto3  # noqa: F401  (its botocore is the oracle of which source counts)
import pytest

from support import aws_metadata_server, counting_proxy, ports, processes, redis_server, waiting

NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
ROLE_ARN = "arn:aws:iam::123456789012:role/cache"
SECRET = re.compile(r"secret-of|token/of|hush")


@pytest.fixture
def aws():
    server = aws_metadata_server.Server()
    yield server
    server.stop()


@pytest.fixture
def home(tmp_path):
    """home(config=..., credentials=...) writes the shared files; the variables that name them."""

    def write(config="", credentials=""):
        (tmp_path / "config").write_text(config)
        (tmp_path / "credentials").write_text(credentials)
        return {
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        }

    return write


@pytest.fixture
def run(readaside_binary):
    """run(environment, ...) is `readaside credentials ...`, without keys in the environment unless given."""

    def run_it(environment, *words):
        done = subprocess.run(
            [readaside_binary, "credentials", *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=processes.child_environment({**NO_KEYS, **environment}),
        )
        assert not SECRET.search(done.stdout + done.stderr)
        assert not processes.SANITIZER_SPOKE.search(done.stderr), done.stderr
        return done

    return run_it


@pytest.fixture
def found(run):
    """found(environment) is what `--json` says of credentials that were found."""

    def run_it(environment):
        done = run(environment, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run_it


@pytest.fixture
def refused(run):
    """refused(environment) is why there are none: the last source that was looked at, and its text."""

    def run_it(environment):
        done = run(environment, "--json")
        assert done.returncode == 1, done.stdout
        last = json.loads(done.stdout)["looked_at"][-1]
        assert last["result"] == "failed", last
        return last["source"], last["detail"]

    return run_it


def imds(aws):
    return {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": aws.endpoint}


def container(aws, **more):
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": aws.endpoint + aws_metadata_server.CONTAINER_PATH, **more}


def web_identity(aws, tmp_path, token="a.b.c"):
    (tmp_path / "token").write_text(token + "\n")
    aws.web_token = token
    return {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ROLE_ARN": ROLE_ARN,
        "AWS_ENDPOINT_URL_STS": aws.endpoint,
    }


# ---- the command ----


def test_keys_of_the_environment(found, run):
    keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_SESSION_TOKEN": "hush"}
    assert found(keys) == {
        "source": "environment",
        "access_key_id": "AKID",
        "expires": None,
        "expires_in_ms": None,
        "looked_at": [{"source": "environment", "result": "found", "detail": ""}],
    }
    assert re.search(r"^access key id: +AKID$", run(keys).stdout, re.MULTILINE)


def test_none_at_all(run):
    done = run({})
    assert done.returncode == 1 and done.stdout == ""
    for source in ("environment", "web identity", "shared files", "container", "instance metadata"):
        assert re.search(rf"^  {source} +absent: ", done.stderr, re.MULTILINE)
    said = json.loads(run({}, "--json").stdout)
    assert "AWS_ACCESS_KEY_ID" in said["error"] and len(said["looked_at"]) == 5


def test_calls(run, tmp_path):
    assert run({}, "--help").returncode == 0
    assert all(len(line) <= 110 for line in run({}, "--help").stdout.splitlines())
    assert run({}, "--jso", "x").returncode == 2
    assert run({}, "x").returncode == 2
    assert run({}, "-c", str(tmp_path / "none.jsonc")).returncode == 2
    assert run({"AWS_REGION": "No Region"}).returncode == 2


def test_the_expiry_is_shown(run, aws):
    aws.lifetime = 7230
    shown = run(imds(aws)).stdout
    assert re.search(r"^expires: +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(in 2 h 0 min\)$", shown, re.MULTILINE), shown


# ---- instance metadata ----


def test_instance_metadata(found, aws):
    said = found(imds(aws))
    assert (said["source"], said["access_key_id"]) == ("instance metadata", "ASIA1")
    assert 0 < said["expires_in_ms"] <= 3600_000
    assert [what for what, _ in aws.requests] == ["token", "role", "credentials"]


def test_instance_metadata_has_no_version_1(refused, aws):
    aws.answers = [(404, "not found")]
    source, why = refused(imds(aws))
    assert source == "instance metadata" and "session token" in why and "404" in why
    assert [what for what, _ in aws.requests] == ["token"]


@pytest.mark.parametrize(
    "answers",
    [
        [(500, "")],
        [(503, ""), (429, "")],
        [None, (500, "oops")],
        [None, None, (500, "{}"), (502, "")],
    ],
)
def test_instance_metadata_is_asked_again(found, aws, answers):
    aws.answers = list(answers)
    assert found(imds(aws))["access_key_id"] == "ASIA1"


@pytest.mark.parametrize(
    "at, answer",
    [
        (0, (200, "hush\r\nX: y")),
        (0, (200, "")),
        (0, (200, "h" * 5000)),
        (0, (302, "hush", {"Location": "/latest/api/token"})),
        (1, (200, "../../hush")),
        (1, (200, "")),
        (1, (200, "a b")),
        (1, (200, "r" * 2000)),
        (1, (401, "hush")),
        (2, (200, "hush")),
        (2, (200, "")),
        (2, (200, "{}")),
        (2, (200, b"\xff\xfe")),
        (2, (200, "[" * 60000)),
        (2, (200, "x" * 100000)),
        (2, (200, '{"Code":"Failed","Message":"hush"}')),
        (2, (404, "hush")),
        (2, (307, "hush", {"Location": "/hush"})),
    ],
)
def test_bad_metadata(run, aws, at, answer):
    aws.answers = [None] * at + [answer] * 3
    done = run(imds(aws), "--json")
    assert done.returncode == 1, done.stdout
    assert not [what for what, _ in aws.requests if "hush" in what]


def test_an_instance_without_a_role(run, aws):
    aws.answers = [None, (404, "not found")]
    last = json.loads(run(imds(aws), "--json").stdout)["looked_at"][-1]
    assert last["result"] == "absent" and "no role" in last["detail"]


def test_no_instance(run):
    free = f"http://127.0.0.1:{ports.free_port()}"
    done = run({"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": free}, "--json")
    last = json.loads(done.stdout)["looked_at"][-1]
    assert done.returncode == 1 and last["result"] == "absent" and free in last["detail"]


def test_a_metadata_proxy_is_not_used(found, aws):
    assert found({**imds(aws), "http_proxy": f"http://127.0.0.1:{ports.free_port()}"})["access_key_id"] == "ASIA1"


# ---- containers ----


def test_container(found, aws):
    said = found(container(aws))
    assert (said["source"], said["access_key_id"]) == ("container", "ASIA1")


def test_container_token(found, refused, aws, tmp_path):
    aws.authorization = "Bearer of-the-file"
    (tmp_path / "t").write_text("of-the-file\n")
    assert "401" in refused(container(aws))[1]
    assert found(container(aws, AWS_CONTAINER_AUTHORIZATION_TOKEN="Bearer of-the-file"))["source"] == "container"
    aws.authorization = "of-the-file"  # which comes before the variable
    both = {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "t"), "AWS_CONTAINER_AUTHORIZATION_TOKEN": "other"}
    assert found(container(aws, **both))["source"] == "container"


def test_bad_container_tokens(refused, aws, tmp_path):
    asked = aws.count()
    assert "line break" in refused(container(aws, AWS_CONTAINER_AUTHORIZATION_TOKEN="a\r\nX-Hush: b"))[1]
    (tmp_path / "t").write_text("a\nb")
    for path in (tmp_path / "t", tmp_path / "none", tmp_path, "/dev/zero"):
        assert str(path) in refused(container(aws, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(path)))[1]
    assert aws.count() == asked


def test_a_container_that_fails_is_not_passed_over(refused, aws):
    aws.answer = (500, "hush")
    source, why = refused({**imds(aws), **container(aws)})
    assert source == "container" and "500" in why
    assert {what for what, _ in aws.requests} == {"container"}


def test_container_over_tls(found, refused, tmp_path):
    redis_server.make_authority(tmp_path, "authority")
    certificate = redis_server.make_certificate(tmp_path, "authority", "container", "IP:127.0.0.1")
    server = aws_metadata_server.Server(certificate)
    try:
        assert "certificate" in refused(container(server))[1]
        assert server.count() == 0
        said = found(container(server, AWS_CA_BUNDLE=certificate.authority))
        assert said["access_key_id"] == "ASIA1"
    finally:
        server.stop()


# ---- STS ----


def test_web_identity(found, aws, tmp_path):
    said = found({**web_identity(aws, tmp_path, "a/b+c=&d"), "AWS_ROLE_SESSION_NAME": "me"})
    assert (said["source"], said["access_key_id"]) == ("web identity", "ASIA1")
    ((headers, body),) = aws.details("AssumeRoleWithWebIdentity")
    assert "RoleSessionName=me" in body and "WebIdentityToken=a%2Fb%2Bc%3D%26d" in body


def test_a_role_by_a_profile(found, aws, home):
    aws.keys["AKID"] = ("hush", None)
    files = home(
        config=f"[profile r]\nrole_arn={ROLE_ARN}\nsource_profile=base\nexternal_id=e&x\nduration_seconds=900\n"
        "role_session_name=s\n",
        credentials="[base]\naws_access_key_id=AKID\naws_secret_access_key=hush\n",
    )
    said = found({**files, "AWS_PROFILE": "r", "AWS_ENDPOINT_URL_STS": aws.endpoint, "AWS_REGION": "eu-west-1"})
    assert (said["source"], said["access_key_id"]) == ("shared files", "ASIA1")
    assert said["looked_at"][-1]["detail"] == f"profile r, {ROLE_ARN}"
    ((headers, body),) = aws.details("AssumeRole")
    assert "/eu-west-1/sts/" in headers["Authorization"]
    for part in ("RoleSessionName=s", "ExternalId=e%26x", "DurationSeconds=900"):
        assert part in body


def test_a_chain_of_roles(found, aws, home):
    """Each role is assumed by the one before it, session token included."""
    files = home(
        config="[profile a]\nrole_arn=arn:a\nsource_profile=b\n[profile b]\nrole_arn=arn:b\nsource_profile=c\n"
        "[profile c]\nrole_arn=arn:c\ncredential_source=EcsContainer\n"
    )
    environment = {**files, **container(aws), "AWS_PROFILE": "a", "AWS_ENDPOINT_URL_STS": aws.endpoint}
    assert found(environment)["access_key_id"] == "ASIA4"
    assert [re.search(r"RoleArn=arn%3A(\w)", body).group(1) for _, body in aws.details("AssumeRole")] == ["c", "b", "a"]


def test_a_role_by_instance_metadata(found, aws, home):
    files = home(config=f"[default]\nrole_arn={ROLE_ARN}\ncredential_source=Ec2InstanceMetadata\n")
    said = found({**files, **imds(aws), "AWS_ENDPOINT_URL_STS": aws.endpoint})
    assert (said["source"], said["access_key_id"]) == ("shared files", "ASIA2")


def test_a_profile_that_is_its_own_source(found, aws, home):
    aws.keys["AKID"] = ("hush", None)
    files = home(
        config=f"[default]\nrole_arn={ROLE_ARN}\nsource_profile=default\naws_access_key_id=AKID\n"
        "aws_secret_access_key=hush\n"
    )
    assert found({**files, "AWS_ENDPOINT_URL_STS": aws.endpoint})["access_key_id"] == "ASIA1"


def test_web_identity_in_a_profile(found, aws, home, tmp_path):
    (tmp_path / "t").write_text("x.y.z")
    aws.web_token = "x.y.z"
    files = home(config=f"[default]\nrole_arn={ROLE_ARN}\nweb_identity_token_file={tmp_path}/t\n")
    assert found({**files, "AWS_ENDPOINT_URL_STS": aws.endpoint})["source"] == "shared files"


@pytest.mark.parametrize("code, tries", [("Throttling", 3), ("IDPCommunicationError", 3), ("AccessDenied", 1)])
def test_what_sts_refuses(refused, aws, tmp_path, code, tries):
    aws.answer = (400, aws_metadata_server.sts.failure(code, "hush"))
    source, why = refused(web_identity(aws, tmp_path))
    assert source == "web identity" and code in why and ROLE_ARN in why
    assert aws.count("AssumeRoleWithWebIdentity") == tries


def test_throttling_that_passes(found, aws, tmp_path):
    aws.answers = [(400, aws_metadata_server.sts.failure("Throttling", "hush")), (503, "hush")]
    assert found(web_identity(aws, tmp_path))["access_key_id"] == "ASIA1"


@pytest.mark.parametrize(
    "answer",
    [
        (200, ""),
        (200, "hush"),
        (200, "<AssumeRoleWithWebIdentityResponse/>"),
        (200, "<!DOCTYPE x [<!ENTITY e 'hush'>]><x>&e;</x>"),
        (200, "<a>" * 100000),
        (200, "x" * 200000),
        (302, "", {"Location": "http://127.0.0.1:1/"}),
        (400, "<html>hush</html>"),
        (400, aws_metadata_server.sts.failure("hush hush", "hush")),
    ],
)
def test_garbage_of_sts(refused, aws, tmp_path, answer):
    aws.answer = answer
    assert refused(web_identity(aws, tmp_path))[0] == "web identity"


def test_what_has_expired_is_refused(refused, aws):
    aws.lifetime = -1
    assert "expired already" in refused(imds(aws))[1]


# ---- which source counts: botocore is asked the same ----

ORACLE = """
import botocore.session, json
session = botocore.session.get_session()
try:
    c = session.get_credentials()
    print(json.dumps([c.method, c.access_key] if c else None))
except Exception as e:
    print(json.dumps("refused"))
"""
METHODS = {
    "env": "environment",
    "shared-credentials-file": "shared files",
    "config-file": "shared files",
    "custom-process": "shared files",
    "container-role": "container",
    "iam-role": "instance metadata",
}
PAIR = "aws_access_key_id={0}\naws_secret_access_key=hush\n"
PROCESS = 'credential_process=echo \'{"Version":1,"AccessKeyId":"PROC","SecretAccessKey":"hush"}\'\n'
ENV = {"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "hush"}
CREDENTIALS = "[default]\n" + PAIR.format("DEF") + "[x]\n" + PAIR.format("X")
CONFIG = "[profile c]\n" + PAIR.format("C") + "[profile p]\n" + PROCESS + "[profile x]\nregion=x\n[profile e]\nregion=x\n"
CASES = {
    "nothing": {},
    "environment": ENV,
    "environment and profile": {**ENV, "AWS_PROFILE": "x"},
    "half of the environment": {"AWS_ACCESS_KEY_ID": "ENV"},
    "profile": {"AWS_PROFILE": "x"},
    "default profile": {"AWS_DEFAULT_PROFILE": "x"},
    "config": {"AWS_PROFILE": "c"},
    "process": {"AWS_PROFILE": "p"},
    "profile that isn't there": {"AWS_PROFILE": "none"},
    "empty profile": {"AWS_PROFILE": "e"},
    "empty profile and container": {"AWS_PROFILE": "e", "container": True},
    "empty profile and metadata": {"AWS_PROFILE": "e", "imds": True},
    "profile and container": {"container": True, "imds": True},
    "container and metadata": {"AWS_PROFILE": "e", "container": True, "imds": True},
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_as_botocore(run, aws, home, case):
    given = dict(CASES[case])
    environment = {**NO_KEYS, **home(CONFIG, CREDENTIALS)}
    if given.pop("container", None):
        environment.update(container(aws))
    if given.pop("imds", None):
        environment.update(imds(aws))
    environment.update(given)
    if case == "nothing":
        environment.update(home())
    oracle = subprocess.run(
        [sys.executable, "-c", ORACLE],
        env={k: v for k, v in processes.child_environment(environment).items() if v},
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(oracle.stdout)
    ours = run(environment, "--json")
    said = json.loads(ours.stdout)
    if theirs is None:
        assert ours.returncode == 1 and said["looked_at"][-1]["result"] == "absent"
    elif theirs == "refused":
        assert ours.returncode == 1 and said["looked_at"][-1]["result"] == "failed"
    else:
        method, key = theirs
        assert said["source"] == METHODS[method]
        assert key.startswith("ASIA") or said["access_key_id"] == key


# ---- in the proxy ----


def header(request, name):
    (value,) = (v for k, v in request.headers if k.lower() == name)
    return value


def signer_of(request):
    return re.search(r"Credential=([^/]+)/", header(request, "authorization")).group(1)


@pytest.fixture
def upstream(counting_upstream):
    return counting_upstream


def read(proxy):
    """A request that is never a hit."""
    return proxy.call("ListTables", {})


def last_signer(upstream):
    return signer_of(upstream.seen("ListTables")[-1])


def test_a_broken_source_is_told_at_start(readaside_binary, aws, tmp_path):
    aws.answer = (500, "hush")
    config = tmp_path / "c.jsonc"
    config.write_text(json.dumps(processes.base_config("http://127.0.0.1:1")))
    done = subprocess.run(
        [readaside_binary, "serve", "-c", config],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=processes.child_environment({**NO_KEYS, **container(aws)}),
    )
    assert done.returncode == 1
    assert "no AWS credentials: container: " in done.stderr and "500" in done.stderr and "hush" not in done.stderr


def test_commands_use_the_chain(readaside_binary, aws, upstream, home):
    files = home(credentials="[x]\n" + PAIR.format("OFX"))
    done = subprocess.run(
        [readaside_binary, "ddb", "list-tables", "--endpoint", upstream.endpoint, "--region", "us-east-1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=processes.child_environment({**NO_KEYS, **files, "AWS_PROFILE": "x"}),
    )
    assert done.returncode == 0, done.stderr
    assert last_signer(upstream) == "OFX"


def test_renewed_before_they_expire(proxy_factory, upstream, aws):
    aws.lifetime = 6
    proxy = proxy_factory(upstream.endpoint, environment={**NO_KEYS, **imds(aws)})
    assert read(proxy).status == 200 and last_signer(upstream) == "ASIA1"
    aws.lifetime = 3600
    waiting.until(lambda: read(proxy).status == 200 and last_signer(upstream) != "ASIA1", "new credentials")
    assert last_signer(upstream) == "ASIA2"
    assert header(upstream.seen("ListTables")[-1], "x-amz-security-token") == "token/of+2=="
    assert aws.count("credentials") == 2
    assert not SECRET.search(proxy.output())


def test_the_token_file_is_read_each_time(proxy_factory, upstream, aws, tmp_path):
    (tmp_path / "t").write_text("first")
    aws.authorization = "first"
    aws.lifetime = 6
    environment = {**NO_KEYS, **container(aws, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(tmp_path / "t"))}
    proxy = proxy_factory(upstream.endpoint, environment=environment)
    (tmp_path / "t").write_text("second")
    aws.authorization = "second"
    waiting.until(lambda: aws.issued == 2, "a fetch with the new token")
    waiting.until(lambda: read(proxy).status == 200 and last_signer(upstream) == "ASIA2", "its credentials")


def test_many_wait_for_one_fetch(proxy_factory, upstream, aws, tmp_path):
    """They have expired while the source was slow: everyone waits, one fetch is made."""
    aws.lifetime = 4
    proxy = proxy_factory(
        upstream.endpoint, {"upstream": {"request_timeout": "30s"}}, environment={**NO_KEYS, **web_identity(aws, tmp_path)}
    )
    expired = time.time() + aws.lifetime  # at the latest: it has them already
    aws.lifetime = 3600
    aws.gate.clear()
    waiting.until(lambda: aws.count("AssumeRoleWithWebIdentity") == 2, "the renewal")  # it is held
    waiting.until(lambda: time.time() > expired, "the end of the first ones")
    status = []
    threads = [threading.Thread(target=lambda: status.append(read(proxy).status)) for _ in range(20)]
    for thread in threads:
        thread.start()
    threads[0].join(0.2)
    assert status == []  # all wait, for as long as the source is held
    aws.gate.set()
    for thread in threads:
        thread.join(60)
    assert status == [200] * 20
    assert last_signer(upstream).startswith("ASIA") and last_signer(upstream) != "ASIA1"
    assert aws.issued <= 3  # the stand-in may have answered the held one, and that which followed a timeout


def test_an_outage(proxy_factory, upstream, aws):
    """The old ones are used while they live; then requests fail, until the source is back."""
    aws.lifetime = 6
    proxy = proxy_factory(upstream.endpoint, environment={**NO_KEYS, **container(aws)})
    aws.answer = (500, "hush")
    waiting.until(lambda: "can't be renewed" in proxy.output(), "the log's word")
    assert read(proxy).status == 200 and last_signer(upstream) == "ASIA1"
    waiting.until(lambda: read(proxy).status != 200, "their end")
    waiting.until(lambda: "have expired" in proxy.output(), "the log's word")
    before = upstream.count("ListTables")
    assert read(proxy).status >= 500
    assert upstream.count("ListTables") == before  # nothing is sent that can't be signed
    aws.lifetime = 3600
    aws.answer = None
    waiting.until(lambda: read(proxy).status == 200, "credentials")
    output = proxy.output()
    assert output.count("can't be renewed: ") == 1 and output.count("have expired") == 1
    assert "renewed again" in output
    assert "hush" not in output and not SECRET.search(output)


def test_a_stop_does_not_wait_for_a_fetch(proxy_factory, upstream, aws):
    aws.lifetime = 4
    changes = {"listen": {"drain_timeout": "200ms"}, "upstream": {"request_timeout": "30s"}}
    proxy = proxy_factory(upstream.endpoint, changes, environment={**NO_KEYS, **container(aws)})
    aws.gate.clear()
    waiting.until(lambda: aws.count("container") == 2, "the renewal")  # and is held
    thread = threading.Thread(target=lambda: _ignore(read, proxy))
    thread.start()
    proxy.terminate()
    assert proxy.wait() == 0
    thread.join(60)


def _ignore(function, *arguments):
    try:
        function(*arguments)
    except (OSError, AssertionError, ValueError, EOFError):
        pass


def test_a_process_that_hangs_does_not_keep_the_proxy(proxy_factory, upstream, home, tmp_path):
    """The first time it answers; then it hangs, and is killed when the proxy ends."""
    script = tmp_path / "process"
    expires = aws_metadata_server.instant(6)
    said = {"Version": 1, "AccessKeyId": "PROC", "SecretAccessKey": "hush", "Expiration": expires}
    script.write_text(
        f"#!/bin/sh\nif mkdir {tmp_path}/once 2>/dev/null; then echo '{json.dumps(said)}'; exit; fi\n"
        f"echo $$ >{tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 1000\n"
    )
    script.chmod(0o755)
    files = home(config=f"[default]\ncredential_process={script}\n")
    proxy = proxy_factory(upstream.endpoint, environment={**NO_KEYS, **files})
    assert read(proxy).status == 200 and last_signer(upstream) == "PROC"
    waiting.until((tmp_path / "pid").exists, "the second run")
    pid = int((tmp_path / "pid").read_text())
    proxy.stop()
    waiting.until(lambda: not _lives(pid), "the program's end")


def _lives(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
