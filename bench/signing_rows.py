"""What `bench.signing_service` compares: for each row what is asked, and what the bare handler does for it.

A row is added to `ROWS`. RSA beside ECC: practices have both kinds of certificates, and the signature costs more.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import product
from pathlib import Path
from string import ascii_uppercase

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from bench.strangers import CONTENT
from tests.pdfmaker import classic, objects
from tiaas.ades.cades import CadesOptions, prepare
from tiaas.ades.signing import SignedBy
from tiaas.base.clock import SystemClock
from tiaas.cli.upchoices import HsmKind
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.dss_core_v1_0 import Base64Data, Base64Signature, SignatureObject
from tiaas.interfaces.oasis_verification_report_v1_0 import ReturnVerificationReport
from tiaas.interfaces.signature_service_v7_4 import ExternalAuthenticate
from tiaas.interfaces.signature_service_v7_5 import (
    AuthenticateInputs,
    BinaryString,
    Crypt,
    Document,
    SignDocument,
    SignRequest,
    TvMode,
    VerifyDocument,
    VerifyInputs,
)
from tiaas.konnektor.heldkeys import HeldKeys
from tiaas.lab.hsm import SoftHsm, soft_hsm_module
from tiaas.pki.keyprocesses import KeyProcesses
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.soap.envelope import write_envelope

DIGEST = sha256(b"bench").digest()
NUMBERS = (f"{''.join(three)}-{digits:03}" for three in product(ascii_uppercase, repeat=3) for digits in range(1000))
"""Job numbers for one run: a random one may come again within 1,000 calls."""
_ECDSA_TYPE = "urn:bsi:tr:03111:ecdsa"

Work = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request names; `signed` is a CMS signature around a document, made with C.SIG."""

    handle: str
    context: Context
    signed: bytes
    numbers: Iterator[str]
    """Job numbers, none of them twice."""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. `request` is the message for `path`, `raw` the bare handler's work with the same keys."""

    name: str
    goal: float
    kind: HsmKind
    path: str
    request: Callable[[Asked], bytes]
    raw: Callable[[HeldKeys, Path], Work]
    numbered: bool = False
    """Whether each request has another job number."""
    cold: bool = False
    """Whether each request has a document by another signer, whom the server has not met."""


def _authenticate(asked: Asked) -> bytes:
    return write_envelope(
        ExternalAuthenticate(
            card_handle=asked.handle,
            context=asked.context,
            optional_inputs=AuthenticateInputs(signature_type=_ECDSA_TYPE),
            binary_string=BinaryString(base64_data=Base64Data(data=DIGEST, mime_type="application/octet-stream")),
        )
    )


def _verify(asked: Asked) -> bytes:
    signature = SignatureObject(base64_signature=Base64Signature(value=asked.signed, type="urn:ietf:rfc:5652"))
    return write_envelope(
        VerifyDocument(context=asked.context, signature_object=signature, include_revocation_info=False)
    )


def _verify_with_report(asked: Asked) -> bytes:
    signature = SignatureObject(base64_signature=Base64Signature(value=asked.signed, type="urn:ietf:rfc:5652"))
    wish = ReturnVerificationReport(include_certificate_values=True, include_revocation_values=True)
    return write_envelope(
        VerifyDocument(
            context=asked.context,
            optional_inputs=VerifyInputs(return_verification_report=wish),
            signature_object=signature,
            include_revocation_info=False,
        )
    )


def _public_key(held: HeldKeys, folder: Path) -> Work:
    """One verification in another process: what is left when certificate and status are known (warm)."""
    key = software_key(held, folder, "C.SIG")
    value = key.sign(DIGEST, ec.ECDSA(Prehashed(SHA256())))
    encoded = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    processes = KeyProcesses.of_this_loop()
    return lambda: processes.verify(encoded, DIGEST, value, Digest.SHA256)


def _public_keys(held: HeldKeys, folder: Path) -> Work:
    """As many verifications as an unknown signer takes: of document, certificate and OCSP response (cold)."""
    one = _public_key(held, folder)

    async def work() -> object:
        return await asyncio.gather(one(), one(), one())

    return work


async def signed(held: HeldKeys) -> bytes:
    """A CMS signature around a document of the size of a prescription."""
    by = SignedBy(held.certificates["C.SIG", "ECC"], SigningScheme.ECDSA)
    prepared = prepare(CONTENT, by, CadesOptions(SystemClock().now(), enveloping=True, short_text="E-Rezept"))
    label = held.labels["C.SIG", "ECC"]
    return prepared.finish([await held.store.sign(label, prepared.digests[0], by.scheme, Digest.SHA256)])


