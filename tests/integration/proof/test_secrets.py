"""A lab with random PINs and debug log meets every failure we know; then everything it wrote is searched."""

import json
import os
import re
import stat
import threading
import urllib.request
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from random import SystemRandom
from typing import Any

import pytest
from lxml import etree

from tests.integration.lab.labprocess import LabProcess, on_ports_of_its_own
from tests.integration.proof.caller import CARD, CARDCMN, CONN, EVENT, Caller, Reply, envelope, until
from tests.integration.proof.hand import Hand
from tests.integration.proof.secret_doors import (
    Doors,
    Receiver,
    log_everything,
    start_recording,
    stop_recording,
    use_directory,
    use_management,
)
from tests.integration.proof.secret_papers import use_papers
from tests.integration.proof.secrets_of_a_lab import Secrets, add_image, documents, secrets_of, unpacked
from tiaas.konnektor.catalogue import row_of
from tiaas.konnektor.cryptolog import KEY_OF_OPERATION

TYPED_BY_HAND, CHOSEN = "97531846", "31864297"
KVK = {"FAMILIENNAME": "Quastenflosser", "VERSICHERTENNUMMER": "918273645546"}
NOT_EVERY_CARD_HAS = {"CardHolderName", "KVNR", "CertExpirationDate", "CardVersion", "ICCSN"}
_LOG_FIELDS = {"time", "level", "logger", "message"}


@dataclass(slots=True)
class Story:
    """What is left of a lab that ended."""

    folder: Path
    ready: dict[str, Any]
    secrets: Secrets
    console: str = ""
    faults: list[bytes] = field(default_factory=list)
    former: set[str] = field(default_factory=set)
    control: list[bytes] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    modes: dict[str, int] = field(default_factory=dict)
    left_in_tmp: list[str] = field(default_factory=list)
    doors: Doors = field(default_factory=Doors)
    sent: set[str] = field(default_factory=set)
    limits: str = ""

    @property
    def log(self) -> str:
        return (self.folder / "tiaas.log").read_text()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    place = tmp_path_factory.mktemp("secrets")
    (place / "seed.toml").write_text(_random_pins(files("tiaas.lab").joinpath("seed.toml").read_text("utf-8")))
    (place / "tmp").mkdir()
    # The most careless umask there is: modes must come from us.
    umask = os.umask(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(place / "tmp"))
        try:
            story = _live(place)
        finally:
            os.umask(umask)
    story.left_in_tmp = [path.name for path in (place / "tmp").rglob("*")]
    story.secrets.pins |= {TYPED_BY_HAND, CHOSEN} | story.former
    story.secrets.passwords |= story.doors.passwords
    story.secrets.names |= set(KVK.values())
    return story


def _random_pins(seed: str) -> str:
    """The packaged people, but nobody has a PIN that everybody knows.

    No digit is in it twice: so it is no date of this century, no round number and no header of an APDU.
    """
    random = SystemRandom()

    def digits(found: re.Match[str]) -> str:
        count = 6 if found[1] == "can" else 8
        return f'{found[1]} = "{"".join(random.sample("0123456789", k=count))}"'

    changed, count = re.subn(r'^(pin|puk|can|pin_qes|puk_qes) = "[0-9]+"', digits, seed, flags=re.MULTILINE)
    assert count > 5
    return changed


def _live(place: Path) -> Story:
    with on_ports_of_its_own(
        place / "lab", "--seed", str(place / "seed.toml"), "--terminals", "2", "--log-level", "debug"
    ) as lab:
        story = Story(lab.folder, lab.ready, Secrets())
        cards = lab.ready["cards"]
        story.former = {cards["hba"][0]["pins"]["PIN.CH"], cards["smcb"][0]["pins"]["PIN.SMC"]}
        log_everything(lab.ready)
        start_recording(lab)
        receiver = Receiver(lab.ready, story.doors.events)
        with Caller(lab.ready) as caller:
            receiver.subscribe(caller)
            _read_everything(caller)
            _fail_at_pins(caller, story)
            _change_pins(story)
            _fail_at_messages(caller, story)
            _fail_at_cards(caller, story)
        story.faults += use_papers(lab.ready)
        _ask_control(story)
        _use_verbs(lab, story)
        _read_other_cards(lab, story)
        use_directory(lab, story.doors)
        use_management(lab, story.doors)
        stop_recording(lab, story.doors)
        receiver.close()
        story.limits = Path(f"/proc/{lab.process.pid}/limits").read_text()
        story.modes = {str(path): path.stat().st_mode for path in [lab.folder, *lab.folder.rglob("*")]}
        lab.stop()
        story.console = lab.output
    with LabProcess(place / "lab", "--log-level", "debug") as lab:
        story.ready = lab.ready
        with Caller(lab.ready) as caller:
            _read_everything(caller)
        lab.kill()
        story.console += lab.output
    story.secrets = secrets_of(story.folder, story.ready)
    return story


