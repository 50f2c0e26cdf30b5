"""The `.kon` file: how to reach a Konnektor, as whom, in which context. JSON, as the `ti` command line of
gematik/zero-lab reads it (facts from `go/kon/dotkon.go`, `config.go` and `dotkon_test.go` there).

    version, url, rewriteServiceEndpoints, mandantId, workplaceId, clientSystemId, userId, env (ru, tu, pu),
    credentials {type: pkcs12, data: base64, password} or {type: basic, username, password},
    insecureSkipVerify, expectedHost, trustStore [base64 of DER]

`${NAME}` anywhere in the file is replaced by that environment variable before it is read as JSON, by nothing if
there is none.
"""

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input_text
from tiaas.base.secret import Secret
from tiaas.client.errors import BadKon

_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_ENVIRONMENTS = ("ru", "tu", "pu")
_REQUIRED = ("url", "mandantId", "workplaceId", "clientSystemId", "credentials")


@dataclass(frozen=True, slots=True)
class Pkcs12Credentials:
    """A client certificate and its key as PKCS#12 octets."""

    data: Secret
    password: Secret


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """A name and a password (HTTP Basic)."""

    username: str
    password: Secret


@dataclass(frozen=True, slots=True)
class Kon:
    """One `.kon` file. `trust_store` holds DER certificates; an end-entity certificate among them is pinned."""

    url: str
    mandant_id: str
    workplace_id: str
    client_system_id: str
    credentials: Pkcs12Credentials | BasicCredentials
    user_id: str | None = None
    rewrite_service_endpoints: bool = False
    insecure_skip_verify: bool = False
    expected_host: str | None = None
    trust_store: tuple[bytes, ...] = ()
    env: str | None = None
    version: str | None = None


def load_kon(path: Path, environ: Mapping[str, str]) -> Kon:
    """Reads a file; raises `BadKon`."""
    try:
        text = read_input_text(path)
    except InvalidInput as error:
        raise BadKon(str(error)) from error
    try:
        return parse_kon(text, environ)
    except BadKon as error:
        raise BadKon(f"{path}: {error}") from error


def parse_kon(text: str, environ: Mapping[str, str]) -> Kon:
    """Reads the file's text; raises `BadKon` with everything that is missing."""
    expanded = _VARIABLE.sub(lambda found: environ.get(found[1], ""), text)
    try:
        document = json.loads(expanded)
    except (ValueError, RecursionError):
        # The parser's message would repeat the text, which may hold a password.
        raise BadKon("is not JSON") from None
    if not isinstance(document, dict):
        raise BadKon("is not a JSON object")
    reader = _Reader(document)
    missing = [key for key in _REQUIRED if not document.get(key)]
    if missing:
        raise BadKon(f"missing: {', '.join(missing)}")
    kon = Kon(
        url=_check_url(reader.text("url")),
        mandant_id=reader.text("mandantId"),
        workplace_id=reader.text("workplaceId"),
        client_system_id=reader.text("clientSystemId"),
        credentials=_credentials(document["credentials"]),
        user_id=reader.text("userId") or None,
        rewrite_service_endpoints=reader.flag("rewriteServiceEndpoints"),
        insecure_skip_verify=reader.flag("insecureSkipVerify"),
        expected_host=reader.text("expectedHost") or None,
        trust_store=_trust_store(document.get("trustStore")),
        env=reader.text("env") or None,
        version=reader.text("version") or None,
    )
    if kon.env is not None and kon.env not in _ENVIRONMENTS:
        raise BadKon(f"env must be one of {', '.join(_ENVIRONMENTS)}")
    return kon


class _Reader:
    """Values of a JSON object by type; absent and null count as empty."""

    def __init__(self, document: Mapping[str, Any], prefix: str = "") -> None:
        self._document = document
        self._prefix = prefix

    def text(self, key: str) -> str:
        value = self._document.get(key)
        if value is not None and not isinstance(value, str):
            raise BadKon(f"{self._prefix}{key} must be a string")
        return value or ""

    def flag(self, key: str) -> bool:
        value = self._document.get(key)
        if value is not None and not isinstance(value, bool):
            raise BadKon(f"{self._prefix}{key} must be true or false")
        return bool(value)


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BadKon("url must be like https://konnektor:443")
    return url


def _credentials(value: object) -> Pkcs12Credentials | BasicCredentials:
    if not isinstance(value, dict):
        raise BadKon("credentials must be an object")
    reader = _Reader(value, "credentials.")
    kind = reader.text("type")
    password = Secret(reader.text("password").encode())
    if kind == "pkcs12":
        data = _octets(reader.text("data"), "credentials.data")
        if not data:
            raise BadKon("missing: credentials.data")
        _require_whole(data)
        return Pkcs12Credentials(Secret(data), password)
    if kind == "basic":
        missing = [f"credentials.{key}" for key in ("username", "password") if not reader.text(key)]
        if missing:
            raise BadKon(f"missing: {', '.join(missing)}")
        return BasicCredentials(reader.text("username"), password)
    raise BadKon("credentials.type must be basic or pkcs12")


def _require_whole(data: bytes) -> None:
    """PKCS#12 is one DER element; octets that end before it does were cut off."""
    if len(data) < 2 or data[0] != 0x30:
        return
    more = data[1] & 0x7F if data[1] > 0x80 else 0
    length = int.from_bytes(data[2 : 2 + more]) if more else data[1] & 0x7F
    if len(data) < 2 + more + length:
        raise BadKon(f"credentials.data is cut off: {len(data)} of {2 + more + length} octets of PKCS#12")


def _trust_store(value: object) -> tuple[bytes, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadKon("trustStore must be an array")
    found = []
    for at, item in enumerate(value):
        der = _octets(item, f"trustStore[{at}]")
        try:
            x509.load_der_x509_certificate(der)
        except ValueError:
            raise BadKon(f"trustStore[{at}] is not a certificate (base64 of DER)") from None
        found.append(der)
    return tuple(found)


def _octets(value: object, key: str) -> bytes:
    try:
        return b64decode("".join(value.split()) if isinstance(value, str) else "!", validate=True)
    except ValueError:
        raise BadKon(f"{key} is not base64") from None
