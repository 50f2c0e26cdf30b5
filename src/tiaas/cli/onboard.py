"""Makes a demo practice's Konnektor usable: information model, client certificate, PIN.SMC.

Every function finds what is there already and adds what is missing, so it serves a new folder and an old one.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from tiaas.base.clock import Clock
from tiaas.base.secret import Secret
from tiaas.card.objsys.model import CardKind
from tiaas.cli.boxsettings import BoxSettings
from tiaas.cli.faultynetwork import FaultyNetwork
from tiaas.cli.hsmlab import PracticeHsm, with_hsm
from tiaas.client import ClientError, Kon, connect
from tiaas.client.admin import Admin, AdminRefused, path_of
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import PinStatus
from tiaas.interfaces.management.clientsystems import (
    ClientSystemAccess,
    IssuedCertificate,
    KeyType,
    NewClientCertificate,
)
from tiaas.interfaces.management.infomodel import InfoModelDocument, ManagedSmbDocument, ModelTerminal
from tiaas.interfaces.management.system import ListImport
from tiaas.konnektor.admin.users import FirstAdmin
from tiaas.konnektor.config import Address, BoxAccess, TiAccess
from tiaas.konnektor.instance import Provision
from tiaas.konnektor.issuing import KeyPair
from tiaas.konnektor.sakcvc import SakCvc
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.lab.lab import LOOPBACK, Lab
from tiaas.lab.listcontent import ListName
from tiaas.lab.pki import AuthorityKind, Family
from tiaas.lab.practice import Practice
from tiaas.lab.ready import ClientEntry, ContextEntry, WorkplaceEntry, write_private
from tiaas.lab.store import LabStore
from tiaas.pki.certificate import decode_certificate_untrusted

RENEW_BEFORE = timedelta(days=30)
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


def provision(lab: Lab, practice: Practice, first_admin: FirstAdmin, device: bytes | None = None) -> Provision:
    """What the instance of a practice trusts and shows to terminals, who manages it first, a box's C.NK.VPN."""
    certificate, key = practice.sak
    cvc = SakCvc.load(*lab.sak_cvc(practice.number))
    return replace(_provision(lab, KeyPair.load(certificate, key), cvc, first_admin), device=device)


def further_provision(lab: Lab, first_admin: FirstAdmin, *, is_new: bool) -> Provision:
    """The same for an instance that belongs to no practice: a new one gets the identities of a SAK, another one keeps
    its own."""
    sak, sak_cvc = None, None
    if is_new:
        (certificate, key), (cvc, authority, cvc_key) = lab.further_sak()
        sak = KeyPair.load(certificate, Secret(key))
        sak_cvc = SakCvc.load(cvc, authority, Secret(cvc_key))
    return _provision(lab, sak, sak_cvc, first_admin)


def _provision(lab: Lab, sak: KeyPair | None, sak_cvc: SakCvc | None, first_admin: FirstAdmin) -> Provision:
    families = (Family.ECC,) if lab.pki.ecc_only else (Family.ECC, Family.RSA)

    def issuers(kind: AuthorityKind) -> tuple[bytes, ...]:
        return tuple(lab.pki.authority(kind, family).certificate.public_bytes(Encoding.DER) for family in families)

    anchors = (*issuers(AuthorityKind.KOMP), *issuers(AuthorityKind.EGK))
    trust = TrustSpace(tuple(Issuer(decode_certificate_untrusted(der)) for der in anchors), (lab.pki.cvc_root,))
    anchor = None if lab.services is None else lab.services.lists.anchor
    return Provision(trust, sak, anchor, sak_cvc=sak_cvc, network=FaultyNetwork(lab=lab), first_admin=first_admin)


def ti_access(lab: Lab) -> TiAccess:
    """Where an instance finds the lab's services; the server of the lists forwards OCSP requests, too."""
    access = TiAccess(
        intermediaer=lab.vsdm.url,
        vzd=lab.vzd.url,
        ksr_url=lab.ksr.url,
        ksr_config_url=lab.ksr.config_url,
        ntp=(Address(LOOPBACK, lab.time.port),),
    )
    if lab.services is None:
        return access
    pki = lab.services
    return replace(
        access,
        tsl_url=pki.tsl_url,
        tsl_tls_port=pki.tls_port,
        bnetza_url=pki.bnetza_url,
        ocsp_forwarder=pki.url,
    )


def box_access(lab: Lab, settings: BoxSettings, number: int) -> BoxAccess:
    """What the box of a practice finds in the lab: its gateways, the CRL. Adapters are those of the first practice: all
    of a lab are in one network namespace."""
    ti, sis = (Address(LOOPBACK, lab.gateways.ports[name]) for name in ("ti", "sis"))
    folder = (lab.store.folder / "box").absolute() if number == 1 else None
    access = settings.access(ti, sis, "" if lab.services is None else lab.services.crl_url, folder)
    return replace(access, registration_url=lab.registration.url)


