"""Puts a lab and a Konnektor node together: the object graph of `tiaas up`, its start and its stop.

Start, in this order: folder, PKI services, cards, terminals, control port, instances, each set up through its
management interface (model, client, trust lists if it works offline), pairing, PIN.SMC, status page, ready file. Stop
takes it down in the opposite order, so `ready.json` is the last to come and the first to go.
"""

import asyncio
import gc
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.routing import Route

from tiaas.base import collector, log
from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.heap import return_large_blocks
from tiaas.base.heavy import change_threads_often
from tiaas.cli import hsmlab, onboard, watch
from tiaas.cli.boxfilter import packet_filter, tell_adapters, use_filters
from tiaas.cli.faultyrandom import FaultyRandom
from tiaas.cli.joining import join_terminals
from tiaas.cli.ldapports import ldap_addresses, ldap_entry
from tiaas.cli.logs import PROTOCOL_FOLDER
from tiaas.cli.managing import Managing, access_of, reachable
from tiaas.cli.programs import programs_in
from tiaas.cli.progress import Progress
from tiaas.cli.resetting import Resetting
from tiaas.cli.upchoices import LOG_FILE, HsmKind
from tiaas.cli.upconfig import UpConfig
from tiaas.client import Kon, parse_kon
from tiaas.client.admin import Admin, connect_admin, path_of
from tiaas.interfaces.management.clientsystems import BasicUserChange, KeyType
from tiaas.konnektor.config import Address, InstanceConfig, Profile, Variant
from tiaas.konnektor.diskcheck import free_octets
from tiaas.konnektor.ingress import AddressTaken
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.node import Node
from tiaas.konnektor.program.checks import Own
from tiaas.konnektor.program.update import Audience, ProgramUpdates
from tiaas.konnektor.recorderapi import recorder_routes
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.lab.control import control_app
from tiaas.lab.errors import PortTaken
from tiaas.lab.keys import new_rsa_key
from tiaas.lab.lab import LOOPBACK, Lab
from tiaas.lab.practice import Practice
from tiaas.lab.ready import (
    AdminEntry,
    ClientEntry,
    ContextEntry,
    InstanceEntry,
    KonnektorEntry,
    LabEntry,
    LdapEntry,
    Ready,
    VirtualSmbEntry,
    basic_credentials,
    kon_document,
    pkcs12_credentials,
    remove_ready,
    write_kon,
    write_private,
    write_ready,
)
from tiaas.lab.readyview import cards_entry, terminal_entries
from tiaas.lab.registry import Registry
from tiaas.lab.scenario.model import Scenario
from tiaas.lab.server import LabServer
from tiaas.lab.store import LabStore
from tiaas.pki.certificate import decode_certificate_untrusted

_log = logging.getLogger("tiaas.cli")

T = TypeVar("T")

