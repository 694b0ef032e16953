"""A Redis with replicas fails as the histories have it."""
import pytest
import servers

from support import redis_server, waiting


def some(folder, fenced):
    return servers.Servers(folder / "redis", 2, fenced, 1)


def refuses_writes(node):
    try:
        node.command("SET", "x", "1")
    except redis_server.Refused as problem:
        return "NOREPLICAS" in str(problem)
    return False


def test_a_master_that_is_cut_off_takes_no_more_writes_and_the_new_one_does(tmp_path):
    group = some(tmp_path, True)
    try:
        old = group.master
        old.command("SET", "before", "1")
        assert old.command("WAIT", 2, 10_000) == 2
        old.link.order("hang")
        waiting.until(lambda: refuses_writes(old), "the old master to refuse writes")
        assert old.command("GET", "before") == "1", "it answers reads still"
        assert group.promote(group.nodes[2]) is old
        waiting.until(lambda: not refuses_writes(group.master), "the new master to take writes")
        assert refuses_writes(old)
        old.link.order("flow")
        old.follow(group.master)
        group.settle()
        waiting.until(lambda: old.command("GET", "x") == "1", "the old master to have what the new one has")
        with pytest.raises(redis_server.Refused, match="READONLY"):
            old.command("SET", "x", "2")
    finally:
        group.stop()


def test_one_that_was_killed_comes_back_as_a_replica(tmp_path):
    group = some(tmp_path, True)
    try:
        old = group.master
        old.kill()
        group.promote(group.nodes[1])
        waiting.until(lambda: not refuses_writes(group.master), "the new master to take writes")
        old.start_following(group.master)
        group.settle()
        assert old.info("replication")["role"] == "slave"
        group.promote(old)
        waiting.until(lambda: not refuses_writes(old), "it to lead once more")
        assert old.command("GET", "x") == "1"
    finally:
        group.stop()


def test_without_a_fence_one_that_is_cut_off_goes_on(tmp_path):
    group = some(tmp_path, False)
    try:
        old = group.master
        old.link.order("hang")
        group.promote(group.nodes[1])
        assert not refuses_writes(old)
        assert not refuses_writes(group.master)
    finally:
        group.stop()
