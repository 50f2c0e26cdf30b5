"""One lab: a technician at the virtual terminal (`tiaas terminal`), an administrator, days that pass."""

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.lab.labprocess import usual_ports_taken
from tiaas.base.clock import ShiftedClock, SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.base.secret import Secret
from tiaas.cli.compose import Running, UpOptions, running
from tiaas.cli.entry import main
from tiaas.cli.progress import Progress
from tiaas.client import connect, load_kon
from tiaas.client.cetp import CetpReceiver, ReceivedEvent, receive_events
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.konnektor import cardstatus, expiry
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.terminaladmin import TerminalAdmin
from tiaas.konnektor.terminalfirmware import FirmwarePackage
from tiaas.konnektor.terminallist import AdminAccount, Correlation
from tiaas.lab.registry import Registry
from tiaas.terminal.pairing import fingerprint

pytestmark = pytest.mark.asyncio(loop_scope="module")
CT = "CT-1"


class Bench:
    """The lab, and what is said in it."""

    def __init__(self, run: Running) -> None:
        self.run = run
        self.instance = run.served[0].instance
        self.admin: TerminalAdmin = self.instance.terminal_admin

    async def hand(self, *words: str) -> None:
        """`tiaas terminal …` on this lab."""
        folder = self.run.lab.store.folder
        code = await asyncio.to_thread(main, ["terminal", *words, "--dir", str(folder)])
        assert code == 0

    async def say(self, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
        """Any other verb on this lab; its answer in JSON."""
        folder = self.run.lab.store.folder
        capsys.readouterr()
        assert await asyncio.to_thread(main, [*words, "--dir", str(folder), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    async def pair(self) -> None:
        offer = await self.admin.offer_pairing(CT)
        await self.admin.confirm_pairing(CT, offer.fingerprint)

    async def worth(self, handle: str, status: str) -> None:
        """Waits until the Konnektor knows that of a card's certificates, as its status page shows it."""
        async with asyncio.timeout(60):
            while self.instance.expiry.statuses.status_of(handle) != status:  # noqa: ASYNC110 (it has no event)
                await asyncio.sleep(0.02)

    async def until(self, correlation: Correlation, error: int | None) -> None:
        async with asyncio.timeout(60):
            while self._state() != (correlation, error):  # noqa: ASYNC110 (it has no event of its own)
                await asyncio.sleep(0.02)

    def _state(self) -> tuple[Correlation, int | None]:
        view = self.admin.view(CT)
        return view.correlation, view.error

    def holds(self, condition: Condition) -> bool:
        return self.instance.context.opstate.holds(condition, CT)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    folder: Path = tmp_path_factory.mktemp("hand")
    clock = ShiftedClock(SystemClock(), timedelta())
    options = UpOptions(folder / "lab", locked=True, ecc_only=True)
    registry = Registry({"XDG_STATE_HOME": str(folder / "state")})
    with pytest.MonkeyPatch.context() as patch:
        # What is looked at every few seconds, whether a day has passed or a card has come.
        for module, name in ((expiry, "_LOOK_SECONDS"), (cardstatus, "_LOOK_SECONDS"), (cardstatus, "_FIRST_SECONDS")):
            patch.setattr(module, name, 0.1)
        async with AsyncExitStack() as stack:
            # Its terminal is switched off and on.
            with usual_ports_taken():
                lab = running(options, registry, Progress(clock), clock=clock, entropy=SystemEntropy())
                run = await stack.enter_async_context(lab)
            yield Bench(run)


@pytest.mark.event("OPERATIONAL_STATE/EC_CardTerminal_gSMC-KT_Certificate_Expires_Soon")
@pytest.mark.code(4029)
@pytest.mark.requirement("TIP1-A_4545-03")
async def test_a_certificate_that_ends_soon(bench: Bench) -> None:
    """Another certificate than the pairing's is refused; once paired its end is told 35 days before."""
    await bench.hand("expire", CT, "--days", "20")
    await bench.until(Correlation.GEPAIRT, 4029)
    await bench.pair()
    assert bench.admin.view(CT).correlation is Correlation.AKTIV
    assert bench.holds(Condition.CARD_TERMINAL_CERTIFICATE_EXPIRES_SOON)


@pytest.mark.code(1021, 4028)
async def test_a_certificate_that_has_ended(bench: Bench) -> None:
    """No session with it (4028), and pairing says why (1021)."""
    await bench.hand("expire", CT)
    await bench.until(Correlation.AKTIV, 4028)
    await bench.admin.set_correlation(CT, Correlation.GEPAIRT)
    await bench.admin.set_correlation(CT, Correlation.ZUGEWIESEN)
    with pytest.raises(KonnektorError) as refused:
        await bench.admin.offer_pairing(CT)
    assert refused.value.code == 1021


async def test_another_gsmckt(bench: Bench) -> None:
    """The terminal has another identity with it and is paired like a new one; its old blocks stay."""
    before = bench.run.lab.terminal(CT).record.slots[4]
    await bench.hand("exchange", CT)
    assert bench.run.lab.terminal(CT).record.slots[4] != before
    await _again(bench)
    assert bench.admin.view(CT).connected
    assert not bench.holds(Condition.CARD_TERMINAL_CERTIFICATE_EXPIRES_SOON)


@pytest.mark.code(4041)
async def test_the_pairing_menu_of_the_terminal(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Blocks fill up, the next pairing is refused, and the terminal's administrator makes room."""
    state = bench.run.lab.terminal(CT).virtual.state
    while len(state.blocks) < 3:
        await _again(bench)
    with pytest.raises(KonnektorError) as refused:
        await _again(bench)
    assert refused.value.code == 4041
    capsys.readouterr()
    await bench.hand("pairing", CT, "--delete", "1", "--json")
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert shown["free"] == 1
    await bench.pair()
    await bench.hand("pairing", CT, "--delete", "3.1")
    assert [len(block.keys) for block in state.blocks][-1] == 0
    await bench.hand("pairing", CT, "--delete", "all")
    assert state.blocks == []
    await bench.instance.context.terminals.reconnect(bench.instance.context.terminals.entry(CT))
    await bench.until(Correlation.GEPAIRT, 4029)
    await bench.pair()


async def _again(bench: Bench) -> None:
    if bench.admin.view(CT).correlation is Correlation.AKTIV:
        await bench.admin.set_correlation(CT, Correlation.GEPAIRT)
        await bench.admin.set_correlation(CT, Correlation.ZUGEWIESEN)
    await bench.pair()


async def test_a_second_connection_is_closed_and_the_first_one_stays(bench: Bench) -> None:
    """A terminal serves one Konnektor at a time (gemSpec_KT TIP1-A_3067)."""
    host, _, port = bench.run.lab.terminal(CT).sicct.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    assert await reader.read() == b""
    writer.close()
    assert bench.admin.view(CT).connected
    await bench.admin.verify_pairing(CT)


async def test_firmware_images_are_made_by_hand(bench: Bench, tmp_path: Path) -> None:
    """What `tiaas terminal firmware` writes a virtual terminal takes."""
    file = tmp_path / "kt.bin"
    assert await asyncio.to_thread(main, ["terminal", "firmware", str(file), "--version", "2.0.0"]) == 0
    await bench.admin.firmware.put(FirmwarePackage("DETIA", "TIAASVKT", "2.0.0", file.read_bytes()))
    assert bench.holds(Condition.CARD_TERMINAL_SOFTWARE_OUT_OF_DATE)
    await bench.admin.set_account(CT, AdminAccount("admin", Secret(b"admin")))
    view = await bench.admin.update_firmware(CT)
    assert view.product is not None
    assert view.product.firmware_version == "2.0.0"
    assert bench.run.lab.terminal(CT).record.to_document()["state"]["firmware"] == [2, 0, 0, "00001"]


async def test_an_administrator_at_the_command_line(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """`tiaas admin terminal`: unpaired and paired again, with the fingerprint of the paper."""
    folder = str(bench.run.lab.store.folder)

    async def admin(*words: str) -> str:
        capsys.readouterr()
        assert await asyncio.to_thread(main, ["admin", "terminal", *words, "--dir", folder]) == 0
        return capsys.readouterr().out

    assert "aktiv" in await admin("list")
    for step in ("deactivate", "unpair"):
        await admin(step, CT)
    bench.run.lab.terminal(CT).virtual.state.blocks.clear()
    paper = fingerprint(bench.run.lab.terminal_certificate(bench.run.lab.terminal(CT)))
    shown = json.loads(await admin("pair", CT, "--fingerprint", paper, "--json"))
    assert (shown["correlation"], shown["paired_with"]) == ("aktiv", paper)
    await admin("verify", CT)
    await admin("message", CT, "Hier bin ich")
    assert bench.run.lab.terminal(CT).virtual.snapshot().display == "Hier bin ich"


_HBA = """
kind: HBA
professional: {{key: new, kind: arzt, vorname: Ida, nachname: Bald, telematik_id: 1-10999990000078, authority: LÄK}}
state: {{certificates_until: "{last:%Y%m%d}"}}
"""


class Ear:
    """Events of one card, each heard once, whatever came before it."""

    def __init__(self, receiver: CetpReceiver, iccsn: str) -> None:
        self._receiver = receiver
        self._iccsn = iccsn
        self._waiting: list[ReceivedEvent] = []

    async def hears(self, topic: str) -> ReceivedEvent:
        # An instance looks at no certificate in its first half minute.
        async with asyncio.timeout(50):
            while True:
                for event in self._waiting:
                    if event.event.topic == topic:
                        self._waiting.remove(event)
                        return event
                event = await self._receiver.next()
                if event.parameters["ICCSN"] == self._iccsn:
                    self._waiting.append(event)


@pytest.mark.requirement("TIP1-A_4691", "TIP1-A_4695", "A_23311")
@pytest.mark.event("CERT/CARD/EXPIRATION", "CERT/CARD/STATUS")
async def test_a_made_card_ends_while_days_pass(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tiaas card make`, `card insert`, `lab clock`; last in its lab, for time does not go back."""
    now = datetime.fromisoformat((await bench.say(capsys, "lab", "clock"))["now"])
    noon = datetime.combine(now.date() + timedelta(days=1), time(12), now.tzinfo)
    moved = await bench.say(capsys, "lab", "clock", "--days", str((noon - now) / timedelta(days=1)))
    assert timedelta() <= datetime.fromisoformat(moved["now"]) - noon < timedelta(hours=1)
    form, last = tmp_path / "hba.yaml", noon.date() + timedelta(days=1)
    form.write_text(_HBA.format(last=last), encoding="utf-8")
    iccsn = (await bench.say(capsys, "card", "make", str(form)))["iccsn"]
    kon = load_kon(bench.run.served[0].kon_file, os.environ)
    async with connect(kon) as konnektor, receive_events("127.0.0.1") as receiver:
        held = await konnektor.subscribe(f"cetp://127.0.0.1:{receiver.port}", "CERT/CARD")
        before = next(card for card in await konnektor.get_cards() if card.card_type is CardType.HBA)
        await bench.say(capsys, "card", "eject", before.iccsn or "")
        await bench.say(capsys, "card", "insert", iccsn, "--terminal", CT, "--slot", str(before.slot_id))
        ear = Ear(receiver, iccsn)
        soon = await ear.hears("CERT/CARD/EXPIRATION")
        card = next(card for card in await konnektor.get_cards() if card.iccsn == iccsn)
        told = {
            "CARD_TYPE": "HBA",
            "ICCSN": iccsn,
            "CARD_HANDLE": card.card_handle,
            "CardHolderName": card.card_holder_name,
            "ZertName": "C.HP.AUT.E256",
            "ExpirationDate": last.isoformat(),
        }
        assert soon.parameters == {**told, "DAYS_LEFT": "1"}
        assert (soon.event.type.value, soon.event.severity.value) == ("Operation", "Info")
        await bench.worth(card.card_handle, "Good")
        for left in ({"DAYS_LEFT": "0"}, {}):
            await konnektor.renew_subscriptions(held.subscription_id)
            await bench.say(capsys, "lab", "clock", "--days", "1")
            daily = await ear.hears("CERT/CARD/EXPIRATION")
            assert daily.parameters == {**told, **left}
            assert daily.event.severity.value == ("Info" if left else "Warning")
        # A status service whose answer was under way while a day passed is asked again an hour later.
        await konnektor.renew_subscriptions(held.subscription_id)
        await bench.say(capsys, "lab", "clock", "--days", "0.1")
        status = await ear.hears("CERT/CARD/STATUS")
        told["CertName"] = "C.HP.QES.E256"
        del told["ZertName"]
        assert status.parameters == {**told, "CARD_CERTSTATUS": "Invalid"}
        await bench.worth(card.card_handle, "Invalid")
    found = await bench.say(capsys, "admin", "expiry")
    (ended,) = [each for each in found["expiring"] if each["iccsn"] == iccsn]
    assert (ended["certificate"], ended["days_left"]) == ("C.HP.AUT.E256", -1)
