"""Export, import, factory reset (gemSpec_Kon V5.18 TIP1-A_4814, 4815, 4820); parameters that count from a restart."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.foreignca import ForeignCa
from tests.integration.admin.desk import PASSWORD, Desk, open_desk
from tests.integration.konnektor_front.houses import ENTROPY
from tiaas.base.secret import Secret
from tiaas.client.admin import Admin, AdminRefused, connect_admin
from tiaas.interfaces.management.accounts import AdministratorList, Login, SessionOpened
from tiaas.interfaces.management.documents import BadDocument, read
from tiaas.interfaces.management.infomodel import InfoModelDocument
from tiaas.interfaces.management.parameters import AuthenticationChoice, Parameters, ParametersInForce, ReceiptSecret
from tiaas.interfaces.management.roles import Role
from tiaas.interfaces.management.system import (
    ConfigImport,
    ConfigShown,
    ExportedConfig,
    FactoryReset,
    SystemState,
)
from tiaas.konnektor.admin import rowcheck, sealed
from tiaas.konnektor.admin.moving import NOT_EXPORTED
from tiaas.konnektor.admin.rowcheck import READERS
from tiaas.konnektor.admin.sealed import BadSealedConfig, Rows, seal
from tiaas.konnektor.catalogue import deviations
from tiaas.konnektor.config import Address, Profile, TiAccess, WatchDays
from tiaas.konnektor.infomodel import InfoModel
from tiaas.konnektor.sqlite_store import SqliteStore

BASIC = AuthenticationChoice.PASSWORD
MODEL = InfoModelDocument(mandanten=("kept",), workplaces=("ap",), mandant_workplaces=(("kept", "ap"),))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


async def _model(admin: Admin, model: InfoModelDocument) -> None:
    _, tag = await admin.read_tagged("/infomodel", InfoModelDocument)
    await admin.change("PUT", "/infomodel", model, if_match=tag)


@pytest.mark.event("MGM/CONFIG_EXIMPORT")
@pytest.mark.requirement("TIP1-A_4814", "TIP1-A_4815")
async def test_an_exported_configuration_is_shown_then_taken_and_both_are_logged(desk: Desk) -> None:
    async with connect_admin(desk.access()) as chief:
        await _model(chief, MODEL)
        exported = await chief.change("POST", "/config/export", kind=ExportedConfig)
        assert len(exported.passphrase.reveal()) >= 16
        assert b"kept" not in exported.file
        await _model(chief, InfoModelDocument())
        shown = await chief.change(
            "POST", "/config/import", ConfigImport(exported.file, exported.passphrase), ConfigShown
        )
        assert (shown.instance, shown.was_imported) == ("a", False)
        assert await chief.read("/infomodel", InfoModelDocument) == InfoModelDocument()
        before = desk.instance
        wish = ConfigImport(exported.file, exported.passphrase, confirm=True)
        assert (await chief.change("POST", "/config/import", wish, ConfigShown)).was_imported
    modes = [dict(event.parameters) for event in desk.events if event.topic == "MGM/CONFIG_EXIMPORT"]
    assert modes == [{"User": "first", "Mode": "Export"}, {"User": "first", "Mode": "Import"}]
    await desk.restarted(before)
    async with connect_admin(desk.access()) as chief:
        assert await chief.read("/infomodel", InfoModelDocument) == MODEL


@pytest.mark.requirement("TIP1-A_4815")
async def test_a_changed_file_a_wrong_passphrase_and_a_lesser_role_are_refused(desk: Desk) -> None:
    async with connect_admin(desk.access()) as chief, connect_admin(desk.access(Role.LOKAL)) as local:
        exported = await local.change("POST", "/config/export", kind=ExportedConfig)
        middle = len(exported.file) // 2
        changed = exported.file[:middle] + bytes([exported.file[middle] ^ 1]) + exported.file[middle + 1 :]
        for file, passphrase, words in (
            (changed, exported.passphrase, "signature"),
            (exported.file, Secret(b"x" * 24), "passphrase"),
            (b"nothing", exported.passphrase, "no exported configuration"),
        ):
            with pytest.raises(AdminRefused, match=words):
                await chief.change("POST", "/config/import", ConfigImport(file, passphrase, confirm=True))
        with pytest.raises(AdminRefused) as refused:
            await local.change("POST", "/config/import", ConfigImport(exported.file, exported.passphrase))
        assert refused.value.status == 403


@pytest.mark.event("MGM/FACTORYSETTINGS")
@pytest.mark.requirement("TIP1-A_4820")
async def test_a_factory_reset_needs_right_and_name_and_leaves_the_delivery_state(desk: Desk) -> None:
    async with connect_admin(desk.access()) as chief, connect_admin(desk.access(Role.LOKAL)) as local:
        await _model(chief, MODEL)
        with pytest.raises(AdminRefused) as refused:
            await local.change("POST", "/system/factory-reset", FactoryReset("a"))
        assert refused.value.status == 403
        with pytest.raises(AdminRefused) as misnamed:
            await chief.change("POST", "/system/factory-reset", FactoryReset("b"))
        assert misnamed.value.status == 409
        before, ca = desk.instance, desk.instance.identity.ca_pem()
        await chief.change("POST", "/system/factory-reset", FactoryReset("a"))
    assert [dict(e.parameters) for e in desk.events if e.topic == "MGM/FACTORYSETTINGS"] == [{"User": "first"}]
    await desk.restarted(before)
    assert desk.instance.identity.ca_pem() != ca
    async with connect_admin(desk.access()) as chief:
        assert await chief.read("/infomodel", InfoModelDocument) == InfoModelDocument()
        accounts = (await chief.read("/administrators", AdministratorList)).administrators
        assert [each.user for each in accounts] == ["first"]


@pytest.mark.requirement("TIP1-A_4820")
async def test_what_the_running_instance_still_does_brings_nothing_back_after_a_reset(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A logout is kept with the account; one that comes between reset and restart must not keep the account, too."""
    async with connect_admin(desk.access()) as chief, connect_admin(desk.access(None)) as local:
        opened = await local.change("POST", "/session", Login("lokal", PASSWORD), SessionOpened)
        local.token = opened.token
        monkeypatch.setattr(desk.node, "restart_soon", lambda name: None)
        await chief.change("POST", "/system/factory-reset", FactoryReset("a"))
        with suppress(AdminRefused):
            await local.change("DELETE", "/session")
    desk.instance = await desk.node.restart("a")
    async with connect_admin(desk.access()) as chief:
        accounts = (await chief.read("/administrators", AdministratorList)).administrators
        assert [each.user for each in accounts] == ["first"]


