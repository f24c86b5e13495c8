"""A server for one user on one computer: the viewer's page, and the files that were named.

Files that the page reads by itself are served as they are, all others in pieces (`Pieces`).

It listens on the loopback interface. Other programs of the computer, and pages in the same browser,
can reach such a server: so everything lies below a path that nobody can guess, and a request must
name this server as its host, which a page that had a name resolve to it (DNS rebinding) cannot do.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any, Final

from ..convert.stamps import Options
from ..errors import HstampError, InputError
from ..text import printable
from .opening import fingerprint, reads_itself
from .page import served_page
from .pieces import FIELDS, Pieces, Spool

__all__ = ["DEFAULT_PORT", "HOST", "ViewerServer"]

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8477
"""A browser keeps labels for each address and port: the same port finds them again."""
_PIECE: Final = 2**18
_LONGEST: Final = 2**14
"""Longest report of faults that the page may send [byte]."""
_REPORTS: Final = 2000
_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_FILE: Final = re.compile(r"files/(\d{1,6})(?:/(\d{1,9}))?")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class _Served:
    """A file that is served: its size now, and what is made of it where the page cannot read it."""

    path: Path
    size: int
    fingerprint: str
    pieces: Pieces | None


class ViewerServer(ThreadingHTTPServer):
    """Serves the page and files until it is shut down.

    Parameters
    ----------
    files : sequence of Path
        What the page opens; nothing else is served. Sizes are those of now.
    port : int or None
        Port to listen on; None takes `DEFAULT_PORT`, or any that is free where it is taken.
    options : hstamp.convert.stamps.Options, optional
        How files are read that the page cannot read by itself.
    say : callable, optional
        Called with a line for every fault in a file; it comes from several threads.

    Attributes
    ----------
    url : str
        Address of the page.

    Raises
    ------
    InputError
        If the port cannot be listened on.
    """

    daemon_threads = True

    def __init__(
        self,
        files: Sequence[Path],
        port: int | None = None,
        options: Options | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.say, self._reported = say, set[str]()
        self.files: tuple[_Served, ...] = ()
        self._spool = Spool()
        self.page = served_page()
        self.prefix = f"/{secrets.token_urlsafe(24)}/"
        try:
            super().__init__((HOST, DEFAULT_PORT if port is None else port), _Handler)
        except OSError as exc:
            if port is not None:
                raise InputError(f"port {port}: {exc.strerror or exc}") from exc
            super().__init__((HOST, 0), _Handler)
        reading = replace(options or Options(), fields=FIELDS)
        self.files = tuple(_served(path, reading, self._spool, say) for path in files)
        self.url = f"http://{HOST}:{self.server_port}{self.prefix}"

    @property
    def list_of_files(self) -> bytes:
        """What the page opens, as JSON: name, size and address of each file."""
        return json.dumps([
            {
                "name": file.path.name, "size": file.size, "url": f"files/{number}",
                "fingerprint": file.fingerprint, "pieces": file.pieces is not None,
            }
            for number, file in enumerate(self.files)
        ]).encode()  # fmt: skip

    def reported(self, text: str) -> None:
        """Say lines that the page sends about files; those it sent before are not said again."""
        for line in text.splitlines():
            if line and line not in self._reported and len(self._reported) < _REPORTS:
                self._reported.add(line)
                self.say(printable(line))

    def server_close(self) -> None:
        """Stop listening, and let go of what was made of files."""
        super().server_close()
        self._spool.close()

    def server_bind(self) -> None:
        """Bind without asking the network for the name of this computer."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no fault."""


def _served(path: Path, options: Options, spool: Spool, say: Callable[[str], None]) -> _Served:
    try:
        size, mark, alone = path.stat().st_size, fingerprint(path), reads_itself(path)
    except (HstampError, OSError):
        size, mark, alone = 0, "", False  # reading it says why
    return _Served(path, size, mark, None if alone else Pieces(path, options, spool, say))


