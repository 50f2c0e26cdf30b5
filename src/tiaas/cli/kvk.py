"""`tiaas kvk read`: the record of a Krankenversichertenkarte."""

import argparse

from tiaas.card.kvk import KvkField, KvkRecord, decode_kvk_untrusted
from tiaas.cli.cardchoice import choose_card
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.writer import out_fields, out_json
from tiaas.client import Konnektor
from tiaas.interfaces.card_service_common_v2_0 import CardType

_TITLES = {
    KvkField.KASSENNAME: "Krankenkasse",
    KvkField.KASSENNUMMER: "Kassennummer",
    KvkField.VKNR: "VKNR/WOP",
    KvkField.VERSICHERTENNUMMER: "Versichertennummer",
    KvkField.STATUS: "Status",
    KvkField.STATUSERGAENZUNG: "Statusergänzung",
    KvkField.TITEL: "Titel",
    KvkField.VORNAME: "Vorname",
    KvkField.NAMENSZUSATZ: "Namenszusatz",
    KvkField.FAMILIENNAME: "Familienname",
    KvkField.GEBURTSDATUM: "Geburtsdatum",
    KvkField.STRASSE: "Straße",
    KvkField.LAND: "Land",
    KvkField.PLZ: "PLZ",
    KvkField.ORT: "Ort",
    KvkField.GUELTIG_BIS: "Gültig bis",
}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `kvk` and what it does."""
    parser = subparsers.add_parser("kvk")
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    read = actions.add_parser(
        "read", help="read its record from a card in a terminal", description="ReadKVK (KVKService 4.0)."
    )
    read.add_argument("--kvk", metavar="HANDLE", help="card handle of the KVK (default: the only one)")
    add_konnektor_arguments(read)


def run(args: argparse.Namespace) -> int:
    """Does what was asked. Raises `BadKvk` for an answer that is no record."""

    async def read(konnektor: Konnektor) -> KvkRecord:
        card = await choose_card(konnektor, args.kvk, (CardType.KVK,), local=True)
        return decode_kvk_untrusted(await konnektor.read_kvk(card.card_handle))

    fields = with_konnektor(args, read).fields
    if args.json:
        out_json({field.name.lower(): fields[field] for field in KvkField if field in fields})
    else:
        out_fields({title: fields.get(field, "") for field, title in _TITLES.items()})
    return ExitCode.OK
