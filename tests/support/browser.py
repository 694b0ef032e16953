"""A page in a real browser: Chromium opens it, and the page says what it found by posting it back."""
import http.server
import json
import queue
import subprocess
import threading

from support import waiting

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/":
            self._answer(200, "text/html; charset=utf-8", self.server.page.encode())
        else:
            self._answer(404, "text/plain", b"")

    def do_POST(self):
        found = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, "text/plain", b"")
        self.server.found.put(json.loads(found))


class Site:
    """Serves pages on one port of 127.0.0.1; "localhost" and "127.0.0.1" are two origins of it."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.found = queue.Queue()
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def origin(self, host="127.0.0.1"):
        return f"http://{host}:{self.port}"

    def run(self, script, profile, host="127.0.0.1"):
        """Runs the JavaScript in a page of that host, and returns what it gives to `done`."""
        self.server.page = (
            "<!doctype html><meta charset=utf-8><title>test</title><script>"
            "const done = found => fetch('/found', {method: 'POST', body: JSON.stringify(found)});"
            f"(async () => {{ {script} }})().catch(problem => done({{problem: String(problem)}}));"
            "</script>"
        )
        browser = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={profile}", self.origin(host) + "/"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return self.server.found.get(timeout=waiting.PATIENCE)
        finally:
            browser.kill()
            browser.wait()
