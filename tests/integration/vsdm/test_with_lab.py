"""ReadVSD online through everything: SOAP client, Konnektor, terminal, cards and the Fachdienste of a lab."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.lab.labprocess import LabProcess, on_ports_of_its_own
from tiaas.client import Konnektor, KonnektorFault, Vsd, connect, load_kon
from tiaas.fachdienste.vsdm.receipt import Receipt, Result, read_receipt_untrusted
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.lab.faults import CODES, Service

NUMBERS = count(1)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    with on_ports_of_its_own(tmp_path_factory.mktemp("online") / "lab") as process:
        yield process
        process.stop()


@dataclass
class Desk:
    """A client of the Konnektor and the lab's control port."""

    konnektor: Konnektor
    control: httpx.AsyncClient
    ready: dict[str, Any]

    @property
    def iccsn(self) -> str:
        return str(next(card["iccsn"] for card in self.ready["cards"]["egk"] if card["in"]))

    async def read(self, online: bool = True, receipt: bool = True) -> Vsd:
        cards = {card.card_type: card.card_handle for card in await self.konnektor.get_cards()}
        return await self.konnektor.read_vsd(cards[CardType.EGK], cards[CardType.SMC_B], online, receipt)

    async def receipt(self) -> Receipt:
        xml = (await self.read()).receipt
        assert xml is not None
        return read_receipt_untrusted(xml)

    async def ask(self, method: str, url: str, **body: Any) -> Any:
        answer = await self.control.request(method, url, json=body or None)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def fault(self, service: str, **what: Any) -> None:
        await self.ask("POST", self.ready["lab"]["faults"], service=service, **what)

    async def fault_used_up(self) -> bool:
        """Whether the service has met what `fault` told it."""
        return not (await self.ask("GET", self.ready["lab"]["faults"]))["faults"]

    async def operations(self, since: int) -> list[str]:
        entries = (await self.ask("GET", f"{self.ready['lab']['journal']}?since={since}"))["entries"]
        return [entry["operation"] for entry in entries if entry["service"] in ("ufs", "vsdd", "cms")]

    async def last(self) -> int:
        entries = (await self.ask("GET", f"{self.ready['lab']['journal']}?since=0"))["entries"]
        return max((int(entry["number"]) for entry in entries), default=0)

    def terminal(self, path: str) -> str:
        return f"{self.ready['terminals'][0]['control']}{path}"

    async def unlock(self) -> None:
        """The SMC-B's PIN, typed by the lab."""
        cards = {card.card_type: card.card_handle for card in await self.konnektor.get_cards()}
        await self.konnektor.verify_pin(cards[CardType.SMC_B], "PIN.SMC")

    async def change(self, slot: int, iccsn: str) -> None:
        """Another card in the slot."""
        await self.ask("POST", self.terminal(f"/slots/{slot}/eject"))
        await self.ask("POST", self.terminal(f"/slots/{slot}/insert"), iccsn=iccsn)

        async def is_there() -> bool:
            return any(card.iccsn == iccsn for card in await self.konnektor.get_cards())

        await self.until(is_there)

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(60):
            while not await holds():  # noqa: ASYNC110 (what is waited for has no event of its own)
                await asyncio.sleep(0.02)


@pytest.fixture
async def desk(process: LabProcess) -> AsyncIterator[Desk]:
    ready = process.ready
    kon = load_kon(Path(ready["kon_file"]), os.environ)
    async with connect(kon) as konnektor, httpx.AsyncClient(trust_env=False) as control:
        yield Desk(konnektor, control, ready)
        await control.delete(ready["lab"]["faults"])


async def update(desk: Desk, task: str = "data", **change: str) -> None:
    """An update of the card in the terminal waits from now on."""
    await desk.ask("POST", f"{desk.ready['lab']['control']}/updates", iccsn=desk.iccsn, task=task, change=change)


async def test_one_question_where_nothing_waits(desk: Desk) -> None:
    since = await desk.last()
    receipt = await desk.receipt()
    assert (receipt.result, receipt.code) == (Result.NO_UPDATE_NEEDED, None)
    assert receipt.proof is not None
    assert len(receipt.proof) == 47
    assert await desk.operations(since) == ["GetUpdateFlags"]