def _read_everything(caller: Caller) -> None:
    egk, smcb, hba = (caller.handle(kind) for kind in ("EGK", "SMC-B", "HBA"))
    assert caller.read_vsd(egk, smcb).status == 200
    for handle in (smcb, hba):
        for reference in ("C.AUT", "C.ENC"):
            for crypt in ("RSA", "ECC"):
                assert caller.certificate(handle, reference, crypt).status == 200
    assert caller.verify_pin(hba, "PIN.CH").text("PinResult") == "OK"
    assert caller.read_vsd(egk, hba).status == 200


def _fail_at_pins(caller: Caller, story: Story) -> None:
    hand = Hand(story.ready)
    hba = caller.handle("HBA")
    hand.policy("wrong")
    assert caller.verify_pin(hba, "PIN.CH").text("PinResult") == "REJECTED"
    hand.policy("cancel")
    story.faults.append(_fault(caller.verify_pin(hba, "PIN.CH")))
    hand.policy("manual")
    replies: list[Reply] = []

    def verify() -> None:
        with Caller(story.ready) as other:
            replies.append(other.verify_pin(hba, "PIN.CH"))

    entering = threading.Thread(target=verify)
    entering.start()
    until(lambda: bool(hand.display()["prompt"]))
    hand.press(*TYPED_BY_HAND)
    story.control.append(json.dumps(hand.state()).encode())
    story.control.append(_page(story))
    hand.press("ok")
    entering.join(20)
    assert [reply.text("PinResult") for reply in replies] == ["REJECTED"]
    hand.policy("auto")
    assert caller.verify_pin(hba, "PIN.CH").text("PinResult") == "OK"
    for pin in ("PIN.QES", "PIN.SMC", "PUK.CH", ""):
        story.faults.append(_fault(caller.verify_pin(hba, pin)))


def _change_pins(story: Story) -> None:
    """New PINs at the card's terminal and, remotely, at another one; blocked there, and unblocked with the PUK."""
    for terminal, kind, pin, workplace in (
        (0, "HBA", "PIN.CH", "arbeitsplatz-1"),
        (1, "SMC-B", "PIN.SMC", "arbeitsplatz-1-2"),
    ):
        hand = Hand({"terminals": [story.ready["terminals"][terminal]]})
        hand.knows(new_pin=CHOSEN)
        context = {**story.ready["context"], "workplace_id": workplace}
        with Caller({**story.ready, "context": context}) as caller:
            handle = caller.handle(kind)
            assert caller.pin("ChangePin", handle, pin).text("PinResult") == "OK"
            assert caller.verify_pin(handle, pin).text("PinResult") == "OK"
            hand.fault(service="keypad", code="wrong", times=3)
            results = [caller.verify_pin(handle, pin).text("PinResult") for _ in range(3)]
            assert results == ["REJECTED", "REJECTED", "NOWBLOCKED"]
            assert caller.pin("UnblockPin", handle, pin).text("PinResult") == "OK"
            assert caller.verify_pin(handle, pin).text("PinResult") == "OK"


