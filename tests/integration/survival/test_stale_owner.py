"""An owner that was taken over while it was frozen: it wakes up, goes on where it was, and changes nothing any more.

Every place of the Konnektor that writes to its store and every call of the front has its line here. A place that is
new and has none makes `test_every_write_path_is_here` fail: add a scenario for it.
"""

import ast
import inspect
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs12

from tests.foreignca import ForeignCa
from tests.integration.konnektor_core.surgery import CLOCK, CT, ENTROPY, MAC, Surgery, caller, context
from tests.structure.sources import SRC, tree
from tests.unit.konnektor_trust.trustbench import FIRST, OLD, VL
from tests.unit.pki.ocspmaker import NOW
from tiaas.base.clock import ManualClock
from tiaas.base.secret import Secret
from tiaas.card.apdu import CommandApdu
from tiaas.interfaces.card_service_v8_1 import GetPinStatus, VerifyPin
from tiaas.interfaces.management.boxnetwork import BoxNetworkSettings
from tiaas.interfaces.management.parameters import Parameters
from tiaas.interfaces.management.roles import Role
from tiaas.interfaces.provisioning_service_v1_1 import ContractStatus
from tiaas.interfaces.vsd_service_v5_2 import ReadVSD
from tiaas.konnektor.admin.parameters import save_parameters
from tiaas.konnektor.admin.users import Administrators, FirstAdmin, make_token
from tiaas.konnektor.assembly import ModelWatcher
from tiaas.konnektor.autoupdate import AutoUpdate, AutoUpdateSettings
from tiaas.konnektor.basic import BasicUsers
from tiaas.konnektor.bestandsnetze.document import NetworkList
from tiaas.konnektor.bestandsnetze.keeper import Bestandsnetze
from tiaas.konnektor.boxstored import save
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.comfortusers import ComfortUsers
from tiaas.konnektor.config import Address, Product, TiAccess
from tiaas.konnektor.crlkeeper import CrlKeeper
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.fachmodulpackages import FachmodulPackages
from tiaas.konnektor.hsm.activation import Activation, Activations
from tiaas.konnektor.hsm.owned import OwnedKeys
from tiaas.konnektor.hsm.software import SoftwareKeys
from tiaas.konnektor.identity import Identity
from tiaas.konnektor.importedcas import ImportedCas
from tiaas.konnektor.infomodel import Kind
from tiaas.konnektor.issuing import KeyPair, create_ca, issue_client
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.ksrclient import KsrClient
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.misuse import save_alarm_values
from tiaas.konnektor.names import Names
from tiaas.konnektor.network import Network
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.protocol import LogSettings
from tiaas.konnektor.registration.keeper import Registered, Registration, RegistrationSettings
from tiaas.konnektor.sakcvc import SakCvc, keep_sak_cvc
from tiaas.konnektor.sds import product_information
from tiaas.konnektor.services.context import ServiceContext, build_context
from tiaas.konnektor.sinkaddress import Sink, SinkAddress
from tiaas.konnektor.sinkchecks import SinkCheck, SinkChecks, SinkTrust
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.store import InstanceStore, StaleEpochWrite
from tiaas.konnektor.subscriptions import Subscription, Wish, topic_key
from tiaas.konnektor.terminaladmin import TerminalAdmin, build_terminal_admin
from tiaas.konnektor.terminalfirmware import FirmwarePackage
from tiaas.konnektor.terminallist import Correlation, TerminalConfig
from tiaas.konnektor.terminalsettings import TerminalSettings
from tiaas.konnektor.timesource import TimeSettings, TimeSource
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.trustbuild import build_trust
from tiaas.konnektor.trustlists import TrustLists
from tiaas.konnektor.updateoffers import Device, Found, Offer, OfferedFile
from tiaas.konnektor.updates import Updates, build_updates
from tiaas.konnektor.vsdmonline import LastSuccess
from tiaas.konnektor.vsdmreceipt import ReceiptKeys, keep_receipt_secret
from tiaas.konnektor.web import WebClient
from tiaas.lab.pki import LabPki
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.crl import issue_crl
from tiaas.pki.issue import Authority
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.soap.dispatch import Operation
from tiaas.terminal.front import Dial, Front, LinkUp, Owner, StaleEpoch
from tiaas.terminal.session import NewPinPrompts, PinPrompts, TerminalSession
from tiaas.terminal.sicct.commands import reset_terminal
from tiaas.terminal.virtual.config import PinMode, PinPolicy
from tiaas.terminal.virtual.link import ClientLink

