"""A small site that serves one release folder, and fails as a test requests."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

TOKEN = "a-token"


@dataclass
class ReleaseSite:
    """What the site serves and what it has been asked. `faults` maps the name of a file to what is done instead."""

    folder: Path
    address: str = ""
    faults: dict[str, Callable[["Answer"], None]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Names of files, each with its Range header."""


class Answer(BaseHTTPRequestHandler):
    """Answers one request by the site's rules."""

    site: ReleaseSite

    def do_GET(self) -> None:
        name = unquote(self.path.partition("/files/")[2])
        self.site.requests.append((name, self.headers.get("Range", "")))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.refuse(401, "This token is unknown.")
        elif name in self.site.faults:
            self.site.faults[name](self)
        else:
            self.send_file(name)

    def send_file(self, name: str) -> None:
        content = (self.site.folder / name).read_bytes()
        start = int(self.headers.get("Range", "bytes=0-")[len("bytes=") : -1])
        self.send(content[start:], status=206 if start else 200)

    def send(self, content: bytes, *, status: int = 200, length: int | None = None, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(content)

    def refuse(self, status: int, detail: str, *, location: str = "") -> None:
        self.send(json.dumps({"detail": detail}).encode(), status=status, location=location)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[ReleaseSite]:
    """Serve the folder as release 1 of a site while the body runs."""
    site = ReleaseSite(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("SiteAnswer", (Answer,), {"site": site}))
    server.daemon_threads = True
    site.address = f"http://127.0.0.1:{server.server_port}/releases/1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def list_files(folder: Path) -> Mapping[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
