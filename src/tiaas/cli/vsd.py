"""`tiaas vsd read`: the insured person's data on an eGK."""

import argparse
import enum
import re
from base64 import b64encode
from dataclasses import asdict

from tiaas.base.errors import InvalidInput
from tiaas.cli.cardchoice import choose_card, choose_sm_b_or_hba
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.writer import out, out_fields, out_json
from tiaas.client import Konnektor, KonnektorFault, Vsd
from tiaas.fachdienste.vsdm.receipt import read_receipt_untrusted
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.vsd_v5_2 import (
    AllgemeineVersicherungsdaten,
    GeschuetzteVersichertendaten,
    PersoenlicheVersichertendaten,
)

_DECLARATION = re.compile(rb"""<\?xml\s[^>]*?(?:encoding\s*=\s*["']([A-Za-z0-9._-]+)["'][^>]*)?\?>\s*""")
_NO_CHECK = frozenset({3039, 3040})
"""There is no receipt, or none to be read: what a Konnektor without online mode answers."""
_KINDS = {"1": "Mitglied", "3": "Familienangehörige", "5": "Rentner"}
_CONTRACT = {0: "nein", 1: "ja", 9: "nicht genutzt"}
_RESTING = {1: "vollständig", 2: "eingeschränkt"}


@enum.unique
class _Mode(enum.Enum):
    """Whether to ask for an online check."""

    AUTO = "auto"
    ONLINE = "online"
    OFFLINE = "offline"


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `vsd` and what it does."""
    parser = subparsers.add_parser("vsd")
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    read = actions.add_parser(
        "read", help="read them from a card in a terminal", description="ReadVSD (VSDService 5.2)."
    )
    read.add_argument("--egk", metavar="CARD", help="card handle or ICCSN of the eGK (default: the only one)")
    read.add_argument(
        "--reader",
        metavar="CARD",
        help="handle or ICCSN of the SMC-B or HBA that reads it (default: the only SMC-B, else the only HBA)",
    )
    way = read.add_mutually_exclusive_group()
    way.add_argument(
        "--online",
        dest="mode",
        action="store_const",
        const=_Mode.ONLINE,
        help="ask the insurer for updates first (default, unless the Konnektor works offline)",
    )
    way.add_argument("--offline", dest="mode", action="store_const", const=_Mode.OFFLINE, help="only read the card")
    read.set_defaults(mode=_Mode.AUTO)
    read.add_argument("--no-receipt", action="store_true", help="not with --offline: make no receipt of the check")
    read.add_argument(
        "--stored-receipt", action="store_true", help="only with --offline: the receipt that lies on the card already"
    )
    read.add_argument(
        "--xml", action="store_true", help="write the documents on the card as they are, in UTF-8; not with --json"
    )
    add_konnektor_arguments(read)


def run(args: argparse.Namespace) -> int:
    """Does what was asked. Raises `InvalidInput` for options that do not go together."""
    _check(args)

    async def read(konnektor: Konnektor) -> Vsd:
        egk = await choose_card(konnektor, args.egk, (CardType.EGK,), local=True)
        reader = await choose_sm_b_or_hba(konnektor, args.reader, "reads")
        return await _read(konnektor, egk.card_handle, reader.card_handle, args)

    vsd = with_konnektor(args, read)
    if args.json:
        out_json(_document(vsd))
    elif args.xml:
        for xml in (vsd.personal_xml, vsd.insurance_xml, vsd.protected_xml, vsd.receipt):
            if xml is not None:
                out(_text(xml))
    else:
        _write(vsd)
    return ExitCode.OK


def _check(args: argparse.Namespace) -> None:
    if args.stored_receipt and args.mode is not _Mode.OFFLINE:
        raise InvalidInput("--stored-receipt goes with --offline only: an online check makes a receipt of its own")
    if args.no_receipt and args.mode is _Mode.OFFLINE:
        raise InvalidInput("--no-receipt goes with the online check; --offline alone makes and reads no receipt")
    if args.xml and args.json:
        raise InvalidInput("--xml and --json are two forms of output: give one of them")


async def _read(konnektor: Konnektor, egk: str, reader: str, args: argparse.Namespace) -> Vsd:
    """As gemILF_PS has it for MODE_ONLINE_CHECK=ALWAYS: with online check and receipt.

    A Konnektor that made the check has a receipt; one that works offline looks for an old one, and is read without.
    """
    if args.mode is _Mode.OFFLINE:
        return await konnektor.read_vsd(egk, reader, False, args.stored_receipt)
    try:
        return await konnektor.read_vsd(egk, reader, True, not args.no_receipt)
    except KonnektorFault as fault:
        if args.mode is _Mode.ONLINE or fault.code not in _NO_CHECK:
            raise
        return await konnektor.read_vsd(egk, reader)


def _text(xml: bytes) -> str:
    """A document of the card as text without its declaration, which names an encoding that no longer holds."""
    found = _DECLARATION.match(xml)
    encoding = found[1].decode() if found and found[1] else "utf-8"
    try:
        text = xml.decode(encoding, "replace")
    except LookupError:
        text = xml.decode("utf-8", "replace")
    return text[found.end() :] if found else text


def _document(vsd: Vsd) -> dict[str, object]:
    return {
        "personal": asdict(vsd.personal),
        "insurance": asdict(vsd.insurance),
        "protected": None if vsd.protected is None else asdict(vsd.protected),
        "status": {"consistent": vsd.consistent, "timestamp": vsd.timestamp.isoformat(), "version": vsd.version},
        "receipt": None if vsd.receipt is None else _receipt_document(vsd.receipt),
    }


def _receipt_document(xml: bytes) -> dict[str, object]:
    receipt = read_receipt_untrusted(xml)
    return {
        "result": receipt.result.value,
        "meaning": receipt.result.meaning,
        "timestamp": receipt.made.isoformat(),
        "code": receipt.code,
        "proof": None if receipt.proof is None else b64encode(receipt.proof).decode("ascii"),
        "xml": _text(xml),
    }


def _write(vsd: Vsd) -> None:
    out_fields(_personal(vsd.personal))
    out()
    out_fields(_insurance(vsd.insurance))
    out()
    if vsd.protected is None:
        out("Geschützte Daten: keine Berechtigung")
    else:
        out_fields(_protected(vsd.protected))
    out()
    stand = vsd.timestamp.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    out_fields({"Stand": stand, "Version": vsd.version, "Zustand": "" if vsd.consistent else "nicht konsistent"})
    out()
    out_fields(_receipt(vsd.receipt))


def _receipt(xml: bytes | None) -> dict[str, str]:
    if xml is None:
        return {"Prüfungsnachweis": "keiner"}
    receipt = read_receipt_untrusted(xml)
    return {
        "Prüfungsnachweis": f"{receipt.result.value} {receipt.result.meaning}",
        "Fehlercode": "" if receipt.code is None else str(receipt.code),
        "Zeitpunkt": receipt.made.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        "Prüfziffer": "" if receipt.proof is None else b64encode(receipt.proof).decode("ascii"),
    }


def _personal(data: PersoenlicheVersichertendaten) -> dict[str, str]:
    parts = (data.titel, data.vorname, data.namenszusatz, data.vorsatzwort, data.nachname)
    street, box = data.strassen_adresse, data.postfach_adresse
    return {
        "Versicherten-ID": data.versicherten_id,
        "Name": " ".join(part for part in parts if part),
        "Geburtsdatum": _day(data.geburtsdatum),
        "Geschlecht": data.geschlecht,
        "Anschrift": ""
        if street is None
        else _address((street.strasse, street.hausnummer), street.postleitzahl, street.ort, street.land),
        "Zusatz": "" if street is None else street.anschriftenzusatz or "",
        "Postfach": "" if box is None else _address((box.postfach,), box.postleitzahl, box.ort, box.land),
    }


def _address(first: tuple[str | None, ...], postcode: str | None, town: str, country: str) -> str:
    lines = (" ".join(part for part in first if part), " ".join(part for part in (postcode, town) if part), country)
    return ", ".join(line for line in lines if line)


def _insurance(data: AllgemeineVersicherungsdaten) -> dict[str, str]:
    insurer, payer = data.kostentraeger, data.abrechnender_kostentraeger
    return {
        "Kostenträger": f"{insurer.name} (IK {insurer.kostentraegerkennung})",
        "Abrechnung durch": "" if payer is None else f"{payer.name} (IK {payer.kostentraegerkennung})",
        "Versichert": _span(data.beginn, data.ende),
        "Versichertenart": _KINDS.get(data.versichertenart, data.versichertenart),
        "WOP": data.wop,
    }


def _protected(data: GeschuetzteVersichertendaten) -> dict[str, str]:
    exempt = "befreit" if data.zuzahlung_befreit else "nicht befreit"
    until = f" bis {_day(data.zuzahlung_gueltig_bis)}" if data.zuzahlung_gueltig_bis else ""
    contracts, resting = data.selektivvertraege, data.ruhender_leistungsanspruch
    return {
        "Zuzahlung": exempt + until,
        "Personengruppe": "" if data.besondere_personengruppe is None else str(data.besondere_personengruppe),
        "DMP": "" if data.dmp_kennzeichnung is None else str(data.dmp_kennzeichnung),
        "Selektivverträge": f"ärztlich {_CONTRACT.get(contracts.aerztlich, contracts.aerztlich)}, "
        f"zahnärztlich {_CONTRACT.get(contracts.zahnaerztlich, contracts.zahnaerztlich)}",
        "Leistungsanspruch": ""
        if resting is None
        else f"ruht {_RESTING.get(resting.art_des_ruhens, '')} {_span(resting.beginn, resting.ende)}",
    }


def _span(start: str, end: str | None) -> str:
    return f"ab {_day(start)}" + (f" bis {_day(end)}" if end else "")


def _day(text: str) -> str:
    """YYYYMMDD as YYYY-MM-DD; day and month may be 00 where unknown. Anything else stays as it is."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text