CONTROL_PORT = 8480
KONNEKTOR_PORT = 8443
KONNEKTOR_DATABASE = "konnektor.sqlite"
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What the command line asked for. `port` None: our choice.

    `practices`, `terminals`, `patients` (the latter two per practice) None: as many as the folder has, else the usual.
    """

    folder: Path
    practices: int | None = None
    terminals: int | None = None
    patients: int | None = None
    listen: str = LOOPBACK
    port: int | None = None
    hosts: tuple[str, ...] = ()
    locked: bool = False
    ecc_only: bool = False
    seed_text: str | None = None
    log_level: str = "info"
    config: UpConfig = field(default_factory=UpConfig)
    scenario: Scenario | None = None
    hsm: HsmKind | None = None
    rsa_keys: Callable[[], RSAPrivateKey] = new_rsa_key
    restart: Callable[[], object] | None = None
    """Ends what serves so that another program can; None: the program is not replaced."""


@dataclass(frozen=True, slots=True)
class Served:
    """One practice with everything a client needs."""

    practice: Practice
    instance: Instance
    konnektor: KonnektorEntry
    client: ClientEntry
    context: ContextEntry
    kon_file: Path
    kon: Kon
    admin: AdminEntry
    ldap: LdapEntry | None
    virtual_smbs: tuple[VirtualSmbEntry, ...]


@dataclass(slots=True)
class Running:
    """A lab that serves. `notices` are for the person who started it."""

    lab: Lab
    control_url: str
    ca_bundle: Path
    served: list[Served] = field(default_factory=list)
    portal_url: str | None = None
    base: AdminEntry | None = None
    instances: Callable[[], Iterable[Instance]] = tuple
    """Those that serve now."""
    notices: list[str] = field(default_factory=list)

    def ready(self) -> Ready:
        """The content of the ready file at this moment."""
        instances = tuple(
            InstanceEntry(
                konnektor=served.konnektor,
                client=served.client,
                context=served.context,
                workplaces=onboard.workplaces_of(served.practice),
                terminals=terminal_entries(served.practice, self.control_url),
                cards=cards_entry(self.lab, served.practice),
                kon_file=served.kon_file,
                admin=served.admin,
                ldap=served.ldap,
                virtual_smbs=served.virtual_smbs,
            )
            for served in self.served
        )
        services = self.lab.services
        lab = LabEntry(
            self.control_url,
            self.ca_bundle,
            ocsp=None if services is None else services.ocsp_url,
            tsl=None if services is None else services.tsl_url,
            bnetza=None if services is None else services.bnetza_url,
            faults=f"{self.control_url}/faults",
            journal=f"{self.control_url}/journal",
            vzd=self.lab.vzd.url or None,
        )
        return Ready(instances, lab, self.portal_url, self.base)


@asynccontextmanager
async def running(
    options: UpOptions, registry: Registry, progress: Progress, *, clock: Clock, entropy: Entropy
) -> AsyncIterator[Running]:
    """A lab with its Konnektor, from the first file to `ready.json`, for as long as the context lasts.

    Raises `TiaasError` for everything a person can put right.
    """
    return_large_blocks()
    change_threads_often()
    async with AsyncExitStack() as stack:
        with collector.resting():
            run = await _start(_Start(options, progress, stack, clock, entropy), registry)
            # What the start built stays: the collector need not walk it again and again while requests are served.
            gc.collect()
            gc.freeze()
        stack.callback(gc.unfreeze)
        yield run


async def _start(start: "_Start", registry: Registry) -> Running:
    """All steps of a start, the ready file last."""
    options, progress = start.options, start.progress
    lab = await start.open_lab()
    node, store = await start.start_node(lab)
    start.use_programs(lab, node)
    managing = Managing(lab, node, store, options.listen, options.config, start.clock, start.entropy)
    resetting = Resetting()
    more = [*recorder_routes(lambda: node.instances), *resetting.routes]
    control_url = await start.start_lab(lab, more)
    run = Running(
        lab,
        control_url,
        start.write_ca_bundle(lab),
        instances=node.instances.values,
        notices=lab.ports.notices,
    )
    run.notices.extend(options.config.access.notices())
    if lab.vzd.missing:
        run.notices.append(f"no directory behind the LDAP proxy: {lab.vzd.missing}")
    with progress.step(f"{_count(len(lab.practices), 'Konnektor instance')}: identity, model, clients"):
        hsms = await start.make_hsms(lab)
        run.served += await _each(
            start.serve(managing, practice, run.notices.append, hsms.get(practice.number))
            for practice in lab.practices.values()
        )
    with progress.step("management of the node"):
        run.base = await managing.open_base()
    with progress.step("terminals paired, cards read"):
        await _each(
            join_terminals(lab, served.practice, served.instance, access_of(served.admin), run.notices.append)
            for served in run.served
        )
    if not options.locked:
        with progress.step("PIN.SMC over SOAP"):
            await start.unlock(run)
    with progress.step("status page"):
        titles = {served.instance.name: served.practice.name for served in run.served}
        run.portal_url = await watch.start(
            lab.ports, node, control_url, titles, start.stack, start.clock, start.entropy
        )
    tell_adapters((served.instance for served in run.served), run.notices.append)
    await use_filters((served.instance for served in run.served), run.notices.append)
    resetting.begin(lab, lambda: list(node.instances.values()), node.checks.look, lambda: start.unlock(run))
    _publish(run, registry, start.stack)
    if node.programs is not None:
        node.programs.settle()
    return run


def _publish(run: Running, registry: Registry, stack: AsyncExitStack) -> None:
    """Writes the ready file, keeps it true while cards move and PINs change, and takes it away at the end.

    It is written before a move is answered, so whoever moved a card finds the file telling so.
    """
    folder = run.lab.store.folder

    def changed() -> None:
        try:
            write_ready(folder, run.ready())
        except OSError as error:
            _log.warning("ready file not written", extra={"kind": type(error).__name__})

    def withdraw() -> None:
        run.lab.on_change = lambda: None
        remove_ready(folder)

    stack.callback(registry.leave, folder)
    stack.callback(withdraw)
    registry.enter(folder)
    write_ready(folder, run.ready())
    run.lab.on_change = changed


@dataclass(frozen=True, slots=True)
class _Start:
    """The steps of a start; whatever they start is stopped by `stack`."""

    options: UpOptions
    progress: Progress
    stack: AsyncExitStack
    clock: Clock
    entropy: Entropy

    async def open_lab(self) -> Lab:
        """Folder, PKI services, cards: the services first, because certificates on cards name them."""
        options = self.options
        with self.progress.step(f"folder {options.folder}"):
            store = LabStore.open(options.folder)
            self.stack.callback(store.close)
            (store.folder / LOG_FILE).touch(mode=0o600)
            handler = log.configure(options.log_level, store.folder / LOG_FILE)
            self.stack.callback(handler.close)
        with self.progress.step("lab PKI, people, cards"):
            lab = Lab.open(
                store,
                clock=self.clock,
                entropy=self.entropy,
                ecc_only=options.ecc_only,
                seed_text=options.seed_text,
                rsa_keys=options.rsa_keys,
            )
            self.stack.push_async_callback(lab.stop)
            await lab.start_pki()
            lab.load(options.practices, options.terminals, options.patients)
        return lab

    async def start_lab(self, lab: Lab, more: Sequence[Route]) -> str:
        """Terminals and control port, which has `more` routes; returns the control port's URL."""
        with self.progress.step("virtual terminals, control port"):
            await lab.start()
            server = LabServer(control_app(lab, more), "control port")
            self.stack.push_async_callback(server.stop)
            port, _ = await lab.ports.claim(
                "control", LOOPBACK, lambda port: server.start(LOOPBACK, port), preferred=CONTROL_PORT
            )
        return f"http://{LOOPBACK}:{port}"

    def write_ca_bundle(self, lab: Lab) -> Path:
        path = lab.store.folder / "ca-bundle.pem"
        write_private(path, lab.pki.ca_bundle_pem.encode())
        return path

    async def unlock(self, run: Running) -> None:
        """Verifies PIN.SMC of all practices, unless they are to stay locked."""
        if not self.options.locked:
            await _each(onboard.unlock(served.kon, run.notices.append) for served in run.served)

    async def start_node(self, lab: Lab) -> tuple[Node, SqliteStore]:
        store = await SqliteStore.open(self.options.folder.absolute() / KONNEKTOR_DATABASE)
        self.stack.push_async_callback(store.close)
        logs, samples = self.options.folder.absolute() / PROTOCOL_FOLDER, FaultyRandom(self.entropy, lab.faults)
        free = partial(free_octets, self.options.folder.absolute())
        node = Node(store, self.clock, self.entropy, logs=logs, samples=samples, free=free)
        self.stack.push_async_callback(node.stop)
        return node, store

    def use_programs(self, lab: Lab, node: Node) -> None:
        """The node's program can be replaced, if this process can be started anew."""
        restart, product = self.options.restart, self.options.config.product.product()
        if restart is not None:
            anchors = self.options.config.product.hersteller() or (lab.ksr.hersteller.ca,)
            node.programs = ProgramUpdates(
                programs_in(self.options.folder),
                tuple(map(decode_certificate_untrusted, anchors)),
                Own(product.vendor_id, product.product_code, product.hardware_version),
                self.options.folder.absolute() / KONNEKTOR_DATABASE,
                lambda: [Audience(each.context.hub, each.config.hostname) for each in node.instances.values()],
                restart,
                self.clock,
            )

    async def make_hsms(self, lab: Lab) -> dict[int, hsmlab.PracticeHsm]:
        """Those of all practices, by number. A module that is in use finds no token that is made then."""
        kind = self.options.hsm
        if kind is None:
            return {}
        return {number: await hsmlab.practice_hsm(lab, number, kind, self.entropy) for number in lab.practices}

    async def serve(
        self, managing: Managing, practice: Practice, say: Callable[[str], None], hsm: hsmlab.PracticeHsm | None
    ) -> Served:
        """Starts the instance of a practice, sets it up through its management interface, writes its clients' files."""
        options, at = self.options, practice.number - 1
        lab, node = managing.lab, managing.node
        is_box = options.config.profile is Profile.EINBOX
        device = lab.device(practice.number, options.config.box.device_days) if is_box else None
        given = onboard.provision(lab, practice, managing.first_admin(practice.number), device)
        given = replace(given, packet_filter=packet_filter(options.config, practice))

        async def add(port: int) -> Instance:
            # Claimed anew for each try: a lab that starts at the same time may have taken one of the directory's ports.
            ldap = await ldap_addresses(lab, options.config.access.access(), options.listen, practice.number)
            config = self._config(lab, practice, port, ldap)
            if hsm is not None:
                config = replace(config, hsms=(hsm.settings,))
            try:
                return await node.add(config, given)
            except AddressTaken as error:
                raise PortTaken(options.listen, port) from error

        fixed = None if options.port is None else options.port + at
        preferred = KONNEKTOR_PORT + at
        name = f"konnektor/{practice.number}"
        port, instance = await lab.ports.claim(name, options.listen, add, preferred=preferred, fixed=fixed)
        admin = await managing.open_instance(practice.number, instance)
        async with connect_admin(access_of(admin)) as desk:
            await onboard.fill_model(desk, lab, practice, hsm)
            if not options.config.ti.online:
                await onboard.import_lists(desk, lab, say)
            if hsm is not None and not options.locked:
                await hsmlab.activate(desk, onboard.context_of(practice).mandant_id, hsm)
            served = await self._write_files(lab, practice, instance, port, admin, desk)
            return served if hsm is None else replace(served, virtual_smbs=(hsm.entry,))

    def _config(
        self, lab: Lab, practice: Practice, port: int, ldap: tuple[Address | None, Address | None]
    ) -> InstanceConfig:
        options = self.options
        hosts = dict.fromkeys((*options.hosts, reachable(options.listen)))
        settings = options.config
        first = settings.access.plain_port
        return InstanceConfig(
            f"praxis-{practice.number}",
            Address(options.listen, port),
            plain=Address(options.listen, first + practice.number - 1) if first else None,
            ldap=ldap[0],
            ldap_plain=ldap[1],
            hosts=tuple(hosts),
            server_key=settings.server_key,
            access=settings.access.access(),
            limits=settings.limits.limits(),
            product=settings.product.product(),
            profile=settings.profile,
            environment=settings.environment,
            local_sinks=settings.sinks.local,
            recorder=settings.recorder,
            ti=settings.ti.applied(onboard.ti_access(lab)),
            signature=settings.signature.settings(),
            box=onboard.box_access(lab, settings.box, practice.number),
        )

    async def _write_files(
        self, lab: Lab, practice: Practice, instance: Instance, port: int, admin: AdminEntry, desk: Admin
    ) -> Served:
        folder = lab.store.folder / f"practice-{practice.number}"
        kind = KeyType(self.options.config.client_key.value)
        client = await onboard.client_files(desk, lab.store, practice, folder, kind, self.clock)
        context = onboard.context_of(practice)
        client_path = path_of("/client-systems/{}", context.client_system_id)
        await desk.change("PUT", f"{client_path}/receivers", self.options.config.sinks.receiver_check())
        local = f"https://{Address(reachable(self.options.listen), port)}"
        url = f"https://{Address(_public_host(self.options), port)}"
        konnektor = KonnektorEntry(url, f"{url}/connector.sds", folder / "ca.pem")
        anchor = instance.identity.ca.certificate.public_bytes(Encoding.DER)
        credentials = await self._credentials(instance, client, context, desk)
        kon_file = folder / f"practice-{practice.number}.kon"
        write_kon(kon_file, kon_document(konnektor, context, credentials, (anchor,)))
        # We ourselves go by the address: a name given with --host need not be known on this machine.
        document = kon_document(replace(konnektor, url=local), context, credentials, (anchor,))
        kon = parse_kon(json.dumps(document), {})
        ldap = ldap_entry(instance, _public_host(self.options))
        return Served(practice, instance, konnektor, client, context, kon_file, kon, admin, ldap, ())

    async def _credentials(
        self, instance: Instance, client: ClientEntry, context: ContextEntry, desk: Admin
    ) -> dict[str, str]:
        if instance.config.access.variant is not Variant.PASSWORD:
            return pkcs12_credentials(client.p12.read_bytes(), client.p12_password)
        user = context.client_system_id
        await desk.change(
            "PUT", path_of("/client-systems/{}/users/{}", user, user), BasicUserChange(client.p12_password)
        )
        return basic_credentials(user, client.p12_password)


async def _each(works: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """Runs all works, a few at a time, and gives their results in order; the first failure ends the rest."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def limited(work: Coroutine[object, object, T]) -> T:
        async with limit:
            return await work

    tasks = [asyncio.create_task(limited(work)) for work in works]
    try:
        return [await task for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _public_host(options: UpOptions) -> str:
    """What clients are told: the first `--host` that this machine knows as a name, else the address."""
    for host in options.hosts:
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            continue
        return host
    return reachable(options.listen)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
