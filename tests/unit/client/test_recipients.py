"""Recipients of the directory."""

from collections.abc import AsyncIterator

import pytest

from tiaas.client import directoryrecipients
from tiaas.client.directoryrecipients import NoSuchRecipient, find_recipient
from tiaas.interfaces.ldap_v3 import Entry

ENTRY = Entry(
    "uid=1",
    (
        ("displayName", (b"Praxis\x1b]0;x\x07 M\xc3\xbcller\n\xc2\x9b2J",)),
        ("telematikID", (b"1-\x1b[2J",)),
        ("mail", (b"a@b\r",)),
        ("userCertificate;binary", (b"der",)),
    ),
)


async def test_texts_of_the_directory_say_nothing_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [ENTRY]

    async def search(*arguments: object) -> AsyncIterator[Entry]:
        for entry in found:
            yield entry

    monkeypatch.setattr(directoryrecipients, "search_directory", search)
    recipient = await find_recipient("ldap://h", "n", None)
    assert (recipient.name, recipient.telematik_id) == ("Praxis ]0;x  Müller  2J", "1- [2J")
    found.append(ENTRY)
    with pytest.raises(NoSuchRecipient) as several:
        await find_recipient("ldap://h", "n", None)
    assert str(several.value).isprintable()
