"""A server on loopback that answers each chat request as the next entry of its script says, however wrong that is."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LINE = b"\r\n"


@dataclass(slots=True)
class ScriptedRequest:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


Write = Callable[[bytes], None]
Answer = Callable[[Write, threading.Event], None]
"""Writes a response. The event is set when the test ends."""


@dataclass(slots=True)
class ScriptedServer:
    """The last entry of the script answers all further requests."""

    script: list[Answer] = field(default_factory=list)
    models: Answer | None = None
    """The answer to the question which models there are; None: 404."""
    requests: list[ScriptedRequest] = field(default_factory=list)
    """The chat requests so far."""
    port: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    certificate: Path | None = None
    """A certificate with its key, for HTTPS."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def handle(self, connection: socket.socket) -> None:
        """Read one request, write its answer and close the connection."""
        with suppress(OSError), self._secure(connection) as connection, connection.makefile("rb") as file:
            request = read_request(file)
            if request.path.endswith("/models"):
                answer = self.models or respond(404, b"{}")
            else:
                self.requests.append(request)
                answer = self.script[min(len(self.requests), len(self.script)) - 1]
            answer(connection.sendall, self.ended)

    def _secure(self, connection: socket.socket) -> socket.socket:
        if self.certificate is None:
            return connection
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        with connection:
            return context.wrap_socket(connection, server_side=True)


def read_request(file: Any) -> ScriptedRequest:
    method, path, _ = file.readline().decode().split()
    headers = {}
    while (line := file.readline().decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = file.read(int(headers.get("content-length", "0")))
    return ScriptedRequest(method, path, headers, json.loads(body or b"{}"))


@contextmanager
def run_scripted_server() -> Iterator[ScriptedServer]:
    """Run a server on a free port of loopback while the body runs."""
    server = ScriptedServer()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                connection, _ = listener.accept()
                if server.ended.is_set():
                    return connection.close()
                threads.append(threading.Thread(target=server.handle, args=(connection,)))
                threads[-1].start()

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        try:
            yield server
        finally:
            server.ended.set()
            socket.create_connection(("127.0.0.1", server.port)).close()  # the last one, which nobody handles
            for thread in threads:
                thread.join()


def respond(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with a whole response."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return send(f"HTTP/1.1 {status} x\r\n{lines}\r\n".encode() + body)


def send(data: bytes) -> Answer:
    """Answer with these bytes, and close."""
    return lambda write, _ended: write(data)


def chat(text: str, *, finish: str = "stop", logprobs: object = None, usage: object = None) -> Answer:
    """Answer with a chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    value = {"id": "1", "object": "chat.completion", "choices": [{**choice, "logprobs": logprobs}], "usage": usage}
    return respond(200, json.dumps(value).encode())


def drip(start: bytes, piece: bytes) -> Answer:
    """Answer with a start, then with one piece after the other without end."""

    def write_pieces(write: Write, ended: threading.Event) -> None:
        write(start)
        while not ended.wait(0.05):
            write(piece)

    return write_pieces


def say_nothing(_write: Write, ended: threading.Event) -> None:
    """Take the request and never answer it."""
    ended.wait()
