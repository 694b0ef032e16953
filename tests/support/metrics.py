"""What a proxy's admin address tells of it: /metrics read by Prometheus' own parser, /admin/live, /readyz."""
import collections
import http.client
import json

from prometheus_client import parser

from support import ports


def admin(changes=None):
    """A config's changes that give it an admin address."""
    return {"admin": {"address": f"127.0.0.1:{ports.free_port()}"}, **(changes or {})}


def ask(proxy, path, method="GET", headers=None):
    """(status, headers, body)"""
    address = json.loads(proxy.config_path.read_text())["admin"]["address"]
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(method, path, headers=headers or {})
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()
    finally:
        connection.close()


def live(proxy):
    status, _, body = ask(proxy, "/admin/live")
    assert status == 200, body
    return json.loads(body)


class Scrape:
    """One reading of /metrics."""

    def __init__(self, proxy):
        status, self.headers, body = ask(proxy, "/metrics")
        assert status == 200, body
        self.text = body.decode()
        self.families = {family.name: family for family in parser.text_string_to_metric_families(self.text)}
        self.samples = collections.Counter()
        for family in self.families.values():
            for sample in family.samples:
                at = (sample.name, frozenset(sample.labels.items()))
                assert at not in self.samples, f"twice: {sample}"
                self.samples[at] = sample.value

    def sum(self, name, **labels):
        """Over all series that have these labels."""
        wanted = set(labels.items())
        return sum(v for (n, has), v in self.samples.items() if n == name and wanted <= has)

    def by(self, name, label, **labels):
        """{value of `label`: sum}, without zeros."""
        found = collections.Counter()
        wanted = set(labels.items())
        for (n, has), value in self.samples.items():
            if n == name and wanted <= has:
                found[dict(has)[label]] += value
        return {k: v for k, v in found.items() if v}


class Since:
    """What has been counted since it was made, whenever it is asked."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.before = Scrape(proxy)

    def now(self):
        now = Scrape(self.proxy)
        now.samples.subtract(self.before.samples)
        return now
