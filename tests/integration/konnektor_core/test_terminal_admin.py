"""An administrator and real virtual terminals: found, added, paired, updated, refused."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.konnektor_core.surgery import CT, MAC, Surgery
from tests.integration.terminal.fakecards import Slow
from tests.ports import free_port
from tiaas.base.secret import Secret
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.konnektor.network import Network
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.terminaladmin import TerminalAdmin, build_terminal_admin
from tiaas.konnektor.terminalfirmware import FirmwarePackage
from tiaas.konnektor.terminalinteraction import Mode
from tiaas.konnektor.terminallist import AdminAccount, Correlation, Role
from tiaas.konnektor.terminalsettings import TerminalSettings
from tiaas.terminal.front import Patience
from tiaas.terminal.pairing import fingerprint
from tiaas.terminal.sicct.discovery import DiscoveryRequest, decode_discovery_untrusted
from tiaas.terminal.virtual.config import PinMode, PinPolicy
from tiaas.terminal.virtual.firmware import FirmwareImage
from tiaas.terminal.virtual.mishaps import Mishaps
from tiaas.terminal.virtual.state import MAX_BLOCKS
from tiaas.terminal.virtual.terminal import VirtualTerminal

ADMIN = AdminAccount("admin", Secret(b"admin"))
MODEL, MANUFACTURER = "TIAASVKT", "DETIA"


class Administered(Surgery):
    """A surgery whose terminals an administrator looks after."""

    admin: TerminalAdmin

    async def boot(self) -> None:
        await super().boot()
        settings = TerminalSettings(discovery_timeout=0.4)
        self.admin = build_terminal_admin(self.core, Network("127.0.0.1"), settings)
        await self.admin.load()
        await self.admin.start()

    async def shut(self) -> None:
        await self.admin.stop()
        await super().shut()

    @property
    def at(self) -> str:
        """Where the terminal's UDP port is."""
        return f"127.0.0.1:{self.terminal.port}"

    def correlation(self, ct_id: str = CT) -> Correlation:
        return self.admin.view(ct_id).correlation

    def told(self, topic: Topic) -> list[dict[str, str]]:
        return [dict(event.parameters) for event in self.events if event.topic is topic]


@pytest.fixture
async def surgery(tmp_path: Path) -> AsyncIterator[Administered]:
    surgery = Administered(tmp_path)
    await surgery.open()
    yield surgery
    await surgery.close()


async def code_of(work: object) -> int:
    """The code that the call is refused with."""
    with pytest.raises(KonnektorError) as refused:
        await work  # type: ignore[misc]
    return refused.value.code


@pytest.mark.event("CT/CT_ADDING_ERROR")
@pytest.mark.requirement("TIP1-A_6477", "TIP1-A_4555", "TIP1-A_4546", "TIP1-A_5698")
@pytest.mark.code(4033, 4035, 4036, 4037)
@pytest.mark.requirement("TIP1-A_4554", "TIP1-A_4556", "TIP1-A_4985")
async def test_from_found_to_active(surgery: Administered) -> None:
    """Discovery, assignment, pairing in two steps, and every refusal on the way."""
    admin = surgery.admin
    await admin.remove(CT)
    surgery.terminal.state.blocks.clear()
    nobody = "127.0.0.1:9"
    assert await code_of(admin.add(nobody)) == 4033
    (failure,) = surgery.told(Topic.CT_ADDING_ERROR)
    assert failure["Error"] == "4033"
    assert failure["IP"] == "127.0.0.1"
    assert await code_of(admin.add(surgery.at, mac=bytes(6))) == 4035
    assert await code_of(admin.add(surgery.at, name="kt-labor")) == 4036
    assert await code_of(admin.add("127.0.0.1", ask=False)) == 4000
    assert admin.list() == ()
    (found,) = await admin.finder.discover([surgery.at])
    assert (found.mac, found.name, found.port) == (MAC, "kt-empfang", surgery.terminal.port)
    (view,) = admin.list()
    assert view.correlation is Correlation.BEKANNT
    assert view.ct_id == "00:AA:BB:CC:DD:EE"
    assert await code_of(admin.offer_pairing(view.ct_id)) == 4037
    await admin.set_correlation(view.ct_id, Correlation.ZUGEWIESEN)
    offer = await admin.offer_pairing(view.ct_id)
    assert offer.fingerprint == fingerprint(offer.certificate)
    assert surgery.terminal.state.blocks == []
    view = await admin.confirm_pairing(view.ct_id, offer.fingerprint.replace(":", "").lower())
    assert (view.correlation, view.connected, view.slots) == (Correlation.AKTIV, True, 4)
    assert view.paired_with == offer.fingerprint
    assert view.display is not None
    assert (view.display.columns, view.display.lines) == (20, 4)
    assert await code_of(admin.offer_pairing(view.ct_id)) == 4037
    await admin.verify_pairing(view.ct_id)
    assert await code_of(admin.edit(view.ct_id, name="anders")) == 4036
    assert await code_of(admin.edit(view.ct_id, host="127.0.0.1:9")) == 4033
    assert admin.view(view.ct_id).name == "kt-empfang"


