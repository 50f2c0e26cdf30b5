"""The Prüfungsnachweis, and the form in which it lies on the eGK (Pruefungsnachweis.xsd 1.0.0; VSDM-A_2588 to 2595).

    <PN CDM_VERSION="1.0.0"> TS YYYYMMDDhhmmss ‖ E result ‖ EC code of a Fachdienst (0..1) ‖ PZ Prüfziffer (0..1) </PN>

Clients get it as gzip of the XML. In EF.Pruefungsnachweis (300 octets) the same gzip block lies enciphered:

    "TPN" ‖ 01 version of this form ‖ length (2) of what follows ‖ nonce (12) ‖ AES-256-GCM of the block ‖ tag (16)

The first four octets and the ICCSN are authenticated with it, so that a receipt cannot be moved to another card. The
specification's own form (VSDM-A_2989) is not public; only Konnektors of one practice read what one of them wrote.
"""

import enum
import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.base.secret import Secret
from tiaas.interfaces.vsd_gzip import BadContainer, compress, decompress_untrusted
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import Limits, local_name, parse_untrusted

NAMESPACE = "http://ws.gematik.de/fa/vsdm/pnw/v1.0"
CDM_VERSION = "1.0.0"
EF_RECEIPT_SIZE = 300
KEY_SIZE = 32
RECEIPT_MAX = 65
"""Octets of a Prüfziffer."""

_MARK = b"TPN\x01"
_NONCE, _TAG = 12, 16
_LIMITS = Limits(octets=4096, nodes=16, depth=4)
_STAMP = "%Y%m%d%H%M%S"
_TIME = re.compile(r"[0-9]{14}")
_CODE = re.compile(r"[0-9]{1,5}")
_CDM = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")


@enum.unique
class Result(enum.IntEnum):
    """E, the result of an online check (Tab_VSDM_SysL_35, as in Pruefungsnachweis.xsd)."""

    UPDATED = 1
    NO_UPDATE_NEEDED = 2
    UPDATE_IMPOSSIBLE = 3
    CERTIFICATE_INVALID = 4
    CERTIFICATE_UNCHECKED = 5
    OFFLINE_TOO_LONG = 6

    @property
    def meaning(self) -> str:
        """What it says, in German."""
        return _MEANINGS[self]


_MEANINGS = {
    Result.UPDATED: "Versichertendaten auf der eGK aktualisiert",
    Result.NO_UPDATE_NEEDED: "keine Aktualisierung nötig",
    Result.UPDATE_IMPOSSIBLE: "Aktualisierung technisch nicht möglich",
    Result.CERTIFICATE_INVALID: "Zertifikat der eGK ungültig",
    Result.CERTIFICATE_UNCHECKED: "Zertifikat der eGK online nicht prüfbar",
    Result.OFFLINE_TOO_LONG: "Aktualisierung technisch nicht möglich, zu lange offline",
}


class BadReceipt(TiaasError):
    """Octets that are no Prüfungsnachweis."""


class NoReceipt(TiaasError):
    """There is no receipt in the file."""


class ForeignReceipt(TiaasError):
    """The file holds something that this key does not open."""


@dataclass(frozen=True, slots=True, repr=False)
class Receipt:
    """One Prüfungsnachweis. `code` is that of a Fachdienst's fault, `proof` the Prüfziffer."""

    made: datetime
    result: Result
    code: int | None = None
    proof: bytes | None = None

    def __repr__(self) -> str:
        # The Prüfziffer holds the KVNR.
        return f"Receipt(result={self.result.name}, code={self.code})"


def encode_receipt(receipt: Receipt) -> bytes:
    """The gzip block of a receipt; raises ValueError for a code or Prüfziffer that the schema does not allow."""
    code, proof = receipt.code, receipt.proof
    if code is not None and not 0 <= code <= 99999:
        raise ValueError("EC has at most five digits")
    if proof is not None and len(proof) > RECEIPT_MAX:
        raise ValueError(f"PZ has at most {RECEIPT_MAX} octets")
    stamp = receipt.made.astimezone(UTC).strftime(_STAMP)
    xml = (
        f'<?xml version="1.0" encoding="UTF-8"?><PN CDM_VERSION="{CDM_VERSION}" xmlns="{NAMESPACE}">'
        f"<TS>{stamp}</TS><E>{receipt.result.value}</E>"
        + ("" if code is None else f"<EC>{code}</EC>")
        + ("" if proof is None else f"<PZ>{b64encode(proof).decode('ascii')}</PZ>")
        + "</PN>"
    )
    return compress(xml.encode("ascii"))