@pytest.mark.requirement("TIP1-A_4814")
async def test_a_token_does_not_get_the_role_that_its_accounts_name_has_in_an_import(desk: Desk) -> None:
    rows = {kind: dict(held) for kind, held in (await desk.instance.context.store.everything()).items()}
    rows["admin-user"]["lokal"] = {**rows["admin-user"]["lokal"], "role": Role.SUPER.value}
    passphrase = Secret(b"x" * 24)
    file = await seal(rows, "a", desk.clock.now(), desk.instance.identity.ca, passphrase, ENTROPY)
    before = desk.instance
    async with connect_admin(desk.access()) as chief:
        await chief.change("POST", "/config/import", ConfigImport(file, passphrase, confirm=True), ConfigShown)
    await desk.restarted(before)
    async with connect_admin(desk.access(Role.LOKAL)) as risen, connect_admin(desk.access(Role.REMOTE)) as same:
        with pytest.raises(AdminRefused) as refused:
            await risen.read("/system", SystemState)
        assert refused.value.status == 401
        await same.read("/system", SystemState)


@pytest.mark.requirement("TIP1-A_4814")
async def test_an_import_leaves_a_super_administrator(desk: Desk) -> None:
    context = desk.instance.context
    rows = dict(await context.store.everything())
    rows["admin-user"] = {name: {**row, "role": Role.LOKAL.value} for name, row in rows["admin-user"].items()}
    passphrase = Secret(b"x" * 24)
    file = await seal(rows, "a", desk.clock.now(), desk.instance.identity.ca, passphrase, ENTROPY)
    async with connect_admin(desk.access()) as chief:
        with pytest.raises(AdminRefused, match="Super-Administrator"):
            await chief.change("POST", "/config/import", ConfigImport(file, passphrase, confirm=True))


