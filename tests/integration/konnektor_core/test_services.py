"""The services of an instance over a real terminal connection."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.integration.konnektor_core.surgery import CT, Surgery, caller, context
from tests.integration.proof.secrets_of_a_lab import Secrets
from tests.logged import said
from tiaas.interfaces.card_service_common_v2_0 import CardType as WireType
from tiaas.interfaces.card_service_common_v2_0 import PinResult
from tiaas.interfaces.card_service_v8_1 import GetPinStatus, PinStatus, VerifyPin
from tiaas.interfaces.certificate_service_common_v2_0 import CertRef
from tiaas.interfaces.certificate_service_v6_0 import CertRefList, Crypt, ReadCardCertificate
from tiaas.interfaces.connector_common_v5_0 import Result
from tiaas.interfaces.event_service_v7_2 import GetCards, GetCardTerminals
from tiaas.interfaces.vsd_gzip import decompress_untrusted
from tiaas.interfaces.vsd_service_v5_2 import ReadVSD, Transactions
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.konnektor.terminallist import Correlation
from tiaas.soap.envelope import write_envelope
from tiaas.terminal.pairing import fingerprint
from tiaas.terminal.virtual.config import PinMode, PinPolicy


@pytest_asyncio.fixture
async def surgery(tmp_path: Path) -> AsyncIterator[Surgery]:
    out = Surgery(tmp_path)
    presses = asyncio.create_task(_press_ok(out))
    try:
        await out.open()
        presses.cancel()
        yield out
    finally:
        await out.close()


async def _press_ok(surgery: Surgery) -> None:
    """Somebody stands at the terminal and presses OK when it asks for the pairing."""
    while True:
        await asyncio.sleep(0.02)
        terminal = getattr(surgery, "terminal", None)
        if terminal is not None and "PAIREN" in str(terminal.snapshot()):
            terminal.press("ok")


async def code_of(surgery: Surgery, request: object, **options: object) -> int:
    with pytest.raises(KonnektorError) as caught:
        await surgery.call(request, **options)  # type: ignore[arg-type]
    return caught.value.code


def read_vsd(surgery: Surgery, hpc: CardType = CardType.SMC_B, **options: object) -> ReadVSD:
    return ReadVSD(
        ehc_handle=surgery.find(CardType.EGK).handle,
        hpc_handle=surgery.find(hpc).handle,
        perform_online_check=bool(options.get("online")),
        read_online_receipt=bool(options.get("receipt")),
        context=context(user="U1" if hpc is CardType.HBA else None),
    )


def verify(
    surgery: Surgery, card: CardType = CardType.SMC_B, pin: str = "PIN.SMC", user: str | None = None
) -> VerifyPin:
    return VerifyPin(context=context(user=user), card_handle=surgery.find(card).handle, pin_typ=pin)


@pytest.mark.requirement("TIP1-A_4534", "TIP1-A_4545-03", "TIP1-A_4548-02", "TIP1-A_4562", "TIP1-A_4563", "TIP1-A_4565")
async def test_a_day_in_the_practice(surgery: Surgery, caplog: pytest.LogCaptureFixture) -> None:
    """One long walk: everything that needs the costly set-up and does not disturb the next step."""
    caplog.set_level(logging.DEBUG, logger="tiaas")
    await _pairing_and_lists(surgery)
    await _pins(surgery)
    await _certificates(surgery)
    await _reading(surgery)
    await _ejecting(surgery)
    _no_personal_data(surgery, caplog.records)


def _no_personal_data(surgery: Surgery, records: list[logging.LogRecord]) -> None:
    """No KVNR, ICCSN, name or PIN in any message or field of the log."""
    assert any(record.name.startswith("tiaas.konnektor") for record in records)
    logged = " ".join(said(record) for record in records)
    for made in (surgery.egk, surgery.smcb, surgery.hba):
        for text in (made.holder, made.image.iccsn.hex(), made.kvnr):
            assert text is None or text not in logged
        # The search knows that ids are full of digits.
        secrets = Secrets({pin.reveal().decode() for pin in made.pins.values()})
        assert len(secrets.pins) > 1
        assert not secrets.found_in(logged.encode())


async def _pairing_and_lists(surgery: Surgery) -> None:
    certificate = surgery.core.terminals.entry(CT).certificate
    assert certificate is not None
    assert surgery.shown == [fingerprint(certificate)]
    assert Topic.CT_CONNECTED in surgery.topics()
    inserted = [event for event in surgery.events if event.topic is Topic.CARD_INSERTED]
    assert len(inserted) == 4
    shown = await surgery.call(GetCards(context=context()))
    write_envelope(shown)
    cards = shown.cards.card
    assert [(card.slot_id, card.card_type) for card in cards] == [
        (1, WireType.SMC_B),
        (2, WireType.EGK),
        (3, WireType.HBA),
        (4, WireType.SMC_KT),
    ]
    egk = cards[1]
    assert egk.kvnr == surgery.seed.patients[0].kvnr
    assert egk.iccsn == surgery.egk.image.iccsn.hex()
    assert egk.insert_time.utcoffset() is not None
    assert (egk.card_version.object_system_version.major, cards[0].kvnr) == (4, None)
    for wanted, slots in ((WireType.SM_B, [1]), (WireType.HBAX, [3]), (WireType.EGK, [2]), (WireType.KVK, [])):
        found = await surgery.call(GetCards(context=context(), card_type=wanted))
        assert [card.slot_id for card in found.cards.card] == slots
    one = await surgery.call(GetCards(context=context(), ct_id=CT, slot_id=2))
    assert [card.card_handle for card in one.cards.card] == [egk.card_handle]
    # The SMC-B belongs to M1 alone; AP2 has no terminal, but mandant-wide it sees AP1's.
    other = await surgery.call(GetCards(context=context("M2")))
    assert WireType.SMC_B not in [card.card_type for card in other.cards.card]
    assert (await surgery.call(GetCards(context=context(workplace="AP2")))).cards.card == ()
    wide = await surgery.call(GetCards(context=context(workplace="AP2"), mandant_wide=True))
    assert len(wide.cards.card) == 4
    assert await code_of(surgery, GetCards(context=context(), ct_id="CT-9")) == 4007
    assert await code_of(surgery, GetCards(context=context(), slot_id=1)) == 4000
    assert await code_of(surgery, GetCards(context=context("M9"))) == 4004
    assert await code_of(surgery, GetCards(context=context()), peer=caller("CS2")) == 4204
    terminals = await surgery.call(GetCardTerminals(context=context()))
    write_envelope(terminals)
    (terminal,) = terminals.card_terminals.card_terminal
    assert (terminal.ct_id, terminal.connected, terminal.slots) == (CT, True, 4)
    assert terminal.mac_address == "00-AA-BB-CC-DD-EE"
    assert terminal.workplace_ids.workplace_id == ("AP1",)
    assert terminal.product_information.product_type_information.product_type_version == "1.7.1"
    assert (await surgery.call(GetCardTerminals(context=context(workplace="AP2")))).card_terminals.card_terminal == ()


async def _pins(surgery: Surgery) -> None:
    smcb = surgery.find(CardType.SMC_B).handle
    ask = GetPinStatus(context=context(), card_handle=smcb, pin_typ="PIN.SMC")
    status = await surgery.call(ask)
    assert (status.pin_status, status.left_tries) == (PinStatus.VERIFIABLE, 3)
    assert await code_of(surgery, read_vsd(surgery)) == 3041
    surgery.terminal.pin_policy = PinPolicy(PinMode.WRONG)
    rejected = await surgery.call(verify(surgery))
    assert (rejected.pin_result, rejected.left_tries, rejected.status.result) == (PinResult.REJECTED, 2, Result.OK)
    surgery.terminal.pin_policy = PinPolicy(PinMode.CANCEL)
    assert await code_of(surgery, verify(surgery)) == 4049
    surgery.impatient()
    timed_out = await surgery.call(verify(surgery))
    assert (timed_out.pin_result, timed_out.status.result) == (PinResult.ERROR, Result.WARNING)
    assert timed_out.status.error.trace[-1].code == 4043
    write_envelope(timed_out)
    surgery.terminal.pin_policy = PinPolicy(PinMode.AUTO)
    assert (await surgery.call(verify(surgery))).pin_result is PinResult.OK
    status = await surgery.call(ask)
    assert (status.pin_status, status.left_tries) == (PinStatus.VERIFIED, None)
    # The other Mandant may not even ask: the SMC-B is not his.
    assert await code_of(surgery, GetPinStatus(context=context("M2"), card_handle=smcb, pin_typ="PIN.SMC")) == 4013
    hba = surgery.find(CardType.HBA).handle
    assert await code_of(surgery, verify(surgery, CardType.HBA, "PIN.CH")) == 4003
    assert (await surgery.call(verify(surgery, CardType.HBA, "PIN.CH", "U1"))).pin_result is PinResult.OK
    assert await code_of(surgery, verify(surgery, CardType.HBA, "PIN.CH", "U2")) == 4018
    assert await code_of(surgery, verify(surgery, CardType.HBA, "PIN.QES", "U1")) == 4072
    assert await code_of(surgery, verify(surgery, CardType.HBA, "PIN.SMC", "U1")) == 4072
    qes = GetPinStatus(context=context(user="U1"), card_handle=hba, pin_typ="PIN.QES")
    assert (await surgery.call(qes)).pin_status in (PinStatus.VERIFIABLE, PinStatus.TRANSPORT_PIN)
    assert await code_of(surgery, verify(surgery, CardType.EGK, "PIN.CH")) == 4209
    assert await code_of(surgery, verify(surgery, CardType.SMC_KT, "PIN.CH")) == 4209


def certificates(surgery: Surgery, card: CardType, *refs: CertRef, **options: object) -> ReadCardCertificate:
    return ReadCardCertificate(
        card_handle=surgery.find(card).handle,
        context=context(user=options.get("user")),  # type: ignore[arg-type]
        cert_ref_list=CertRefList(cert_ref=refs),
        crypt=options.get("crypt"),  # type: ignore[arg-type]
    )


async def _certificates(surgery: Surgery) -> None:
    wanted = (CertRef.C_AUT, CertRef.C_ENC, CertRef.C_SIG)
    for crypt, kind in ((None, RSAPublicKey), (Crypt.RSA, RSAPublicKey), (Crypt.ECC, EllipticCurvePublicKey)):
        answer = await surgery.call(certificates(surgery, CardType.SMC_B, *wanted, crypt=crypt))
        write_envelope(answer)
        entries = answer.x509_data_info_list.x509_data_info
        assert [entry.cert_ref for entry in entries] == list(wanted)
        for entry in entries:
            data = entry.x509_data
            assert data is not None
            certificate = x509.load_der_x509_certificate(data.x509_certificate)
            assert isinstance(certificate.public_key(), kind)
            assert data.x509_issuer_serial.x509_serial_number == str(certificate.serial_number)
            names = data.x509_subject_name.split(",")
            assert "C=DE" in names
            assert any(name.startswith("CN=") for name in names)
            assert "2.5.4" not in data.x509_subject_name
    # An HBA without UserId is R8; with the one who raised it R9, with another 4018.
    for user in (None, "U1"):
        answer = await surgery.call(certificates(surgery, CardType.HBA, CertRef.C_QES, crypt=Crypt.ECC, user=user))
        assert answer.x509_data_info_list.x509_data_info[0].x509_data is not None
    assert await code_of(surgery, certificates(surgery, CardType.HBA, CertRef.C_AUT, user="U2")) == 4018
    assert await code_of(surgery, certificates(surgery, CardType.HBA, CertRef.C_SIG)) == 4149
    assert await code_of(surgery, certificates(surgery, CardType.SMC_B, CertRef.C_QES)) == 4149
    assert await code_of(surgery, certificates(surgery, CardType.EGK, CertRef.C_AUT)) == 4090
    assert await code_of(surgery, certificates(surgery, CardType.SMC_KT, CertRef.C_AUT)) == 4209


async def _reading(surgery: Surgery) -> None:
    for hpc in (CardType.SMC_B, CardType.HBA):
        answer = await surgery.call(read_vsd(surgery, hpc))
        write_envelope(answer)
        pd = decompress_untrusted(answer.persoenliche_versichertendaten)
        assert surgery.seed.patients[0].kvnr.encode() in pd
        assert b"ISO-8859-15" in pd.splitlines()[0]
        assert answer.geschuetzte_versichertendaten is not None
        assert answer.vsd_status.status is Transactions.NONE_OPEN
        assert answer.vsd_status.timestamp.tzinfo is UTC
        assert answer.vsd_status.timestamp <= datetime.now(UTC)
    assert (await surgery.call(read_vsd(surgery, online=True))).pruefungsnachweis is None
    assert await code_of(surgery, read_vsd(surgery, receipt=True)) == 3040
    swapped = ReadVSD(
        ehc_handle=surgery.find(CardType.SMC_B).handle,
        hpc_handle=surgery.find(CardType.EGK).handle,
        perform_online_check=False,
        read_online_receipt=False,
        context=context(),
    )
    assert await code_of(surgery, swapped) == 4058


async def _ejecting(surgery: Surgery) -> None:
    request = read_vsd(surgery)
    surgery.terminal.eject(2)
    await surgery.until(lambda: surgery.core.cards.find(request.ehc_handle) is None)
    assert await code_of(surgery, request) == 4008
    assert surgery.topics()[-1] is Topic.CARD_REMOVED
    assert dict(surgery.events[-1].parameters)["CardHandle"] == request.ehc_handle
    patient = surgery.seed.patients[1]
    surgery.terminal.insert(2, surgery.virtual(surgery.personaliser.egk(patient)))
    await surgery.until(lambda: surgery.core.cards.at(CT, 2) is not None)
    assert surgery.find(CardType.EGK).handle != request.ehc_handle
    answer = await surgery.call(read_vsd(surgery))
    assert patient.kvnr.encode() in decompress_untrusted(answer.persoenliche_versichertendaten)


async def test_unplugging_and_coming_back(surgery: Surgery) -> None:
    assert (await surgery.call(verify(surgery))).pin_result is PinResult.OK
    handles = {card.handle for card in surgery.core.cards}
    await surgery.terminal.pull_plug()
    await surgery.until(lambda: not surgery.core.terminals.entry(CT).connected)
    assert list(surgery.core.cards) == []
    assert Topic.CT_DISCONNECTED in surgery.topics()
    (shown,) = (await surgery.call(GetCardTerminals(context=context()))).card_terminals.card_terminal
    assert not shown.connected
    await surgery.terminal.plug_in()
    await surgery.core.terminals.settled(CT)
    assert len(list(surgery.core.cards)) == 4
    assert not handles & {card.handle for card in surgery.core.cards}
    # The card was reset: its PIN is gone, and the Konnektor knows.
    status = await surgery.call(
        GetPinStatus(context=context(), card_handle=surgery.find(CardType.SMC_B).handle, pin_typ="PIN.SMC")
    )
    assert status.pin_status is PinStatus.VERIFIABLE


@pytest.mark.requirement("TIP1-A_4549", "TIP1-A_4593")
async def test_a_restart_finds_the_pairing(surgery: Surgery) -> None:
    await surgery.shut()
    await surgery.boot()
    await surgery.core.terminals.settled(CT)
    assert surgery.shown == []
    assert len(list(surgery.core.cards)) == 4


@pytest.mark.event("CT/TLS_ESTABLISHMENT_FAILURE")
@pytest.mark.code(4029)
@pytest.mark.requirement("TIP1-A_4548-02")
async def test_another_terminal_at_the_same_address_is_4029(surgery: Surgery) -> None:
    await surgery.shut()
    await surgery.terminal.stop()
    port = surgery.terminal.port
    surgery.terminal = surgery.make_terminal(serial=2)
    await surgery.terminal.start("127.0.0.1", port)
    surgery.events.clear()
    await surgery.boot()
    await surgery.until(lambda: Topic.CT_TLS_ESTABLISHMENT_FAILURE in surgery.topics())
    failure = next(event for event in surgery.events if event.topic is Topic.CT_TLS_ESTABLISHMENT_FAILURE)
    assert dict(failure.parameters)["Error"] == "4029"
    entry = surgery.core.terminals.entry(CT)
    assert entry.config.correlation is Correlation.GEPAIRT
    assert not entry.connected
    assert list(surgery.core.cards) == []


async def test_a_fingerprint_that_is_not_confirmed_ends_the_pairing(surgery: Surgery) -> None:
    with pytest.raises(KonnektorError) as caught:
        await surgery.core.terminals.pair(CT, lambda shown: False)
    assert caught.value.code == 4040
    entry = surgery.core.terminals.entry(CT)
    assert entry.config.pairing is None
    assert entry.config.correlation is Correlation.ZUGEWIESEN
    assert not entry.connected
    assert list(surgery.core.cards) == []
