"""Connections to the operator's bucket service: to its host only, and to addresses that were checked.

This module loads botocore; import it only where a bucket is read.
"""

import socket
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session
from django.conf import settings
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from operations.egress import HostRefused, connect


def _connect(connection: Any) -> socket.socket:
    """Connect to a checked address. TLS is verified for the name afterwards, by the caller."""
    try:
        return connect(
            connection.host,
            connection.port,
            allowed=settings.BUCKET_HOSTS,
            timeout=connection.timeout,
            options=connection.socket_options or (),
        )
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, str(error)) from error
    except OSError as error:
        raise NewConnectionError(connection, str(error)) from error


class _HttpConnection(AWSHTTPConnection):  # type: ignore[misc]
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _HttpsConnection(AWSHTTPSConnection):  # type: ignore[misc]
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _HttpPool(AWSHTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _HttpConnection


class _HttpsPool(AWSHTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _HttpsConnection


class CheckedSession(URLLib3Session):  # type: ignore[misc]
    """Sends the requests of a client of the service at `endpoint`, without proxies."""

    def __init__(self, endpoint: str, *, timeout: float, certificates: str | None = None) -> None:
        super().__init__(verify=certificates or True, proxies={}, timeout=(timeout, timeout))
        self._manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
        self._endpoint = endpoint

    def send(self, request: Any) -> Any:
        """Send a request. Raises HostRefused, also if a check during the connection refuses the host's address."""
        check_url(request.url, self._endpoint)
        try:
            return super().send(request)
        except HTTPClientError as error:
            refusal = error.kwargs.get("error")
            if isinstance(refusal, HostRefused):
                raise refusal from None
            raise


def check_url(url: str, endpoint: str) -> None:
    """Raise HostRefused unless a URL is of the endpoint's host, by HTTPS or a host that the operator names."""
    target, own = urlsplit(url), urlsplit(endpoint)
    host = target.hostname or ""
    if (target.scheme, host) != (own.scheme, own.hostname):
        raise HostRefused(host)
    if target.scheme != "https" and host not in settings.BUCKET_HOSTS:
        raise HostRefused(host)