def _fail_at_messages(caller: Caller, story: Story) -> None:
    """Wrong messages, with a KVNR and a name in every place where a mistaken client could put them."""
    patient = story.ready["cards"]["egk"][0]
    smcb = story.ready["cards"]["smcb"][0]
    story.sent = {smcb["pins"]["PIN.SMC"]}
    for word in (patient["kvnr"], patient["iccsn"], smcb["iccsn"], patient["holder"], smcb["pins"]["PIN.SMC"]):
        context = caller.context()
        wrong_context = re.sub(r"(?<=<n:MandantId>)[^<]+", word, context)
        messages = {
            "EventService": [
                word.encode(),
                envelope(word),
                envelope(f"<x>{word}</x>"),
                envelope(f'<e:GetCards xmlns:e="{EVENT}" mandant-wide="{word}">{context}</e:GetCards>'),
                envelope(f'<e:GetCards xmlns:e="{EVENT}" kvnr="{word}">{context}</e:GetCards>'),
                envelope(f'<e:GetCards xmlns:e="{EVENT}">{context}{word}</e:GetCards>'),
                envelope(f'<e:GetCards xmlns:e="{EVENT}">{wrong_context}</e:GetCards>'),
                envelope(
                    f'<e:GetCards xmlns:e="{EVENT}">{context}<c:CardType xmlns:c="{CARDCMN}">{word}</c:CardType>'
                    "</e:GetCards>"
                ),
                envelope(f'<e:GetCards xmlns:e="{EVENT}">{context}<e:SlotId>{word}</e:SlotId></e:GetCards>'),
                envelope(f'<e:GetCards xmlns:e="{EVENT}">{context}<e:CtId>{word}</e:CtId></e:GetCards>'),
                envelope("<x/>", f'<!DOCTYPE a [<!ENTITY a "{word}">]>'),
            ],
            "CardService": [
                envelope(
                    f'<p:GetPinStatus xmlns:p="{CARD}">{context}<n:CardHandle xmlns:n="{CONN}">{word}</n:CardHandle>'
                    f'<c:PinTyp xmlns:c="{CARDCMN}">PIN.CH</c:PinTyp></p:GetPinStatus>'
                ),
                envelope(
                    f'<p:VerifyPin xmlns:p="{CARD}">{context}'
                    f'<n:CardHandle xmlns:n="{CONN}">{caller.handle("HBA")}</n:CardHandle>'
                    f'<c:PinTyp xmlns:c="{CARDCMN}">{word}</c:PinTyp></p:VerifyPin>'
                ),
            ],
        }
        for service, bodies in messages.items():
            for body in bodies:
                story.faults.append(_fault(caller.post(service, body, {"SOAPAction": f'"{_ascii(word)}"'})))
        for egk, hpc in ((word, caller.handle("SMC-B")), (caller.handle("EGK"), word)):
            story.faults.append(_fault(caller.read_vsd(egk, hpc)))
        for reference in ("C.QES", word):
            story.faults.append(_fault(caller.certificate(caller.handle("EGK"), reference, "ECC")))
        caller.send(
            "GET", f"/{_ascii(word)}?kvnr={_ascii(word)}", None, {"X-Kvnr": _ascii(word), "Cookie": _ascii(word)}
        )


def _fail_at_cards(caller: Caller, story: Story) -> None:
    """Cards and cables pulled, also in the middle of a read."""
    hand = Hand(story.ready)
    egk, smcb = caller.handle("EGK"), caller.handle("SMC-B")
    inserted = story.ready["cards"]["egk"][0]["iccsn"]

    def read() -> None:
        with Caller(story.ready) as other:
            for _ in range(5):
                other.read_vsd(egk, smcb)

    reading = threading.Thread(target=read)
    reading.start()
    hand.eject(1)
    reading.join(30)
    story.faults.append(_fault(caller.read_vsd(egk, smcb)))
    hand.insert(1, inserted)
    hand.plug("out")
    until(lambda: caller.terminals().text("Connected") == "false")
    story.faults.append(_fault(caller.read_vsd(egk, smcb)))
    hand.plug("in")
    until(lambda: len(caller.cards()) == 5)
    # The cards were reset with the line: PIN.SMC is wanted again.
    story.faults.append(_fault(caller.read_vsd(caller.handle("EGK"), caller.handle("SMC-B"))))
    assert caller.verify_pin(caller.handle("SMC-B"), "PIN.SMC").text("PinResult") == "OK"
    assert caller.read_vsd(caller.handle("EGK"), caller.handle("SMC-B")).status == 200


