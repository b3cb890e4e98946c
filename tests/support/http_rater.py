"""Act as a rater's browser: cookies, an open connection, and the form of the clip on the desk."""

import http.client
import json
import re
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.support.speed import allow

PASSWORD = "correct horse battery"  # the accounts exist for one run only
AXES = ("visual", "dynamic", "alignment")
HIDDEN = re.compile(r'name="(lease|item|key)" value="([^"]+)"')


@dataclass(slots=True)
class Rater:
    """`form` has the desk's lease, item and key; it is empty when no clip is left."""

    port: int
    name: str
    campaign: str
    cookies: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    connection: http.client.HTTPConnection | None = None

    def sign_in(self) -> None:
        self.get("/sign-in")
        self.post("/sign-in", {"username": self.name, "password": PASSWORD})

    def start(self) -> bool:
        """Take a clip; return False if none is left."""
        return self._read(self.post(f"/rate/{self.campaign}/start", {}))

    def rate(self) -> bool:
        """Submit the clip on the desk and get the next one."""
        return self.send(self.fill_form())

    def fill_form(self) -> dict[str, str]:
        """Fill in the form of the clip on the desk."""
        scores = {f"{axis}-score": "4" for axis in AXES} | {f"{axis}-none": "1" for axis in AXES}
        words = {f"{axis}-reason": f"What I saw on {axis} this time: {uuid.uuid4().hex}" for axis in AXES}
        viewing = {"watched_share": 1.0, "plays": 2, "viewport": [1366, 768], "dpr": 1, "watched_to_end": True}
        extra = {"viewing": json.dumps(viewing), "seconds": "21.5"}
        return self.form | scores | words | extra

    def send(self, answers: dict[str, str]) -> bool:
        """Submit a filled form; return False if no clip is left after it."""
        return self._read(self.post(f"/rate/{self.campaign}/", answers))

    def close(self) -> None:
        """Close the connection; the next request opens another. The server closes idle ones."""
        if self.connection is not None:
            self.connection.close()

    def _read(self, page: str) -> bool:
        self.form = dict(HIDDEN.findall(page))
        return bool(self.form)

    def get(self, path: str) -> str:
        return self._send("GET", path, None)

    def post(self, path: str, values: dict[str, str]) -> str:
        return self._send("POST", path, urlencode(values))

    def _send(self, method: str, path: str, body: str | None) -> str:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=allow(30))
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "X-CSRFToken": self.cookies.get("csrftoken", ""),
                "HX-Request": "true",
            }
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        if response.status >= 400:
            raise RuntimeError(f"{method} {path} answered {response.status}: {text[:300]}")
        return text
