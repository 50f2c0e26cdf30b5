"""`tiaas authenticate`: signs a hash value, or an IDP's challenge, with the authentication key of a card."""

import argparse
import enum
import hashlib
import json
import re
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input
from tiaas.cli import documentfiles
from tiaas.cli.cardchoice import NoSuchCard, choose_sm_b_or_hba
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.writer import out, out_json
from tiaas.client import Konnektor
from tiaas.interfaces.certificate_service_common_v2_0 import CertRef
from tiaas.interfaces.certificate_service_v6_0 import Crypt
from tiaas.interfaces.signature_service_v7_5 import SignatureScheme

_ECDSA, _RSA = "urn:bsi:tr:03111:ecdsa", "urn:ietf:rfc:3447"
_NUMBER_OCTETS = 32
_HEX = re.compile(r"[0-9A-Fa-f]+")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


@enum.unique
class _Scheme(enum.Enum):
    """How the card signs: signature type, scheme, and what JWS calls it (gemSpec_IDP_Dienst)."""

    ECDSA = ("ecdsa", _ECDSA, None, "BP256R1", Crypt.ECC)
    PSS = ("pss", _RSA, SignatureScheme.PSS, "PS256", Crypt.RSA)
    PKCS1 = ("pkcs1", _RSA, SignatureScheme.PKCS1_V1_5, "RS256", Crypt.RSA)

    def __init__(self, option: str, kind: str, scheme: SignatureScheme | None, algorithm: str, crypt: Crypt) -> None:
        self.option = option
        self.kind = kind
        self.scheme = scheme
        self.algorithm = algorithm
        self.crypt = crypt

    @property
    def digest_digits(self) -> tuple[int, ...]:
        """How many hexadecimal digits a hash value has that is signed so."""
        return (64, 96, 128) if self is _Scheme.PKCS1 else (64,)


_SCHEMES = {scheme.option: scheme for scheme in _Scheme}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `authenticate`."""
    parser = subparsers.add_parser(
        "authenticate",
        description="ExternalAuthenticate (AuthSignatureService 7.4). PIN.SMC or PIN.CH was verified before: "
        "tiaas pin verify, tiaas pin verify PIN.CH.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--digest", metavar="HEX", help="this SHA-256 hash value; with --scheme pkcs1 SHA-384 or SHA-512, too"
    )
    what.add_argument("--file", type=Path, metavar="FILE", help="the SHA-256 hash value of this file")
    what.add_argument(
        "--challenge",
        type=Path,
        metavar="FILE",
        help="an IDP's challenge (JWS): writes the signed one, with certificate",
    )
    parser.add_argument(
        "--card", metavar="CARD", help="card handle or ICCSN (default: the only SMC-B, else the only HBA)"
    )
    parser.add_argument("--scheme", choices=_SCHEMES, default="ecdsa", help="ecdsa (default), pss or pkcs1")
    parser.add_argument("--raw", action="store_true", help="ECDSA as r and s in equal halves, as JWS has it, not DER")
    add_konnektor_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Signs; writes the signature in base64, or the signed challenge."""
    scheme = _SCHEMES[args.scheme]
    if args.raw and scheme is not _Scheme.ECDSA:
        raise InvalidInput("--raw is about ECDSA only")
    challenge = None if args.challenge is None else _challenge(args.challenge)
    digest = None if challenge is not None else _digest(args, scheme)

    async def work(konnektor: Konnektor) -> str:
        card = await choose_sm_b_or_hba(konnektor, args.card, "signs")
        if challenge is not None:
            return await _signed_challenge(konnektor, card.card_handle, challenge, scheme)
        signature = await konnektor.external_authenticate(card.card_handle, digest or b"", scheme.kind, scheme.scheme)
        return b64encode(_halves(signature) if args.raw else signature).decode()

    result = with_konnektor(args, work)
    if args.json:
        out_json({"signed_challenge" if challenge is not None else "signature": result})
    else:
        out(result)
    return ExitCode.OK


def _digest(args: argparse.Namespace, scheme: _Scheme) -> bytes:
    if args.file is not None:
        return hashlib.sha256(documentfiles.read(args.file)).digest()
    digits = scheme.digest_digits
    if len(args.digest) not in digits or not _HEX.fullmatch(args.digest):
        functions = " or ".join(f"SHA-{4 * count} hash value ({count} digits)" for count in digits)
        raise InvalidInput(f"--digest is in hexadecimal digits, for --scheme {scheme.option} a {functions}")
    return bytes.fromhex(args.digest)


def _challenge(path: Path) -> str:
    """The token in a file: alone, or as `challenge` of the IDP's JSON answer."""
    text = read_input(path).decode("utf-8", "replace").strip()
    if text.startswith("{"):
        try:
            text = str(json.loads(text).get("challenge", ""))
        except ValueError:
            text = ""
    if not _TOKEN.fullmatch(text):
        raise InvalidInput(f"{path}: neither a JWS nor an answer with a challenge")
    return text


async def _signed_challenge(konnektor: Konnektor, handle: str, challenge: str, scheme: _Scheme) -> str:
    """The JWS that goes, encrypted for the IDP, into `signed_challenge` (gemSpec_IDP_Frontend, "njwt")."""
    certificates = await konnektor.read_card_certificate(handle, [CertRef.C_AUT], scheme.crypt)
    if not certificates:
        raise NoSuchCard(f"the card has no authentication certificate for {scheme.option}")
    header = {
        "alg": scheme.algorithm,
        "typ": "JWT",
        "cty": "NJWT",
        "x5c": [b64encode(certificates[0].der).decode()],
    }
    signed = f"{_part(header)}.{_part({'njwt': challenge})}"
    digest = hashlib.sha256(signed.encode()).digest()
    signature = await konnektor.external_authenticate(handle, digest, scheme.kind, scheme.scheme)
    if scheme is _Scheme.ECDSA:
        signature = _halves(signature)
    return f"{signed}.{_base64url(signature)}"


def _part(value: object) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _halves(signature: bytes) -> bytes:
    """r and s of a DER signature in equal halves (RFC 7518, 3.4); an IDP refuses anything else (its error 2013)."""
    return b"".join(number.to_bytes(_NUMBER_OCTETS) for number in decode_dss_signature(signature))