NAME = "one"
STATUS = bytes.fromhex("8013008000")
ECHO = CommandApdu(0x00, 0xB0, 0x00, 0x00, ne=256)


@dataclass
class Deposed:
    """The older owner with all it holds, and what it can be caught at: rows, octets to the terminal, tries."""

    surgery: Surgery
    core: ServiceContext
    operations: list[Operation]
    store: InstanceStore
    owner: Owner
    front: Front
    identity: Identity
    users: BasicUsers
    model: LiveInfoModel
    certificate: bytes
    client: str
    lists: TrustLists
    checks: SinkChecks
    last: LastSuccess
    receipts: ReceiptKeys
    held: Subscription
    commands: list[tuple[int, bytes]]
    admins: Administrators

    def traces(self) -> list[object]:
        """Everything that must not change."""
        with sqlite3.connect(self.surgery.folder / "konnektor.db") as database:
            rows = database.execute("SELECT * FROM row ORDER BY instance, kind, key").fetchall()
            rows += database.execute("SELECT * FROM owner").fetchall()
        tries = [
            (path, state.retry_counter)
            for card in self.surgery.cards
            for path, state in sorted(card.image.passwords.items())
        ]
        memory = [
            self.model.current,
            dict(self.identity.client_certificates),
            dict(self.users._hashes),
            [entry.config for entry in self.core.terminals],
            [(held, attempt) for held, attempt in (self.lists.tsl, self.lists.bnetza)],
            self.lists.anchors,
            list(self.core.events.subscriptions),
            dict(self.core.events._addresses),
            dict(self.checks._checks),
            self.last._noted,
            dict(self.receipts._known),
        ]
        return [rows, tries, list(self.commands), memory]

    async def call(self, request: Any) -> Any:
        """One SOAP operation by the older owner's services."""
        operation = next(op for op in self.operations if op.request is type(request))
        return await operation.handler(request, caller())


@pytest.fixture
async def deposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Deposed]:
    surgery = Surgery(tmp_path)
    await surgery.open()
    handle = surgery.core.store
    old, operations, owner = surgery.core, surgery.operations, handle.owner
    identity = await Identity.load(handle, ("localhost",), KeyKind.P256, CLOCK, ENTROPY)
    users = await BasicUsers.load(handle, ENTROPY)
    await users.put("praxis", Secret(b"geheim"))
    admins = await Administrators.load(handle, CLOCK, ENTROPY, Role.SUPER, FirstAdmin.of("first", make_token(ENTROPY)))
    await admins.add("second", Secret(b"Correct-Horse-7"), Role.SUPER, may_reset=False)
    client = await identity.issue_client("CS1", KeyKind.P256)
    watcher = ModelWatcher(handle)
    model = LiveInfoModel(surgery.model(), watcher.persist)
    await model.apply(lambda current: current.add(Kind.WORKPLACE, "vorher"))
    lists = await trust_lists(handle)
    checks = await SinkChecks.load(handle)
    held = await old.events.subscribe(wish("CT/CONNECTED"))
    other = create_ca("other", CLOCK.now(), ENTROPY)
    pair = issue_client(other, KeyKind.P256, "x", CLOCK.now(), ENTROPY)
    commands: list[tuple[int, bytes]] = []
    start = ClientLink._start

    def listen(link: ClientLink, received: Any) -> None:
        if received.payload != STATUS:  # the front's own keep-alive belongs to no owner
            commands.append((received.unit, received.payload))
        start(link, received)

    # Whoever takes over has a connection of its own to the same file, as another process has.
    elsewhere = await SqliteStore.open(tmp_path / "konnektor.db")
    newer = await elsewhere.take_over(NAME)
    assert newer.epoch == owner.epoch + 1
    surgery.core = build_context(
        infomodel=LiveInfoModel(surgery.model()),
        front=surgery.front,
        store=elsewhere.bind(newer),
        trust=old.trust.space,
        clock=CLOCK,
        entropy=ENTROPY,
        konnektor_name="konnektor",
    )
    await surgery.core.terminals.start()
    await surgery.core.terminals.settled(CT, 4)
    await surgery.until(lambda: not surgery.core.terminals._tasks)
    monkeypatch.setattr(ClientLink, "_start", listen)
    der = pair.certificate.public_bytes(Encoding.DER)
    yield Deposed(
        surgery,
        old,
        operations,
        handle,
        owner,
        surgery.front,
        identity,
        users,
        model,
        der,
        client.fingerprint,
        lists,
        checks,
        LastSuccess(handle, CLOCK),
        ReceiptKeys(handle, ENTROPY),
        held,
        commands,
        admins,
    )
    monkeypatch.undo()
    await surgery.close()
    await old.terminals.stop()
    await old.events.stop()
    await elsewhere.close()


