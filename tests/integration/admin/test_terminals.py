"""Card terminals through the management interface, with a virtual terminal on a socket."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.admin.desk import Desk
from tests.integration.terminal.identities import Pki
from tests.integration.terminal.rooms import Room
from tiaas.base.secret import Secret
from tiaas.client.admin import Admin, AdminRefused, connect_admin, path_of
from tiaas.client.errorhelp import Language, all_help
from tiaas.interfaces.management import terminals as doc
from tiaas.interfaces.management.roles import Role
from tiaas.interfaces.management.system import ExportedConfig
from tiaas.konnektor.terminalfirmware import PACKAGES_MAX
from tiaas.terminal.virtual.terminal import VirtualTerminal

pytestmark = pytest.mark.asyncio(loop_scope="module")
CT = "00:AA:BB:CC:DD:EE"
ONE = path_of("/terminals/{}", CT)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def terminal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[VirtualTerminal]:
    folder: Path = tmp_path_factory.mktemp("room")
    pki = Pki(folder)
    room = Room(pki, folder, pki.sak("konnektor"))
    yield await room.terminal("kt-empfang")
    await room.close()


async def refusal(chief: Admin, method: str, path: str, document: object = None) -> tuple[int, int | None]:
    """Status and gematik's code of a refusal."""
    with pytest.raises(AdminRefused) as caught:
        await chief.change(method, path, document)
    return caught.value.status, caught.value.code


@pytest.mark.requirement("TIP1-A_4550")
async def test_settings(chief: Admin) -> None:
    settings = doc.TerminalSettingsData(discovery_timeout=1, addresses=("192.168.178.0/30",))
    await chief.change("PUT", "/terminal-settings", settings)
    assert await chief.read("/terminal-settings", doc.TerminalSettingsData) == settings
    wrong = doc.TerminalSettingsData(addresses=("10.0.0.0/8",))
    assert (await refusal(chief, "PUT", "/terminal-settings", wrong))[0] == 422
    await chief.change("PUT", "/terminal-settings", doc.TerminalSettingsData(discovery_timeout=1))


async def test_a_terminal_gets_the_name_it_is_given(chief: Admin) -> None:
    """Practice software is configured with ctIds: who replaces a Konnektor gives its terminals the old ones."""
    new = doc.NewTerminal("127.0.0.1", 9, "00:11:22:33:44:55", "kt-labor", ask=False, ct_id="labor-1")
    made = await chief.change("POST", "/terminals", new, doc.TerminalData)
    assert (made.ct_id, made.correlation) == ("labor-1", doc.TerminalCorrelation.ZUGEWIESEN)
    again = await chief.change("POST", "/terminals", new, doc.TerminalData)
    assert again == made
    other = doc.NewTerminal("127.0.0.1", 10, "00:11:22:33:44:66", "kt-flur", ask=False, ct_id="labor-1")
    assert await refusal(chief, "POST", "/terminals", other) == (409, 4000)
    await chief.change("DELETE", "/terminals/labor-1")


@pytest.mark.requirement("TIP1-A_4551", "TIP1-A_4553", "TIP1-A_6477", "TIP1-A_4557", "TIP1-A_4986")
@pytest.mark.code(4033, 4037, 4221)
async def test_found_assigned_and_looked_at(chief: Admin, desk: Desk, terminal: VirtualTerminal) -> None:
    search = doc.TerminalSearch(addresses=(f"127.0.0.1:{terminal.port}",))
    found = (await chief.change("POST", "/terminals/discovery", search, doc.FoundTerminalList)).found
    assert [(each.mac, each.name, each.port) for each in found] == [(CT, "kt-empfang", terminal.port)]
    listed = await chief.read("/terminals", doc.TerminalList)
    assert listed.supported_versions == ("1.0.0",)
    assert [each.correlation for each in listed.terminals] == [doc.TerminalCorrelation.BEKANNT]
    assert await refusal(chief, "POST", f"{ONE}/pairing/offer") == (409, 4037)
    with pytest.raises(AdminRefused, match=rf"4037 .*; {CT} is bekannt") as refused:
        await chief.change("POST", f"{ONE}/pairing/offer")
    assert "assign it first" in str(refused.value)
    assert await refusal(chief, "POST", f"{ONE}/connection") == (409, 4221)
    assert await refusal(chief, "POST", "/terminals", doc.NewTerminal("127.0.0.1:9")) == (409, 4033)
    known = doc.NewTerminal("127.0.0.1", terminal.port, CT, "kt-empfang", ask=False, ct_id="empfang")
    assert await refusal(chief, "POST", "/terminals", known) == (409, 4000)
    assert (await refusal(chief, "GET", path_of("/terminals/{}", "nobody")))[0] == 404
    step = doc.CorrelationChange(doc.TerminalCorrelation.ZUGEWIESEN)
    shown = await chief.change("PUT", f"{ONE}/correlation", step, doc.TerminalData)
    assert (shown.correlation, shown.connected) == (doc.TerminalCorrelation.ZUGEWIESEN, False)
    assert desk.changes()[-1]["RefID"] == f"PUT /terminals/{CT}/correlation"


