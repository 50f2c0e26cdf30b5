"""What a running lab serves: SOAP through the client and by hand, control port, SICCT, verbs."""

import json
import socket
import ssl
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.integration.lab.labprocess import LabProcess
from tiaas.client import Konnektor, KonnektorFault, KonnektorUnreachable, Vsd, connect, load_kon
from tiaas.interfaces.card_service_common_v2_0 import CardType, PinResult
from tiaas.interfaces.card_service_v8_1 import PinStatus
from tiaas.terminal.tls import SUITES


@asynccontextmanager
async def _practice(lab: LabProcess, number: int = 1) -> AsyncIterator[Konnektor]:
    async with connect(load_kon(Path(lab.ready["instances"][number - 1]["kon_file"]), {})) as konnektor:
        yield konnektor


async def _read(konnektor: Konnektor) -> Vsd:
    (egk,) = await konnektor.get_cards(CardType.EGK)
    (smcb,) = await konnektor.get_cards(CardType.SMC_B)
    return await konnektor.read_vsd(egk.card_handle, smcb.card_handle)


async def _control(lab: LabProcess, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    control = lab.ready["terminals"][0]["control"]
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.request(method, f"{control}{path}", json=body)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_the_ready_file_is_as_the_design_says(lab: LabProcess) -> None:
    ready = lab.ready
    assert stat.S_IMODE((lab.folder / "ready.json").stat().st_mode) == 0o600
    assert set(ready) == {
        "version", "instances", "lab", "portal", "base",
        "konnektor", "client", "context", "workplaces", "terminals", "cards", "virtual_smbs", "kon_file",
        "ldap", "admin",
    }  # fmt: skip
    assert len(ready["instances"]) == 2
    for instance in ready["instances"]:
        files = [instance["konnektor"]["ca"], *(instance["client"][name] for name in ("p12", "cert", "key"))]
        for name in (*files, instance["kon_file"], ready["lab"]["ca_bundle"]):
            assert Path(name).is_absolute()
            assert stat.S_IMODE(Path(name).stat().st_mode) == 0o600, name
        assert [slot["number"] for slot in instance["terminals"][0]["slots"]] == [1, 2, 3, 4]
        assert len(instance["cards"]["egk"]) == 6
        assert instance["cards"]["smcb"][0]["pins"]["PIN.SMC"].isdigit()
    iccsns = [card["iccsn"] for entry in ready["instances"] for cards in entry["cards"].values() for card in cards]
    assert len(iccsns) == len(set(iccsns)) == 16


def test_all_forms_of_the_client_identity_are_the_same(lab: LabProcess) -> None:
    client = lab.ready["client"]
    key, certificate, others = pkcs12.load_key_and_certificates(
        Path(client["p12"]).read_bytes(), client["p12_password"].encode()
    )
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert certificate == x509.load_pem_x509_certificate(Path(client["cert"]).read_bytes())
    assert certificate is not None
    assert key.public_key() == certificate.public_key()
    assert others == []


async def test_cards_and_terminals_are_listed(lab: LabProcess) -> None:
    async with _practice(lab) as konnektor:
        cards = {card.slot_id: card for card in await konnektor.get_cards()}
        assert [cards[slot].card_type for slot in (1, 2, 3)] == [CardType.EGK, CardType.SMC_B, CardType.HBA]
        slots = {slot["number"]: slot["iccsn"] for slot in lab.ready["terminals"][0]["slots"]}
        assert {slot: card.iccsn for slot, card in cards.items()} == slots
        (terminal,) = await konnektor.get_card_terminals()
        assert (terminal.ct_id, terminal.connected) == ("CT-1", True)
        state = await konnektor.get_pin_status(cards[2].card_handle, "PIN.SMC")
        assert state.status is PinStatus.VERIFIED


async def test_a_read_follows_the_card_in_the_slot(lab: LabProcess) -> None:
    first, second = lab.ready["cards"]["egk"][:2]
    async with _practice(lab) as konnektor:
        vsd = await _read(konnektor)
        assert vsd.personal.versicherten_id == first["kvnr"]
        assert vsd.protected is not None
        (egk,) = await konnektor.get_cards(CardType.EGK)
        (smcb,) = await konnektor.get_cards(CardType.SMC_B)
        assert await _control(lab, "POST", "/slots/1/eject") == {"iccsn": first["iccsn"]}
        with pytest.raises(KonnektorFault) as fault:
            await konnektor.read_vsd(egk.card_handle, smcb.card_handle)
        assert fault.value.code == 4008
        await _control(lab, "POST", "/slots/1/insert", {"iccsn": second["iccsn"]})
        await _until_card(konnektor, second["iccsn"])
        assert (await _read(konnektor)).personal.versicherten_id == second["kvnr"]
        places = {card["iccsn"]: card["in"] for card in lab.ready["cards"]["egk"]}
        assert places[first["iccsn"]] is None
        assert places[second["iccsn"]] == {"ct_id": "CT-1", "slot": 1}
        await _control(lab, "POST", "/slots/1/eject")
        await _control(lab, "POST", "/slots/1/insert", {"iccsn": first["iccsn"]})
        await _until_card(konnektor, first["iccsn"])


async def _until_card(konnektor: Konnektor, iccsn: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if iccsn in [card.iccsn for card in await konnektor.get_cards(CardType.EGK)]:
            return
    pytest.fail("the card was not listed")


async def test_soap_by_hand_with_the_pem_files(lab: LabProcess) -> None:
    ready = lab.ready
    context = ssl.create_default_context(cafile=ready["konnektor"]["ca"])
    context.load_cert_chain(ready["client"]["cert"], ready["client"]["key"])
    call = "".join(
        f"<{name}>{ready['context'][key]}</{name}>"
        for name, key in (
            ("MandantId", "mandant_id"),
            ("ClientSystemId", "client_system_id"),
            ("WorkplaceId", "workplace_id"),
        )
    )
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        '<GetCards xmlns="http://ws.gematik.de/conn/EventService/v7.2">'
        f'<c:Context xmlns:c="http://ws.gematik.de/conn/ConnectorContext/v2.0" '
        f'xmlns="http://ws.gematik.de/conn/ConnectorCommon/v5.0">{call}</c:Context></GetCards></s:Body></s:Envelope>'
    )
    async with httpx.AsyncClient(verify=context, trust_env=False) as http:
        directory = await http.get(ready["konnektor"]["sds"])
        assert directory.status_code == 200
        location = directory.text.split("EventService", 1)[1].split('Location="', 1)[1].split('"', 1)[0]
        answer = await http.post(location, content=body.encode(), headers={"content-type": "text/xml"})
    assert answer.status_code == 200, answer.text
    assert ready["cards"]["egk"][0]["iccsn"] in answer.text


async def test_the_second_practice_is_another_one(lab: LabProcess) -> None:
    async with _practice(lab, 2) as konnektor:
        vsd = await _read(konnektor)
    kvnrs = [[card["kvnr"] for card in entry["cards"]["egk"]] for entry in lab.ready["instances"]]
    assert vsd.personal.versicherten_id in kvnrs[1]
    assert not set(kvnrs[0]) & set(kvnrs[1])


async def test_a_certificate_opens_its_own_instance_only(lab: LabProcess, tmp_path: Path) -> None:
    mine, other = lab.kon(1), lab.kon(2)
    crossed = tmp_path / "crossed.kon"
    crossed.write_text(json.dumps({**other, "credentials": mine["credentials"]}))
    with pytest.raises(KonnektorUnreachable):
        async with connect(load_kon(crossed, {})):
            pass
    crossed.write_text(json.dumps({**mine, "mandantId": other["mandantId"]}))
    async with connect(load_kon(crossed, {})) as konnektor:
        with pytest.raises(KonnektorFault) as fault:
            await konnektor.get_cards()
    assert fault.value.code == 4021  # 4004 is for the log only (TUC_KON_000)


def test_a_handshake_to_a_terminal_shows_its_gsmckt_on_brainpool(lab: LabProcess) -> None:
    host, _, port = lab.ready["terminals"][0]["sicct"].rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES["ecc"])
    shown = x509.load_pem_x509_certificate(_certificate(host, int(port), context).encode())
    key = shown.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "brainpoolP256r1"
    smkt = next(slot["iccsn"] for slot in lab.ready["terminals"][0]["slots"] if slot["number"] == 4)
    assert smkt in shown.subject.rfc4514_string()