def _page(story: Story) -> bytes:
    """The practice's status page."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{story.ready['portal']['url']}/instances/praxis-1", timeout=60) as answer:
        page: bytes = answer.read()
        return page


def _ask_control(story: Story) -> None:
    control = story.ready["lab"]["control"]
    terminal = story.ready["terminals"][0]["control"]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for url in (control, f"{control}/cards", terminal, f"{terminal}/display", f"{terminal}/pin-policy"):
        for accept in ("application/json", "text/html"):
            request = urllib.request.Request(url, headers={"Accept": accept})
            with opener.open(request, timeout=60) as answer:
                story.control.append(answer.read())


def _use_verbs(lab: LabProcess, story: Story) -> None:
    """Verbs that fail, and a qualified signature; what they say goes into mails and tickets."""
    kon = ("--kon", lab.ready["kon_file"])
    letter = lab.folder.parent / "letter.txt"
    letter.write_text("Guten Tag")
    done = lab.tiaas("sign", "--qes", str(letter), *kon)
    assert done.returncode == 0, done.stderr
    story.verbs.append(done.stdout + done.stderr)
    for words in (("pin", "verify", "PIN.CH", *kon), ("pin", "status", "PIN.SMC", *kon), ("get", "terminals", *kon)):
        done = lab.tiaas(*words)
        story.verbs.append(done.stdout + done.stderr)


def _read_other_cards(lab: LabProcess, story: Story) -> None:
    """Card sessions for PoPP that read EF.GDO, one of which expects another answer; a sound and a broken KVK."""
    kon, folder, hand = ("--kon", lab.ready["kon_file"]), ("--dir", str(lab.folder)), Hand(story.ready)
    steps = ("--step", "00A4040C07D2760001448000", "--step")
    assert _said(lab, story, "popp", "run", *kon, *folder) == 0
    assert _said(lab, story, "popp", "run", *steps, "00B0820000=6A82", *kon, *folder) == 0
    hand.eject(1)
    for damage, exit_code in ((None, 0), ("checksum", 3)):
        hand.insert_kvk(1, KVK, damage)
        with Caller(story.ready) as caller:
            until(lambda: any(card["CardType"] == "KVK" for card in caller.cards()))
        assert _said(lab, story, "kvk", "read", *kon) == exit_code
        hand.eject(1)
    hand.insert(1, story.ready["cards"]["egk"][0]["iccsn"])


def _said(lab: LabProcess, story: Story, *words: str) -> int:
    done = lab.tiaas(*words)
    story.read.append(done.stdout)
    story.verbs.append(done.stderr)
    return done.returncode


def _fault(reply: Reply) -> bytes:
    assert reply.status == 500, reply.body
    assert reply.code is not None
    return reply.body


def _ascii(word: str) -> str:
    return word.encode("ascii", "replace").decode().replace(" ", "_")


# ---- the search ------------------------------------------------------------------------------------------------------


def test_there_is_something_to_search_and_to_find(story: Story) -> None:
    """The search can fail: what we look for is there, and is found where it is allowed to be."""
    secrets = story.secrets
    assert len(secrets.pins) > 30
    assert len(secrets.kvnrs) == 6
    assert len(secrets.names) > 10
    assert len(secrets.keys) > 20
    lines = [json.loads(line) for line in story.log.splitlines()]
    assert len(lines) > 200
    assert {"debug", "info", "warning"} <= {line["level"] for line in lines}
    assert {"tiaas.card", "tiaas.konnektor.errors"} <= {line["logger"] for line in lines}
    assert len(story.faults) > 60
    ready = json.dumps(story.ready, ensure_ascii=False).encode()
    assert {hit.partition(":")[0] for hit in secrets.found_in(ready)} == {
        "pins", "kvnrs", "iccsns", "names", "passwords",
    }  # fmt: skip
    books = b"".join(path.read_bytes() for path in story.folder.glob("lab.sqlite*"))
    assert any(hit.startswith("keys") for hit in secrets.found_in(books))


def test_the_log_holds_no_secret_and_nobody(story: Story) -> None:
    assert not story.secrets.found_in(story.log.encode())


def test_the_log_has_declared_fields_with_plain_values_only(story: Story) -> None:
    for line in map(json.loads, story.log.splitlines()):
        assert "undeclared" not in line, line
        assert set(line) >= _LOG_FIELDS
        assert not [value for value in line.values() if isinstance(value, str) and re.fullmatch(r"<\w+>", value)], line


def test_no_defect_showed(story: Story) -> None:
    assert "Traceback" not in story.console
    assert not [line for line in story.log.splitlines() if '"level": "error"' in line]


def test_the_console_shows_cards_and_names_but_no_secret(story: Story) -> None:
    """`up` lists the lab's cards for the person who started it: ICCSN and holder, as `tiaas card list` does."""
    assert story.ready["cards"]["egk"][0]["iccsn"] in story.console
    assert not story.secrets.found_in(story.console.encode(), but=frozenset({"iccsns", "names"}))


