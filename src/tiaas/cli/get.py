"""`tiaas get cards|terminals|certificates|resource`: what a Konnektor tells about cards, terminals and itself."""

import argparse
import re
from base64 import b64encode
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tiaas.base.errors import InvalidInput
from tiaas.cli.cardchoice import card_type, choose_card
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.writer import note, out, out_fields, out_json, out_table
from tiaas.client import CardCertificate, Konnektor, KonnektorFault
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import Card
from tiaas.interfaces.card_terminal_info_v8_0 import CardTerminal
from tiaas.interfaces.certificate_service_common_v2_0 import CertRef
from tiaas.interfaces.certificate_service_v6_0 import Crypt
from tiaas.interfaces.connector_common_v5_0 import Connector
from tiaas.pki.tlsfiles import pem_of

# Which references a card type has (gemSpec_Kon TAB_KON_678).
_REFS = {
    CardType.EGK: (CertRef.C_AUT,),
    CardType.SMC_B: (CertRef.C_AUT, CertRef.C_ENC, CertRef.C_SIG),
    CardType.HSM_B: (CertRef.C_AUT, CertRef.C_ENC, CertRef.C_SIG),
    CardType.HBA: (CertRef.C_AUT, CertRef.C_ENC, CertRef.C_QES),
    CardType.HBA_QSIG: (CertRef.C_QES,),
}
_CARD_TITLES = ("TYPE", "ICCSN", "TERMINAL", "SLOT", "HOLDER", "KVNR", "INSERTED", "VALID UNTIL", "HANDLE")
_TERMINAL_TITLES = ("TERMINAL", "NAME", "ADDRESS", "MAC", "SLOTS", "CONNECTED", "WORKPLACES")


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `get` and what it gets."""
    parser = subparsers.add_parser("get")
    things = parser.add_subparsers(dest="thing", metavar="WHAT", required=True)
    cards = things.add_parser("cards", help="the cards in the terminals", description="GetCards (EventService 7.2).")
    cards.add_argument("--type", metavar="TYPE", help="only cards of this type: EGK, HBA, HBAx, SMC-B, SM-B, …")
    cards.add_argument("--terminal", metavar="CT", help="only cards in this terminal (ctId)")
    cards.add_argument("--slot", type=int, metavar="N", help="only the card in this slot (needs --terminal)")
    cards.add_argument("--mandant-wide", action="store_true", help="of all workplaces of the Mandant")
    terminals = things.add_parser(
        "terminals", help="the card terminals", description="GetCardTerminals (EventService 7.2)."
    )
    terminals.add_argument("--mandant-wide", action="store_true", help="of all workplaces of the Mandant")
    certificates = things.add_parser(
        "certificates", help="the certificates of a card", description="ReadCardCertificate (CertificateService 6.0)."
    )
    certificates.add_argument("--card", metavar="CARD", help="card handle or ICCSN (default: the SMC-B)")
    certificates.add_argument("--crypt", choices=[crypt.value for crypt in Crypt], help="RSA or ECC (default: both)")
    certificates.add_argument(
        "--ref", action="append", choices=[ref.value for ref in CertRef], help="this one only; may be repeated"
    )
    certificates.add_argument("--pem", action="store_true", help="write the certificates themselves, as PEM")
    resource = things.add_parser(
        "resource",
        help="one card, one terminal, or the Konnektor's own state",
        description="GetResourceInformation (EventService 7.2). Without option: the Konnektor.",
    )
    resource.add_argument("--terminal", metavar="CT", help="this terminal (ctId)")
    resource.add_argument("--slot", type=int, metavar="N", help="the card in this slot (needs --terminal)")
    resource.add_argument("--iccsn", metavar="ICCSN", help="the card with this ICCSN, 20 digits")
    resource.add_argument("--card", metavar="HANDLE", help="the card with this handle")
    for thing in (cards, terminals, certificates, resource):
        add_konnektor_arguments(thing)


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    things = {"cards": _cards, "terminals": _terminals, "certificates": _certificates, "resource": _resource}
    return things[args.thing](args)


def _cards(args: argparse.Namespace) -> int:
    wanted = None if args.type is None else card_type(args.type)
    cards = with_konnektor(
        args, lambda konnektor: konnektor.get_cards(wanted, args.terminal, args.slot, args.mandant_wide)
    )
    if args.json:
        out_json([_card_document(card) for card in cards])
        return ExitCode.OK
    out_table(_CARD_TITLES, [_card_row(card) for card in cards])
    return ExitCode.OK


def _card_row(card: Card) -> tuple[str, ...]:
    expires = card.certificate_expiration_date
    return (
        card.card_type.value,
        card.iccsn or "",
        card.ct_id,
        str(card.slot_id),
        card.card_holder_name or "",
        card.kvnr or "",
        card.insert_time.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        expires.isoformat() if expires else "",
        card.card_handle,
    )


def _card_document(card: Card) -> dict[str, object]:
    expires = card.certificate_expiration_date
    return {
        "card_handle": card.card_handle,
        "card_type": card.card_type.value,
        "iccsn": card.iccsn,
        "ct_id": card.ct_id,
        "slot_id": card.slot_id,
        "insert_time": card.insert_time.isoformat(),
        "card_holder_name": card.card_holder_name,
        "kvnr": card.kvnr,
        "certificate_expiration_date": expires.isoformat() if expires else None,
    }


def _terminals(args: argparse.Namespace) -> int:
    terminals = with_konnektor(args, lambda konnektor: konnektor.get_card_terminals(args.mandant_wide))
    if args.json:
        out_json([_terminal_document(terminal) for terminal in terminals])
        return ExitCode.OK
    out_table(_TERMINAL_TITLES, [_terminal_row(terminal) for terminal in terminals])
    return ExitCode.OK


def _address(terminal: CardTerminal) -> str | None:
    address = terminal.ip_address
    return None if address is None else address.ipv4_address or address.ipv6_address


def _terminal_row(terminal: CardTerminal) -> tuple[str, ...]:
    return (
        terminal.ct_id,
        terminal.name,
        _address(terminal) or "",
        terminal.mac_address,
        str(terminal.slots),
        "yes" if terminal.connected else "no",
        ", ".join(terminal.workplace_ids.workplace_id),
    )


def _terminal_document(terminal: CardTerminal) -> dict[str, object]:
    return {
        "ct_id": terminal.ct_id,
        "name": terminal.name,
        "ip_address": _address(terminal),
        "mac_address": terminal.mac_address,
        "slots": terminal.slots,
        "is_physical": terminal.is_physical,
        "connected": terminal.connected,
        "workplace_ids": list(terminal.workplace_ids.workplace_id),
    }


def _resource(args: argparse.Namespace) -> int:
    if args.iccsn is not None and not re.fullmatch(r"[0-9]{20}", args.iccsn):
        raise InvalidInput(f"--iccsn {args.iccsn}: an ICCSN has 20 digits; tiaas get cards shows those of the cards")
    found = with_konnektor(
        args,
        lambda konnektor: konnektor.get_resource_information(
            ct_id=args.terminal, slot_id=args.slot, iccsn=args.iccsn, card_handle=args.card
        ),
    )
    if isinstance(found, Card):
        out_json(_card_document(found)) if args.json else out_table(_CARD_TITLES, [_card_row(found)])
    elif isinstance(found, CardTerminal):
        out_json(_terminal_document(found)) if args.json else out_table(_TERMINAL_TITLES, [_terminal_row(found)])
    elif args.json:
        out_json(_connector_document(found))
    else:
        _write_connector(found)
    return ExitCode.OK


def _write_connector(connector: Connector) -> None:
    out_fields(
        {
            "VPN TI": connector.vpn_ti_status.connection_status.value,
            "VPN SIS": connector.vpn_sis_status.connection_status.value,
        }
    )
    rows = [
        (
            "yes" if state.value else "no",
            state.severity.value,
            state.type.value,
            state.valid_from.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            state.error_condition,
        )
        for state in connector.operating_state.error_state
    ]
    out_table(("HOLDS", "SEVERITY", "TYPE", "SINCE", "CONDITION"), rows)


def _connector_document(connector: Connector) -> dict[str, object]:
    return {
        "vpn_ti_status": connector.vpn_ti_status.connection_status.value,
        "vpn_sis_status": connector.vpn_sis_status.connection_status.value,
        "operating_state": [
            {
                "error_condition": state.error_condition,
                "severity": state.severity.value,
                "type": state.type.value,
                "value": state.value,
                "valid_from": state.valid_from.isoformat(),
            }
            for state in connector.operating_state.error_state
        ],
    }


def _certificates(args: argparse.Namespace) -> int:
    crypts = [Crypt(args.crypt)] if args.crypt else list(Crypt)

    async def read(konnektor: Konnektor) -> list[tuple[Crypt, CardCertificate]]:
        card = await choose_card(konnektor, args.card, (CardType.SMC_B, CardType.HBA, CardType.EGK))
        refs = [CertRef(ref) for ref in args.ref] if args.ref else _REFS.get(card.card_type, tuple(CertRef))
        return await _read_all(konnektor, card.card_handle, refs, crypts)

    found = with_konnektor(args, read)
    if args.json:
        out_json([_certificate_document(crypt, item) for crypt, item in found])
    elif args.pem:
        _write_pem([item for _, item in found])
    else:
        titles = ("REF", "CRYPT", "KEY", "SUBJECT", "ISSUER", "VALID UNTIL", "SERIAL")
        out_table(titles, [_certificate_row(crypt, item) for crypt, item in found])
    return ExitCode.OK


async def _read_all(
    konnektor: Konnektor, handle: str, refs: Sequence[CertRef], crypts: Sequence[Crypt]
) -> list[tuple[Crypt, CardCertificate]]:
    """What there is of all `crypts`; a card without RSA or without ECC is an error only if nothing else was read."""
    found: list[tuple[Crypt, CardCertificate]] = []
    refused: KonnektorFault | None = None
    for crypt in crypts:
        try:
            found += [(crypt, item) for item in await konnektor.read_card_certificate(handle, refs, crypt)]
        except KonnektorFault as fault:
            refused = fault
            if len(crypts) > 1:
                note(f"tiaas: {crypt.value}: {fault}")
    if refused is not None and not found:
        raise refused
    return found


def _write_pem(found: list[CardCertificate]) -> None:
    for item in found:
        note(item.ref.value)
        out(pem_of(item.load()).decode().rstrip())


def _key(item: CardCertificate) -> str:
    key = item.load().public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.name
    return f"RSA-{key.key_size}" if isinstance(key, rsa.RSAPublicKey) else "unknown"


def _common_name(name: x509.Name) -> str:
    """For people; `--json` has the whole name."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def _certificate_row(crypt: Crypt, item: CardCertificate) -> tuple[str, ...]:
    certificate = item.load()
    return (
        item.ref.value,
        crypt.value,
        _key(item),
        _common_name(certificate.subject),
        _common_name(certificate.issuer),
        certificate.not_valid_after_utc.date().isoformat(),
        str(certificate.serial_number),
    )


def _certificate_document(crypt: Crypt, item: CardCertificate) -> dict[str, object]:
    certificate = item.load()
    return {
        "cert_ref": item.ref.value,
        "crypt": crypt.value,
        "key": _key(item),
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial_number": str(certificate.serial_number),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "certificate": b64encode(item.der).decode(),
    }