class _Handler(BaseHTTPRequestHandler):
    server: ViewerServer
    protocol_version = "HTTP/1.1"
    server_version = "hstamp"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:  # the name that http.server calls
        inside = self.path.startswith(self.server.prefix)
        if self.headers.get("Host") not in self._hosts or not inside:
            self._answer(HTTPStatus.NOT_FOUND, b"not found", "text/plain")
            return
        name = self.path.removeprefix(self.server.prefix)
        if name == "":
            self._answer(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")
        elif name == "files.json":
            self._answer(HTTPStatus.OK, self.server.list_of_files, "application/json")
        elif (match := _FILE.fullmatch(name)) and int(match[1]) < len(self.server.files):
            file = self.server.files[int(match[1])]
            if (file.pieces is None) != (match[2] is None):
                self._answer(HTTPStatus.NOT_FOUND, b"not found", "text/plain")
            elif file.pieces is None:
                self._file(file.path, file.size)
            else:
                self._made(file.pieces, int(match[2]))
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"not found", "text/plain")

    def do_POST(self) -> None:
        """Say in the terminal what the page found at fault in a file that it read by itself."""
        length = self.headers.get("Content-Length", "")
        inside = self.path == f"{self.server.prefix}faults"
        known = self.headers.get("Host") in self._hosts and inside
        if not known or not re.fullmatch(r"\d{1,5}", length) or int(length) > _LONGEST:
            self.close_connection = True
            self._answer(HTTPStatus.NOT_FOUND, b"not found", "text/plain")
            return
        self.server.reported(self.rfile.read(int(length)).decode("utf-8", "replace"))
        self._answer(HTTPStatus.OK, b"", "text/plain")

    @property
    def _hosts(self) -> set[str]:
        return {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}

    def _made(self, pieces: Pieces, number: int) -> None:
        try:
            data = pieces.piece(number)
        except OSError as exc:
            words = f"no room for what is made of it: {exc.strerror or exc}"
            self._answer(HTTPStatus.INSUFFICIENT_STORAGE, words.encode(), "text/plain")
            return
        if data is None:
            self._answer(HTTPStatus.NO_CONTENT, b"", "text/plain")
        else:
            self._answer(HTTPStatus.OK, data, "application/octet-stream")

    def _file(self, path: Path, size: int) -> None:
        start, stop, status = 0, size, HTTPStatus.OK
        if (asked := self.headers.get("Range")) is not None:
            match = _RANGE.fullmatch(asked)
            start = int(match[1]) if match else size
            stop = min(size, int(match[2]) + 1) if match and match[2] else size
            status = HTTPStatus.PARTIAL_CONTENT
            if not start < stop:
                extra = {"Content-Range": f"bytes */{size}"}
                self._answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", "text/plain", extra)
                return
        try:
            stream = path.open("rb")
        except OSError:
            self._answer(HTTPStatus.NOT_FOUND, b"the file is gone", "text/plain")
            return
        with stream:
            stream.seek(start)
            extra = {"Accept-Ranges": "bytes"}
            if status is HTTPStatus.PARTIAL_CONTENT:
                extra["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
            self._head(status, stop - start, "application/octet-stream", extra)
            left = stop - start
            while left and (piece := stream.read(min(left, _PIECE))):
                self.wfile.write(piece)
                left -= len(piece)
            # Of a file that has become shorter the browser sees that the answer is not whole.
            self.close_connection |= left > 0

    def _answer(
        self, status: HTTPStatus, body: bytes, kind: str, extra: dict[str, str] | None = None
    ) -> None:
        self._head(status, len(body), kind, extra or {})
        self.wfile.write(body)

    def _head(self, status: HTTPStatus, length: int, kind: str, extra: dict[str, str]) -> None:
        self.send_response(status)
        known = {"Content-Type": kind, "Content-Length": str(length)}
        for name, value in (known | extra | _HEADERS).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """The user did not ask for a log of what the page reads."""
