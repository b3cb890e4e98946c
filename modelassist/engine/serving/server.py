"""Serve a critic by OpenAI's chat protocol: `/v1/models` and `/v1/chat/completions`.

Errors are JSON as OpenAI sends it. One answer is computed at a time. Requests beyond MAX_WAITING are refused at once,
and each body has a limit of bytes and of seconds, so that no client holds the server.
"""

import ipaddress
import json
import logging
import secrets
import signal
import threading
import time
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from modelassist.engine.generation.critic import Critic
from modelassist.engine.serving.completions import Json, complete
from modelassist.engine.serving.questions import RequestError, read_question
from modelassist.engine.support.out_of_memory import is_out_of_memory
from qsave.frames.chat_parts import TIMES_HEADER
from qsave.parsing import parse_json

logger = logging.getLogger(__name__)

MAX_BODY = 64 * 2**20
MAX_WAITING = 8
"""Requests at the same time, the one that is being answered included."""
BODY_SECONDS = 60
READ_SECONDS = 10
"""Most seconds without a byte."""
_CHUNK = 2**20


class StatusError(Exception):
    """A request ends with this status and sentence."""

    def __init__(self, status: int, message: str, *, parameter: str | None = None, wait: int = 0) -> None:
        super().__init__(message)
        self.status, self.parameter, self.wait = status, parameter, wait


class CriticServer(ThreadingHTTPServer):
    """A server of one loaded critic."""

    daemon_threads = False  # an answer in progress is finished before the process ends
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], critic: Critic, name: str, key: str = "") -> None:
        super().__init__(address, _Handler)
        self.critic, self.name, self.key = critic, name, key
        self.places = threading.BoundedSemaphore(MAX_WAITING)
        self.lock = threading.Lock()
        self.is_ending = False

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/v1"

    def end(self) -> None:
        """Refuse further requests and let `serve_forever` return."""
        self.is_ending = True
        threading.Thread(target=self.shutdown).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.warning("A connection ended in an error", exc_info=True)

    def list_models(self) -> Json:
        """Return the list with the one model; `frames` tells our own client which frames it was trained with."""
        entry = {"id": self.name, "object": "model", "created": 0, "owned_by": "qsave"}
        return {"object": "list", "data": [{**entry, "frames": asdict(self.critic.loaded.frames)}]}

    def answer(self, body: Any, times: str) -> Json:
        """Answer one chat request. Raises StatusError."""
        if not isinstance(body, dict):
            raise StatusError(400, "The body must be a JSON object.")
        if body.get("model") != self.name:
            raise StatusError(404, f"The only model here is {self.name!r}.", parameter="model")
        try:
            question = read_question(body, self.critic.loaded.frames, times)
        except RequestError as error:
            raise StatusError(400, str(error), parameter=error.parameter) from None
        with self.lock:
            if self.is_ending:
                raise StatusError(503, "The server is stopping.", wait=10)
            return self._complete(question)

    def _complete(self, question: Any) -> Json:
        try:
            return complete(self.critic, self.name, question)
        except Exception as error:  # a request may cause any error in the model; the next ones are still answered
            logger.warning("The model failed on one request", exc_info=True)
            what = "has not enough memory for" if is_out_of_memory(error) else "failed on"
            raise StatusError(500, f"The model {what} this request ({type(error).__name__}).") from error


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve_until_stopped(server: CriticServer) -> None:
    """Answer requests until the process gets TERM or is interrupted."""
    signal.signal(signal.SIGTERM, lambda *_: server.end())
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.is_ending = True
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection with one request."""

    server: CriticServer
    timeout = READ_SECONDS
    server_version = "qsave"
    sys_version = ""

    def do_GET(self) -> None:
        self._respond(self._list_models)

    def do_POST(self) -> None:
        self._respond(self._answer)

    def log_message(self, format: str, *args: Any) -> None:
        logger.info(format, *args)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a broken request line or an unknown method as all other errors."""
        self._send(code, _make_error(StatusError(code, f"{(message or 'Bad request').rstrip('.')}.")))

    def _respond(self, make: Any) -> None:
        try:
            self._send_outcome(make)
        except (ConnectionError, TimeoutError):  # the client went away
            self.close_connection = True

    def _send_outcome(self, make: Any) -> None:
        try:
            self._check_key()
            value = make()
        except StatusError as error:
            self._send(error.status, _make_error(error), error.wait)
        else:
            self._send(200, value)

    def _check_key(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if self.server.key and not secrets.compare_digest(given.encode(), self.server.key.encode()):
            raise StatusError(401, "The key is wrong or missing.")

    def _list_models(self) -> Json:
        if self.path.rstrip("/") != "/v1/models":
            raise StatusError(404, "There is only /v1/models and /v1/chat/completions here.")
        return self.server.list_models()

    def _answer(self) -> Json:
        if self.path.rstrip("/") != "/v1/chat/completions":
            raise StatusError(404, "There is only /v1/models and /v1/chat/completions here.")
        if not self.server.places.acquire(blocking=False):
            raise StatusError(429, f"{MAX_WAITING} requests are waiting already.", wait=1)
        try:
            body = self._read_body()
            return self.server.answer(body, self.headers.get(TIMES_HEADER, ""))
        finally:
            self.server.places.release()

    def _read_body(self) -> Any:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdecimal():
            raise StatusError(411, "The request must say its Content-Length.")
        if len(length) > 12 or int(length) > MAX_BODY:
            raise StatusError(413, f"The request is larger than {MAX_BODY // 2**20} MB.")
        deadline, pieces, left = time.monotonic() + BODY_SECONDS, [], int(length)
        while left:
            piece = self.rfile.read1(min(left, _CHUNK))
            if not piece or time.monotonic() > deadline:
                raise StatusError(408, "The request did not arrive whole and in time.")
            pieces.append(piece)
            left -= len(piece)
        try:
            return parse_json(b"".join(pieces))
        except ValueError:
            raise StatusError(400, "The body is not JSON.") from None

    def _send(self, status: int, value: Json, wait: int = 0) -> None:
        content = json.dumps(value, allow_nan=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        if wait:
            self.send_header("Retry-After", str(wait))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.close_connection = True


def _make_error(error: StatusError) -> Json:
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    return {"error": {"message": str(error), "type": kind, "param": error.parameter, "code": error.status}}
