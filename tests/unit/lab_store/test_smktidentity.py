"""Identities of terminals with one defect each: the key is the gSMC-KT's, the certificate is not."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from tiaas.lab.lab import Lab
from tiaas.lab.pki import AuthorityKind
from tiaas.lab.smktidentity import SmktIdentity


def defective(lab: Lab, defect: str) -> tuple[x509.Certificate, x509.Certificate]:
    """The terminal's own certificate and the one with the defect."""
    config = lab.terminal("CT-1").virtual.config
    card = next(card for card in lab.cards if card.kind.value == "gSMC-KT").card.image
    identity = SmktIdentity(config, card, lab.pki, lab.clock, lab.entropy)
    assert identity.defective(defect).num_tickets == 0
    own, other = (read(path) for path in (config.certificate_file, config.certificate_file.with_name(f"{defect}.pem")))
    assert own.public_key() == other.public_key()
    assert own.subject == other.subject
    return own, other


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_an_expired_one_is_from_the_same_ca(lab: Lab) -> None:
    own, other = defective(lab, "certificate-expired")
    other.verify_directly_issued_by(lab.pki.authority(AuthorityKind.KOMP).certificate)
    now = lab.clock.now()
    assert other.not_valid_before_utc + timedelta(days=365) < other.not_valid_after_utc < now < own.not_valid_after_utc


def test_a_foreign_one_only_looks_like_it(lab: Lab) -> None:
    own, other = defective(lab, "certificate-foreign")
    assert other.issuer == own.issuer
    authority = lab.pki.authority(AuthorityKind.KOMP).certificate
    with pytest.raises(InvalidSignature):
        other.verify_directly_issued_by(authority)
