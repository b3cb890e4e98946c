"""Requests to a bucket go to the endpoint's host, at a checked address, and TLS is verified for the host's name."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from annotation.intake import buckets
from annotation.intake.archives import UploadRefused
from annotation.intake.bucket_connections import check_url
from annotation.intake.buckets import BucketAddress
from operations import egress
from operations.egress import HostRefused

HOST = "s3.example.org"
LISTING = (
    b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Contents><Key>a.mp4</Key><Size>1</Size>'
    b"</Contents></ListBucketResult>"
)


class Service(BaseHTTPRequestHandler):
    """Lists one object, whatever is requested."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(LISTING)))
        self.end_headers()
        self.wfile.write(LISTING)

    def log_message(self, *_: Any) -> None:
        pass


def write_certificate(path: Path, name: str) -> Path:
    """Write a certificate for a host that its own authority signs, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def service(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, request: Any) -> Iterator[None]:
    """A service with a certificate for the host that the test names, at the address to which HOST resolves."""
    certificate = write_certificate(tmp_path / "certificate.pem", request.param)
    server = HTTPServer(("127.0.0.1", 0), Service)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    settings.S3_ENDPOINT, settings.BUCKET_HOSTS = f"https://{HOST}:{server.server_port}", [HOST]
    settings.S3_KEY_ID, settings.S3_SECRET = "key", "secret"
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    monkeypatch.setattr(egress, "resolve_host", lambda *_, **__: ["127.0.0.1"])
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("service", [HOST], indirect=True)
def test_a_service_is_reached_at_the_checked_address_under_its_name(service: None) -> None:
    assert buckets.list_names(BucketAddress.parse("s3://videos")) == ["a.mp4"]


@pytest.mark.parametrize("service", ["another.example.org"], indirect=True)
def test_a_certificate_of_another_name_is_refused(service: None) -> None:
    with pytest.raises(UploadRefused, match="does not answer"):
        buckets.list_names(BucketAddress.parse("s3://videos"))


@pytest.mark.parametrize("service", [HOST], indirect=True)
def test_an_address_that_is_refused_during_the_connection_is_named_as_such(
    service: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(host: str, *_: Any, **__: Any) -> list[str]:
        raise HostRefused(host)

    monkeypatch.setattr(egress, "resolve_host", refuse)
    with pytest.raises(UploadRefused, match="QSAVE_BUCKET_HOSTS"):
        buckets.list_names(BucketAddress.parse("s3://videos"))


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://s3.example.org/videos", True),
        ("http://s3.example.org/videos", False),
        ("https://elsewhere.example.org/videos", False),
        ("https://s3.example.org@10.0.0.1/videos", False),
        ("https://169.254.169.254/latest", False),
        ("file:///etc/passwd", False),
    ],
)
def test_requests_go_to_the_endpoint_only(url: str, is_allowed: bool) -> None:
    if is_allowed:
        check_url(url, "https://s3.example.org")
    else:
        with pytest.raises(HostRefused):
            check_url(url, "https://s3.example.org")


def test_a_service_without_https_has_to_be_named_by_the_operator(settings: Settings) -> None:
    url = "http://s3.example.org/videos"
    with pytest.raises(HostRefused):
        check_url(url, "http://s3.example.org")
    settings.BUCKET_HOSTS = [HOST]
    check_url(url, "http://s3.example.org")
