"""One surgery that trusts the issuers of professionals' and institutions' cards, and people to encrypt for."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.integration.konnektor_core.surgery import ENTROPY, Surgery, context
from tiaas.card.elc import elc_decrypt
from tiaas.cms.certificate import names_untrusted
from tiaas.cms.envelopedreader import read_enveloped_untrusted
from tiaas.interfaces.card_service_common_v2_0 import PinResult
from tiaas.interfaces.card_service_v8_1 import VerifyPin
from tiaas.interfaces.connector_common_v5_0 import Document
from tiaas.interfaces.dss_core_v1_0 import Base64Data
from tiaas.interfaces.encryption_service_v6_1 import (
    CertificateOnCard,
    Crypt,
    DecryptDocument,
    EncryptDocument,
    EncryptOptionalInputs,
    PrivateKeyOnCard,
    RecipientKeys,
)
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.lab.pki import AuthorityKind
from tiaas.pki.issue import EndEntity
from tiaas.pki.names import component_name
from tiaas.pki.oids import CertificateType

USER = "U1"
PIN_OF = {CardType.SMC_B: "PIN.SMC", CardType.HBA: "PIN.CH"}
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class EncryptingSurgery(Surgery):
    trusted = tuple(AuthorityKind)


@dataclass(frozen=True)
class Somebody:
    """A recipient outside the practice: a certificate and its key."""

    certificate: bytes
    key: Private

    def open_cms(self, octets: bytes) -> bytes:
        read = read_enveloped_untrusted(octets)
        wanted = names_untrusted(self.certificate).issuer_and_serial
        (found,) = (recipient for recipient in read.recipients if recipient.certificate == wanted)
        return read.open(self.open_key(found.encrypted_key))

    def open_key(self, cryptogram: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.decrypt(cryptogram, padding.OAEP(padding.MGF1(SHA256()), SHA256(), None))
        return elc_decrypt(cryptogram, self.key)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def surgery(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Surgery]:
    out = EncryptingSurgery(tmp_path_factory.mktemp("encryption"))
    try:
        await out.open()
        yield out
    finally:
        await out.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def unlocked(surgery: Surgery) -> Surgery:
    """The surgery with PIN.SMC and PIN.CH verified for the user U1."""
    for card_type in PIN_OF:
        await verify_pin(surgery, card_type)
    return surgery


async def verify_pin(surgery: Surgery, card_type: CardType) -> None:
    handle = surgery.find(card_type).handle
    answer = await surgery.call(VerifyPin(context=context(user=USER), card_handle=handle, pin_typ=PIN_OF[card_type]))
    assert answer.pin_result is PinResult.OK


@pytest.fixture(scope="session")
def somebody(surgery: Surgery) -> Somebody:
    """A recipient with a key on brainpoolP256r1."""
    return made(surgery, ec.generate_private_key(ec.BrainpoolP256R1()))


@pytest.fixture(scope="session")
def somebody_rsa(surgery: Surgery) -> Somebody:
    """A recipient with an RSA key."""
    return made(surgery, rsa.generate_private_key(65537, 2048))


def made(surgery: Surgery, key: Private, kind: CertificateType = CertificateType.HCI_ENC) -> Somebody:
    name = component_name(f"Praxis {ENTROPY.octets(4).hex()}", "NOT-VALID")
    return Somebody(surgery.pki.issue(kind, EndEntity(name, key.public_key(), None)), key)


def data(octets: bytes, mime_type: str | None = None) -> Document:
    return Document(base64_data=Base64Data(data=octets, mime_type=mime_type))


def xml(octets: bytes) -> Document:
    return Document(base64_xml=octets)


def octets_of(document: Document | None) -> bytes:
    assert document is not None
    if document.base64_xml is not None:
        return document.base64_xml
    assert document.base64_data is not None
    return document.base64_data.data


def encrypt_request(
    document: Document,
    *certificates: bytes,
    card: str | None = None,
    crypt: Crypt | None = None,
    reference: str | None = None,
    inputs: EncryptOptionalInputs | None = None,
    mandant: str = "M1",
    user: str | None = USER,
) -> EncryptDocument:
    on_card = None if card is None else CertificateOnCard(card_handle=card, key_reference=reference, crypt=crypt)
    return EncryptDocument(
        context=context(mandant, user=user),
        recipient_keys=RecipientKeys(certificate_on_card=on_card, certificate=certificates),
        document=document,
        optional_inputs=inputs,
    )


def decrypt_request(
    document: Document, card: str, reference: str | None = None, mandant: str = "M1", user: str | None = USER
) -> DecryptDocument:
    return DecryptDocument(
        context=context(mandant, user=user),
        private_key_on_card=PrivateKeyOnCard(card_handle=card, key_reference=reference),
        document=document,
    )


async def error_of(surgery: Surgery, message: Any) -> KonnektorError:
    """What an operation fails with."""
    with pytest.raises(KonnektorError) as caught:
        await surgery.call(message)
    return caught.value
