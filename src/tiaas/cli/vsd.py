"""`tiaas vsd read`: the insured person's data on an eGK."""

import argparse
import re
from dataclasses import asdict

from tiaas.cli.cardchoice import choose_card
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.writer import out, out_fields, out_json
from tiaas.client import Konnektor, Vsd
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.vsd_v5_2 import (
    AllgemeineVersicherungsdaten,
    GeschuetzteVersichertendaten,
    PersoenlicheVersichertendaten,
)

_DECLARATION = re.compile(rb"""<\?xml\s[^>]*?(?:encoding\s*=\s*["']([A-Za-z0-9._-]+)["'][^>]*)?\?>\s*""")
_KINDS = {"1": "Mitglied", "3": "Familienangehörige", "5": "Rentner"}
_CONTRACT = {0: "nein", 1: "ja", 9: "nicht genutzt"}
_RESTING = {1: "vollständig", 2: "eingeschränkt"}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `vsd` and what it does."""
    parser = subparsers.add_parser("vsd", help="read the insured person's data from an eGK")
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    read = actions.add_parser(
        "read", help="read them from a card in a terminal", description="ReadVSD (VSDService 5.2)."
    )
    read.add_argument("--egk", metavar="CARD", help="card handle or ICCSN of the eGK (default: the only one)")
    read.add_argument(
        "--reader", metavar="CARD", help="handle or ICCSN of the SMC-B or HBA that reads it (default: the only SMC-B)"
    )
    read.add_argument(
        "--online-check",
        action="store_true",
        help="ask for updates first (a lab goes on without)",
    )
    read.add_argument("--receipt", action="store_true", help="also read the receipt of the last online check")
    read.add_argument("--xml", action="store_true", help="write the documents on the card as they are, in UTF-8")
    add_konnektor_arguments(read)


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""

    async def read(konnektor: Konnektor) -> Vsd:
        egk = await choose_card(konnektor, args.egk, (CardType.EGK,))
        reader = await choose_card(konnektor, args.reader, (CardType.SMC_B, CardType.HBA))
        return await konnektor.read_vsd(egk.card_handle, reader.card_handle, args.online_check, args.receipt)

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
        "receipt": None if vsd.receipt is None else _text(vsd.receipt),
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
