"""Trust lists with one defect each, for the codes that `faults.CODES` names.

A defective list has the next sequence number and is new otherwise, so a client takes it for one until it meets the
defect; it is never stored.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from tiaas.lab.listcontent import ListName
from tiaas.lab.listxml import list_element
from tiaas.lab.trustlists import VALID, TrustLists, serialize, with_id
from tiaas.pki.tsl import TrustList
from tiaas.soap.parsers import fromstring
from tiaas.xmlsec.names import ds

HASH_WRONG = "hash-wrong"
"""The one defect of the hash file; the others are those of lists."""


def defective(lists: TrustLists, name: ListName, code: str) -> bytes:
    """The octets of a list with the defect `code`."""
    return _DEFECTS[code](lists, name)


def wrong_hash() -> bytes:
    """A hash file that fits no list."""
    return b"0" * 64


def _expired(lists: TrustLists, name: ListName) -> bytes:
    """Out of date since yesterday, so within the grace period."""
    now = lists.now()
    content = replace(lists.draft(name), issued=now - VALID, next_update=now - timedelta(days=1))
    # A client may keep this one; what it gets next must be newer.
    lists.use_number(name, content)
    return _written(lists, name, with_id(name, content))


def _sequence_old(lists: TrustLists, name: ListName) -> bytes:
    number = lists.current(name).content.sequence_number - 1
    return _written(lists, name, with_id(name, replace(lists.draft(name), sequence_number=number)))


def _signer_unknown(lists: TrustLists, name: ListName) -> bytes:
    signers = lists.signers
    signer = signers.foreign_anchor().signer if name is ListName.TSL else signers.foreign_bnetza()
    return lists.sign(list_element(lists.draft(name), name.kind), signer)


def _signature_wrong(lists: TrustLists, name: ListName) -> bytes:
    root = fromstring(_written(lists, name, lists.draft(name)))
    for value in root.iterfind(f"{ds('Signature')}/{ds('SignatureValue')}"):
        text = value.text or ""
        value.text = ("B" if text.startswith("A") else "A") + text[1:]
    return serialize(root)


def _schema(lists: TrustLists, name: ListName) -> bytes:
    """Signed rightly, but the list lacks its mandatory SchemeName."""
    root = list_element(lists.draft(name), name.kind)
    scheme = root[0]
    scheme.remove(next(scheme.iterchildren("{*}SchemeName")))
    return lists.sign(root, lists.signer(name))


def _malformed(lists: TrustLists, name: ListName) -> bytes:
    document = _written(lists, name, lists.draft(name))
    return document[: len(document) * 2 // 3]


def _written(lists: TrustLists, name: ListName, content: TrustList) -> bytes:
    return lists.sign(list_element(content, name.kind), lists.signer(name))


_DEFECTS: dict[str, Callable[[TrustLists, ListName], bytes]] = {
    "expired": _expired,
    "malformed": _malformed,
    "schema": _schema,
    "signature-wrong": _signature_wrong,
    "signer-unknown": _signer_unknown,
    "sequence-old": _sequence_old,
}