@pytest.mark.event("CT/ERROR")
@pytest.mark.requirement("TIP1-A_4548-02")
@pytest.mark.code(4040, 4041, 4042)
async def test_pairing_that_is_refused(surgery: Administered, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong fingerprint, somebody who presses cancel, a terminal without a free block, a version nobody knows."""
    admin, state = surgery.admin, surgery.terminal.state
    await admin.set_correlation(CT, Correlation.GEPAIRT)
    await admin.set_correlation(CT, Correlation.ZUGEWIESEN)
    assert surgery.core.terminals.entry(CT).config.pairing is None
    assert len(state.blocks) == 1  # a terminal keeps its block: only its own administrator deletes it
    offer = await admin.offer_pairing(CT)
    assert await code_of(admin.confirm_pairing(CT, "00" * 32)) == 4040
    surgery.terminal.pin_policy = PinPolicy(PinMode.CANCEL)
    assert await code_of(admin.confirm_pairing(CT, offer.fingerprint)) == 4041
    assert surgery.told(Topic.CT_ERROR)[-1]["Bedeutung"].endswith("6401")
    surgery.terminal.pin_policy = PinPolicy(PinMode.AUTO)
    for _ in range(MAX_BLOCKS - 1):
        await admin.confirm_pairing(CT, offer.fingerprint)
        await admin.set_correlation(CT, Correlation.GEPAIRT)
        await admin.set_correlation(CT, Correlation.ZUGEWIESEN)
    assert await code_of(admin.confirm_pairing(CT, offer.fingerprint)) == 4041
    assert surgery.told(Topic.CT_ERROR)[-1]["Bedeutung"].endswith("6900")
    state.delete_block(1)
    surgery.terminal.machine.config = replace(surgery.terminal.config, interface_version=(2, 0, 0))
    await surgery.core.terminals.reconnect(surgery.core.terminals.entry(CT))
    assert await code_of(admin.confirm_pairing(CT, offer.fingerprint)) == 4042
    assert not admin.view(CT).valid_version


@pytest.mark.code(4029, 4221, 4222)
async def test_the_pairing_is_deleted_at_the_terminal(surgery: Administered) -> None:
    """The next session is refused, by hand it cannot be activated, only paired anew."""
    admin = surgery.admin
    surgery.terminal.state.delete_block(1)
    assert await code_of(admin.verify_pairing(CT)) == 4029
    await surgery.terminal.pull_plug()
    await surgery.until(lambda: not admin.view(CT).connected)
    assert await code_of(admin.verify_pairing(CT)) == 4222
    await surgery.terminal.plug_in()
    await surgery.until(lambda: surgery.correlation() is Correlation.GEPAIRT)
    assert admin.view(CT).error == 4029
    assert await code_of(admin.connect(CT)) == 4221
    await admin.set_correlation(CT, Correlation.AKTIV)
    await surgery.until(lambda: surgery.correlation() is Correlation.GEPAIRT)
    offer = await admin.offer_pairing(CT)
    view = await admin.confirm_pairing(CT, offer.fingerprint)
    assert view.correlation is Correlation.AKTIV


@pytest.mark.requirement("TIP1-A_4552")
@pytest.mark.code(4028)
async def test_connected_by_hand(surgery: Administered) -> None:
    admin = surgery.admin
    await surgery.terminal.pull_plug()
    await surgery.until(lambda: not admin.view(CT).connected)
    assert await code_of(admin.connect(CT)) == 4028
    await surgery.terminal.plug_in()
    assert (await admin.connect(CT)).connected
    assert (await admin.connect(CT)).connected


async def test_maintenance_pairing_brings_a_new_key_of_the_konnektor(surgery: Administered) -> None:
    """The pairing's secret is known, the terminal only does not know our new key: nobody has to walk there."""
    admin = surgery.admin
    surgery.konnektor = surgery.identity("sak2", *surgery.pki.sak("80276883990000000002"))
    await surgery.shut()
    await surgery.boot()
    await surgery.until(lambda: surgery.correlation() is Correlation.GEPAIRT)
    admin = surgery.admin
    view = await admin.maintain_pairing(CT)
    assert (view.correlation, view.connected) == (Correlation.AKTIV, True)
    assert [len(block.keys) for block in surgery.terminal.state.blocks] == [2]
    surgery.terminal.state.delete_block(1)
    assert await code_of(admin.maintain_pairing(CT)) == 4041
    assert surgery.correlation() is Correlation.GEPAIRT


async def test_an_offer_that_nobody_confirms_leaves_the_pairing(surgery: Administered) -> None:
    surgery.konnektor = surgery.identity("sak2", *surgery.pki.sak("80276883990000000002"))
    await surgery.shut()
    await surgery.boot()
    await surgery.until(lambda: surgery.correlation() is Correlation.GEPAIRT)
    admin = surgery.admin
    before = surgery.core.terminals.entry(CT).config.pairing
    assert before is not None
    offer = await admin.offer_pairing(CT)
    assert offer.fingerprint == before.fingerprint
    assert await code_of(admin.confirm_pairing(CT, "00" * 32)) == 4040
    assert surgery.core.terminals.entry(CT).config.pairing == before
    assert surgery.correlation() is Correlation.GEPAIRT
    assert (await admin.maintain_pairing(CT)).correlation is Correlation.AKTIV
    assert len(surgery.terminal.state.blocks) == 1


@pytest.mark.code(4030)
@pytest.mark.requirement("TIP1-A_4545-03")
async def test_the_terminals_administrator(surgery: Administered) -> None:
    """No account, a wrong one, the right one; afterwards the user's session stands and cards come with new handles."""
    admin = surgery.admin
    before = {card.handle for card in surgery.core.cards}
    assert await code_of(admin.check_account(CT)) == 4030
    await admin.set_account(CT, AdminAccount("admin", Secret(b"falsch")))
    assert await code_of(admin.check_account(CT)) == 4030
    await surgery.core.terminals.settled(CT)
    assert surgery.core.terminals.entry(CT).role is Role.USER
    await admin.set_account(CT, ADMIN)
    await admin.check_account(CT)
    await surgery.core.terminals.settled(CT)
    assert admin.view(CT).admin_user == "admin"
    assert len(list(surgery.core.cards)) == 4
    assert before.isdisjoint(card.handle for card in surgery.core.cards)
    assert surgery.told(Topic.CT_DISCONNECTED) == []


def firmware(version: tuple[int, int, int], *, model: str = MODEL, group: str = "00001") -> FirmwarePackage:
    image = FirmwareImage(model, version, group, bytes(range(256)) * 32).encode()
    return FirmwarePackage(MANUFACTURER, MODEL, ".".join(map(str, version)), image)


@pytest.mark.event(
    "KSR/ERROR",
    "KSR/UPDATE/START",
    "KSR/UPDATE/END",
    "KSR/UPDATE/SUCCESS",
    "OPERATIONAL_STATE/EC_CardTerminal_Software_Out_Of_Date",
)
@pytest.mark.code(4186, 4187)
@pytest.mark.requirement("TIP1-A_4543", "TIP1-A_4544", "TIP1-A_4509")
async def test_firmware(surgery: Administered) -> None:
    """Known, not current, taken, back with the new version; refused and broken off."""
    admin = surgery.admin
    cards = {card.handle for card in surgery.core.cards}
    await admin.firmware.put(firmware((1, 0, 9)))
    assert await code_of(admin.update_firmware(CT, "1.0.9")) == 4030
    assert {card.handle for card in surgery.core.cards} == cards, "nothing was begun without the terminal's account"
    assert not surgery.told(Topic.KSR_UPDATE_START)
    for package in admin.firmware.packages:
        await admin.firmware.remove(package.key)
    await admin.set_account(CT, ADMIN)
    assert await code_of(admin.update_firmware(CT)) == 4186
    await admin.firmware.put(firmware((1, 1, 0)))
    assert surgery.core.opstate.holds(Condition.CARD_TERMINAL_SOFTWARE_OUT_OF_DATE, CT)
    assert surgery.core.opstate.holds(Condition.FW_UPDATE_AVAILABLE)
    view = await admin.update_firmware(CT)
    assert view.product is not None
    assert view.product.firmware_version == "1.1.0"
    assert not surgery.core.opstate.holds(Condition.CARD_TERMINAL_SOFTWARE_OUT_OF_DATE, CT)
    assert not surgery.core.opstate.holds(Condition.FW_UPDATE_AVAILABLE)
    topics = [topic for topic in surgery.topics() if str(topic).startswith("KSR")]
    assert topics == [Topic.KSR_UPDATE_START, Topic.KSR_UPDATE_END, Topic.KSR_UPDATE_SUCCESS]
    (success,) = surgery.told(Topic.KSR_UPDATE_SUCCESS)
    assert success == {"Target": "KT", "Name": "kt-empfang", "CtID": CT, "NewFirmwareversion": "1.1.0"}
    await admin.firmware.put(firmware((1, 2, 0), model="ANDERES"))
    assert await code_of(admin.update_firmware(CT)) == 4187
    assert surgery.told(Topic.KSR_ERROR)[-1]["Error"] == "4187"
    await surgery.core.terminals.settled(CT)
    await admin.firmware.put(firmware((1, 3, 0)))
    surgery.terminal.mishaps = Slow(0.3)
    update = asyncio.create_task(admin.update_firmware(CT))
    await surgery.until(lambda: bool(surgery.terminal.machine.client and surgery.terminal.machine.client.downloading))
    assert surgery.correlation() is Correlation.AKTUALISIEREND
    await surgery.terminal.pull_plug()
    assert await code_of(update) == 4187
    surgery.terminal.mishaps = Mishaps()
    await surgery.terminal.plug_in()
    await surgery.core.terminals.settled(CT)
    view = admin.view(CT)
    assert view.product is not None
    assert (view.correlation, view.product.firmware_version) == (Correlation.AKTIV, "1.1.0")


@pytest.mark.requirement("TIP1-A_4540", "TIP1-A_4550")
async def test_a_terminal_that_moved_tells_where_it_is(surgery: Administered) -> None:
    """Announcements are heard; one that is connected is not moved by a datagram, one that is away is."""
    admin = surgery.admin
    with_port = replace(admin.finder.settings, announcement_port=free_port(socket.SOCK_DGRAM))
    await admin.finder.put_settings(with_port)
    assert admin.finder.listens_at == with_port.announcement_port
    surgery.terminal.announce("127.0.0.1", with_port.announcement_port)
    port = surgery.terminal.port
    await surgery.terminal.pull_plug()
    await surgery.until(lambda: not admin.view(CT).connected)
    surgery.terminal.port = 0
    await surgery.terminal.plug_in()
    assert surgery.terminal.port != port
    surgery.terminal.announce("127.0.0.1", with_port.announcement_port)
    await surgery.core.terminals.settled(CT)
    assert admin.view(CT).port == surgery.terminal.port
    second = surgery.make_terminal(serial=2)
    second.config = replace(second.config, mac=bytes.fromhex("00AABBCCDDFF"), name="kt-labor")
    second.machine.config = second.config
    await second.start("127.0.0.1")
    second.announce("127.0.0.1", with_port.announcement_port)
    await surgery.until(lambda: len(admin.list()) == 2)
    assert surgery.correlation("00:AA:BB:CC:DD:FF") is Correlation.BEKANNT
    await second.stop()
    await surgery.shut()
    await surgery.boot()
    assert surgery.admin.finder.settings == with_port
    # Two administrators at once: one set of loops is left.
    await asyncio.gather(
        surgery.admin.finder.put_settings(replace(with_port, keep_alive_interval=8)),
        surgery.admin.finder.put_settings(replace(with_port, keep_alive_interval=7, handshake_timeout=42)),
    )
    running = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    assert sorted(name.partition(".")[2] for name in running if name.startswith("TerminalFinder.")) == [
        "_judge_certificates",
        "_look_for_lost",
        "_take_heard",
    ]
    assert surgery.core.terminals.patience == Patience(7, 3, 42)


class Ear(asyncio.DatagramProtocol):
    """A UDP port that keeps what comes, and has the second one answered by `terminal`."""

    def __init__(self, terminal: VirtualTerminal) -> None:
        self.heard: list[bytes] = []
        self._terminal = terminal

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)
        if len(self.heard) > 1:
            self._terminal.announce(*addr)


