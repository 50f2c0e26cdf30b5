"""Documents, queries and path segments that reach the management interface; the first octet chooses which."""

from contextlib import suppress
from urllib.parse import parse_qsl

from tiaas.base.secret import Secret
from tiaas.interfaces.management import documents
from tiaas.interfaces.management.accounts import Login, NewAdministrator, NewToken
from tiaas.interfaces.management.documents import BadDocument
from tiaas.interfaces.management.fields import NAME_PATTERN, Text
from tiaas.konnektor.admin import sealed
from tiaas.konnektor.admin.sealed import BadSealedConfig

_CONFIG = (
    b'TIAAS-CONFIG 1\n{"instance":"a","exported":"2026-01-01T00:00:00+00:00","certificate":"MAA=","salt":"","nonce":""}'
)
_KINDS = (Login, NewAdministrator, NewToken)

SEEDS = [
    b'\x00{"user":"a","password":"b"}',
    b'\x01{"user":"a","password":"Correct-Horse-7","role":"Super-Administrator","may_reset":true}',
    b'\x02{"label":"\\ud83d\\ude00","days":null}',
    b'\x02{"label":"a","label":"b"}',
    b"\x02" + b"[" * 2000,
    b"\x03label=a&days=30",
    b"\x04plain-name",
    b"\x05" + _CONFIG + b"\nAAAA\nsealed",
]


def target(data: bytes) -> None:
    """Nothing but `BadDocument`, `BadSealedConfig` comes out; what is read can be written and is read the same."""
    if not data:
        return
    choice, rest = data[0] % 6, data[1:]
    with suppress(BadDocument, BadSealedConfig):
        if choice < len(_KINDS):
            kind = _KINDS[choice]
            document = documents.decode_untrusted(kind, rest)
            assert documents.decode_untrusted(kind, documents.encode(document)) == document
            documents.loggable(document)
        elif choice == 3:
            documents.read_query_untrusted(NewToken, parse_qsl(rest.decode("latin-1"), keep_blank_values=True))
        elif choice == 5:
            sealed.unseal_untrusted(rest, Secret(b"passphrase"))
        else:
            documents.read_text_untrusted(Text(1, 64, NAME_PATTERN), rest.decode("utf-8", "replace"))
