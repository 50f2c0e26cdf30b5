"""What must not get out of a lab, read from its own books, and every form in which it might get out."""

import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

_DIGITS_BY_CHANCE = re.compile(
    r"""
      [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}                       # UUID
    | [0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}[.,][0-9]+  # moment with a fraction
    | [0-9]{14}[.,][0-9]+                                               # the same as GeneralizedTime
    | (?<![a-z0-9])(?=[0-9]*[a-f])[0-9a-f]{8,}                          # octets in hex: digest, seal
    | (?<="header":\ ")[0-9a-f]{8}                                      # beginning of an APDU
    | [0-9a-f]{6}:[0-9a-f]{6}                                           # MAC address on a terminal's display
    | [a-z0-9+/]{64,}                                                   # base64
    | DE[a-z]{3}[0-9]{6}                                                # reference of a key of the CVC PKI
    """,
    re.IGNORECASE | re.VERBOSE,
)
_IN_EVERY_LAB = frozenset({"100000", "503010"})
"""A limit in the description of management, and lengths in the certificate of a terminal."""
_SYMMETRIC_MAX = 64  # two keys of 32 octets; any PKCS#8 document is longer
_COMMON_WORDS = frozenset({"Praxis", "Apotheke", "Gemeinschaftspraxis"})


@dataclass(slots=True)
class Secrets:
    """Everything that is secret or personal in a lab. `keys` are the secret numbers of private keys, as octets."""

    pins: set[str] = field(default_factory=set)
    kvnrs: set[str] = field(default_factory=set)
    iccsns: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    passwords: set[str] = field(default_factory=set)
    keys: set[bytes] = field(default_factory=set)

    def found_in(self, text: bytes, *, but: frozenset[str] = frozenset()) -> list[str]:
        """Which of it stands in the octets, in whatever form. `but` names fields that are not looked for."""
        decoded = text.decode("utf-8", "replace")
        searches = {
            "pins": self._pins_in(decoded, text),
            "kvnrs": (kvnr for kvnr in self.kvnrs if kvnr in decoded),
            "iccsns": (iccsn for iccsn in self.iccsns if iccsn in decoded or bytes.fromhex(iccsn) in text),
            "names": (name for name in self.names if any(form in text for form in _text_forms(name))),
            "passwords": (password for password in self.passwords if password in decoded),
            "keys": (key.hex()[:16] for key in self.keys if any(form in text for form in _octet_forms(key))),
        }
        return [f"{name}: {hit}" for name, hits in searches.items() if name not in but for hit in hits]

    def _pins_in(self, decoded: str, text: bytes) -> Iterator[str]:
        numbers = set(re.findall(r"[0-9]+", _DIGITS_BY_CHANCE.sub(" ", decoded))) - _IN_EVERY_LAB
        for pin in self.pins:
            block = bytes.fromhex(f"2{len(pin):X}{pin}".ljust(16, "F"))
            if pin in numbers or any(form in text for form in _octet_forms(block)):
                yield pin


def secrets_of(folder: Path, ready: dict[str, Any]) -> Secrets:
    """From `ready.json`, the lab's database and the key files."""
    secrets = Secrets()
    for instance in ready["instances"]:
        secrets.passwords.add(instance["client"]["p12_password"])
        for cards in instance["cards"].values():
            for card in cards:
                _add_card(secrets, card)
    for kind, body in documents(folder / "lab.sqlite", "SELECT kind, body FROM document"):
        if kind == "card":
            add_image(secrets, body)
        if kind == "terminal":
            secrets.keys |= set(_private_octets(body))
    for _, body in documents(folder / "lab.sqlite", "SELECT key, value FROM meta WHERE key = 'pki'"):
        secrets.keys |= set(_private_octets(body))
    for path in folder.rglob("*key.pem"):
        secrets.keys.add(_secret_number(load_pem_private_key(path.read_bytes(), None)))
    return secrets


def documents(database: Path, query: str) -> list[tuple[str, Any]]:
    """Rows of a name and a JSON document."""
    connection = sqlite3.connect(database)
    try:
        return [(name, json.loads(body)) for name, body in connection.execute(query)]
    finally:
        connection.close()


def unpacked(value: Any) -> Iterator[bytes]:
    """All texts in a JSON document, and the octets they stand for if they are hex or base64."""
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from unpacked(name)
            yield from unpacked(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from unpacked(entry)
    else:
        text = str(value)
        yield text.encode()
        yield from _octets_of(text)


def _octets_of(text: str) -> Iterator[bytes]:
    if re.fullmatch(r"([0-9a-fA-F]{2}){8,}", text):
        yield bytes.fromhex(text)
    if re.fullmatch(r"[A-Za-z0-9+/]{12,}={0,2}", text) and len(text) % 4 == 0:
        yield base64.b64decode(text)


def _add_card(secrets: Secrets, card: dict[str, Any]) -> None:
    secrets.iccsns.add(card["iccsn"])
    if card["kvnr"]:
        secrets.kvnrs.add(card["kvnr"])
    # Six letters occur in base64 once in some hundred thousand runs.
    secrets.names |= {word for word in card["holder"].split() if len(word) > 6} - _COMMON_WORDS
    for pin in card["pins"].values():
        # What the policy `wrong` types, too.
        secrets.pins |= {pin, f"{pin[:-1]}{(int(pin[-1]) + 1) % 10}"}


def add_image(secrets: Secrets, image: dict[str, Any]) -> None:
    """What is secret in a card's image."""
    for state in image["passwords"].values():
        secrets.pins |= {state[name] for name in ("secret", "puk") if state[name]}
    for path, value in image["keys"].items():
        octets = bytes.fromhex(value)
        if path.endswith("CAN"):
            secrets.pins.add(octets.decode())
        elif len(octets) > _SYMMETRIC_MAX:
            secrets.keys.add(_secret_number(load_der_private_key(octets, None)))
        else:
            secrets.keys |= {octets[:16], octets[16:32]}


def _private_octets(value: Any) -> Iterator[bytes]:
    """Private keys anywhere in a document of the lab, and shared secrets of pairings."""
    for octets in unpacked(value):
        try:
            yield _secret_number(load_der_private_key(octets, None))
        except ValueError:
            if len(octets) == 16:
                yield octets


def _secret_number(key: object) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.private_numbers().private_value.to_bytes(32, "big")
    assert isinstance(key, rsa.RSAPrivateKey)
    prime = key.private_numbers().p
    return prime.to_bytes((prime.bit_length() + 7) // 8, "big")


def _text_forms(text: str) -> set[bytes]:
    """As UTF-8, as on the card, and as JSON escapes it."""
    return {text.encode(), text.encode("iso-8859-15", "xmlcharrefreplace"), json.dumps(text)[1:-1].encode()}


def _octet_forms(octets: bytes) -> list[bytes]:
    """Raw, hex in both cases, and base64 whatever stands before it."""
    forms = [octets, octets.hex().encode(), octets.hex().upper().encode(), octets.hex(" ").encode()]
    for before in range(3):
        whole = base64.b64encode(bytes(before) + octets)
        # The first characters mix with what is before, the last with what is behind unless a group ends there. Four
        # characters alone would be found by chance in a trust list.
        end = len(whole) - 4 if (before + len(octets)) % 3 else len(whole)
        forms.append(whole[4 if before else 0 : end])
    return forms
