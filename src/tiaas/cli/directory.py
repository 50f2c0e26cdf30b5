"""`tiaas directory search TEXT`: who is in the directory of the TI (VZD), through the Konnektor's LDAP proxy."""

import argparse
import asyncio
import ssl
from typing import Any

from tiaas.base.errors import InvalidInput
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments
from tiaas.cli.ldapaddress import add_ldap_argument, choose_ldap
from tiaas.cli.writer import note, out, out_fields, out_json
from tiaas.client.directoryrecipients import BASE
from tiaas.client.ldapsearch import SearchEnded, search_directory
from tiaas.interfaces.ldap_filter import encode_filter, escape
from tiaas.interfaces.ldap_v3 import Entry, SearchRequest

_SIZE_LIMIT_EXCEEDED = 4
_SEARCHED = ("displayName", "cn", "organization", "mail", "domainID", "telematikID", "l")
_SHOWN = {
    "telematikID": "Telematik-ID",
    "domainID": "Domain-ID",
    "title": "Titel",
    "street": "Straße",
    "postalCode": "PLZ",
    "l": "Ort",
    "professionOID": "professionOID",
    "entryType": "entryType",
    "mail": "mail",
    "kimData": "kimData",
}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `directory` and what it does."""
    parser = subparsers.add_parser("directory")
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    search = actions.add_parser(
        "search",
        help="find entries",
        description="Search (LDAPv3). TEXT is part of a name, a place, an address, a Telematik-ID or IK; in brackets "
        "it is a filter, like '(&(domainID=109990018)(entryType=5))'.",
    )
    search.add_argument("text", metavar="TEXT", help="what to look for")
    search.add_argument("--base", default=BASE, metavar="DN", help=f"where to begin (default: {BASE})")
    search.add_argument("--limit", type=int, default=0, metavar="N", help="so many entries at most (default: as it is)")
    add_ldap_argument(search)
    add_konnektor_arguments(search)


def run(args: argparse.Namespace) -> int:
    """Does what was asked. Raises `InvalidInput` for options that do not go together."""
    if args.limit < 0:
        raise InvalidInput("--limit is 0 or more")
    request = SearchRequest(args.base, encode_filter(filter_for(args.text)), size_limit=args.limit)
    url, context = choose_ldap(args)
    entries, ended = asyncio.run(_collect(url, request, context))
    if args.json:
        out_json([_document(entry) for entry in entries])
    else:
        for number, entry in enumerate(entries):
            if number:
                out()
            _show(entry)
        if not entries:
            note("nothing found")
    if ended is not None and ended.code != _SIZE_LIMIT_EXCEEDED:
        raise ended
    if ended is not None:
        note("there is more than the directory gives at once")
    return ExitCode.OK


def filter_for(text: str) -> str:
    """The filter that `TEXT` means."""
    if text.startswith("("):
        return text
    if not text.strip():
        raise InvalidInput("say what to look for")
    return "(|" + "".join(f"({name}=*{escape(text.strip())}*)" for name in _SEARCHED) + ")"


async def _collect(
    url: str, request: SearchRequest, context: ssl.SSLContext | None
) -> tuple[list[Entry], SearchEnded | None]:
    entries: list[Entry] = []
    try:
        async for entry in search_directory(url, request, context):
            entries.append(entry)
    except SearchEnded as ended:
        return entries, ended
    return entries, None


def _show(entry: Entry) -> None:
    out(entry.text("displayName") or entry.name)
    fields = {title: ", ".join(_texts(entry, name)) for name, title in _SHOWN.items()}
    out_fields({**fields, "Zertifikate": str(len(entry.values("userCertificate")))})


def _texts(entry: Entry, name: str) -> list[str]:
    return [value.decode("utf-8", "replace") for value in entry.values(name)]


def _document(entry: Entry) -> dict[str, Any]:
    """Certificates as hexadecimal DER, everything else as text."""
    attributes = {
        name: [value.hex() if name.endswith(";binary") else value.decode("utf-8", "replace") for value in values]
        for name, values in entry.attributes
    }
    return {"dn": entry.name, "attributes": attributes}