@pytest.mark.requirement("TIP1-A_4538-02")
async def test_a_terminal_that_is_away_is_asked_for_again_and_again(
    surgery: Administered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By unicast, where it is known to be; it is dialled where it then says it is."""
    admin, loop = surgery.admin, asyncio.get_running_loop()
    monkeypatch.setattr("tiaas.konnektor.terminalfinder._MINUTE", 0.01)
    transport, ear = await loop.create_datagram_endpoint(lambda: Ear(surgery.terminal), ("127.0.0.1", 0))
    await surgery.terminal.pull_plug()
    await surgery.until(lambda: not admin.view(CT).connected)
    udp_port = transport.get_extra_info("sockname")[1]
    config = surgery.core.terminals.entry(CT).config
    await surgery.core.terminals.add(replace(config, udp_port=udp_port))
    surgery.terminal.port = 0
    await surgery.terminal.plug_in()
    assert surgery.terminal.port != config.port
    await admin.finder.put_settings(replace(admin.finder.settings, discovery_timeout=0.1, discovery_cycle=1))
    await surgery.until(lambda: admin.view(CT).connected)
    assert admin.view(CT).port == surgery.terminal.port
    assert [type(decode_discovery_untrusted(heard)) for heard in ear.heard[:2]] == [DiscoveryRequest] * 2
    transport.close()


@pytest.mark.event("CT/ERROR")
@pytest.mark.requirement("TIP1-A_4547", "A_17473")
@pytest.mark.code(4039, 4043, 4049, 4254)
async def test_messages_at_the_terminal(surgery: Administered) -> None:
    """TUC_KON_051 and 058: shown, confirmed, cancelled, in use otherwise; a display nobody was told of."""
    talk, terminal = surgery.admin.interaction, surgery.terminal
    await talk.interact(CT, Mode.KEEP, "Hier bin ich")
    assert terminal.snapshot().display == "Hier bin ich"
    await talk.interact(CT, Mode.CONFIRM, "OK?")
    await talk.interact(CT, Mode.ERASE)
    assert terminal.snapshot().display == terminal.snapshot().idle_text
    terminal.pin_policy = PinPolicy(PinMode.CANCEL)
    assert await code_of(talk.interact(CT, Mode.CONFIRM, "OK?")) == 4049
    surgery.impatient()
    assert await code_of(talk.interact(CT, Mode.CONFIRM, "OK?")) == 4043
    async with surgery.core.terminals.pinpad(CT):
        assert await code_of(talk.interact(CT, Mode.KEEP, "nicht jetzt")) == 4039
    terminal.pin_policy = PinPolicy(PinMode.MANUAL)
    waiting = asyncio.create_task(talk.interact(CT, Mode.CONFIRM, "OK?"))
    await surgery.until(lambda: terminal.snapshot().display == "OK?")
    assert await code_of(talk.interact(CT, Mode.KEEP, "nicht jetzt")) == 4039
    terminal.press("ok")
    await waiting
    assert surgery.told(Topic.CT_ERROR)[-1]["Error"] == "4039"
    assert talk.display_size(CT).columns == 20
    surgery.core.terminals.entry(CT).display = None
    assert await code_of(_size(surgery)) == 4254


async def _size(surgery: Administered) -> None:
    surgery.admin.interaction.display_size(CT)
