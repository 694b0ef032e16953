"""Routes, as a browser or a back end calls them."""
import json
import re
import urllib.parse

from support import processes, wire

SHIPPED = processes.ROOT / "config" / "cruddur.jsonc"


def shipped_config():
    """config/cruddur.jsonc as a dict: JSON once its comments are gone."""
    text = SHIPPED.read_text(encoding="utf-8")
    string_or_comment = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
    return json.loads(string_or_comment.sub(lambda found: found.group(1) or " ", text))


class Reply(wire.Reply):
    @property
    def code(self):
        """Of an error."""
        assert set(self.json) == {"code", "message"}, self
        assert self.json["message"], self
        return self.json["code"]

    @property
    def next(self):
        """The next page's target, from the Link header, or None."""
        link = self.headers.get("Link")
        if link is None:
            return None
        found = re.fullmatch(r'<([^<>"]+)>; rel="next"', link)
        assert found, link
        return found.group(1)


class Rest(wire.Wire):
    """One keep-alive connection. Not shared between threads."""

    def call(self, method, target, body=None, headers=None):
        """`target` goes out as it is; `body` is bytes as they are, or something to send as JSON. Headers may be a
        dict, or a list of pairs where a name is to be repeated."""
        pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            if not any(name.lower() == "content-type" for name, _ in pairs):
                pairs.append(("Content-Type", "application/json"))
        self.connection.putrequest(method, target)
        if body is not None:
            self.connection.putheader("Content-Length", str(len(body)))
        for name, value in pairs:
            self.connection.putheader(name, value)
        self.connection.endheaders(body)
        got = self.connection.getresponse()
        return Reply(got.status, got.getheaders(), got.read())

    def get(self, target, headers=None):
        return self.call("GET", target, headers=headers)

    def post(self, target, body, headers=None):
        return self.call("POST", target, body, headers)


def query(**parameters):
    return "?" + urllib.parse.urlencode(parameters)