def _certificate(host: str, port: int, context: ssl.SSLContext) -> str:
    with socket.create_connection((host, port), 10) as raw, context.wrap_socket(raw) as line:
        assert line.version() == "TLSv1.2"
        der = line.getpeercert(binary_form=True)
    assert der is not None
    return ssl.DER_cert_to_PEM_cert(der)


async def test_faults_of_the_keypad_say_who_stands_at_the_terminal(lab: LabProcess) -> None:
    async with _practice(lab) as konnektor:
        (hba,) = await konnektor.get_cards(CardType.HBA)
        await _person(lab, "cancel")
        with pytest.raises(KonnektorFault) as cancelled:
            await konnektor.verify_pin(hba.card_handle, "PIN.CH")
        assert cancelled.value.code == 4049
        await _person(lab, "wrong")
        wrong = await konnektor.verify_pin(hba.card_handle, "PIN.CH")
        assert (wrong.result, wrong.left_tries) == (PinResult.REJECTED, 2)
        assert (await konnektor.verify_pin(hba.card_handle, "PIN.CH")).ok


async def _person(lab: LabProcess, act: str) -> None:
    """What somebody does at the next prompt for PIN.CH."""
    async with httpx.AsyncClient(trust_env=False) as http:
        fault = {"service": "keypad", "code": act, "match": "CT-1 HBA * PIN.CH current"}
        assert (await http.post(lab.ready["lab"]["faults"], json=fault)).status_code == 201


