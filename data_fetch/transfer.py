"""One file from one address: resumed, timed, and refused where the server does not send what it says."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 13  # bytes; what has come of a chunk is lost when the connection breaks off in it
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}  # worth another try after a pause


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait: to connect, for the next bytes, between attempts (doubled each time), for another process."""

    connect: float = 10.0
    read: float = 30.0
    pause: float = 1.0
    attempts: int = 4
    lock: float = 3600.0


class MirrorFailed(Exception):
    """One address did not yield the file; the text says why."""


class _TryAgain(MirrorFailed):
    """As above, for a reason that may pass."""


class Transfer:
    """A downloader in pooch's sense: transfer(url, output_file, pooch) leaves the complete file in output_file.

    part   where the bytes gather. It is kept after a failure only where the server can resume, with what identifies
           the server's version of the file in `<part>.json`.
    """

    def __init__(self, file, part, *, timeouts, progress):
        self.file, self.part, self.timeouts, self.progress = file, Path(part), timeouts, progress
        self.note = self.part.with_name(self.part.name + ".json")

    def __call__(self, url, output_file, _pooch=None):
        try:
            self._persist(url)
            os.replace(self.part, output_file)
            self.note.unlink(missing_ok=True)
        finally:
            if not self.note.exists():  # what cannot be resumed is of no use once broken off
                self.part.unlink(missing_ok=True)

    def _persist(self, url):
        for attempt in range(self.timeouts.attempts):
            try:
                return self._attempt(url)
            except _TryAgain as error:
                if attempt + 1 == self.timeouts.attempts:
                    raise MirrorFailed(f"{error} ({self.timeouts.attempts} attempts)") from error
                time.sleep(self.timeouts.pause * 2**attempt)

    def _attempt(self, url):
        import requests

        start, validator = self._gathered(url)
        try:
            with self._ask(url, start, validator) as response:
                self._refuse_errors(response)
                self._receive(url, response, start)
        except requests.TooManyRedirects as error:
            raise MirrorFailed("the server redirects in a loop") from error
        except requests.ConnectTimeout as error:
            raise MirrorFailed(f"no connection within {self.timeouts.connect:g} s") from error
        except requests.Timeout as error:
            raise _TryAgain(f"the server sent nothing for {self.timeouts.read:g} s") from error
        except requests.RequestException as error:
            raise MirrorFailed(f"no connection ({type(error).__name__})") from error

    def _ask(self, url, start, validator):
        import requests

        # identity: a compressed reply has another length than the file
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": validator}
        return requests.get(url, headers=headers, stream=True, timeout=(self.timeouts.connect, self.timeouts.read))

    def _refuse_errors(self, response):
        status = response.status_code
        if status == 416:  # what has gathered is no part of the server's file
            self._forget()
            raise _TryAgain("the server cannot continue the unfinished download")
        if status >= 400:
            kind = _TryAgain if status in TRANSIENT else MirrorFailed
            raise kind(f"the server answered {status} {response.reason}")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            self._forget()
            raise MirrorFailed("the server sent a web page, not the file (does the network ask for a log-in?)")

    def _receive(self, url, response, start):
        start = self._where_it_continues(response, start)
        total = _total(response, start)
        if self.file.size_is_exact and total is not None and total != self.file.size:
            self._forget()
            raise MirrorFailed(f"the server offers {total} bytes, expected {self.file.size}: another file")
        if not start:
            self._forget()
            self._note_version(url, response)
        self._gather(response, start, total)

    def _where_it_continues(self, response, start):
        if response.status_code != 206:
            return 0
        if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            self._forget()
            raise _TryAgain("the server continued at another place than asked")
        return start

    def _gather(self, response, start, total):
        import requests
        from tqdm.auto import tqdm

        shown = {"unit": "B", "unit_scale": True, "desc": self.file.name, "disable": not self.progress}
        with tqdm(total=total, initial=start, **shown) as bar, open(self.part, "ab") as part:
            try:
                for chunk in response.iter_content(CHUNK):
                    part.write(chunk)
                    bar.update(len(chunk))
            except requests.ConnectionError as error:  # what requests makes of a time-out in mid-stream
                raise _TryAgain(f"the server stalled for {self.timeouts.read:g} s after {_of(part, total)}") from error
            except requests.RequestException as error:
                raise _TryAgain(f"the connection ended after {_of(part, total)}") from error
            if total is not None and part.tell() != total:
                raise _TryAgain(f"the connection ended after {_of(part, total)}")

    def _gathered(self, url):
        """How many bytes are here of the version that `url` served before, and what identifies that version."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            if note["url"] == url:
                return self.part.stat().st_size, note["validator"]
        except (FileNotFoundError, ValueError, KeyError):
            pass  # no note, a damaged one, or no bytes: start from the beginning
        return 0, None

    def _note_version(self, url, response):
        """A strong ETag or a date tells the server's versions apart; without either nothing can be resumed safely."""
        etag = response.headers.get("ETag", "")
        validator = etag if etag.startswith('"') else response.headers.get("Last-Modified")
        if validator and response.headers.get("Accept-Ranges") == "bytes":
            self.note.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")

    def _forget(self):
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def _total(response, start):
    """Bytes of the whole file as the server states them, or None."""
    length = response.headers.get("Content-Length", "")
    if response.headers.get("Content-Encoding", "identity") != "identity" or not length.isdigit():
        return None
    return start + int(length)


def _of(part, total):
    return f"{part.tell()} of {total or '?'} bytes"
