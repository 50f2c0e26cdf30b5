"""Makes a demo practice's Konnektor usable: information model, client certificate, pairing, PIN.SMC.

Every function finds what is there already and adds what is missing, so it serves a new folder and an old one.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.card.objsys.model import CardKind
from tiaas.cli.faultynetwork import FaultyNetwork
from tiaas.client import ClientError, Kon, connect
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import PinStatus
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.infomodel import ClientSystem, InfoModel, ManagedSmb, Relation, Terminal
from tiaas.konnektor.infomodel import Kind as Entity
from tiaas.konnektor.instance import Instance, Provision
from tiaas.konnektor.issuing import KeyPair
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.terminallist import Correlation, TerminalConfig
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.lab.lab import Lab
from tiaas.lab.listcontent import ListName
from tiaas.lab.pki import AuthorityKind, Family
from tiaas.lab.practice import LabTerminal, Practice
from tiaas.lab.ready import ClientEntry, ContextEntry, WorkplaceEntry, write_private
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.terminal.pairing import fingerprint

RENEW_BEFORE = timedelta(days=30)
_PASSWORD_OCTETS = 12
# A terminal whose port moved is dialled anew; for any other the instance's boot has waited long enough.
_REUNION_SECONDS = 5.0
_LAST_LOOK_SECONDS = 0.1
PIN_SMC = "PIN.SMC"


def context_of(practice: Practice) -> ContextEntry:
    """The call context of a demo practice, at its first workplace."""
    number = practice.number
    first = workplaces_of(practice)[0].workplace_id
    return ContextEntry(f"mandant-{number}", f"pvs-{number}", first, f"user-{number}")


def workplaces_of(practice: Practice) -> tuple[WorkplaceEntry, ...]:
    """The workplaces: one per terminal, which is its local one."""
    name = f"arbeitsplatz-{practice.number}"
    return tuple(
        WorkplaceEntry(name if number == 1 else f"{name}-{number}", (terminal.ct_id,))
        for number, terminal in enumerate(practice.terminals.values(), 1)
    )


def provision(lab: Lab, practice: Practice) -> Provision:
    """What the instance of a practice trusts and shows to terminals."""
    families = (Family.ECC,) if lab.pki.ecc_only else (Family.ECC, Family.RSA)

    def issuers(kind: AuthorityKind) -> tuple[bytes, ...]:
        return tuple(lab.pki.authority(kind, family).certificate.public_bytes(Encoding.DER) for family in families)

    anchors = (*issuers(AuthorityKind.KOMP), *issuers(AuthorityKind.EGK))
    trust = TrustSpace(tuple(Issuer(decode_certificate_untrusted(der)) for der in anchors), (lab.pki.cvc_root,))
    certificate, key = practice.sak
    anchor = None if lab.services is None else lab.services.lists.anchor
    return Provision(trust, KeyPair.load(certificate, key), anchor, network=FaultyNetwork(lab=lab))


def ti_access(lab: Lab) -> TiAccess:
    """Where an instance finds the lab's services; the server of the lists forwards OCSP requests, too."""
    services = lab.services
    if services is None:
        return TiAccess(intermediaer=lab.vsdm.url)
    return TiAccess(
        tsl_url=services.tsl_url,
        bnetza_url=services.bnetza_url,
        ocsp_forwarder=services.url,
        intermediaer=lab.vsdm.url,
    )


async def import_lists(instance: Instance, lab: Lab, say: Callable[[str], None]) -> None:
    """Gives an instance that works offline the lab's trust lists, as an administrator does (TUC_KON_032, 031).

    `say` hears of a list that is refused.
    """
    lists = instance.context.trust.lists
    if lists is None or lab.services is None:
        return
    published = lab.services.lists
    try:
        await lists.import_tsl(published.current(ListName.TSL).document)
        await lists.import_bnetza(published.current(ListName.BNETZA).document)
    except KonnektorError as error:
        say(f"{instance.name} did not take a trust list: {error}")


async def fill_model(instance: Instance, lab: Lab, practice: Practice) -> None:
    """Mandant, Clientsystem, workplaces, terminals and SMC-Bs of the practice, related to each other.

    The first terminal, where the SMC-B and the HBA are, is a remote one of all other workplaces.
    """
    context = context_of(practice)
    smcbs = [card.iccsn for card in lab.cards.of_practice(practice.number, CardKind.SMC_B)]
    wanted = _model(context, practice, smcbs)

    def merge(model: InfoModel) -> InfoModel:
        for kind in Entity:
            have, want = getattr(model, kind.value), getattr(wanted, kind.value)
            for key in want:
                if key not in have:
                    model = model.add(kind, key if isinstance(want, frozenset) else want[key])
        for relation in Relation:
            for ends in getattr(wanted, relation.value) - getattr(model, relation.value):
                model = model.link(relation, *ends)
        return model

    if merge(instance.model.current) != instance.model.current:
        await instance.model.apply(merge)