def test_a_second_up_on_the_folder_is_refused(lab: LabProcess) -> None:
    done = lab.tiaas("up", "--dir", str(lab.folder))
    assert done.returncode == 1
    assert f"already running (process {lab.process.pid})" in done.stderr.splitlines()[-1]
    assert (lab.folder / "ready.json").exists()


def test_verbs_find_the_one_running_lab(lab: LabProcess) -> None:
    first, second = (card["iccsn"] for card in lab.ready["cards"]["egk"][:2])
    ejected = lab.tiaas("card", "eject", first)
    assert (ejected.returncode, ejected.stdout) == (0, f"{first} ejected from CT-1 slot 1\n"), ejected.stderr
    twice = lab.tiaas("card", "eject", first)
    assert (twice.returncode, "is in no terminal" in twice.stderr) == (1, True)
    inserted = lab.tiaas("card", "insert", second, "--terminal", "CT-1", "--slot", "1", "--json")
    assert json.loads(inserted.stdout) == {"iccsn": second, "ct_id": "CT-1", "slot": 1}
    full = lab.tiaas("card", "insert", first)
    told = "tiaas: there is a card in that slot; tiaas card list shows it, tiaas card eject ICCSN takes it out\n"
    assert (full.returncode, full.stderr) == (1, told)
    assert lab.tiaas("card", "eject", second).returncode == 0
    assert lab.tiaas("card", "insert", first).stdout == f"{first} inserted into CT-1 slot 1\n"
    assert lab.tiaas("card", "insert", first, "--slot", "1").returncode == 2
    listed = lab.tiaas("card", "list").stdout.splitlines()
    assert len(listed) == 19
    assert any(first in line and "CT-1 slot 1" in line for line in listed)


_FORM = """
kind = "eGK"
[patient]
kvnr = "K987654329"
vorname = "Œnone"
nachname = "Ungewöhnlich"
geburtsdatum = "19700317"
geschlecht = "W"
insurer = "109990018"
beginn = "20200101"
wop = "72"
[patient.pins]
pin = "90817263"
[[state.pins]]
name = "PIN.CH"
tries = 2
"""


async def test_a_card_made_from_a_form(lab: LabProcess, tmp_path: Path) -> None:
    """Made, shown, written out and read by the Konnektor; the file with its keys is private."""
    form, image = tmp_path / "egk.toml", tmp_path / "card.json"
    form.write_text(_FORM)
    made = lab.tiaas("card", "make", str(form), "--json")
    assert made.returncode == 0, made.stderr
    iccsn = json.loads(made.stdout)["iccsn"]
    shown = lab.tiaas("card", "show", iccsn).stdout
    assert "Œnone Ungewöhnlich, drawer" in shown
    assert "PIN.CH: regular, 2 tries left" in shown
    assert lab.tiaas("card", "export", iccsn, str(image)).returncode == 0
    assert stat.S_IMODE(image.stat().st_mode) == 0o600
    again = lab.tiaas("card", "export", iccsn, str(image))
    assert (again.returncode, "--force replaces it" in again.stderr) == (2, True)
    twice = lab.tiaas("card", "import", str(image))
    assert (twice.returncode, "ICCSN already" in twice.stderr) == (1, True)
    form.write_text(_FORM.replace("wop", "vop"))
    wrong = lab.tiaas("card", "make", str(form))
    assert (wrong.returncode, "did you mean wop?" in wrong.stderr) == (1, True)
    assert "90817263" not in made.stdout + shown
    before = (await _control(lab, "POST", "/slots/1/eject"))["iccsn"]
    await _control(lab, "POST", "/slots/1/insert", {"iccsn": iccsn})
    async with _practice(lab) as konnektor:
        await _until_card(konnektor, iccsn)
        vsd = await _read(konnektor)
        assert (vsd.personal.versicherten_id, vsd.personal.vorname) == ("K987654329", "Œnone")
    await _control(lab, "POST", "/slots/1/eject")
    await _control(lab, "POST", "/slots/1/insert", {"iccsn": before})


def test_the_log_holds_nobody(lab: LabProcess) -> None:
    text = (lab.folder / "tiaas.log").read_text()
    assert text
    for entry in lab.ready["instances"]:
        for cards in entry["cards"].values():
            for card in cards:
                personal = {card["iccsn"], card["kvnr"], card["holder"].split()[-1], *card["pins"].values()} - {None}
                assert not [word for word in personal if word in text]
