"""Reach an S3-compatible bucket: list its objects, and read the start of one.

The endpoint and the keys are the operator's, from the environment; nothing of them is stored or shown. Requests go to
the host of the endpoint only, at addresses that are allowed (`bucket_connections`). Error texts have nothing of what
the bucket answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from annotation.intake.archives import UploadRefused, leads_outside
from annotation.intake.manifests import MAX_ROWS
from operations.egress import HostRefused
from qsave.words import isolate

SCHEME = "s3://"
TIMEOUT_SECONDS = 30
MISSING, DENIED = {"404", "NoSuchKey", "NoSuchBucket"}, {"403", "401", "AccessDenied", "InvalidAccessKeyId"}


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """`s3://bucket/prefix`. The prefix is empty or ends with a slash."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> "BucketAddress":
        """Read an address. Raises UploadRefused."""
        bucket, _slash, prefix = text.removeprefix(SCHEME).partition("/")
        if not text.startswith(SCHEME) or not bucket or not all(char.isalnum() or char in ".-_" for char in bucket):
            raise UploadRefused(
                _("%(name)s is not the address of a bucket. Write it like s3://bucket/folder.")
                % {"name": isolate(repr(text[:200]))}
            )
        return cls(bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else "")

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}"


def list_names(address: BucketAddress) -> list[str]:
    """List the objects below an address by their paths in it. Raises UploadRefused, also for an empty list."""
    names = list(list_sizes(address))
    if not names:
        raise UploadRefused(
            _("There is nothing at %(name)s. Check the bucket and the folder.") % {"name": isolate(str(address))}
        )
    return names


def list_sizes(address: BucketAddress) -> dict[str, int]:
    """Return the bytes of the objects below an address by their paths in it. Raises UploadRefused."""
    try:
        return dict(islice(_list_pages(open_client(), address), 2 * MAX_ROWS))
    except list_errors() as error:
        raise UploadRefused(_describe(error, str(address))) from None


def read_start(address: BucketAddress, name: str, most: int) -> bytes:
    """Return the first bytes of an object. Raises UploadRefused."""
    try:
        answer = open_client().get_object(Bucket=address.bucket, Key=address.prefix + name)
        return bytes(answer["Body"].read(most))
    except list_errors() as error:
        raise UploadRefused(_describe(error, name)) from None


def list_errors() -> tuple[type[Exception], ...]:
    """Return the errors with which a request to a bucket ends."""
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError, HostRefused, OSError)


def open_client() -> Any:
    """Return a client of the operator's endpoint. Raises UploadRefused if none is configured."""
    import boto3  # only where a bucket is read: the web process stays light
    import botocore.session
    from botocore.config import Config

    from annotation.intake.bucket_connections import CheckedSession

    if not settings.S3_KEY_ID or not settings.S3_SECRET:
        raise UploadRefused(_("No bucket is open for imports. An operator sets QSAVE_S3_KEY_ID and QSAVE_S3_SECRET."))
    own = botocore.session.get_session()
    client = boto3.session.Session(
        settings.S3_KEY_ID, settings.S3_SECRET, region_name=settings.S3_REGION, botocore_session=own
    ).client(
        "s3",
        endpoint_url=settings.S3_ENDPOINT or None,
        config=Config(retries={"total_max_attempts": 4}, s3={"addressing_style": "path"}, proxies={}),
    )
    certificates = own.get_config_variable("ca_bundle")  # AWS_CA_BUNDLE, for a service with a certificate of its own
    session = CheckedSession(client.meta.endpoint_url, timeout=TIMEOUT_SECONDS, certificates=certificates)
    client.meta.events.register("before-send.s3", lambda request, **_more: session.send(request))
    return client


def _list_pages(client: Any, address: BucketAddress) -> Iterator[tuple[str, int]]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=address.bucket, Prefix=address.prefix)
    for page in pages:
        for entry in page.get("Contents", ()):
            name = entry["Key"].removeprefix(address.prefix)
            if name and not leads_outside(name) and not name.endswith("/"):
                yield name, entry["Size"]


def _describe(error: Exception, name: str) -> str:
    code, names = read_code(error), {"name": isolate(name)}
    if isinstance(error, HostRefused):
        return _("The bucket's host is not allowed. An operator adds it to QSAVE_BUCKET_HOSTS.")
    if code in MISSING:
        return _("There is no %(name)s in the bucket.") % names
    if code in DENIED:
        return _("%(name)s may not be read with the site's keys. Ask an operator for access.") % names
    return _("The bucket does not answer. Try again in a moment, or ask an operator.")


def read_code(error: Exception) -> str:
    """Return the code of a bucket's refusal; empty for any other error."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