async def trust_lists(handle: InstanceStore) -> TrustLists:
    """Trust lists with a TSL in use; where the next would be fetched nobody listens."""
    trust = build_trust(
        TrustSpace((), ()),
        OLD.anchor.encoded,
        TiAccess(tsl_url="http://127.0.0.1:9/tsl.xml"),
        network=Network(),
        store=handle,
        hub=EventHub(),
        opstate=OperatingState(EventHub(), CLOCK),
        clock=ManualClock(NOW),
        entropy=ENTROPY,
    )
    assert trust.lists is not None
    await trust.lists.load()
    await trust.lists.import_tsl(FIRST.document())
    return trust.lists


def wish(topic: str) -> Wish:
    """A subscription that somebody wants; nobody listens there."""
    sink = Sink("CS1", SinkAddress("127.0.0.1", 9))
    return Wish("M1", "AP1", sink, topic_key(topic), None, topic, "cetp://127.0.0.1:9")


def another_terminal() -> TerminalConfig:
    return TerminalConfig("CT-0002", "kt-labor", MAC, "127.0.0.1", 9, 4)


async def _new_identity(old: Deposed) -> None:
    """A handle whose rows are gone writes a new CA first."""
    bare = old.surgery.store.bind(Owner("another", 7))
    await Identity.load(bare, ("localhost",), KeyKind.P256, CLOCK, ENTROPY)


async def _refuse(old: Deposed) -> None:
    entry = old.core.terminals.entry(CT)
    await old.core.terminals.change(entry, replace(entry.config, correlation=Correlation.GEPAIRT))


def _pkcs12(pair: KeyPair) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"server", pair.key, pair.certificate, None, NoEncryption())


def _time_source(core: ServiceContext) -> TimeSource:
    """One whose server does not answer; it notes the attempt."""
    server, wait = Address("127.0.0.1", 9), TimeSettings(answer=0.05)
    return TimeSource(
        (server,), Network(), core.store, core.hub, core.opstate, core.protocol, core.clock, core.entropy, wait
    )


async def _new_crl(old: Deposed) -> None:
    ca = create_ca("crl", CLOCK.now(), ENTROPY)
    space = TrustSpace((Issuer(decode_certificate_untrusted(ca.certificate.public_bytes(Encoding.DER))),), ())
    core = old.core
    web, logs = WebClient(Network()), core.protocol
    keeper = CrlKeeper("", OnlineMode(True), web, lambda: space, core.store, core.hub, core.opstate, logs, core.clock)
    document = issue_crl(Authority(ca.certificate, ca.key), CLOCK.now(), CLOCK.now() + timedelta(days=7), 1)
    try:
        await keeper.take(document)
    finally:
        assert keeper.held is None


async def _new_sak_cvc(old: Deposed) -> None:
    certificate, ca, key = LabPki.create(ENTROPY, CLOCK, ecc_only=True).sak_cvc("80276001990000000001")
    await keep_sak_cvc(old.core.store, SakCvc.load(certificate, ca, Secret(key)))


async def _forget_imported_ca(old: Deposed) -> None:
    cas = ImportedCas()
    imported = await cas.add(ForeignCa().der)
    cas._store = old.core.store
    await cas.remove(imported.fingerprint)


def _keys(old: Deposed) -> OwnedKeys:
    return OwnedKeys(SoftwareKeys(old.surgery.folder), old.core.store, CLOCK)