async def import_lists(admin: Admin, lab: Lab, say: Callable[[str], None]) -> None:
    """Gives an instance that works offline the lab's trust lists, as an administrator does (TUC_KON_032, 031).

    `say` hears of a list that is refused.
    """
    if lab.services is None:
        return
    published = lab.services.lists
    try:
        for name, path in ((ListName.TSL, "/trust/tsl/import"), (ListName.BNETZA, "/trust/bnetza/import")):
            await admin.change("POST", path, ListImport(published.current(name).document))
    except AdminRefused as error:
        say(f"a trust list was not taken: {error}")


async def fill_model(admin: Admin, lab: Lab, practice: Practice, hsm: PracticeHsm | None = None) -> None:
    """Mandant, Clientsystem, workplaces, terminals and SMC-Bs of the practice, related to each other.

    The first terminal, where the SMC-B and the HBA are, is a remote one of all other workplaces.
    """
    smcbs = [card.iccsn for card in lab.cards.of_practice(practice.number, CardKind.SMC_B)]
    have, tag = await admin.read_tagged("/infomodel", InfoModelDocument)
    context = context_of(practice)
    wanted = _model(context, practice, smcbs)
    merged = _merged(have, wanted if hsm is None else with_hsm(wanted, context.mandant_id, hsm))
    if merged != have:
        await admin.change("PUT", "/infomodel", merged, if_match=tag)


def _merged(have: InfoModelDocument, want: InfoModelDocument) -> InfoModelDocument:
    """What is there, and what is missing behind it."""

    def key(entry: object) -> object:
        if isinstance(entry, ModelTerminal):
            return entry.ct_id
        return entry.iccsn if isinstance(entry, ManagedSmbDocument) else entry

    changes = {}
    for field in fields(InfoModelDocument):
        held = getattr(have, field.name)
        known = {key(entry) for entry in held}
        changes[field.name] = held + tuple(e for e in getattr(want, field.name) if key(e) not in known)
    return InfoModelDocument(**changes)


def _model(context: ContextEntry, practice: Practice, smcbs: list[str]) -> InfoModelDocument:
    mandant, client = context.mandant_id, context.client_system_id
    workplaces, shared = workplaces_of(practice), next(iter(practice.terminals))
    names = tuple(workplace.workplace_id for workplace in workplaces)
    return InfoModelDocument(
        mandanten=(mandant,),
        client_systems=(client,),
        workplaces=names,
        terminals=tuple(ModelTerminal(t.ct_id, tuple(t.record.slots)) for t in practice.terminals.values()),
        managed_smbs=tuple(map(ManagedSmbDocument, smcbs)),
        mandant_clients=((mandant, client),),
        mandant_workplaces=tuple((mandant, name) for name in names),
        mandant_terminals=tuple((mandant, ct_id) for ct_id in practice.terminals),
        local_terminals=tuple((w.workplace_id, ct_id) for w in workplaces for ct_id in w.ct_ids),
        remote_terminals=tuple((w.workplace_id, shared) for w in workplaces if shared not in w.ct_ids),
        mandant_smbs=tuple((mandant, iccsn) for iccsn in smcbs),
        cs_ap=tuple((mandant, client, name) for name in names),
        # PINs of the cards in the shared terminal are typed at the workplace's own first one.
        remote_pin_terminals=tuple(
            (mandant, w.workplace_id, w.ct_ids[0]) for w in workplaces if w.ct_ids and shared not in w.ct_ids
        ),
    )


async def client_files(
    admin: Admin, store: LabStore, practice: Practice, folder: Path, kind: KeyType, clock: Clock
) -> ClientEntry:
    """The Clientsystem's identity as files in `folder` (which exists).

    A new one, with a key of `kind`, is made if files are missing or its certificate runs out.
    """
    key = f"client-password/{practice.number}"
    stored = store.meta(key)
    password = Secret(str(stored).encode() if stored else b"")
    entry = ClientEntry(folder / "client.p12", password, folder / "client.pem", folder / "client-key.pem")
    client = path_of("/client-systems/{}", context_of(practice).client_system_id)
    known = {each.fingerprint for each in (await admin.read(client, ClientSystemAccess)).certificates}
    if stored is not None and _is_usable(entry, known, clock):
        return entry
    # The certificate says that all of them are good: it goes first and comes last, whatever ends us in between.
    entry.cert.unlink(missing_ok=True)
    issued = await admin.change("POST", f"{client}/certificates", NewClientCertificate(kind), IssuedCertificate)
    store.put_meta(key, issued.password.reveal().decode())
    private, certificate, _ = pkcs12.load_key_and_certificates(issued.pkcs12, issued.password.reveal())
    if private is None or certificate is None:
        raise ClientError("the PKCS#12 file of the client certificate is not complete")
    write_private(entry.p12, issued.pkcs12)
    write_private(entry.key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    write_private(entry.cert, certificate.public_bytes(Encoding.PEM))
    return replace(entry, p12_password=issued.password)


def _is_usable(entry: ClientEntry, known: set[str], clock: Clock) -> bool:
    if not (entry.p12.is_file() and entry.key.is_file() and entry.cert.is_file()):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(entry.cert.read_bytes())
    except ValueError:
        return False
    is_known = certificate.fingerprint(SHA256()).hex() in known
    return is_known and certificate.not_valid_after_utc - clock.now() > RENEW_BEFORE


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