async def test_an_update_changes_the_card_in_few_messages(process: LabProcess, desk: Desk) -> None:
    words = ("--street", "Lange Gasse", "--number", "9", "--dir", str(process.folder))
    done = await asyncio.to_thread(process.tiaas, "lab", "update", desk.iccsn, *words)
    assert done.returncode == 0, done.stderr
    since = await desk.last()
    vsd = await desk.read()
    assert vsd.receipt is not None
    assert read_receipt_untrusted(vsd.receipt).result is Result.UPDATED
    assert vsd.personal.strassen_adresse is not None
    assert vsd.personal.strassen_adresse.strasse == "Lange Gasse"
    assert await desk.operations(since) == ["GetUpdateFlags", "PerformUpdates"] + ["GetNextCommandPackage"] * 3
    again = await desk.read(online=False, receipt=False)
    assert again.personal_xml == vsd.personal_xml
    assert again.protected is not None


NEXT = "GetNextCommandPackage"
# What is wrong, and what the service says that finds it out: none of these faults names an answer.
CAUSES: list[tuple[str, dict[str, Any], int]] = [
    ("ufs", {"code": "record-missing"}, 11101),
    ("ufs", {"code": "record-mixed-up"}, 11999),
    ("ufs", {"code": "record-unreadable"}, 500),
    ("ufs", {"code": "database-away"}, 1011),
    ("intermediaer", {"code": "misrouted", "match": "/UFS/"}, 1006),
    ("intermediaer", {"code": "damaged", "match": "/UFS/"}, 11148),
    ("intermediaer", {"code": "misrouted", "match": "/VSD/"}, 1006),
    ("intermediaer", {"code": "damaged", "match": "/VSD/"}, 12148),
    ("intermediaer", {"code": "damaged", "match": "/VSD/", "skip": 2}, 12148),
    ("vsdd", {"code": "record-missing"}, 12101),
    ("vsdd", {"code": "record-mixed-up", "match": f"{NEXT} * 3"}, 12999),
    ("vsdd", {"code": "record-unreadable", "match": f"{NEXT} * 2"}, 500),
    ("vsdd", {"code": "database-away"}, 1011),
    ("vsdd", {"code": "key-wrong"}, 12103),
    ("vsdd", {"code": "session-lost", "match": f"{NEXT} * 3"}, 1014),
    ("vsdd", {"code": "session-silent", "match": f"{NEXT} * 2"}, 5),
]


@pytest.mark.parametrize("service", [Service.INTERMEDIAER, Service.UFS, Service.VSDD])
def test_no_cause_is_left_out(service: Service) -> None:
    causes = {code for code in CODES[service] if not code.isdecimal()}
    assert {what["code"] for name, what, _ in CAUSES if name == service} == causes
    assert CODES[Service.CMS] == CODES[Service.VSDD]


@pytest.mark.code(5, 500, 1006, 1011, 1014, 11101, 11148, 11999, 12101, 12103, 12148, 12999)
@pytest.mark.parametrize(
    ("service", "what", "code"),
    [
        *CAUSES,
        ("ufs", {"http": 503}, None),
        ("ufs", {"drop": True}, None),
        ("intermediaer", {"http": 502}, None),
        ("intermediaer", {"drop": True}, None),
        ("vsdd", {"http": 500}, None),
        ("vsdd", {"drop": True}, None),
    ],
)
async def test_faults_are_e_3_and_the_next_check_makes_it_good(
    desk: Desk, service: str, what: dict[str, Any], code: int | None
) -> None:
    await update(desk, ort=f"Neustadt {next(NUMBERS)}")
    # The Intermediär asks a Fachdienst again that hangs up, so such a fault must last.
    await desk.fault(service, **{"times": None if "drop" in what else 1, **what})
    receipt = await desk.receipt()
    assert (receipt.result, receipt.code, receipt.proof) == (Result.UPDATE_IMPOSSIBLE, code, None)
    await desk.control.delete(desk.ready["lab"]["faults"])
    assert (await desk.receipt()).result is Result.UPDATED
    assert (await desk.read(online=False)).consistent


@pytest.mark.parametrize(
    ("apdu", "sw", "code"),
    [
        pytest.param("0CD6", "6581", 12105, id="the card's memory is defective"),
        pytest.param("0CD6", "6982", 12999, id="the card does not let the insurer write"),
    ],
)
@pytest.mark.code(12105, 12999)
async def test_what_a_card_does_decides_the_code_of_its_insurer(desk: Desk, apdu: str, sw: str, code: int) -> None:
    """Nobody tells the VSDD what to say: it judges what the card answers to its commands."""
    await update(desk, ort=f"Kartenstadt {next(NUMBERS)}")
    await desk.fault("card", code=sw, match=f"{desk.iccsn} * {apdu}")
    receipt = await desk.receipt()
    assert (receipt.result, receipt.code, receipt.proof) == (Result.UPDATE_IMPOSSIBLE, code, None)
    assert await desk.fault_used_up()
    assert (await desk.receipt()).result is Result.UPDATED
    assert (await desk.read(online=False)).consistent