def admin_of(old: Deposed) -> TerminalAdmin:
    return build_terminal_admin(old.core, Network("127.0.0.1"), TerminalSettings())


class NothingNew:
    """A KSR that has nothing for any device, and one package for a Fachmodul."""

    async def list_updates(self, device: Device) -> Found:
        return Found(device, (), "")

    async def fachmodul_package(self, file: OfferedFile) -> bytes:
        return bytes(file.octets)


def updates_of(old: Deposed) -> Updates:
    product = product_information(Product(), old.core.clock.now()).product_identification
    ti = replace(TiAccess(), ksr_url="https://127.0.0.1:1/ksr")
    made = build_updates(old.core, Network("127.0.0.1"), ti, product, admin_of(old).firmware)
    made._client = cast(KsrClient, NothingNew())
    made._online = OnlineMode(True)
    return made


def auto_update_of(old: Deposed) -> AutoUpdate:
    return AutoUpdate(updates_of(old), admin_of(old), old.core.terminals, old.core.store, old.core.clock)


async def _take_firmware_away(old: Deposed) -> None:
    firmware = admin_of(old).firmware
    package = FirmwarePackage("DEABC", "M", "1.0.0", b"x")
    firmware._shelf[package.key] = package
    await firmware.remove("DEABC/M/1.0.0")


def networks_of(old: Deposed) -> Bestandsnetze:
    core, nothing = old.core, cast(Any, None)
    names = Names((), Network(None).datagrams, ENTROPY)
    return Bestandsnetze(
        None, nothing, names, core.store, core.hub, core.protocol, OnlineMode(True), CLOCK, ENTROPY,
        every=60.0, has_routes=True,
    )  # fmt: skip


def registration_of(old: Deposed) -> Registration:
    core, nothing = old.core, cast(Any, None)
    return Registration(nothing, b"", core.cards, core.store, core.hub, OnlineMode(True), CLOCK, ENTROPY)


async def _load_package(old: Deposed) -> None:
    core, client = old.core, cast(KsrClient, NothingNew())
    packages = FachmodulPackages(
        Device("V", "P", "1.0.0", "1.0.0"), client, core.store, core.protocol, OnlineMode(True), CLOCK
    )
    files = (OfferedFile("V/package.bin", 16),)
    await packages.load("VSDM", Offer("U", "VSDM", "1.0.0", False, NOW.date(), None, None, "", files, ()))


Scenario = Callable[[Deposed], Awaitable[object]]

