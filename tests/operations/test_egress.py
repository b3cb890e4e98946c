"""Which addresses the site connects to: those that were checked, however often a name changes its mind."""

import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from operations import egress
from operations.egress import HostRefused

HOST = "s3.example.org"
PUBLIC, OTHER_PUBLIC = "52.216.0.1", "2600:1fa0::1"


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Let a name resolve to one list of addresses after the other; return the names that were asked for."""

    def answer(*answers: list[str]) -> list[str]:
        left: Iterator[list[str]] = iter(answers)
        asked: list[str] = []

        def find(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
            asked.append(host)
            return [(None, None, None, "", (address, port)) for address in next(left)]

        monkeypatch.setattr(socket, "getaddrinfo", find)
        return asked

    return answer


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the addresses to which connections were tried. Only OTHER_PUBLIC answers."""
    tried: list[str] = []

    def connect(address: tuple[str, int], timeout: float | None) -> socket.socket:
        tried.append(address[0])
        if address[0] != OTHER_PUBLIC:
            raise ConnectionRefusedError
        return socket.socket()

    monkeypatch.setattr(socket, "create_connection", connect)
    return tried


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("52.216.0.1", True),
        ("8.8.8.8", True),
        ("2600:1fa0::1", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fd00::1", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("ff0e::1", False),
        ("::127.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
        ("2002:a9fe:a9fe::1", False),
        ("64:ff9b::808:808", True),
    ],
)
def test_an_address_is_public_only_if_each_address_inside_it_is(address: str, is_public: bool) -> None:
    assert egress.is_public(ip_address(address)) == is_public


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], [PUBLIC, "10.0.0.1"], ["fe80::1%eth0"], [OTHER_PUBLIC, "::ffff:127.0.0.1"]]
)
def test_one_private_address_refuses_the_host_unless_the_operator_names_it(
    resolver: Callable[..., list[str]], addresses: list[str]
) -> None:
    resolver(addresses, addresses)
    with pytest.raises(HostRefused, match=HOST):
        egress.resolve_host(HOST, 443, allowed=[])
    assert egress.resolve_host(HOST.upper(), 443, allowed=[HOST]) == addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost", "::1"])
def test_no_writing_of_a_private_address_is_let_through(host: str) -> None:
    try:
        egress.resolve_host(host, 443, allowed=[])
    except (HostRefused, OSError):
        return
    raise AssertionError(host)


def test_a_connection_goes_to_the_addresses_that_were_checked_and_the_name_is_resolved_once(
    resolver: Callable[..., list[str]], connected: list[str]
) -> None:
    asked = resolver([PUBLIC, OTHER_PUBLIC], ["10.0.0.1"])

    egress.connect(HOST, 443, allowed=[]).close()

    assert (asked, connected) == ([HOST], [PUBLIC, OTHER_PUBLIC])
    with pytest.raises(HostRefused):  # the next connection checks the new answer
        egress.connect(HOST, 443, allowed=[])
    assert connected == [PUBLIC, OTHER_PUBLIC]


def test_if_no_address_answers_the_error_is_that_of_the_last(
    resolver: Callable[..., list[str]], connected: list[str]
) -> None:
    resolver([PUBLIC])
    with pytest.raises(ConnectionRefusedError):
        egress.connect(HOST, 443, allowed=[])