AT = "2026-01-01T00:00:00+00:00"
GOOD: dict[str, tuple[str, dict[str, Any]]] = {
    "basic-user": ("pvs", {"salt": "AAAA", "hash": "AAAA"}),
    "sink-check": ("pvs", {"trust": "any", "fingerprints": [], "ca": ""}),
    "terminal-settings": ("current", {}),
    "misuse": ("alarm-values", {"EncryptDocument": 5}),
    "auto-update": ("current", {"enabled": True, "day": None, "hour": 1, "minute": 0, "excluded": ["CT-1"]}),
    "network-choices": ("current", {"activate_new": True, "active": {"N-1": False}}),
    "registration-wish": ("current", {"contract_id": "C-1", "smb": "80276883110000000001"}),
    "time": ("sync", {"attempt": AT}),
    "comfort": ("users", {"used": ["00"]}),
    "virtual_smb": ("80276883110000000001", {"mandanten": ["m"], "failures": 0, "last_failure": None}),
    "vsdm": ("online", {"since": AT}),
    "vsdm-pnw-key": ("m", {"key": "00" * 32}),
    "vsdm-receipt-secret": ("current", {"secret": "00" * 16}),
    "parameters": ("current", {"hostname": "praxis"}),
}
"""Rows that a running instance without terminals and cards has not got."""
DAMAGED: dict[str, tuple[str, dict[str, Any]]] = {
    "infomodel": ("current", {"mandanten": 5}),
    "parameters": ("current", {"ocsp_seconds": "soon"}),
    "identity": ("server", {"certificate": "AAAA", "key": "AAAA"}),
    "client-certificate": ("00", {"certificate": "AAAA"}),
    "basic-user": ("pvs", {"salt": "AAAA"}),
    "admin-user": ("lokal", {"role": "Chief"}),
    "sink-check": ("pvs", {"trust": "perhaps"}),
    "terminal": ("ct-1", {"ct_id": "ct-1"}),
    "terminal-settings": ("current", {"addresses": 5}),
    "misuse": ("alarm-values", {"EncryptDocument": "many"}),
    "auto-update": ("current", {"enabled": True, "day": 7, "hour": 1, "minute": 0, "excluded": []}),
    "network-choices": ("current", {"activate_new": True, "active": {"N-1": "no"}}),
    "registration-wish": ("current", {"contract_id": "C-1"}),
    "time": ("sync", {"attempt": "yesterday"}),
    "comfort": ("users", {"used": 1}),
    "virtual_smb": ("80276883110000000001", {"mandanten": 5}),
    "vsdm": ("online", {"since": None}),
    "vsdm-pnw-key": ("m", {"key": "00"}),
    "vsdm-receipt-secret": ("current", {"secret": "00" * 15}),
    "imported-ca": ("00", {"der": "3000"}),
    "box-network": ("settings", {"lan": "192.168.7.1"}),
}


def _with(rows: Rows, added: Mapping[str, tuple[str, dict[str, Any]]]) -> Rows:
    return {**rows, **{kind: {**rows.get(kind, {}), key: row} for kind, (key, row) in added.items()}}


CA_KEY = ForeignCa().key


def _imported(number: int) -> tuple[str, dict[str, Any]]:
    der = ForeignCa(f"CA {number}", key=CA_KEY).der
    return sha256(der).hexdigest(), {"der": der.hex()}


def test_every_kind_of_row_is_damaged_once() -> None:
    assert set(DAMAGED) == set(READERS)


_KINDS = re.compile(r'^([A-Z_]+(?:, [A-Z_]+)*) = ("[^"\n]+"(?:, "[^"\n]+")*)$', re.MULTILINE)


def _named(assignment: re.Match[str]) -> Iterator[tuple[str, str]]:
    names, values = assignment.group(1).split(", "), re.findall('"([^"]+)"', assignment.group(2))
    return zip(names, values, strict=False)