WRITES: dict[str, tuple[Scenario, ...]] = {
    "konnektor.basic:BasicUsers.put": (lambda old: old.users.put("neu", Secret(b"x")),),
    "konnektor.basic:BasicUsers.remove": (lambda old: old.users.remove("praxis"),),
    "konnektor.identity:Identity.renew_server": (lambda old: old.identity.renew_server(KeyKind.P256),),
    "konnektor.identity:Identity.import_server": (
        lambda old: old.identity.import_server(_pkcs12(old.identity.server), Secret(b"")),
    ),
    "konnektor.admin.parameters:save_parameters": (lambda old: save_parameters(old.core.store, Parameters()),),
    "konnektor.vsdmreceipt:keep_receipt_secret": (
        lambda old: keep_receipt_secret(old.core.store, Secret(bytes(16))),
        lambda old: keep_receipt_secret(old.core.store, None),
    ),
    "konnektor.admin.users:Administrators._begin": (
        lambda old: old.admins._begin(FirstAdmin.of("late", make_token(ENTROPY))),
    ),
    "konnektor.admin.users:Administrators._keep": (lambda old: old.admins.change("second", Role.LOKAL, None),),
    "konnektor.admin.users:Administrators.issue": (lambda old: old.admins.issue("first", "late", None),),
    "konnektor.admin.users:Administrators.remove": (lambda old: old.admins.remove("second"),),
    "konnektor.admin.users:Administrators.revoke": (
        lambda old: old.admins.revoke("first", old.admins.tokens("first")[0].token_id),
    ),
    "konnektor.identity:Identity.load": (_new_identity,),
    "konnektor.identity:Identity.component": (lambda old: old.identity.component("sak", old.identity.server),),
    "konnektor.sakcvc:keep_sak_cvc": (_new_sak_cvc,),
    "konnektor.hsm.activation:Activations._keep": (
        lambda old: Activations(old.core.store, CLOCK, {})._keep("80276001990000000002", Activation()),
    ),
    "konnektor.hsm.owned:OwnedKeys._require_owner": (
        lambda old: _keys(old).sign("x", bytes(32), SigningScheme.ECDSA, Digest.SHA256),
        lambda old: _keys(old).agree("x", b""),
        lambda old: _keys(old).decipher("x", b""),
    ),
    "konnektor.importedcas:ImportedCas.add": (lambda old: ImportedCas(old.core.store).add(ForeignCa().der),),
    "konnektor.importedcas:ImportedCas.remove": (_forget_imported_ca,),
    "konnektor.comfortusers:ComfortUsers.remember": (
        lambda old: ComfortUsers(old.core.store).remember("00000000-0000-4000-8000-000000000000"),
    ),
    "konnektor.identity:Identity.forget_client": (lambda old: old.identity.forget_client(old.client),),
    "konnektor.identity:Identity._remember": (
        lambda old: old.identity.issue_client("CS1", KeyKind.P256),
        lambda old: old.identity.import_client(old.certificate),
    ),
    "konnektor.assembly:ModelWatcher.persist": (
        lambda old: old.model.apply(lambda model: model.add(Kind.WORKPLACE, "nachher")),
    ),
    "konnektor.delivery:EventDelivery.booted": (lambda old: old.core.events.booted(),),
    "konnektor.delivery:EventDelivery._keep": (
        lambda old: old.core.events.subscribe(wish("CARD/INSERTED")),
        lambda old: old.core.events.renew([old.held]),
    ),
    "konnektor.delivery:EventDelivery.unsubscribe": (lambda old: old.core.events.unsubscribe([old.held]),),
    "konnektor.protocol.service:ProtocolService._key": (lambda old: old.core.protocol.start(),),
    "konnektor.protocol.service:ProtocolService._keep_overflow": (lambda old: old.core.protocol._keep_overflow(),),
    "konnektor.protocol.service:ProtocolService.configure": (
        lambda old: old.core.protocol.configure(LogSettings(days=30)),
    ),
    "konnektor.protocol.service:ProtocolService.reset_overflow": (lambda old: old.core.protocol.reset_overflow(),),
    "konnektor.timesource:TimeSource._keep": (lambda old: _time_source(old.core).sync(),),
    "konnektor.misuse:save_alarm_values": (lambda old: save_alarm_values(old.core.store, {"SignDocument": 1}),),
    "konnektor.crlkeeper:CrlKeeper._take": (_new_crl,),
    "konnektor.sinkchecks:SinkChecks.put": (
        lambda old: old.checks.put("CS1", SinkCheck(SinkTrust.PINNED, frozenset({"ab" * 32}))),
    ),
    "konnektor.trustlists:TrustLists._note": (lambda old: old.lists.refresh_tsl(),),
    "konnektor.trustlists:TrustLists._take_bnetza": (lambda old: old.lists.import_bnetza(VL.document()),),
    "konnektor.trustlists:TrustLists._take_tsl": (lambda old: old.lists.import_tsl(FIRST.newer().document()),),
    "konnektor.vsdmonline:LastSuccess.days_ago": (lambda old: old.last.days_ago(),),
    "konnektor.vsdmonline:LastSuccess.note": (lambda old: old.last.note(),),
    "konnektor.vsdmreceipt:ReceiptKeys._find": (lambda old: old.receipts.of("M1"),),
    "konnektor.terminals:Terminals.add": (
        lambda old: old.core.terminals.add(another_terminal()),
        lambda old: old.core.terminals.add(replace(old.core.terminals.entry(CT).config, port=9)),
    ),
    "konnektor.terminalfinder:TerminalFinder.put_settings": (
        lambda old: admin_of(old).finder.put_settings(TerminalSettings(discovery_cycle=0)),
    ),
    "konnektor.terminalfirmware:Firmware.put": (
        lambda old: admin_of(old).firmware.put(FirmwarePackage("DEABC", "M", "1.0.0", b"x")),
    ),
    "konnektor.terminalfirmware:Firmware.remove": (_take_firmware_away,),
    "konnektor.updates:Updates.check": (lambda old: updates_of(old).check(),),
    "konnektor.autoupdate:AutoUpdate.configure": (lambda old: auto_update_of(old).configure(AutoUpdateSettings()),),
    "konnektor.boxstored:save": (lambda old: save(old.core.store, BoxNetworkSettings()),),
    "konnektor.bestandsnetze.keeper:Bestandsnetze._choose": (lambda old: networks_of(old).activate_new(False),),
    "konnektor.bestandsnetze.keeper:Bestandsnetze._take": (
        lambda old: networks_of(old)._take(NetworkList("1.0.0", ())),
    ),
    "konnektor.fachmodulpackages:FachmodulPackages.load": (_load_package,),
    "konnektor.registration.keeper:Registration.configure": (
        lambda old: registration_of(old).configure(RegistrationSettings("1234", "80276001990000000002")),
    ),
    "konnektor.registration.keeper:Registration._keep": (
        lambda old: registration_of(old)._keep(Registered(NOW, "1234", "", b"", ContractStatus.TI)),
    ),
    "konnektor.terminals:Terminals.remove": (lambda old: old.core.terminals.remove(CT),),
    "konnektor.terminals:Terminals.change": (
        _refuse,
        lambda old: old.core.terminals.pair(CT, lambda shown: True, 0.1),
    ),
}
"""Who writes to the store or asks it who owns the instance, and how that is brought about."""