@pytest.mark.code(12101)
async def test_an_update_that_is_taken_back_during_the_check_is_12101(desk: Desk) -> None:
    await update(desk, ort=f"Rückstadt {next(NUMBERS)}")
    updates = f"{desk.ready['lab']['control']}/updates"
    (waiting,) = [each for each in (await desk.ask("GET", updates))["updates"] if each["iccsn"] == desk.iccsn]
    since = await desk.last()
    await desk.fault("vsdd", match="PerformUpdates", delay=3)
    reading = asyncio.create_task(desk.receipt())

    async def was_told() -> bool:
        return "GetUpdateFlags" in await desk.operations(since) and await desk.fault_used_up()

    await desk.until(was_told)
    await desk.ask("DELETE", f"{updates}/{waiting['update_id']}")
    receipt = await reading
    assert (receipt.result, receipt.code) == (Result.UPDATE_IMPOSSIBLE, 12101)
    assert (await desk.receipt()).result is Result.NO_UPDATE_NEEDED


@pytest.mark.code(12102)
async def test_data_of_a_locked_card_need_another_update_first(desk: Desk) -> None:
    await update(desk, "lock")
    assert await fails_with(asyncio.create_task(desk.read())) == 114
    await update(desk, ort=f"Sperrstadt {next(NUMBERS)}")
    since = await desk.last()
    assert await fails_with(asyncio.create_task(desk.read())) == 114
    entries = (await desk.ask("GET", f"{desk.ready['lab']['journal']}?since={since}"))["entries"]
    assert ["fault 12102" in entry["outcome"] for entry in entries if entry["service"] == "vsdd"][-1]
    await update(desk, "unlock")
    assert (await desk.receipt()).result is Result.UPDATED


@pytest.mark.parametrize("what", [{"code": "1014"}, {"http": 503}, {"drop": True}])
async def test_a_break_in_mid_update_is_3001_until_the_next_check(desk: Desk, what: dict[str, Any]) -> None:
    """The service fails when it has the answers of the package that writes: the card says that it is inconsistent."""
    await update(desk, ort=f"Altstadt {next(NUMBERS)}")
    await desk.fault("vsdd", match="GetNextCommandPackage", times=None, **what)
    # Faults strike by what a request is about; the first such message comes before anything is written.
    first = await desk.receipt()
    assert first.result is Result.UPDATE_IMPOSSIBLE
    await desk.control.delete(desk.ready["lab"]["faults"])
    assert (await desk.receipt()).result is Result.UPDATED
    assert (await desk.read(online=False)).consistent


async def test_a_card_pulled_in_the_middle_is_repaired(desk: Desk) -> None:
    await desk.read()
    await update(desk, ort="Mittendrin")
    since = await desk.last()
    slot = next(card["in"]["slot"] for card in desk.ready["cards"]["egk"] if card["in"])
    await desk.fault("terminal", delay=0.1, times=0)
    reading = asyncio.create_task(desk.read())

    async def writing() -> bool:
        return (await desk.operations(since)).count("GetNextCommandPackage") >= 2 or reading.done()

    try:
        await desk.until(writing)
        await desk.ask("POST", desk.terminal(f"/slots/{slot}/eject"))
        with pytest.raises(KonnektorFault) as caught:
            await reading
        assert caught.value.code == 4094
    finally:
        await desk.ask("DELETE", f"{desk.ready['lab']['faults']}?service=terminal")
        await desk.ask("POST", desk.terminal(f"/slots/{slot}/insert"))

    async def back() -> bool:
        return any(card.card_type is CardType.EGK for card in await desk.konnektor.get_cards())

    await desk.until(back)
    # Whether the card was in the middle of a write is chance; if so nobody gets its data (3001).
    await asyncio.gather(desk.read(online=False, receipt=False), return_exceptions=True)
    assert (await desk.receipt()).result is Result.UPDATED
    vsd = await desk.read(online=False, receipt=False)
    assert vsd.consistent
    assert vsd.personal.strassen_adresse is not None
    assert vsd.personal.strassen_adresse.ort == "Mittendrin"


async def fails_with(reading: "asyncio.Task[Vsd]") -> int:
    with pytest.raises(KonnektorFault) as caught:
        await reading
    return caught.value.code


