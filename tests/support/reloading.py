"""A running proxy whose configuration changes: its file is written anew, and it is told so."""
import http.client
import json
import os
import signal
import subprocess

from support import ports, processes, waiting


def with_admin(changes=None):
    """The changes, with an admin address besides."""
    return processes.merged({"admin": {"address": f"127.0.0.1:{ports.free_port()}"}}, changes or {})


def whole(upstream, changes=None):
    """A configuration of a test's own, as proxy_factory makes it."""
    return processes.merged(processes.base_config(upstream), changes or {})


class Reloading:
    """A proxy with an admin address; `config` is what its file holds now."""

    def __init__(self, proxy, config, binary):
        self.proxy, self.config, self.binary = proxy, config, binary

    def write(self, text):
        """All of the file at once, as editors do."""
        new = self.proxy.folder / "new.jsonc"
        new.write_text(text)
        os.replace(new, self.proxy.config_path)

    def change(self, config):
        self.config = config
        self.write(json.dumps(config, indent=2))

    def post(self, path, body=None, token=None):
        """What the admin address answers: status and JSON."""
        connection = http.client.HTTPConnection(self.config["admin"]["address"], timeout=waiting.PATIENCE)
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection.request("POST", path, json.dumps(body if body is not None else {}), headers)
        reply = connection.getresponse()
        answer = json.loads(reply.read())
        connection.close()
        return reply.status, answer

    def reload(self, changes=None, config=None, token=None):
        """With these changes, which must be taken: what is in force now, and what waits."""
        self.change(config if config is not None else processes.merged(self.config, changes or {}))
        status, answer = self.post("/admin/reload", token=token)
        assert status == 200, answer
        return answer["changed"], answer["kept"]

    def command(self, *arguments):
        """`readaside ARGUMENTS -c FILE`."""
        return subprocess.run(
            [self.binary, *arguments, "-c", self.proxy.config_path],
            capture_output=True,
            text=True,
            env=processes.child_environment(),
            timeout=2 * waiting.PATIENCE,
        )

    def hang_up(self):
        """SIGHUP, and until it has been done."""
        before = self.proxy.output().count("reload: done") + self.proxy.output().count("reload: nothing")
        self.proxy.process.send_signal(signal.SIGHUP)
        waiting.until(
            lambda: self.proxy.output().count("reload: done") + self.proxy.output().count("reload: nothing") > before,
            "the reload to be over",
        )
