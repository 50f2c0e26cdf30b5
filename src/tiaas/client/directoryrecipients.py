"""Recipients by name: one entry of the TI's directory, with all its encryption certificates.

EncryptDocument has no way to name an entry (gemSpec_Kon V5.18 TAB_KON_071: a card or certificates), so whoever calls
looks it up.
"""

import ssl

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.client.ldapsearch import search_directory
from tiaas.interfaces.ldap_filter import encode_filter, escape
from tiaas.interfaces.ldap_v3 import Entry, SearchRequest

BASE = "dc=data,dc=vzd"
_NAMED_BY = ("mail", "telematikID", "domainID", "displayName", "cn")
_WANTED = ("displayName", "mail", "telematikID", "userCertificate")
_MOST = 5
"""Entries asked for: one is wanted, the others are named in the error."""


class NoSuchRecipient(InvalidInput):
    """No entry, several, or one without certificates."""


@dataclass(frozen=True, slots=True)
class DirectoryRecipient:
    """An entry: how it is called, its Telematik-ID and its certificates (DER), for each kind of key one or more."""

    name: str
    telematik_id: str
    certificates: tuple[bytes, ...]


async def find_recipient(
    url: str, name: str, context: ssl.SSLContext | None, base: str = BASE, wait: float = 30.0
) -> DirectoryRecipient:
    """The one entry whose mail address, Telematik-ID, domainID (BSNR, IK) or whole name is `name`.

    `url`, `context` and `wait` as in `search_directory`. A part of a name finds nothing: nobody is to read what was
    meant for somebody else. Raises `NoSuchRecipient`, and what `search_directory` raises.
    """
    text = "(|" + "".join(f"({attribute}={escape(name)})" for attribute in _NAMED_BY) + ")"
    request = SearchRequest(base, encode_filter(text), attributes=_WANTED, size_limit=_MOST)
    entries: list[Entry] = []
    async for entry in search_directory(url, request, context, wait):
        entries.append(entry)
    if not entries:
        raise NoSuchRecipient(
            f"nobody in the directory is called {name!r} (a part of a name does not count: tiaas directory search)"
        )
    if len(entries) > 1:
        found = ", ".join(f"{_line(entry, 'displayName')} <{_line(entry, 'mail')}>" for entry in entries)
        raise NoSuchRecipient(f"several are called {name!r}: {found}; say the mail address")
    (entry,) = entries
    certificates = entry.values("userCertificate")
    if not certificates:
        raise NoSuchRecipient(f"{name!r} has no certificate in the directory")
    return DirectoryRecipient(_line(entry, "displayName"), _line(entry, "telematikID"), certificates)


def _line(entry: Entry, name: str) -> str:
    """A text of the directory as one line: it may go to a terminal, which obeys control characters."""
    return "".join(char if char.isprintable() else " " for char in entry.text(name))