def test_faults_tell_nothing(story: Story) -> None:
    found = {hit for fault in story.faults for hit in story.secrets.found_in(fault)}
    assert not found


def test_the_control_port_shows_no_pin(story: Story) -> None:
    for answer in story.control:
        assert not story.secrets.found_in(answer, but=frozenset({"iccsns", "names", "kvnrs"}))
    assert any(b"********" in answer for answer in story.control), "an entry shows as asterisks"


def test_verbs_say_no_pin(story: Story) -> None:
    for said in story.verbs:
        assert not story.secrets.found_in(said.encode(), but=frozenset({"iccsns"})), said


def test_cards_that_were_read_say_what_they_are_read_for_and_no_more(story: Story) -> None:
    """The response of the card in a PoPP session, the record of a KVK; the broken one says nothing."""
    gdo, unexpected, record, broken = story.read
    iccsn = story.ready["cards"]["egk"][0]["iccsn"]
    assert iccsn in gdo
    assert iccsn in unexpected
    assert all(value in record for value in KVK.values())
    assert not story.secrets.found_in((gdo + unexpected).encode(), but=frozenset({"iccsns"}))
    assert not story.secrets.found_in(record.encode(), but=frozenset({"names"}))
    assert not story.secrets.found_in(broken.encode())
    assert b"SecureSendAPDU" in story.doors.recording.read_bytes()
    assert b"ReadKVK" in story.doors.recording.read_bytes()


def test_the_konnektor_keeps_no_pin_and_nobody(story: Story) -> None:
    """Of cards only the ICCSN of managed SM-Bs; a terminal's certificate names its gSMC-KT, which is nobody's."""
    secrets = story.secrets
    managed = {card["iccsn"] for card in story.ready["cards"]["smcb"]}
    secrets_kept = Secrets(secrets.pins, secrets.kvnrs, secrets.iccsns - managed, secrets.names, secrets.passwords)
    rows = documents(story.folder / "konnektor.sqlite", "SELECT kind || '/' || key, body FROM row")
    assert len(rows) > 5
    for name, body in rows:
        for octets in (name.encode(), *unpacked(body)):
            assert not secrets_kept.found_in(octets), name
    # What was deleted may still be in the file.
    for path in story.folder.glob("konnektor.sqlite*"):
        assert not secrets_kept.found_in(path.read_bytes(), but=frozenset({"pins"})), path.name


def test_the_konnektor_keeps_no_key_of_a_card(story: Story) -> None:
    cards = Secrets()
    for kind, body in documents(story.folder / "lab.sqlite", "SELECT kind, body FROM document"):
        if kind == "card":
            add_image(cards, body)
    assert len(cards.keys) > 20
    cards.pins.clear()
    for _, body in documents(story.folder / "konnektor.sqlite", "SELECT kind, body FROM row"):
        for octets in unpacked(body):
            assert not cards.found_in(octets)
    for path in story.folder.glob("konnektor.sqlite*"):
        assert not cards.found_in(path.read_bytes())


def test_everything_is_its_owners_alone(story: Story) -> None:
    assert len(story.modes) > 15
    for path, mode in story.modes.items():
        assert stat.S_IMODE(mode) == (0o700 if stat.S_ISDIR(mode) else 0o600), path
    for left in [story.folder, *story.folder.rglob("*")]:
        assert left.stat().st_mode & 0o077 == 0, left


def test_nothing_is_written_elsewhere(story: Story) -> None:
    assert story.left_in_tmp == []


