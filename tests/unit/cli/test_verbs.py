"""The verbs that talk to a Konnektor, against a server that looks like one."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.unit.client import messages
from tests.unit.client.fake_konnektor import FakeKonnektor, Identities, make_identities, running
from tiaas.cli.entry import main
from tiaas.client.errorhelp import Language, all_help
from tiaas.interfaces.card_service_common_v2_0 import CardType, PinResult
from tiaas.interfaces.card_service_v8_1 import Cards, PinStatus
from tiaas.interfaces.certificate_service_common_v2_0 import CertRef
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.event_service_v7_2 import GetCardsResponse
from tiaas.lab.lock import FolderLock
from tiaas.lab.registry import Registry

pytestmark = pytest.mark.usefixtures("_home")


@pytest.fixture
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("TIAAS_DIR", raising=False)
    monkeypatch.delenv("TIAAS_DEBUG", raising=False)


@pytest.fixture(scope="module")
def identities() -> Identities:
    return make_identities()


@asynccontextmanager
async def _serving(identities: Identities, tmp_path: Path) -> AsyncIterator[tuple[FakeKonnektor, list[str]]]:
    async with running(identities) as fake:
        fake.answers["GetCards"] = messages.CARDS
        file = tmp_path / "k.kon"
        file.write_text(identities.kon(fake.url))
        fake.answers["GetCardTerminals"] = messages.TERMINALS
        yield fake, ["--kon", str(file)]


async def _call(*args: str) -> int:
    return await asyncio.to_thread(main, args)


def _help(code: int) -> str:
    because = "tiaas: because of 11000: cause\n"
    remedy = all_help(Language.ENGLISH)[code].remedy
    return f"{because}tiaas: what to do: {remedy}\ntiaas: more: tiaas explain {code}\n"


async def test_get_cards(identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with _serving(identities, tmp_path) as (fake, kon):
        assert await _call("get", "cards", "--type", "egk", "--mandant-wide", *kon) == 0
        table = capsys.readouterr().out
        assert await _call("get", "cards", "--json", *kon) == 0
    assert b'mandant-wide="true"' in fake.received[1].body
    assert b">EGK<" in fake.received[1].body
    lines = table.splitlines()
    assert lines[0].split()[:4] == ["TYPE", "ICCSN", "TERMINAL", "SLOT"]
    assert "80276883110000012345" in lines[1]
    assert "Łukasz Müller" in lines[1]
    cards = json.loads(capsys.readouterr().out)
    assert cards[0]["kvnr"] == "X110411675"
    assert cards[1]["card_type"] == "SMC-B"


async def test_get_terminals(identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with _serving(identities, tmp_path) as (fake, kon):
        fake.answers["GetCardTerminals"] = messages.TERMINALS
        assert await _call("get", "terminals", *kon) == 0
        assert "Empfang  192.168.178.20" in capsys.readouterr().out
        assert await _call("get", "terminals", "--json", *kon) == 0
    assert json.loads(capsys.readouterr().out)[0]["workplace_ids"] == ["W1", "W2"]


async def test_get_certificates(identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    der = identities.server.public_bytes(serialization.Encoding.DER)
    async with _serving(identities, tmp_path) as (fake, kon):
        fake.answers["ReadCardCertificate"] = messages.certificates((CertRef.C_AUT, der))
        assert await _call("get", "certificates", *kon) == 0
        lines = capsys.readouterr().out.splitlines()
        one = ["--card", messages.EGK.iccsn or "", "--crypt", "ECC"]
        assert await _call("get", "certificates", *one, "--pem", *kon) == 0
        pem = capsys.readouterr().out
        assert await _call("get", "certificates", "--json", "--ref", "C.AUT", *kon) == 0
        document = json.loads(capsys.readouterr().out)
    assert [line.split()[:3] for line in lines[1:]] == [["C.AUT", "RSA", "secp256r1"], ["C.AUT", "ECC", "secp256r1"]]
    assert x509.load_pem_x509_certificate(pem.encode()) == identities.server
    assert document[0]["serial_number"] == str(identities.server.serial_number)


async def test_certificates_of_a_card_without_rsa(
    identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    der = identities.server.public_bytes(serialization.Encoding.DER)
    async with _serving(identities, tmp_path) as (fake, kon):
        answers = {b">RSA<": messages.fault(4149, "Kein RSA"), b">ECC<": messages.certificates((CertRef.C_AUT, der))}
        plain = fake.answer

        def answer(request: Any) -> tuple[int, bytes]:
            if request.path.startswith("/Certificate"):
                fitting = (found for key, found in answers.items() if key in request.body)
                fake.answers["ReadCardCertificate"] = next(fitting)
            return plain(request)

        fake.answer = answer  # type: ignore[method-assign]
        assert await _call("get", "certificates", *kon) == 0
        captured = capsys.readouterr()
        assert await _call("get", "certificates", "--crypt", "RSA", *kon) == 3
    assert "C.AUT" in captured.out
    assert "RSA: error 4149" in captured.err
    assert capsys.readouterr().err == "tiaas: error 4149: Kein RSA\n" + _help(4149)


@pytest.mark.parametrize(
    ("result", "left", "code", "text"),
    [
        (PinResult.OK, None, 0, "verified"),
        (PinResult.REJECTED, 1, 5, "wrong PIN, 1 try left"),
        (PinResult.NOWBLOCKED, 0, 5, "wrong PIN, the PIN is blocked now, 0 tries left"),
        (PinResult.TRANSPORT_PIN, None, 5, "transport PIN"),
    ],
)
async def test_pin_verify(
    identities: Identities,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    result: PinResult,
    left: int | None,
    code: int,
    text: str,
) -> None:
    async with _serving(identities, tmp_path) as (fake, kon):
        fake.answers["GetPinStatus"] = messages.pin_status(PinStatus.VERIFIABLE, 3)
        fake.answers["VerifyPin"] = messages.pin_response(result, left)
        assert await _call("pin", "verify", *kon) == code
        told = capsys.readouterr()
        assert "PIN.SMC of SMC-B in CT1 slot 2: " in told.out
        assert text in told.out
        assert told.err == "tiaas: PIN.SMC of SMC-B in CT1 slot 2: if the terminal asks, type there\n"
        assert await _call("pin", "verify", "--json", *kon) == code
    assert json.loads(capsys.readouterr().out)["pin_result"] == result.value
    assert b"smcb-1" in fake.received[-1].body


async def test_nobody_is_sent_to_a_terminal_for_a_pin_that_is_none(
    identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _serving(identities, tmp_path) as (fake, kon):
        fake.answers["GetPinStatus"] = messages.fault(4072, "ungültige PIN-Referenz PIN.NIX")
        assert await _call("pin", "verify", "PIN.NIX", *kon) == 3
    told = capsys.readouterr().err
    assert "4072" in told
    assert "if the terminal asks" not in told


@pytest.mark.parametrize(
    ("verb", "operation", "result", "code", "text"),
    [
        (("change", "PIN.SMC"), "ChangePin", PinResult.OK, 0, "changed"),
        (("unblock", "PIN.SMC"), "UnblockPin", PinResult.REJECTED, 5, "wrong PUK, 9 tries left"),
        (("unblock", "PIN.SMC", "--new-pin"), "UnblockPin", PinResult.OK, 0, "unblocked"),
        (("unblock", "PIN.CH"), "UnblockPin", PinResult.OK, 0, "was not blocked"),
        (("unblock", "PIN.SMC"), "UnblockPin", PinResult.WASBLOCKED, 5, "the PUK was blocked already"),
        (("enable", "MRPIN.NFD"), "EnablePin", PinResult.OK, 0, "switched on"),
        (("disable", "MRPIN.NFD"), "DisablePin", PinResult.ERROR, 5, "not switched off: an error"),
    ],
)
async def test_pin_operations_at_the_keypad(
    identities: Identities,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    verb: tuple[str, ...],
    operation: str,
    result: PinResult,
    code: int,
    text: str,
) -> None:
    async with _serving(identities, tmp_path) as (fake, kon):
        left = 9 if result is PinResult.REJECTED else None
        state = PinStatus.VERIFIED if "was not" in text else PinStatus.BLOCKED
        fake.answers["GetPinStatus"] = messages.pin_status(state)
        fake.answers[operation] = messages.pin_response(result, left, operation)
        assert await _call("pin", *verb, *kon) == code
    whose = "SMC-B in CT1 slot 2" if verb[1] == "PIN.SMC" else "EGK in CT1 slot 1"
    told = capsys.readouterr()
    assert f"{verb[1]} of {whose}: {text}" in told.out
    assert ("if the terminal asks, type there" in told.err) is ("was not blocked" not in text)
    assert (b"SetNewPin>true<" in fake.received[-1].body) is ("--new-pin" in verb)


async def test_pin_status(identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with _serving(identities, tmp_path) as (fake, kon):
        fake.answers["GetPinStatus"] = messages.pin_status(PinStatus.VERIFIABLE, 3)
        assert await _call("pin", "status", "MRPIN.AMTS", *kon) == 0
        assert capsys.readouterr().out == "MRPIN.AMTS of EGK in CT1 slot 1: not verified, 3 tries left\n"
        assert b"egk-1" in fake.received[-1].body
        assert await _call("pin", "status", "PIN.SMC", "--json", *kon) == 0
    assert json.loads(capsys.readouterr().out) == {
        "pin_status": "VERIFIABLE",
        "left_tries": 3,
        "card_type": "SMC-B",
        "ct_id": "CT1",
        "slot": 2,
    }


async def test_vsd_read(identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with _serving(identities, tmp_path) as (fake, kon):
        fake.answers["ReadVSD"] = messages.vsd()
        assert await _call("vsd", "read", *kon) == 0
        text = capsys.readouterr().out
        assert await _call("vsd", "read", "--json", *kon) == 0
        document = json.loads(capsys.readouterr().out)
        assert await _call("vsd", "read", "--xml", *kon) == 0
        xml = capsys.readouterr().out
        fake.answers["ReadVSD"] = messages.vsd(protected=False)
        assert await _call("vsd", "read", *kon) == 0
    for part in ("X110411675", "Łukasz Müller", "1980-01-12", "Domplatte 1, 50667 Köln, D", "Testkasse", "befreit"):
        assert part in text
    assert "keine Berechtigung" in capsys.readouterr().out
    assert document["personal"]["nachname"] == "Müller"
    assert document["protected"]["zuzahlung_befreit"] is True
    assert xml.startswith("<UC_Persoenliche")
    assert "Müller" in xml
    assert "<?xml" not in xml


async def test_errors_are_one_line(identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with _serving(identities, tmp_path) as (fake, kon):
        fake.answers["ReadVSD"] = messages.fault(3041, "SMC-B nicht freigeschaltet")
        assert await _call("vsd", "read", *kon) == 3
        assert capsys.readouterr().err == "tiaas: error 3041: SMC-B nicht freigeschaltet\n" + _help(3041)
        fake.answers["GetCards"] = (200, b"<html/>")
        assert await _call("get", "cards", *kon) == 4
        assert "not a SOAP message" in capsys.readouterr().err
        assert await _call("get", "cards", "--type", "XYZ", *kon) == 2
        assert "known: EGK" in capsys.readouterr().err
    assert await _call("get", "cards", *kon) == 4
    assert capsys.readouterr().err.count("\n") == 1
    assert await _call("get", "cards", "--kon", str(tmp_path / "gone.kon")) == 2
    assert "gone.kon cannot be read" in capsys.readouterr().err


async def test_which_card_is_meant(identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = messages.card(CardType.EGK, "egk-2", "80276883110000054321", 3)
    async with _serving(identities, tmp_path) as (fake, kon):
        fake.answers["ReadVSD"] = messages.vsd()
        fake.answers["GetCards"] = GetCardsResponse(status=OK, cards=Cards(card=(messages.EGK, second, messages.SMCB)))
        assert await _call("vsd", "read", *kon) == 1
        assert "2 cards of type EGK are in; name one" in capsys.readouterr().err
        assert await _call("vsd", "read", "--egk", "80276883110000054321", *kon) == 0
        assert b"egk-2" in fake.received[-1].body
        capsys.readouterr()
        assert await _call("vsd", "read", "--egk", "80276883110000099999", *kon) == 1
        assert "see: tiaas get cards" in capsys.readouterr().err
        fake.answers["GetCards"] = GetCardsResponse(status=OK, cards=Cards())
        assert await _call("pin", "status", *kon) == 1
    assert "no card of type SMC-B" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("vsd", "read", "--stored-receipt"), "--stored-receipt goes with --offline only"),
        (("vsd", "read", "--no-receipt", "--stored-receipt"), "--stored-receipt goes with --offline only"),
        (("vsd", "read", "--offline", "--no-receipt", "--stored-receipt"), "--no-receipt goes with the online check"),
        (("vsd", "read", "--xml", "--json"), "--xml and --json"),
        (("get", "resource", "--iccsn", "nix"), "an ICCSN has 20 digits"),
    ],
)
async def test_options_that_do_not_go_together(
    identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    async with _serving(identities, tmp_path) as (fake, kon):
        assert await _call(*words, *kon) == 2
    assert says in capsys.readouterr().err
    assert fake.received == []


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--count", "0", "0 is not a whole number from 1 on"),
        ("--seconds", "-1", "-1 is not a number of seconds above 0"),
        ("--seconds", "nan", "nan is not a number of seconds above 0"),
    ],
)
def test_what_ends_events_before_they_begin_is_refused(
    capsys: pytest.CaptureFixture[str], option: str, value: str, says: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["events", f"{option}={value}"])
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "operation", "does"),
    [
        (("vsd", "read"), "ReadVSD", "reads"),
        (("decrypt", "{file}"), "DecryptDocument", "decrypts"),
        (("authenticate", "--file", "{file}"), "ExternalAuthenticate", "signs"),
    ],
)
async def test_the_card_that_reads_in_place_of_an_smcb_is_named(
    identities: Identities,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    operation: str,
    does: str,
) -> None:
    file = tmp_path / "a.p7m"
    file.write_bytes(b"a")
    argv = [word.format(file=file) for word in words]
    hba = replace(messages.SMCB, card_type=CardType.HBA, card_handle="hba-1")
    async with _serving(identities, tmp_path) as (fake, kon):
        fake.answers["GetCards"] = GetCardsResponse(status=OK, cards=Cards(card=(messages.EGK, hba)))
        fake.answers[operation] = messages.fault(3042, "HBA nicht freigeschaltet")
        assert await _call(*argv, *kon) == 3
        named = "no SMC-B in the terminals of this workplace; the HBA hba-1"
        assert f"{named} {does}\n" in capsys.readouterr().err
        if words[0] != "vsd":
            assert await _call(*argv, "--card", "hba-1", *kon) == 3
            assert named not in capsys.readouterr().err


async def test_a_terminal_that_is_not_connected_is_told_where_a_card_is_missing(
    identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _serving(identities, tmp_path) as (fake, kon):
        fake.answers["GetCards"] = GetCardsResponse(status=OK, cards=Cards(card=()))
        fake.answers["GetCardTerminals"] = messages.TERMINALS
        for words in (("vsd", "read"), ("pin", "status"), ("pin", "status", "--card", "x")):
            assert await _call(*words, *kon) == 1
            assert "in the terminals of this workplace" in (said := capsys.readouterr().err)
            assert said.endswith("; not connected: terminal CT1\n")
        fake.answers["GetCardTerminals"] = messages.fault(4021, "no")
        assert await _call("pin", "status", *kon) == 1
        assert capsys.readouterr().err.endswith("in the terminals of this workplace\n")


async def test_what_was_sent_is_told_where_an_id_is_unknown(
    identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _serving(identities, tmp_path) as (fake, kon):
        fake.answers["GetCards"] = messages.fault(4021, "no")
        assert await _call("get", "cards", "--workplace", "w ", *kon) == 3
        sent, error, *_ = capsys.readouterr().err.splitlines()
        assert sent == "tiaas: sent: MandantId 'M1', ClientSystemId 'C1', WorkplaceId 'w '"
        assert error == "tiaas: error 4021: no"
        fake.answers["GetCards"] = messages.fault(4011, "no")
        assert await _call("get", "cards", *kon) == 3
        assert "sent:" not in capsys.readouterr().err


async def test_the_running_lab_is_found(
    identities: Identities, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await _call("get", "cards") == 1
    assert "no lab is running" in capsys.readouterr().err
    folder = tmp_path / "lab"
    folder.mkdir()
    async with _serving(identities, tmp_path) as (_, kon):
        lock = FolderLock.take(folder)
        (folder / "ready.json").write_text(json.dumps({"version": 1, "instances": [{"kon_file": kon[1]}]}))
        try:
            assert await _call("get", "cards", "--dir", str(folder)) == 0
            monkeypatch.setenv("TIAAS_DIR", str(folder))
            assert await _call("get", "cards") == 0
            monkeypatch.delenv("TIAAS_DIR")
            Registry({"XDG_STATE_HOME": str(tmp_path / "state")}).enter(folder)
            capsys.readouterr()
            assert await _call("get", "cards") == 0
            assert "egk-1" in capsys.readouterr().out
            assert await _call("get", "cards", "--practice", "2") == 2
            assert "has 1 practice;" in capsys.readouterr().err
        finally:
            lock.release()
