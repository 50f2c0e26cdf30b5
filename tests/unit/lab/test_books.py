"""The lab's books: what is issued is known, what is revoked stays revoked."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.card.objsys.model import CardKind
from tiaas.lab.errors import UnknownCertificate
from tiaas.lab.lab import Lab
from tiaas.lab.store import LabStore
from tiaas.pki.certificate import decode_certificate_untrusted

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
CLOCK = ManualClock(START)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    store = LabStore.open(tmp_path / "lab")
    lab = Lab.open(store, clock=CLOCK, entropy=SeededEntropy(b"books"), ecc_only=True)
    lab.load(1)
    yield lab
    store.close()


def test_cards_are_entered(lab: Lab) -> None:
    (smcb,) = lab.cards.of_practice(1, CardKind.SMC_B)
    certificate = decode_certificate_untrusted(smcb.card.image.files["MF/DF.ESIGN/EF.C.HCI.AUT.E256"])
    issued = lab.book.find(certificate.serial_number)
    assert issued is not None
    assert (issued.issuer, issued.kind, issued.card) == ("ECC/SMCB", "C.HCI.AUT", smcb.iccsn)
    assert issued.revoked is None


@pytest.mark.parametrize("spelling", ["{:X}", "{:x}", "00{:X}", "{:d}"])
def test_one_certificate_is_revoked(lab: Lab, spelling: str) -> None:
    first, second = list(lab.book)[:2]
    (revoked,) = lab.book.revoke(spelling.format(first.serial))
    assert revoked.revoked == CLOCK.now().replace(microsecond=0)
    assert lab.book.find(first.serial) == revoked
    assert lab.book.find(second.serial) == second


def test_a_revoked_card_gets_no_good_certificate_any_more(lab: Lab) -> None:
    (hba,) = lab.cards.of_practice(1, CardKind.HBA)
    lab.book.revoke(hba.iccsn)
    before = {issued.serial for issued in lab.book}
    assert lab.provide(hba.card.image, "MF/DF.QES/EF.C.HP.QES.E256")
    (later,) = (issued for issued in lab.book if issued.serial not in before)
    assert later.kind == "C.HP.QES"
    assert later.revoked is not None


def test_revoked_twice_keeps_its_time(lab: Lab) -> None:
    first = next(iter(lab.book))
    (once,) = lab.book.revoke(first.number)
    CLOCK.advance(60)
    assert lab.book.revoke(first.number) == [once]


def test_revocation_survives_a_restart(lab: Lab) -> None:
    first = next(iter(lab.book))
    lab.book.revoke(first.number)
    again = Lab.open(lab.store, clock=CLOCK, entropy=SeededEntropy(b"again"))
    again.load(None)
    found = again.book.find(first.serial)
    assert found is not None
    assert found.revoked is not None


@pytest.mark.parametrize("what", ["", "xyz", "4711", "80276999909999999999"])
def test_unknown_numbers(lab: Lab, what: str) -> None:
    with pytest.raises(UnknownCertificate):
        lab.book.revoke(what)
