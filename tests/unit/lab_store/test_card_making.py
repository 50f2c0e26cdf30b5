"""Cards made from forms, shown, written out and taken in, over the control port."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tiaas.card.objsys.basefiles import decode_version2_untrusted
from tiaas.card.objsys.model import CardKind, KeyProfile
from tiaas.card.virtual.image import CardImage
from tiaas.cli.cardquestions import KINDS, ask_form
from tiaas.interfaces.vsd_gzip import decompress_untrusted
from tiaas.lab.control import control_app
from tiaas.lab.lab import Lab
from tiaas.lab.vsdm.change import Change
from tiaas.pki.certificate import decode_certificate_untrusted

PATIENT = {
    "kvnr": "K987654329",
    "vorname": "Žofia Œnone",
    "nachname": "Ÿ-Šedivý",
    "titel": "Dr. €",
    "geburtsdatum": "19700000",
    "geschlecht": "X",
    "insurer": "109990018",
    "beginn": "20200101",
    "wop": "72",
    "strassen_adresse": {"ort": "Köln", "land": "D", "postleitzahl": "50999", "strasse": "Straße & Söhne <1>"},
    "pins": {"pin": "135790", "puk": "97531864"},
}
PROFESSIONAL = {
    "key": "made",
    "kind": "arzt",
    "vorname": "Beatrix",
    "nachname": "Muster",
    "telematik_id": "1-10999990009999",
    "authority": "Ärztekammer Lummerland TEST-ONLY",
}
INSTITUTION = {
    "key": "made",
    "kind": "praxis_arzt",
    "name": "Praxis Muster",
    "telematik_id": "1-20999990009999",
    "number": "999919900",
    "strasse": "Marktplatz 1",
    "postleitzahl": "10999",
    "ort": "Berlin",
    "bundesland": "Berlin",
}
EGK = {"kind": "eGK", "patient": PATIENT}


@pytest.fixture
async def http(lab: Lab) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(control_app(lab))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8480") as client:
        yield client


async def make(http: httpx.AsyncClient, form: dict[str, Any]) -> dict[str, Any]:
    answer = await http.post("/cards", json=form)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def image_of(lab: Lab, made: dict[str, Any]) -> CardImage:
    return lab.cards.get(made["iccsn"]).card.image


async def test_a_health_card_with_odd_characters(lab: Lab, http: httpx.AsyncClient) -> None:
    made = await make(http, EGK)
    assert (made["type"], made["kvnr"], made["practice"], made["in"]) == ("EGK", "K987654329", 0, None)
    pd = image_of(lab, made).files["MF/DF.HCA/EF.PD"]
    xml = decompress_untrusted(pd[2 : 2 + int.from_bytes(pd[:2], "big")])
    text = xml.decode("iso-8859-15")
    assert "Žofia Œnone" in text
    assert "Dr. €" in text
    assert "&lt;1&gt;" in text
    assert "Šediv" in text
    slot = lab.terminal("CT-1").record
    free = next(number for number, iccsn in slot.slots.items() if iccsn is None) if None in slot.slots.values() else 1
    if slot.slots[free] is not None:
        lab.eject("CT-1", free)
    assert lab.insert("CT-1", free, made["iccsn"]) == made["iccsn"]
    lab.eject("CT-1", free)


async def test_its_insurer_knows_it(lab: Lab, http: httpx.AsyncClient) -> None:
    form = {**EGK, "patient": {**PATIENT, "insurer": "108018007"}, "insurer": {"ik": "108018007", "name": "Kasse TEST"}}
    made = await make(http, form)
    assert lab.books.insurer_of(made["iccsn"]) == "108018007"
    assert Change(strasse="Neu").apply(lab.books.present(made["iccsn"])).nachname == PATIENT["nachname"]


@pytest.mark.parametrize(
    ("state", "version", "keys"),
    [
        ({"generation": "G1"}, 3, "rsa+ecc"),
        ({"generation": "G2.0"}, 4, "rsa"),
        ({"keys": "ecc"}, 4, "ecc"),
        ({"generation": "G3"}, 5, "rsa+ecc"),
    ],
)
async def test_generations_and_keys(
    lab: Lab, http: httpx.AsyncClient, state: dict[str, Any], version: int, keys: str
) -> None:
    made = await make(http, {**EGK, "state": state})
    image = image_of(lab, made)
    assert decode_version2_untrusted(image.files["MF/EF.Version2"]).object_system[0] == version
    assert (image.profile, made["keys"]) == (KeyProfile(keys), keys)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_card_of_each_kind_from_questions(lab: Lab, http: httpx.AsyncClient, kind: str) -> None:
    """Empty answers make a card of every kind there is in a lab; its type is the word of CardService."""
    made = await make(http, ask_form(lambda question: "", kind))
    assert made["type"] == {"eGK": "EGK", "gSMC-KT": "SMC-KT"}.get(kind, kind)
    assert lab.cards.get(made["iccsn"]).kind is CardKind(kind)
    assert made["home"]["ct_id"] == "CT-1"


async def test_the_keys_of_an_hba_qsig_are_shown(lab: Lab, http: httpx.AsyncClient) -> None:
    made = await make(http, ask_form(lambda question: "", "HBA-qSig"))
    assert (made["keys"], made["object_system"]) == ("rsa", None)
    assert made["private_keys"] == ["DF.QES/PrK.HP.QES", "DF.ESIGN/PrK.HP.AUT", "DF.ESIGN/PrK.HP.ENC"]
    assert image_of(lab, made).profile is KeyProfile.RSA_ONLY


async def test_pin_states(lab: Lab, http: httpx.AsyncClient) -> None:
    pins = [
        {"name": "PIN.CH", "state": "transport", "tries": 2, "value": "54321"},
        {"name": "PIN.QES", "state": "puk-blocked"},
        {"name": "PIN.AUTO", "state": "regular", "value": "11111", "puk": "12345678"},
    ]
    made = await make(http, {"kind": "HBA", "professional": PROFESSIONAL, "state": {"pins": pins, "can": "654321"}})
    told = {pin["name"]: pin for pin in made["pins"]}
    assert told["PIN.CH"] == {"name": "PIN.CH", "state": "transport", "tries": 2, "puk_uses": 10}
    assert (told["PIN.QES"]["state"], told["PIN.QES"]["tries"], told["PIN.QES"]["puk_uses"]) == ("puk-blocked", 0, 0)
    assert (told["PIN.AUTO"]["state"], told["PIN.SO"]["state"]) == ("regular", "empty")
    assert image_of(lab, made).keys["MF/SK.CAN"] == b"654321"
    assert "'54321'" not in str(made)
    assert "'654321'" not in str(made)


async def test_a_practice_card_with_expired_certificates(lab: Lab, http: httpx.AsyncClient) -> None:
    form = {"kind": "SMC-B", "institution": INSTITUTION, "state": {"certificates": "expired", "keys": "ecc"}}
    made = await make(http, form)
    files = {path: content for path, content in image_of(lab, made).files.items() if "EF.C.HCI" in path}
    assert len(files) == 3
    assert all(decode_certificate_untrusted(content).not_after < lab.clock.now() for content in files.values())


async def test_days_on_which_certificates_end(lab: Lab, http: httpx.AsyncClient) -> None:
    """X.509 and CV certificates, to come and past, of every kind that has them; all are made at once."""
    today = lab.clock.now().date()
    soon, ago = today + timedelta(days=20), today - timedelta(days=20)
    for kind in ("eGK", "HBA", "SMC-B", "gSMC-KT"):
        for x509_day, cvc_day in ((soon, ago), (ago, soon)):
            state = {"certificates_until": f"{x509_day:%Y%m%d}", "cv_certificates_until": f"{cvc_day:%Y%m%d}"}
            made = await make(http, ask_form(lambda question: "", kind) | {"state": {**state, "keys": "ecc"}})
            assert {certificate["until"][:10] for certificate in made["certificates"]} == {x509_day.isoformat()}
            assert {certificate["until"] for certificate in made["cv_certificates"]} == {cvc_day.isoformat()}
            lab.cards.complete(made["iccsn"])
            later = (await http.get(f"/cards/{made['iccsn']}")).json()["certificates"]
            curves = [certificate for certificate in later if certificate["file"].endswith("E256")]
            assert curves == made["certificates"], "nothing is left to be made with another end"


async def test_a_revoked_card(lab: Lab, http: httpx.AsyncClient) -> None:
    made = await make(http, {**EGK, "state": {"certificates": "revoked", "locked": True, "open_transaction": True}})
    assert all(certificate["revoked"] for certificate in made["certificates"])
    assert made["locked"] == ["DF.HCA"]
    assert image_of(lab, made).files["MF/DF.HCA/EF.StatusVD"][:1] == b"1"


async def test_a_broken_card(lab: Lab, http: httpx.AsyncClient) -> None:
    made = await make(http, {**EGK, "state": {"defect": {"kind": "broken-file", "file": "DF.HCA/EF.PD"}}})
    assert made["defect"] == {"kind": "broken-file", "path": "MF/DF.HCA/EF.PD", "commands": 0}


async def test_a_card_travels(lab: Lab, http: httpx.AsyncClient) -> None:
    made = await make(http, EGK)
    written = (await http.get(f"/cards/{made['iccsn']}/image")).json()
    assert (await http.post("/cards/import", json=written)).status_code == 409
    written["image"]["iccsn"] = "80276999901000000042"
    taken = await http.post("/cards/import", json=written)
    assert (taken.status_code, taken.json()["iccsn"]) == (201, "80276999901000000042")
    assert (await http.get("/cards/80276999901000000042")).json()["holder"] == made["holder"]
    written["image"]["kind"] = "EC card"
    assert (await http.post("/cards/import", json=written)).status_code == 400
    assert (await http.post("/cards/import", json={"format": "tiaas card"})).status_code == 400
    assert (await http.post("/cards/import", json={})).status_code == 400


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"kind": "eGK", "foo": 1}, "unknown key 'foo'"),
        ({"kind": "eGK"}, "needs table patient"),
        ({"kind": "EC"}, "kind: must be one of 'eGK'"),
        ({**EGK, "professional": PROFESSIONAL}, "has no table professional"),
        ({**EGK, "patient": {**PATIENT, "kvnr": "K987654320"}}, "patient: the check digit"),
        ({**EGK, "patient": {**PATIENT, "vornamen": "x"}}, "did you mean vorname?"),
        ({**EGK, "patient": {**PATIENT, "insurer": "108018007"}}, "add a table insurer"),
        ({**EGK, "state": {"pins": [{"name": "PIN.SMC"}]}}, "this card has no PIN.SMC; it has PIN.CH"),
        ({**EGK, "state": {"pins": [{"name": "PIN.CH", "state": "gone"}]}}, "must be one of 'regular'"),
        ({**EGK, "state": {"generation": "G2.0", "keys": "ecc"}}, "cannot have only these"),
        ({**EGK, "state": {"defect": {"kind": "broken-file", "file": "EF.GOD"}}}, "there are EF.ATR"),
        ({**EGK, "state": {"defect": {"kind": "broken-file"}}}, "a file belongs to the defects"),
        ({"kind": "SMC-B", "institution": INSTITUTION, "state": {"locked": True}}, "only an eGK"),
        ({**EGK, "state": {"can": "12345"}}, "a CAN has six digits"),
        ({**EGK, "state": {"certificates_until": "2026-12-24"}}, "written YYYYMMDD"),
        ({**EGK, "state": {"cv_certificates_until": "20260231"}}, "written YYYYMMDD"),
        ({**EGK, "state": {"certificates_until": "19991231"}}, "from 2010 to 2099"),
        ({**EGK, "state": {"cv_certificates_until": "20981231"}}, "five years at most"),
        ({**EGK, "state": {"certificates_until": "20201231", "certificates": "expired"}}, "give one of them"),
        (
            {"kind": "HBA-qSig", "professional": PROFESSIONAL, "state": {"cv_certificates_until": "20201231"}},
            "has no CV certificates",
        ),
    ],
)
async def test_forms_that_cannot_be(lab: Lab, http: httpx.AsyncClient, form: dict[str, Any], words: str) -> None:
    before = len(list(lab.cards))
    answer = await http.post("/cards", json=form)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert len(list(lab.cards)) == before