@pytest.mark.parametrize(
    ("service", "match", "again"),
    [("ufs", None, Result.NO_UPDATE_NEEDED), ("vsdd", "GetNextCommandPackage", Result.UPDATED)],
)
async def test_a_terminal_lost_during_the_check_is_4094_and_repaired(
    desk: Desk, service: str, match: str | None, again: Result
) -> None:
    """While UFS, or VSDD in the middle of an update, has the word the terminal's line breaks."""
    await desk.read()
    if again is Result.UPDATED:
        await update(desk, ort=f"Abbruch {next(NUMBERS)}")
    await desk.fault(service, delay=2.0, times=1, **({} if match is None else {"match": match}))
    reading = asyncio.create_task(desk.read())
    await desk.until(desk.fault_used_up)
    await desk.ask("POST", desk.terminal("/plug"), state="out")
    try:
        assert await fails_with(reading) == 4094
    finally:
        await desk.ask("POST", desk.terminal("/plug"), state="in")

    async def back() -> bool:
        kinds = {card.card_type for card in await desk.konnektor.get_cards()}
        return kinds >= {CardType.EGK, CardType.SMC_B}

    await desk.until(back)
    await desk.unlock()
    if again is Result.NO_UPDATE_NEEDED:
        assert (await desk.read(online=False, receipt=False)).consistent
    assert (await desk.receipt()).result is again
    assert (await desk.read(online=False)).consistent


@pytest.mark.parametrize(
    ("service", "match", "again"),
    [("ufs", None, Result.NO_UPDATE_NEEDED), ("vsdd", "GetNextCommandPackage", Result.UPDATED)],
)
async def test_the_smcb_pulled_during_the_check_is_4094_and_repaired(
    desk: Desk, service: str, match: str | None, again: Result
) -> None:
    """Whose name stands in the eGK's log is gone: 4094, and the eGK is as after any other break."""
    await desk.read()
    if again is Result.UPDATED:
        await update(desk, ort=f"Gezogen {next(NUMBERS)}")
    slot = next(card.slot_id for card in await desk.konnektor.get_cards() if card.card_type is CardType.SMC_B)
    await desk.fault(service, delay=2.0, times=1, **({} if match is None else {"match": match}))
    reading = asyncio.create_task(desk.read())
    await desk.until(desk.fault_used_up)
    await desk.ask("POST", desk.terminal(f"/slots/{slot}/eject"))
    try:
        assert await fails_with(reading) == 4094
    finally:
        await desk.ask("POST", desk.terminal(f"/slots/{slot}/insert"))

    async def back() -> bool:
        return any(card.card_type is CardType.SMC_B for card in await desk.konnektor.get_cards())

    await desk.until(back)
    await desk.unlock()
    assert (await desk.receipt()).result is again
    assert (await desk.read(online=False)).consistent


@pytest.mark.parametrize(("code", "result"), [("tryLater", Result.CERTIFICATE_UNCHECKED), ("revoked", None)])
async def test_the_status_of_the_certificate_is_asked(desk: Desk, code: str, result: Result | None) -> None:
    await desk.receipt()
    usual = desk.iccsn
    other = [card["iccsn"] for card in desk.ready["cards"]["egk"] if not card["in"]][2 if result else 3]
    slot = next(card["in"]["slot"] for card in desk.ready["cards"]["egk"] if card["in"])
    await desk.change(slot, other)
    try:
        await desk.fault("ocsp", code=code, times=None)
        if result is None:
            with pytest.raises(KonnektorFault, match="106"):
                await desk.read()
        else:
            assert (await desk.receipt()).result is result
    finally:
        await desk.control.delete(desk.ready["lab"]["faults"])
        await desk.change(slot, usual)


async def test_a_locked_card_is_114_until_the_insurer_unlocks_it(desk: Desk) -> None:
    await update(desk, "lock")
    with pytest.raises(KonnektorFault, match="114"):
        await desk.read()
    with pytest.raises(KonnektorFault, match="114"):
        await desk.read(online=False, receipt=False)
    await update(desk, "unlock")
    # Without PerformOnlineCheck: a locked card is checked in every case.
    assert (await desk.read(online=False, receipt=False)).protected is not None


async def test_the_command_line_shows_the_receipt(process: LabProcess) -> None:
    shown = process.tiaas("vsd", "read", "--dir", str(process.folder))
    assert "Prüfungsnachweis  2 keine Aktualisierung nötig" in shown.stdout
    assert "Prüfziffer" in shown.stdout
    shown = process.tiaas("vsd", "read", "--online", "--no-receipt", "--dir", str(process.folder))
    assert "Prüfungsnachweis  keiner" in shown.stdout
    shown = process.tiaas("vsd", "read", "--offline", "--stored-receipt", "--json", "--dir", str(process.folder))
    assert '"result": 2' in shown.stdout