def _signing(document: Document, crypt: Crypt) -> Callable[[Asked], bytes]:
    """A SignDocument for one document."""

    def request(asked: Asked) -> bytes:
        wish = SignRequest(document=document, include_revocation_info=False, request_id="1")
        return write_envelope(
            SignDocument(
                card_handle=asked.handle,
                context=asked.context,
                crypt=crypt,
                tv_mode=TvMode.NONE,
                job_number=next(asked.numbers),
                sign_request=(wish,),
            )
        )

    return request


def _software_signature(held: HeldKeys, folder: Path, reference: str = "C.AUT") -> Work:
    """One ECDSA signature of the process that has the key."""
    return _signature(held, folder, (reference, "ECC"), SigningScheme.ECDSA)


_document_signature = partial(_software_signature, reference="C.SIG")


def _rsa_signature(held: HeldKeys, folder: Path) -> Work:
    """One RSASSA-PSS signature with 2048 bits of the process that has the key."""
    return _signature(held, folder, ("C.SIG", "RSA"), SigningScheme.RSASSA_PSS)


def _signature(held: HeldKeys, folder: Path, reference: tuple[str, str], scheme: SigningScheme) -> Work:
    processes, file = KeyProcesses.of_this_loop(), os.fsencode(_key_file(held, folder, reference))
    return lambda: processes.sign(file, DIGEST, scheme, Digest.SHA256)


def software_key(held: HeldKeys, folder: Path, reference: str = "C.AUT") -> ec.EllipticCurvePrivateKey:
    """The ECC key of a certificate reference, out of the lab's folder."""
    key = _private_key(held, folder, reference, "ECC")
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _private_key(held: HeldKeys, folder: Path, reference: str, crypt: str) -> object:
    return load_der_private_key(_key_file(held, folder, (reference, crypt)).read_bytes(), None)


def _key_file(held: HeldKeys, folder: Path, reference: tuple[str, str]) -> Path:
    (file,) = (folder / "hsm").rglob(f"{held.labels[reference]}.key")
    return file


def _token_signature(held: HeldKeys, folder: Path) -> Work:
    """One C_Sign on the module's thread, in a session of its own."""
    token, label = SoftHsm(folder / "hsm" / "tokens", soft_hsm_module(), "HSM-1").token(), held.labels["C.AUT", "ECC"]
    opening = asyncio.create_task(token.open())

    async def sign() -> object:
        await opening
        return await token.sign(label, DIGEST, SigningScheme.ECDSA, Digest.SHA256)

    return sign


_TEXT = Document(base64_data=Base64Data(data=b"Guten Tag " * 100, mime_type="text/plain"))
_XML = Document(base64_xml=b"<Brief><Text>" + b"Guten Tag " * 100 + b"</Text></Brief>")
_PDF = Document(base64_data=Base64Data(data=classic(objects()), mime_type="application/pdf-a"))


def _sign_row(name: str, goal: float, document: Document, crypt: Crypt = Crypt.ECC) -> Row:
    path, raw = "/ws/SignatureService", _document_signature if crypt is Crypt.ECC else _rsa_signature
    return Row(name, goal, HsmKind.FOLDER, path, _signing(document, crypt), raw, numbered=True)


ROWS: tuple[Row, ...] = (
    _sign_row("SignDocument CAdES", 0.7, _TEXT),
    _sign_row("SignDocument XAdES", 0.6, _XML),
    _sign_row("SignDocument PAdES", 0.5, _PDF),
    _sign_row("SignDocument CAdES, RSA", 0.7, _TEXT, Crypt.RSA),
    _sign_row("SignDocument XAdES, RSA", 0.6, _XML, Crypt.RSA),
    _sign_row("SignDocument PAdES, RSA", 0.5, _PDF, Crypt.RSA),
    Row(
        "ExternalAuthenticate",
        0.8,
        HsmKind.FOLDER,
        "/ws/AuthSignatureService",
        _authenticate,
        _software_signature,
    ),
    Row(
        "ExternalAuthenticate, HSM-B",
        0.8,
        HsmKind.SOFTHSM,
        "/ws/AuthSignatureService",
        _authenticate,
        _token_signature,
    ),
    Row("VerifyDocument, warm", 0.5, HsmKind.FOLDER, "/ws/SignatureService", _verify, _public_key),
    Row("VerifyDocument, report", 0.5, HsmKind.FOLDER, "/ws/SignatureService", _verify_with_report, _public_key),
    Row("VerifyDocument, cold", 0.5, HsmKind.FOLDER, "/ws/SignatureService", _verify, _public_keys, cold=True),
    Row(
        "VerifyDocument, cold, report",
        0.5,
        HsmKind.FOLDER,
        "/ws/SignatureService",
        _verify_with_report,
        _public_keys,
        cold=True,
    ),
)