def decode_receipt_untrusted(block: bytes) -> Receipt:
    """Reads the gzip block of a receipt; raises only `BadReceipt`."""
    try:
        return read_receipt_untrusted(decompress_untrusted(block))
    except BadContainer as error:
        raise BadReceipt(str(error)) from None


def read_receipt_untrusted(xml: bytes) -> Receipt:
    """Reads a receipt as XML, in UTF-8; raises only `BadReceipt`."""
    try:
        root = parse_untrusted(xml, _LIMITS)
    except BadEnvelope as error:
        raise BadReceipt(str(error)) from None
    if root.tag != f"{{{NAMESPACE}}}PN" or not _CDM.fullmatch(root.get("CDM_VERSION", "")):
        raise BadReceipt("not a Prüfungsnachweis of version 1")
    fields = [(local_name(child), child) for child in root]
    names = [name for name, _ in fields]
    if any(str(child.tag) != f"{{{NAMESPACE}}}{name}" or len(child) for name, child in fields):
        raise BadReceipt("an element does not belong there")
    if names not in (["TS", "E"], ["TS", "E", "EC"], ["TS", "E", "PZ"], ["TS", "E", "EC", "PZ"]):
        raise BadReceipt("the elements are not TS, E, EC, PZ")
    return _receipt({name: (child.text or "") for name, child in fields})


def _receipt(texts: dict[str, str]) -> Receipt:
    if not _TIME.fullmatch(texts["TS"]) or not _CODE.fullmatch(texts.get("EC", "0").strip()):
        raise BadReceipt("TS or EC is not of the schema")
    try:
        made = datetime.strptime(texts["TS"], _STAMP).replace(tzinfo=UTC)
        result = Result(int(texts["E"]))
        proof = b64decode("".join(texts["PZ"].split()), validate=True) if "PZ" in texts else None
    except ValueError:
        raise BadReceipt("TS, E or PZ is not of the schema") from None
    if proof is not None and len(proof) > RECEIPT_MAX:
        raise BadReceipt("the Prüfziffer is too long")
    return Receipt(made, result, int(texts["EC"]) if "EC" in texts else None, proof)


def seal_receipt(block: bytes, key: Secret, iccsn: str, entropy: Entropy) -> bytes:
    """What to write to EF.Pruefungsnachweis of the card `iccsn`; raises ValueError if it does not fit."""
    nonce = entropy.octets(_NONCE)
    body = nonce + AESGCM(key.reveal()).encrypt(nonce, block, _MARK + iccsn.encode("ascii"))
    content = _MARK + len(body).to_bytes(2, "big") + body
    if len(content) > EF_RECEIPT_SIZE:
        raise ValueError(f"{len(content)} octets do not fit into EF.Pruefungsnachweis")
    return content


def open_receipt_untrusted(content: bytes, key: Secret, iccsn: str) -> bytes:
    """The gzip block in EF.Pruefungsnachweis; raises only `NoReceipt` (nothing there) or `ForeignReceipt`."""
    if not content.strip(b"\x00"):
        raise NoReceipt("the file is empty")
    start = len(_MARK) + 2
    size = int.from_bytes(content[len(_MARK) : start], "big")
    body = content[start : start + size]
    if not content.startswith(_MARK) or len(body) != size or size < _NONCE + _TAG:
        raise ForeignReceipt("not written by a Konnektor of this kind")
    try:
        block = AESGCM(key.reveal()).decrypt(body[:_NONCE], body[_NONCE:], _MARK + iccsn.encode("ascii"))
        decode_receipt_untrusted(block)
    except (InvalidTag, BadReceipt):
        raise ForeignReceipt("another key, or another card") from None
    return block
