"""A web server on this computer that serves one file, well or badly, by the first word of the address."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ETAG = '"version-1"'


class FaultyServer(ThreadingHTTPServer):
    """server.url("stalls") is an address that stalls; server.asked lists the (fault, Range) of each request."""

    daemon_threads = True

    def __init__(self, content):
        self.content, self.asked, self.stop = content, [], threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def url(self, fault, name="file.tif"):
        return f"http://127.0.0.1:{self.server_port}/{fault}/{name}"

    def count(self, fault):
        return sum(asked == fault for asked, _ in self.asked)

    def handle_error(self, request, client_address):
        """A client that hangs up is part of the test."""


@contextmanager
def serving(content):
    """A FaultyServer that runs for as long as the `with` block."""
    with FaultyServer(content) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.stop.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        fault = self.path.split("/")[1]
        self.server.asked.append((fault, self.headers.get("Range")))
        getattr(self, fault)(self.server.content, self.server.count(fault) == 1)

    def good(self, content, _first):
        self._send(content)

    def slow(self, content, _first):
        self.server.stop.wait(0.7)
        self._send(content)

    def truncates(self, content, _first):
        self._send(content[: len(content) // 2], length=len(content), resumable=False)

    def truncates_once(self, content, first):
        """Breaks off the first time, and goes on from where it is asked the next."""
        start = self._start()
        self._send(content[start : len(content) // 2] if first else content[start:], start=start, length=len(content))

    def always_truncates_resumable(self, content, _first):
        self._send(content[: len(content) // 2], length=len(content))

    def changed_since(self, content, first):
        """Breaks off, and then has another version, so that it starts from the beginning."""
        if first:
            self._send(b"x" * (len(content) // 2), length=len(content))
        else:
            self._send(content, etag='"version-2"')

    def wrong_range(self, content, first):
        """Answers a request to go on from the middle with the beginning."""
        if first:
            self._send(content[: len(content) // 2], length=len(content))
        elif self._start():
            self._send(content, status=206, range_start=0)
        else:
            self._send(content)

    def not_satisfiable(self, content, first):
        if first:
            self._send(content[: len(content) // 2], length=len(content))
        elif self._start():
            self._send(b"", status=416)
        else:
            self._send(content)

    def stalls(self, content, _first):
        self._send(content[: len(content) // 2], length=len(content), resumable=False, then_wait=True)

    def silent(self, _content, _first):
        self.server.stop.wait()

    def says_longer(self, content, _first):
        self._send(content, length=len(content) + 1000)

    def says_shorter(self, content, _first):
        self._send(content, length=len(content) // 2)

    def other_file(self, content, _first):
        self._send(bytes(reversed(content)))

    def web_page(self, _content, _first):
        self._send(b"<html>please log in</html>", kind="text/html; charset=utf-8")

    def missing(self, _content, _first):
        self._send(b"nothing", status=404)

    def broken(self, _content, _first):
        self._send(b"sorry", status=500)

    def flaky(self, content, first):
        self._send(b"sorry", status=500) if first else self._send(content)

    def loop(self, _content, _first):
        self.send_response(302)
        self.send_header("Location", self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _start(self):
        asked = self.headers.get("Range")
        return int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.headers.get("If-Range") == ETAG else 0

    def _send(
        self, content, *, length=None, status=200, start=0, range_start=None, kind="image/tiff", etag=ETAG,
        resumable=True, then_wait=False,
    ):  # fmt: skip
        total = len(content) + start if length is None else length
        range_start = start if range_start is None and start else range_start
        self.send_response(206 if range_start is not None else status)
        if range_start is not None:
            self.send_header("Content-Range", f"bytes {range_start}-{total - 1}/{total}")
        if resumable and status < 400:
            self.send_header("ETag", etag)
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(total - start))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()
        if then_wait:
            self.server.stop.wait()

    def log_message(self, *_):
        """Not into the tests' output."""
