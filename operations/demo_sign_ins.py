"""Names and passwords of the demo's people: drawn at the first start, in a file that only its owner may read.

There are no built-in passwords. The launcher prints these, and only if the site listens on loopback.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class SignIn:
    username: str
    password: str
    role: str


def _find_path() -> Path:
    path: Path = settings.VAR_DIR / "demo_sign_ins.json"
    return path


def store_sign_ins(sign_ins: Sequence[SignIn]) -> None:
    """Store the sign-ins, in place of any stored before."""
    _find_path().unlink(missing_ok=True)
    descriptor = os.open(_find_path(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump([asdict(sign_in) for sign_in in sign_ins], file)


def read_sign_ins() -> list[SignIn]:
    """Return the sign-ins of this site's demo; an empty list if it has no demo."""
    if not _find_path().exists():
        return []
    return [SignIn(**entry) for entry in json.loads(_find_path().read_text(encoding="utf-8"))]
