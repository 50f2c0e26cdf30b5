"""Documents, queries and path segments that reach the management interface; the first octet chooses which."""

from contextlib import suppress
from urllib.parse import parse_qsl

from tiaas.interfaces.management import documents
from tiaas.interfaces.management.accounts import Login, NewAdministrator, NewToken
from tiaas.interfaces.management.documents import BadDocument
from tiaas.interfaces.management.fields import NAME_PATTERN, Text

_KINDS = (Login, NewAdministrator, NewToken)

SEEDS = [
    b'\x00{"user":"a","password":"b"}',
    b'\x01{"user":"a","password":"Correct-Horse-7","role":"Super-Administrator","may_reset":true}',
    b'\x02{"label":"\\ud83d\\ude00","days":null}',
    b'\x02{"label":"a","label":"b"}',
    b"\x02" + b"[" * 2000,
    b"\x03label=a&days=30",
    b"\x04plain-name",
]


def target(data: bytes) -> None:
    """Nothing but `BadDocument` comes out; what is read can be written and is then read the same."""
    if not data:
        return
    choice, rest = data[0] % 5, data[1:]
    with suppress(BadDocument):
        if choice < len(_KINDS):
            kind = _KINDS[choice]
            document = documents.decode_untrusted(kind, rest)
            assert documents.decode_untrusted(kind, documents.encode(document)) == document
            documents.loggable(document)
        elif choice == 3:
            documents.read_query_untrusted(NewToken, parse_qsl(rest.decode("latin-1"), keep_blank_values=True))
        else:
            documents.read_text_untrusted(Text(1, 64, NAME_PATTERN), rest.decode("utf-8", "replace"))