def _model(context: ContextEntry, practice: Practice, smcbs: list[str]) -> InfoModel:
    mandant, client = context.mandant_id, context.client_system_id
    model = (
        InfoModel()
        .add(Entity.MANDANT, mandant)
        .add(Entity.CLIENT, ClientSystem(client))
        .link(Relation.MANDANT_CLIENT, mandant, client)
    )
    for terminal in practice.terminals.values():
        model = model.add(Entity.TERMINAL, Terminal(terminal.ct_id, tuple(terminal.record.slots))).link(
            Relation.MANDANT_TERMINAL, mandant, terminal.ct_id
        )
    for workplace in workplaces_of(practice):
        model = _add_workplace(model, mandant, client, workplace, next(iter(practice.terminals)))
    for iccsn in smcbs:
        model = model.add(Entity.SMB, ManagedSmb(iccsn)).link(Relation.MANDANT_SMB, mandant, iccsn)
    return model


def _add_workplace(
    model: InfoModel, mandant: str, client: str, workplace: WorkplaceEntry, shared_terminal: str
) -> InfoModel:
    """With a workplace more; the terminal that all share is a remote one if it is not a local one."""
    name = workplace.workplace_id
    model = (
        model.add(Entity.WORKPLACE, name)
        .link(Relation.MANDANT_WORKPLACE, mandant, name)
        .link(Relation.CS_AP, mandant, client, name)
    )
    for ct_id in workplace.ct_ids:
        model = model.link(Relation.LOCAL, name, ct_id)
    return model if shared_terminal in workplace.ct_ids else model.link(Relation.REMOTE, name, shared_terminal)


async def client_files(
    instance: Instance, lab: Lab, practice: Practice, folder: Path, kind: KeyKind, clock: Clock, entropy: Entropy
) -> ClientEntry:
    """The Clientsystem's identity as files in `folder` (which exists).

    A new one, with a key of `kind`, is made if files are missing or its certificate runs out.
    """
    key = f"client-password/{practice.number}"
    stored = lab.store.meta(key)
    password = Secret(str(stored).encode()) if stored else Secret(entropy.octets(_PASSWORD_OCTETS).hex().encode())
    entry = ClientEntry(folder / "client.p12", password, folder / "client.pem", folder / "client-key.pem")
    if stored is None or not _is_usable(instance, entry, clock):
        # The certificate says that all of them are good: it goes first and comes last, whatever ends us in between.
        entry.cert.unlink(missing_ok=True)
        lab.store.put_meta(key, password.reveal().decode())
        client_system = context_of(practice).client_system_id
        issued = await instance.issue_client(client_system, kind)
        write_private(entry.p12, issued.pkcs12(client_system, password).reveal())
        write_private(entry.key, issued.key_pem().reveal())
        write_private(entry.cert, issued.certificate_pem())
    return entry


def _is_usable(instance: Instance, entry: ClientEntry, clock: Clock) -> bool:
    if not (entry.p12.is_file() and entry.key.is_file() and entry.cert.is_file()):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(entry.cert.read_bytes())
    except ValueError:
        return False
    known = certificate.public_bytes(Encoding.DER) in instance.identity.client_certificates.values()
    return known and certificate.not_valid_after_utc - clock.now() > RENEW_BEFORE


async def pair(instance: Instance, terminal: LabTerminal, expected_certificate: bytes) -> bool:
    """Adds the terminal where it listens now and pairs it, unless it is paired; returns when its cards are opened.

    The fingerprint is compared with that of the gSMC-KT in the lab's books, as a technician compares it with the
    paper. False if a paired terminal does not come back (somebody took its gSMC-KT): that must not keep a lab down.
    Raises `KonnektorError` and `TimeoutError` for a terminal that is not paired.
    """
    terminals = instance.context.terminals
    host, _, port = terminal.sicct.rpartition(":")
    wait = _LAST_LOOK_SECONDS
    known = next((entry.config for entry in terminals if entry.config.ct_id == terminal.ct_id), None)
    if known is None:
        record = terminal.record
        config = TerminalConfig(record.ct_id, record.name, record.mac, host, int(port), len(record.slots))
        await terminals.add(config)
    elif (known.host, known.port) != (host, int(port)):
        wait = _REUNION_SECONDS
        await terminals.add(replace(known, host=host, port=int(port)))
    if known is None or known.correlation is not Correlation.AKTIV:
        expected = fingerprint(expected_certificate)
        await terminals.pair(terminal.ct_id, lambda shown: shown == expected)
        await terminals.settled(terminal.ct_id)
        return True
    try:
        await terminals.settled(terminal.ct_id, wait)
    except TimeoutError:
        return False
    return True


async def unlock(kon: Kon, say: Callable[[str], None]) -> None:
    """Verifies PIN.SMC of every SMC-B by ordinary SOAP calls; `say` hears of what did not work."""
    try:
        async with connect(kon) as konnektor:
            for card in await konnektor.get_cards(CardType.SMC_B):
                state = await konnektor.get_pin_status(card.card_handle, PIN_SMC)
                if state.status is PinStatus.VERIFIED:
                    continue
                outcome = await konnektor.verify_pin(card.card_handle, PIN_SMC)
                if not outcome.ok:
                    say(f"PIN.SMC at {card.ct_id} is not verified: {outcome.result.value}")
    except ClientError as error:
        say(f"PIN.SMC is not verified: {error}")