TAKES_OVER = frozenset({"konnektor.node:Node.erase", "konnektor.node:Node.rewrite"})
"""Who becomes the owner first, to wipe or rewrite an instance; there is no older one then."""

_STORE_CALLS = frozenset({"put", "delete", "apply", "forget", "require_owner"})
_STORES = frozenset({"store", "_store"})


def write_paths() -> set[str]:
    """`module:Class.function` of all calls that write to an instance's store in the Konnektor."""
    found = set()
    for path in (SRC / "konnektor").rglob("*.py"):
        if path.name in ("store.py", "sqlite_store.py"):
            continue
        module = ".".join(path.relative_to(SRC).with_suffix("").parts)
        found |= {f"{module}:{name}" for name in _writers(tree(path), "")}
    return found


def _writers(node: ast.AST, inside: str) -> set[str]:
    found = set()
    for child in ast.iter_child_nodes(node):
        name = inside
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{inside}.{child.name}".lstrip(".")
        if isinstance(child, ast.Call) and _is_write(child.func):
            found.add(inside)
        found |= _writers(child, name)
    return found


def _is_write(called: ast.expr) -> bool:
    if not isinstance(called, ast.Attribute) or called.attr not in _STORE_CALLS:
        return False
    holder = called.value
    return (isinstance(holder, ast.Name) and holder.id in _STORES) or (
        isinstance(holder, ast.Attribute) and holder.attr in _STORES
    )


def test_every_write_path_is_here() -> None:
    assert write_paths() - TAKES_OVER == set(WRITES)


async def test_an_older_owner_writes_nothing(deposed: Deposed) -> None:
    before = deposed.traces()
    for path, scenarios in WRITES.items():
        for scenario in scenarios:
            with pytest.raises(StaleEpochWrite):
                await scenario(deposed)
            assert deposed.traces() == before, path


# ---- the front -------------------------------------------------------------------------------------------------------

FRONT: dict[str, Callable[[Front, Owner], object]] = {
    "claim": lambda front, owner: front.claim(owner, lambda event: None),
    "connect": lambda front, owner: front.connect(owner, Dial("CT-0002", "127.0.0.1", 9)),
    "disconnect": lambda front, owner: front.disconnect(owner, CT),
    "exchange": lambda front, owner: front.exchange(owner, CT, 0, b"\x80\x17\x00\x00", 1.0),
}

_PIN = PinPrompts("PIN", "ok", "nein")
_NEW_PIN = NewPinPrompts("PIN", "ok", "nein", "neu", "nochmal", "ungleich")
_TEMPLATE = CommandApdu(0x00, 0x20, 0x00, 0x01, bytes.fromhex("20FFFFFFFFFFFFFF"))

