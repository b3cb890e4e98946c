"""Decide to which addresses the site may connect, and connect to exactly those that were checked.

A host's name is resolved once for each connection, every address of the answer is checked, and the connection goes to
one of these addresses. So a name that resolves differently after the check leads nowhere else.
"""

import ipaddress
import socket
from collections.abc import Collection, Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
SocketOptions = Iterable[tuple[int, int, int | bytes]]
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


class HostRefused(ValueError):
    """A connection would go to a host or an address that is not allowed. The text is the host."""


def is_public(address: Address) -> bool:
    """Return whether an address, and each IPv4 address inside it, is of a single host of the public internet."""
    if not address.is_global or address.is_multicast or address.is_unspecified:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    return not address.is_site_local and all(is_public(inner) for inner in _list_embedded(address))


def _list_embedded(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses to which an IPv6 address leads: mapped, compatible, NAT64, 6to4 and Teredo."""
    embedded = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or address in _COMPATIBLE:
        embedded.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [inner for inner in embedded if inner is not None]


def resolve_host(host: str, port: int, *, allowed: Collection[str]) -> list[str]:
    """Return the addresses of a host, in the order of the resolver.

    A host that is named in `allowed` may have private addresses. Raises HostRefused for another host with an address
    that is not public, and OSError if the name cannot be resolved.
    """
    resolved = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in resolved))
    if host.lower() not in allowed and not all(is_public(_parse(address)) for address in addresses):
        raise HostRefused(host)
    return addresses


def connect(
    host: str,
    port: int,
    *,
    allowed: Collection[str],
    timeout: float | None = None,
    options: SocketOptions = (),
) -> socket.socket:
    """Return a connection to the first checked address of a host that answers.

    `timeout` is in seconds and for each address. Raises HostRefused, or the OSError of the last address.
    """
    problem = OSError(f"{host} has no address")
    for address in resolve_host(host, port, allowed=allowed):
        try:
            return _connect_to(address, port, timeout, options)
        except OSError as error:
            problem = error
    raise problem


def _connect_to(address: str, port: int, timeout: float | None, options: SocketOptions) -> socket.socket:
    connection = socket.create_connection((address, port), timeout)
    for option in options:
        connection.setsockopt(*option)
    return connection


def _parse(address: str) -> Address:
    return ipaddress.ip_address(address.partition("%")[0])