@pytest.mark.code(4040)
async def test_a_terminal_of_a_foreign_pki_is_not_paired(chief: Admin, terminal: VirtualTerminal) -> None:
    assert await refusal(chief, "POST", f"{ONE}/pairing/offer") == (409, 4040)


async def test_accounts_of_terminals_stay_secret(chief: Admin, desk: Desk) -> None:
    await chief.change("PUT", f"{ONE}/account", doc.TerminalAccount("admin", Secret(b"geheim-42")))
    assert (await chief.read(ONE, doc.TerminalData)).admin_user == "admin"
    assert "geheim-42" not in str(desk.changes())
    await chief.change("DELETE", f"{ONE}/account")
    assert (await chief.read(ONE, doc.TerminalData)).admin_user is None


@pytest.mark.code(4221)
async def test_the_shelf_of_firmware(chief: Admin) -> None:
    new = doc.NewFirmware("DETIA", "TIAASVKT", "1.2.0", bytes(2 * 1024 * 1024))
    entry = await chief.change("POST", "/terminal-firmware", new, doc.FirmwareEntry)
    assert entry == doc.FirmwareEntry("DETIA", "TIAASVKT", "1.2.0", 2 * 1024 * 1024)
    assert (await chief.read("/terminal-firmware", doc.FirmwareList)).packages == (entry,)
    with pytest.raises(AdminRefused) as refused:
        await chief.change("POST", f"{ONE}/firmware", doc.FirmwareUpdate())
    assert (refused.value.status, refused.value.code) == (409, 4221)
    assert refused.value.remedy == all_help(Language.ENGLISH)[4221].remedy
    exported = await chief.change("POST", "/config/export", kind=ExportedConfig)
    assert len(exported.file) < 1024 * 1024
    for number in range(PACKAGES_MAX - 1):
        more = doc.NewFirmware("DETIA", "TIAASVKT", f"1.3.{number}", b"image")
        await chief.change("POST", "/terminal-firmware", more)
    one_more = doc.NewFirmware("DETIA", "TIAASVKT", "1.4.0", b"image")
    assert (await refusal(chief, "POST", "/terminal-firmware", one_more))[0] == 422
    for package in (await chief.read("/terminal-firmware", doc.FirmwareList)).packages:
        await chief.change("DELETE", path_of("/terminal-firmware/{}/{}/{}", "DETIA", "TIAASVKT", package.version))
    assert (await chief.read("/terminal-firmware", doc.FirmwareList)).packages == ()


async def test_pairing_is_for_administrators_on_site(desk: Desk) -> None:
    async with connect_admin(desk.access(Role.REMOTE)) as remote:
        assert (await refusal(remote, "POST", f"{ONE}/pairing/offer"))[0] == 403
        assert len((await remote.read("/terminals", doc.TerminalList)).terminals) == 1


@pytest.mark.requirement("TIP1-A_5698")
async def test_removed(chief: Admin) -> None:
    await chief.change("DELETE", ONE)
    assert (await chief.read("/terminals", doc.TerminalList)).terminals == ()