SESSION: dict[str, Callable[[TerminalSession], object]] = {
    "init": lambda session: session.init(),
    "close": lambda session: session.close("00AA"),
    "validate": lambda session: session.validate(Secret(bytes(16)), bytes(16)),
    "create_pairing": lambda session: session.create_pairing(Secret(bytes(16)), "OK?"),
    "add_key": lambda session: session.add_key(Secret(bytes(16))),
    "product": lambda session: session.product(),
    "slot_states": lambda session: session.slot_states(),
    "activate": lambda session: session.activate(1),
    "request": lambda session: session.request(1, "Karte", 1),
    "reset": lambda session: session.reset(1),
    "eject": lambda session: session.eject(1, None, 1),
    "deactivate": lambda session: session.deactivate(1),
    "card": lambda session: session.card(1).transmit(ECHO),
    "perform_verification": lambda session: session.perform_verification(1, _TEMPLATE, _PIN),
    "modify_verification_data": lambda session: session.modify_verification_data(
        1, replace(_TEMPLATE, data=bytes(16)), _NEW_PIN
    ),
    "show": lambda session: session.show("alt"),
    "clear": lambda session: session.clear(),
    "command": lambda session: session.command(reset_terminal()),
    "confirm": lambda session: session.confirm("OK?", 1),
}


def _public(kind: type) -> set[str]:
    return {name for name, member in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


def test_every_call_of_the_front_is_here() -> None:
    assert set(FRONT) == _public(Front)
    assert set(SESSION) == _public(TerminalSession)


async def test_an_older_owner_reaches_no_terminal(deposed: Deposed) -> None:
    before, front = deposed.traces(), deposed.surgery.front
    for name, call in FRONT.items():
        with pytest.raises(StaleEpoch):
            await _ended(call(front, deposed.owner))
        assert deposed.traces() == before, name
        assert front.connected == 1, name
        assert front._instances[NAME].epoch == deposed.owner.epoch + 1, name
    session = deposed.core.terminals.session(CT)
    for name, command in SESSION.items():
        with pytest.raises(StaleEpoch):
            await _ended(command(session))
        assert deposed.traces() == before, name


async def _ended(result: object) -> None:
    if inspect.isawaitable(result):
        await result


async def test_an_older_owners_services_touch_no_card(deposed: Deposed) -> None:
    """Its clients get an error; nobody is asked for a PIN, and where somebody types wrong ones, no try is lost."""
    deposed.surgery.terminal.pin_policy = PinPolicy(PinMode.WRONG)
    cards = {card.card_type: card.handle for card in deposed.core.cards}
    before = deposed.traces()
    calls = [
        VerifyPin(context=context(), card_handle=cards[CardType.SMC_B], pin_typ="PIN.SMC"),
        VerifyPin(context=context(user="U1"), card_handle=cards[CardType.HBA], pin_typ="PIN.CH"),
        GetPinStatus(context=context(), card_handle=cards[CardType.SMC_B], pin_typ="PIN.SMC"),
        ReadVSD(
            ehc_handle=cards[CardType.EGK],
            hpc_handle=cards[CardType.SMC_B],
            perform_online_check=False,
            read_online_receipt=False,
            context=context(),
        ),
    ]
    for call in calls:
        with pytest.raises(KonnektorError):
            await deposed.call(call)
    assert deposed.traces() == before
    # The owner of today serves the same cards.
    smcb = deposed.surgery.find(CardType.SMC_B)
    assert smcb.handle != cards[CardType.SMC_B]
    states = await deposed.surgery.core.terminals.session(CT).slot_states()
    assert len(states) == 4


async def test_an_older_owner_that_is_told_of_a_connection_says_nothing_to_its_clients(deposed: Deposed) -> None:
    """What was on its way to it when it was taken over: no failure is told, nothing is ended."""
    topics: list[object] = []
    deposed.core.hub.subscribe(lambda event: topics.append(event.topic))
    before = deposed.traces()
    entry = deposed.core.terminals.entry(CT)
    assert entry.certificate is not None
    await deposed.core.terminals._admission.begin(
        entry, entry.next_connection(), LinkUp(CT, entry.certificate, "SUITE")
    )
    assert topics == []
    assert deposed.traces() == before
    assert deposed.surgery.front.connected == 1