def test_every_kind_of_row_of_an_instance_has_a_reader() -> None:
    """Kinds are constants of the modules that keep rows; those of the node's own store are no instance's."""
    folder = Path(rowcheck.__file__).parent.parent
    found = (_KINDS.finditer(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py")))
    kinds = {kind for matches in found for match in matches for name, kind in _named(match) if "KIND" in name}
    assert len(kinds) > 15
    assert kinds == set(READERS) | NOT_EXPORTED


async def test_a_damaged_row_is_named_and_nothing_is_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_key", lambda passphrase, salt: b"k" * 32)  # scrypt would cost most of the time
    context, passphrase = desk.instance.context, Secret(b"x" * 24)
    before = await context.store.everything()
    rows = {kind: held for kind, held in before.items() if kind not in NOT_EXPORTED}
    whole = _with(rows, GOOD)

    async def wish(changed: Rows) -> ConfigImport:
        file = await seal(changed, "a", desk.clock.now(), desk.instance.identity.ca, passphrase, ENTROPY)
        return ConfigImport(file, passphrase, confirm=True)

    async with connect_admin(desk.access()) as chief:
        for kind, (key, row) in DAMAGED.items():
            with pytest.raises(AdminRefused, match=f"row {kind}/{key} in the file is damaged"):
                await chief.change("POST", "/config/import", await wish(_with(whole, {kind: (key, row)})))
        others: tuple[tuple[Rows, str], ...] = (
            ({**whole, "basis": {"a": {}}}, "unknown kind 'basis'"),
            ({**whole, "identity": {"ca": whole["identity"]["ca"]}}, "no row identity/sak"),
            ({**whole, "infomodel": {"other": {}}}, "row infomodel/other"),
            ({**whole, "parameters": {"current": {"authentication_mandatory": False}}}, "does not fit this instance"),
            ({**whole, "parameters": {"current": {"name_servers": ["10.0.0.1:0"]}}}, "no port from 1 to 65535"),
            ({**whole, "imported-ca": dict(map(_imported, range(101)))}, "no more than 100 CAs"),
        )
        for changed, words in others:
            with pytest.raises(AdminRefused, match=words):
                await chief.change("POST", "/config/import", await wish(changed))
        assert await context.store.everything() == before
        running = desk.instance
        assert (await chief.change("POST", "/config/import", await wish(whole), ConfigShown)).was_imported
    await desk.restarted(running)


@pytest.mark.requirement("A_23303")
async def test_an_administrator_does_not_let_clients_of_an_hsk_in_without_certificate(desk: Desk) -> None:
    async with connect_admin(desk.access()) as chief:
        for wish in (
            Parameters(authentication_mandatory=False),
            Parameters(authentication_mode=BASIC),
            Parameters(ldap_authentication=False),
        ):
            with pytest.raises(AdminRefused, match="A_23303"):
                await chief.change("PUT", "/parameters", wish)
        assert await chief.read("/parameters", Parameters) == Parameters()


async def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    async with open_desk(tmp_path, profile=Profile.EINBOX) as desk, connect_admin(desk.access()) as chief:
        with pytest.raises(AdminRefused, match="plain address"):
            await chief.change("PUT", "/parameters", Parameters(tls_mandatory=False))
        await chief.change("PUT", "/parameters", Parameters(authentication_mode=BASIC))


@pytest.mark.requirement("TIP1-A_4822")
@pytest.mark.event("MGM/STANDALONE_CHANGED")
async def test_a_box_that_stands_alone_tells_so(tmp_path: Path) -> None:
    async with open_desk(tmp_path, profile=Profile.EINBOX) as desk, connect_admin(desk.access()) as chief:
        for standalone in (True, True, None):
            await chief.change("PUT", "/parameters", Parameters(standalone=standalone))
        told = [event for event in desk.events if event.topic == "MGM/STANDALONE_CHANGED"]
        assert [dict(event.parameters) for event in told] == [{"Active": "true"}, {"Active": "false"}]
        assert [problem for event in told for problem in deviations(event)] == []


async def test_a_highspeed_konnektor_does_not_stand_alone(desk: Desk) -> None:
    async with connect_admin(desk.access()) as chief:
        with pytest.raises(AdminRefused, match="TIP1-A_4822"):
            await chief.change("PUT", "/parameters", Parameters(standalone=True))


async def counting(chief: Admin) -> dict[str, str]:
    """Some of the values that count now."""
    found = (await chief.read("/parameters/in-force", ParametersInForce)).parameters
    assert {each.name for each in found} == {field.name for field in fields(Parameters)} | {"receipt_secret"}
    return {each.name: each.value for each in found if each.name in ("online", "ocsp_seconds", "expiry_warn_days")}


@pytest.mark.event("MGM/LU_CHANGED/LU_ONLINE", "MGM/LU_CHANGED/LU_SAK")
@pytest.mark.requirement("TIP1-A_4592", "TIP1-A_4611", "TIP1-A_4702-04", "TIP1-A_4821-02")
async def test_parameters_count_from_the_next_start(desk: Desk) -> None:
    async with connect_admin(desk.access()) as chief:
        wish = Parameters(
            hostname="praxis",
            ocsp_seconds=5,
            ocsp_qes_seconds=15,
            ocsp_grace_minutes=20,
            online=False,
            sak=False,
            bnetza_hours=2,
            expiry_check_days=7,
            expiry_warn_days=180,
            card_seconds=30,
            event_tries=3,
            name_servers=("10.0.0.1:53", "[fd00::1]:5353"),
        )
        await chief.change("PUT", "/parameters", wish)
        assert await chief.read("/parameters", Parameters) == wish
        assert (await chief.read("/system", SystemState)).restart_needed
        assert not desk.instance.context.online_mode.active
        assert await counting(chief) == {"online": "false", "ocsp_seconds": "10", "expiry_warn_days": "90"}
        before = desk.instance
        await chief.change("POST", "/system/restart")
    await desk.restarted(before)
    config, context = desk.instance.config, desk.instance.context
    assert config.ti.dns == (Address("10.0.0.1", 53), Address("fd00::1", 5353))
    assert (config.hostname, config.watch) == ("praxis", WatchDays(every=7, warn=180))
    assert (config.ti.ocsp_seconds, config.ti.ocsp_grace_seconds, config.ti.bnetza_seconds) == (5, 1200, 7200)
    assert config.ti.ocsp_qes_seconds == 15
    assert context.events._sender._settings.max_try == 3
    assert context.terminals._slots._card_seconds == 30
    async with connect_admin(desk.access()) as chief:
        assert not (await chief.read("/system", SystemState)).restart_needed
        await chief.change("PUT", "/parameters", Parameters(online=False))
    changed = [(str(event.topic), dict(event.parameters)["Active"]) for event in desk.events if "LU_" in event.topic]
    assert changed == [
        ("MGM/LU_CHANGED/LU_ONLINE", "false"),
        ("MGM/LU_CHANGED/LU_SAK", "false"),
        ("MGM/LU_CHANGED/LU_SAK", "true"),
    ]


async def test_name_servers_are_addresses_and_shown_with_their_port(desk: Desk) -> None:
    async with connect_admin(desk.access()) as chief:
        for wrong in ("ns1", "10.0.0.1:0", "10.0.0.1:66000", "10.0.0", "::1:"):
            with pytest.raises(AdminRefused) as refused:
                await chief.change("PUT", "/parameters", Parameters(name_servers=(wrong,)))
            assert refused.value.status in (400, 422)
        await chief.change("PUT", "/parameters", Parameters(name_servers=("10.0.0.1", "fd00::1")))
        assert (await chief.read("/parameters", Parameters)).name_servers == ("10.0.0.1:53", "[fd00::1]:53")
        await chief.change("PUT", "/parameters", Parameters(name_servers=()))
        assert (await chief.read("/parameters", Parameters)).name_servers == ()


SECRET, OTHER_SECRET = ReceiptSecret(bytes(range(200, 216))), ReceiptSecret(b"x" * 4096)
SECRET_PATH = "/parameters/receipt-secret"


async def _giver(admin: Admin) -> tuple[str, bool]:
    """Who gave the secret that counts, and whether an administrator has set one."""
    found = (await admin.read("/parameters/in-force", ParametersInForce)).parameters
    return next((each.value, each.is_set) for each in found if each.name == "receipt_secret")


@pytest.mark.requirement("VSDM-A_2776", "TIP1-A_6479")
async def test_the_secret_of_receipts_counts_from_the_next_start_and_goes_with_an_export(tmp_path: Path) -> None:
    configured = Secret(b"c" * 16)
    async with open_desk(tmp_path, TiAccess(receipt_secret=configured)) as desk:
        async with connect_admin(desk.access()) as chief, connect_admin(desk.access(Role.REMOTE)) as remote:
            assert await _giver(remote) == ("configuration", False)
            with pytest.raises(AdminRefused) as refused:
                await remote.change("PUT", SECRET_PATH, SECRET)
            assert refused.value.status == 403
            for size in (15, 4097):
                with pytest.raises(AdminRefused, match="16 to 4096 octets"):
                    await chief.change("PUT", SECRET_PATH, ReceiptSecret(bytes(size)))
            await chief.change("PUT", SECRET_PATH, SECRET)
            assert desk.changes()[-1] == {"User": "first", "RefID": f"PUT {SECRET_PATH}", "NewVal": "{}"}
            assert await _giver(chief) == ("configuration", True)
            assert (await chief.read("/system", SystemState)).restart_needed
            exported = await chief.change("POST", "/config/export", kind=ExportedConfig)
        desk.instance = await desk.node.restart("a")
        assert desk.instance.config.ti.receipt_secret == Secret(SECRET.secret)
        async with connect_admin(desk.access()) as chief:
            assert await _giver(chief) == ("administrator", True)
            await chief.change("PUT", SECRET_PATH, OTHER_SECRET)
            assert await _giver(chief) == ("administrator", True)
            await chief.change("DELETE", SECRET_PATH)
            assert await _giver(chief) == ("administrator", False)
        desk.instance = await desk.node.restart("a")
        assert desk.instance.config.ti.receipt_secret == configured
        before = desk.instance
        async with connect_admin(desk.access()) as chief:
            wish = ConfigImport(exported.file, exported.passphrase, confirm=True)
            await chief.change("POST", "/config/import", wish, ConfigShown)
        await desk.restarted(before)
        assert desk.instance.config.ti.receipt_secret == Secret(SECRET.secret)


@pytest.mark.requirement("TIP1-A_4702-04", "TIP1-A_4592", "TIP1-A_4611")
@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("tsl_grace_days", 1, 30),
        ("ocsp_grace_minutes", 0, 20),
        ("ocsp_seconds", 1, 120),
        ("ocsp_qes_seconds", 1, 120),
        ("bnetza_hours", 1, 168),
        ("expiry_check_days", 0, 365),
        ("expiry_warn_days", 0, 180),
        ("card_seconds", 5, 120),
        ("event_tries", 1, 100),
    ],
)
def test_ranges(name: str, least: int, most: int) -> None:
    for value in (least, most):
        assert getattr(read(Parameters, {name: value}), name) == value
    for value in (least - 1, most + 1):
        with pytest.raises(BadDocument, match=f"{least} to {most}"):
            read(Parameters, {name: value})


