"""The address of a request's client, as far as it can be trusted."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

SHARED_BITS = 64  # of an IPv6 address: one household or host owns all addresses that share them


def find_client_address(request: HttpRequest) -> str | None:
    """Return the address that the outermost trusted proxy saw, in the form in which tries are counted.

    A request over a local socket has no address: None.

    Each proxy appends the address that it saw to X-Forwarded-For. Behind n proxies only the n-th entry from the right
    can be trusted; a client can invent the entries before it. A request with fewer entries did not pass the proxies:
    its own address counts.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    proxies: int = settings.TRUSTED_PROXIES
    seen = _parse_address(forwarded[-proxies]) if 0 < proxies <= len(forwarded) else None
    return seen or _parse_address(request.META.get("REMOTE_ADDR", ""))


def _parse_address(text: str) -> str | None:
    """Parse an address with or without a port. Of an IPv6 address, return its network."""
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, SHARED_BITS), strict=False).network_address)
