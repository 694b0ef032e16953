"""A forwarder of GETs between nginx and the proxy that counts; nginx's cache of a route has the proxy as its upstream."""
import http.client
import http.server
import threading
import urllib.parse


class CountedGets:
    def __init__(self, target_endpoint):
        self.target = urllib.parse.urlsplit(target_endpoint)
        self._lock = threading.Lock()
        self._seen = []
        handler = type("Handler", (_Handler,), {"counter": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def record(self, what):
        with self._lock:
            self._seen.append(what)

    def seen(self):
        with self._lock:
            return list(self._seen)

    def count(self):
        return len(self.seen())

    def forget(self):
        with self._lock:
            self._seen.clear()


class _Handler(http.server.BaseHTTPRequestHandler):
    counter = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.counter.record(self.requestline)
        onward = http.client.HTTPConnection(self.counter.target.hostname, self.counter.target.port)
        try:
            onward.request("GET", self.path, headers={**self.headers, "Connection": "close"})
            got = onward.getresponse()
            body = got.read()
        finally:
            onward.close()
        self.send_response_only(got.status, got.reason)
        for name, value in got.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