async def test_rows_that_would_fill_the_memory_are_neither_sealed_nor_opened(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte of zlib is a gigabyte of JSON; whoever imports it shares the process with other practices."""
    ca, passphrase = desk.instance.identity.ca, Secret(b"x" * 24)
    rows = {"a": {"b": {"c": "x" * 17 * 1024 * 1024}}}
    with pytest.raises(BadSealedConfig, match="more than"):
        await seal(rows, "a", desk.clock.now(), ca, passphrase, ENTROPY)
    with monkeypatch.context() as longer:
        longer.setattr(sealed, "PLAIN_OCTETS_MAX", 1 << 30)
        file = await seal(rows, "a", desk.clock.now(), ca, passphrase, ENTROPY)
    async with connect_admin(desk.access()) as chief:
        with pytest.raises(AdminRefused, match="damaged"):
            await chief.change("POST", "/config/import", ConfigImport(file, passphrase))


_CHILD = """
import asyncio, sys
from pathlib import Path
from tests.integration.admin import test_moving as t
from tests.integration.admin.desk import open_desk
from tiaas.client.admin import connect_admin
from tiaas.interfaces.management.system import ConfigImport, ExportedConfig

async def main():
    async with open_desk(Path(sys.argv[1])) as desk, connect_admin(desk.access()) as chief:
        await t._model(chief, t.MANY)
        exported = await chief.change("POST", "/config/export", kind=ExportedConfig)
        await t._model(chief, t.MODEL)
        wish = ConfigImport(exported.file, exported.passphrase, confirm=True)
        print("now", flush=True)
        await chief.exchange("POST", "/config/import", wish)
        await asyncio.sleep(60)

asyncio.run(main())
"""
MANY = InfoModelDocument(mandanten=tuple(f"m{number}" for number in range(2000)))


@pytest.mark.requirement("TIP1-A_4814")
@pytest.mark.parametrize("milliseconds", [90, 160])
async def test_an_import_that_was_killed_was_made_or_not_made(tmp_path: Path, milliseconds: int) -> None:
    """The file takes most of the time to be opened (scrypt), so the kill comes about when the rows are written."""
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert await asyncio.to_thread(child.stdout.readline) == "now\n"
    await asyncio.sleep(milliseconds / 1000)
    child.kill()
    child.wait()
    child.stdout.close()
    store = await SqliteStore.open(tmp_path / "node.sqlite")
    rows = store.bind(await store.take_over("a"))
    row = await rows.get("infomodel", "current")
    users = set(await rows.list("admin-user"))
    await store.close()
    assert row is not None
    model = InfoModel.from_document(row)
    assert model.mandanten in (frozenset(MANY.mandanten), frozenset(MODEL.mandanten))
    assert users == {"first", "lokal", "remote"}