# ---- the other doors -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_6479")
@pytest.mark.event("MGM/ADMINCHANGES", "MGM/LOGIN_FAILED", "LOG/CRYPTO_OP")
def test_the_protocol_holds_no_secret_and_nobody(story: Story) -> None:
    """All logs, with every change and refusal of the management interface and every use of a key."""
    files = [path for path in (story.folder / "protocol").rglob("*") if path.is_file()]
    text = b"".join(path.read_bytes() for path in files)
    assert len(files) > 2
    assert b"MGM/ADMINCHANGES" in text
    assert b"MGM/LOGIN_FAILED" in text
    used = {operation for operation in KEY_OF_OPERATION if f'"{operation}"'.encode() in text}
    assert b"LOG/CRYPTO_OP" in text
    assert used == set(KEY_OF_OPERATION)
    assert not story.secrets.found_in(text)


def test_management_shows_no_secret(story: Story) -> None:
    """ICCSN and holder stand in the overview of cards, the ICCSN of SM-Bs in the model: an administrator needs them."""
    assert len(story.doors.management) > 20
    assert sum(b'"' in answer for answer in story.doors.management.values()) > 20
    for path, answer in story.doors.management.items():
        allowed = {"iccsns", "names"} if path in ("/cards", "/certificates") else set()
        if path == "/infomodel":
            allowed = {"iccsns"}
        assert not story.secrets.found_in(answer, but=frozenset(allowed)), path
    for answer in story.doors.refusals:
        assert not story.secrets.found_in(answer), answer


def test_a_recording_is_marked_and_has_no_secret(story: Story) -> None:
    """KVNR, ICCSN and names are what it is for; PINs, passwords and keys never come by the interface it listens to."""
    assert "TEST DATA" in json.loads(story.doors.recording.read_text())["notice"].upper()
    assert b"VerifyPin" in story.doors.recording.read_bytes()
    # One PIN is in it because `_fail_at_messages` wrote it into messages, which no Konnektor can tell from an id.
    secrets = Secrets(story.secrets.pins - story.sent, passwords=story.secrets.passwords, keys=story.secrets.keys)
    assert len(story.sent) == 1
    for path in (story.doors.recording, story.doors.diagram):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not secrets.found_in(path.read_bytes()), path.name


def test_verbs_of_other_doors_say_no_secret(story: Story) -> None:
    for said in story.doors.verbs:
        assert not story.secrets.found_in(said.encode(), but=frozenset({"kvnrs", "iccsns", "names", "pins"})), said


def test_events_have_exactly_the_specified_parameters(story: Story) -> None:
    """Every event that came to a Clientsystem, against the catalogue; PINs and keys in none."""
    assert len(story.doors.events) > 30
    seen = set()
    for event in story.doors.events:
        topic = str(event.findtext("{*}Topic"))
        seen.add(topic)
        row = row_of(topic)
        assert row is not None, topic
        assert row.deliver, topic
        keys = [str(key.text) for key in event.iter("{*}Key")]
        assert len(set(keys)) == len(keys)
        assert set(keys) <= row.parameters, topic
        assert row.parameters - set(keys) <= NOT_EVERY_CARD_HAS, topic
        personal = frozenset({"iccsns", "kvnrs", "names"})
        assert not story.secrets.found_in(etree.tostring(event), but=personal), topic
    assert {"CARD/INSERTED", "CARD/REMOVED", "CT/DISCONNECTED", "VSDM/PROGRESS/READVSD"} <= seen
    assert {"CARD/PIN/VERIFY_STARTED", "SIG/SIGNDOC/NEXT_SUCCESSFUL"} <= seen


def test_no_core_file_can_be_made(story: Story) -> None:
    (line,) = [line for line in story.limits.splitlines() if line.startswith("Max core file size")]
    assert all(int(word) <= 1 for word in line.split()[4:6])


def test_the_ready_file_is_its_owners_alone(story: Story) -> None:
    """Removed by an orderly stop; after kill -9 it lies there, as private as before."""
    ready = str(story.folder / "ready.json")
    assert stat.S_IMODE(story.modes[ready]) == 0o600
    assert stat.S_IMODE(Path(ready).stat().st_mode) == 0o600
