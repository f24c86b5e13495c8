"""A server for one user on one computer: the viewer's page, and the files that were named.

It listens on the loopback interface. Other programs of the computer, and pages in the same browser,
can reach such a server: so everything lies below a path that nobody can guess, and a request must
name this server as its host, which a page that had a name resolve to it (DNS rebinding) cannot do.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any, Final

from ..errors import InputError
from .page import served_page

__all__ = ["DEFAULT_PORT", "HOST", "ViewerServer"]

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8477
"""A browser keeps labels for each address and port: the same port finds them again."""
_PIECE: Final = 2**18
_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class ViewerServer(ThreadingHTTPServer):
    """Serves the page and files until it is shut down.

    Parameters
    ----------
    files : sequence of Path
        What the page opens; nothing else is served. Sizes are those of now.
    port : int or None
        Port to listen on; None takes `DEFAULT_PORT`, or any that is free where it is taken.

    Attributes
    ----------
    url : str
        Address of the page.

    Raises
    ------
    InputError
        If the port cannot be listened on.
    OSError
        If a file is not there.
    """

    daemon_threads = True

    def __init__(self, files: Sequence[Path], port: int | None = None) -> None:
        self.files = tuple((path, path.stat().st_size) for path in files)
        self.page = served_page()
        self.prefix = f"/{secrets.token_urlsafe(24)}/"
        try:
            super().__init__((HOST, DEFAULT_PORT if port is None else port), _Handler)
        except OSError as exc:
            if port is not None:
                raise InputError(f"port {port}: {exc.strerror or exc}") from exc
            super().__init__((HOST, 0), _Handler)
        self.url = f"http://{HOST}:{self.server_port}{self.prefix}"

    @property
    def list_of_files(self) -> bytes:
        """What the page opens, as JSON: name, size and address of each file."""
        return json.dumps([
            {"name": path.name, "size": size, "url": f"files/{number}"}
            for number, (path, size) in enumerate(self.files)
        ]).encode()  # fmt: skip

    def server_bind(self) -> None:
        """Bind without asking the network for the name of this computer."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no fault."""


class _Handler(BaseHTTPRequestHandler):
    server: ViewerServer
    protocol_version = "HTTP/1.1"
    server_version = "hstamp"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:  # the name that http.server calls
        hosts = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        inside = self.path.startswith(self.server.prefix)
        if self.headers.get("Host") not in hosts or not inside:
            self._answer(HTTPStatus.NOT_FOUND, b"not found", "text/plain")
            return
        name = self.path.removeprefix(self.server.prefix)
        if name == "":
            self._answer(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")
        elif name == "files.json":
            self._answer(HTTPStatus.OK, self.server.list_of_files, "application/json")
        elif match := re.fullmatch(r"files/(\d{1,6})", name):
            self._file(int(match[1]))
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"not found", "text/plain")

    def _file(self, number: int) -> None:
        if number >= len(self.server.files):
            self._answer(HTTPStatus.NOT_FOUND, b"not found", "text/plain")
            return
        path, size = self.server.files[number]
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
            if (
                left
            ):  # a file that has become shorter: the browser sees that the answer is not whole
                self.close_connection = True

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
