"""One HTTP request for each connection: to a checked address, within a time and a size, without redirects.

httpx limits each read and not the whole request, so a server that sends one byte now and then would hold a request for
ever. Here every read waits only for what is left of the request's time.
"""

import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

import httpcore2
import httpx2

from operations.egress import HostRefused, connect

MAX_BODY = 8 * 2**20
"""Most bytes of a response, with its headers; a report card has some thousand."""


class ResponseTooLarge(Exception):
    """A response is larger than MAX_BODY."""


class CheckedTransport(httpx2.BaseTransport):
    """Sends requests to hosts that the egress guard allows, and reads each response whole."""

    def __init__(
        self, *, allowed: Collection[str], seconds: float, count: Callable[[float], None] = lambda seconds: None
    ) -> None:
        """Take the hosts that may have private addresses, the time of a request, and what counts its seconds."""
        self._allowed, self._seconds, self._count = allowed, seconds, count
        self._tls = httpx2.create_ssl_context()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request. Raises HostRefused, ResponseTooLarge, or httpx2's TimeoutException or TransportError."""
        host = request.url.host
        if request.url.scheme != "https" and host not in self._allowed:
            raise HostRefused(host)
        started = time.monotonic()
        try:
            return self._send(request, started + self._seconds)
        except httpcore2.TimeoutException as error:
            raise httpx2.ReadTimeout(str(error), request=request) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise httpx2.NetworkError(str(error), request=request) from error
        finally:
            self._count(time.monotonic() - started)

    def _send(self, request: httpx2.Request, deadline: float) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        backend = _Backend(self._allowed, deadline)
        with httpcore2.ConnectionPool(ssl_context=self._tls, network_backend=backend) as pool:
            response = pool.request(
                request.method,
                str(request.url),
                headers=request.headers.raw,
                content=request.read(),
                extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)},
            )
        if response_is_encoded(response.headers):
            raise httpx2.DecodingError("The response is compressed although that was not asked for.", request=request)
        return httpx2.Response(response.status, headers=response.headers, content=response.content, request=request)


def response_is_encoded(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a body is compressed: a small one could become gigabytes."""
    return any(name.lower() == b"content-encoding" and value.lower() != b"identity" for name, value in headers)


class _Backend(httpcore2.NetworkBackend):
    """Connects to checked addresses only; everything ends at the deadline."""

    def __init__(self, allowed: Collection[str], deadline: float) -> None:
        self._allowed, self._deadline = allowed, deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            seconds = compute_left(self._deadline)
            connection = connect(host, port, allowed=self._allowed, timeout=seconds, options=socket_options or ())
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Stream(connection, self._deadline)


class _Stream(httpcore2.NetworkStream):
    """A connection whose reads and writes end at the deadline, and whose reads end at MAX_BODY."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline, self._left = connection, deadline, MAX_BODY

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data: bytes = self._run(lambda: self._connection.recv(max_bytes), httpcore2.ReadError)
        self._left -= len(data)
        if self._left < 0:
            raise ResponseTooLarge
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._run(lambda: self._connection.sendall(buffer), httpcore2.WriteError)

    def close(self) -> None:
        self._connection.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        wrap = ssl_context.wrap_socket
        secure = self._run(lambda: wrap(self._connection, server_hostname=server_hostname), httpcore2.ConnectError)
        return _Stream(secure, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._connection if info == "socket" else None

    def _run(self, action: Callable[[], Any], problem: type[httpcore2.NetworkError]) -> Any:
        try:
            self._connection.settimeout(compute_left(self._deadline))
            return action()
        except TimeoutError as error:
            raise httpcore2.ReadTimeout(str(error)) from error
        except OSError as error:
            raise problem(str(error)) from error


def compute_left(deadline: float) -> float:
    """Return the seconds until a deadline of `time.monotonic`. Raises TimeoutError after the deadline."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time of the request is over")
    return seconds
