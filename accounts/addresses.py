"""Whose request it is: the address of the client, as far as it can be trusted."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

SHARED_BITS = 64  # of an IPv6 address: one household or host has all addresses that share them


def client_address(request: HttpRequest) -> str | None:
    """Return the address that the outermost trusted proxy saw, in a form to count by; None over a local socket.

    Each proxy appends the address it saw to X-Forwarded-For, so behind n of them the n-th from the right is true and
    all before it may be invented. A request with fewer did not come through them: its own address counts.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    proxies: int = settings.TRUSTED_PROXIES
    seen = _parse(forwarded[-proxies]) if 0 < proxies <= len(forwarded) else None
    return seen or _parse(request.META.get("REMOTE_ADDR", ""))


def _parse(text: str) -> str | None:
    """Read an address with or without a port; an IPv6 one stands for its network."""
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
