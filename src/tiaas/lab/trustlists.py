"""The lab's two trust lists: when there is a new one, and who signs it.

A list gets a new sequence number and Id when its content changes, when it gets old, and when a person asks. Numbers of
the TSL start at 10000 (A_17685); a list is valid for 30 days (GS-A_4897).

A change of the trust anchor takes two steps, as in the field: a list announces the new TSL-Signer-CA with the time from
which it may be used; the first list made after that time is signed by the new one's signer.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from lxml import etree

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.lab.listcontent import AnchorState, ListContent, ListName
from tiaas.lab.listxml import list_element, list_id
from tiaas.lab.pki import LabPki
from tiaas.lab.signers import Signers, der, xml_signer
from tiaas.lab.store import LabStore
from tiaas.pki.issue import Authority
from tiaas.pki.tsl import TrustList
from tiaas.pki.tslreader import decode_tsl_untrusted
from tiaas.xmlsec.canonical import XmlElement
from tiaas.xmlsec.writer import sign_enveloped

VALID = timedelta(days=30)
RENEW_BEFORE = timedelta(days=20)
"""A list with less time left than that is made anew; a Konnektor warns at 7 days (TIP1-A_4686)."""

_FIRST_NUMBER = 10_000


@dataclass(frozen=True, slots=True)
class Published:
    """A list as it is downloaded, and what it says."""

    content: TrustList
    document: bytes


class TrustLists:
    """The lists of one lab, stored in it."""

    def __init__(
        self,
        store: LabStore,
        pki: LabPki,
        signers: Signers,
        base_url: str,
        secure_url: str,
        *,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self.signers = signers
        self.content = ListContent(pki, signers, base_url, secure_url)
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._anchor = _read_anchor(store)
        numbers = store.meta("list/numbers") or {}
        self._numbers = {name: int(numbers.get(name.key, _FIRST_NUMBER - 1)) for name in ListName}
        self._current = {name: published for name in ListName if (published := _read(store, name)) is not None}

    @property
    def anchor(self) -> bytes:
        """The TSL-Signer-CA in force, DER: what a Konnektor is given when it is made."""
        return der(self.signers.anchor(self._anchor.active).authority)

    @property
    def announced_from(self) -> datetime | None:
        """From when on the announced trust anchor may be used; None: none is announced."""
        return self._anchor.announced_from

    def current(self, name: ListName) -> Published:
        """The list as it is now; a new one if it would say something else, gets old, or its number was overtaken."""
        published = self._current.get(name)
        if published is None or published.content.next_update is None:
            return self.renew(name)
        is_old = published.content.next_update - self._clock.now() < RENEW_BEFORE
        said = published.content.services, published.content.pointers
        is_other = said != (self.content.services(name, self._anchor), self.content.pointers(name))
        is_overtaken = published.content.sequence_number < self._numbers[name]
        return self.renew(name) if is_old or is_other or is_overtaken else published

    def renew(self, name: ListName) -> Published:
        """A new list with the next sequence number. A new trust anchor signs it from now on if its time has come."""
        announced_from = self._anchor.announced_from
        if name is ListName.TSL and announced_from is not None and announced_from <= self._clock.now():
            self._put_anchor(AnchorState(self._anchor.active + 1))
        return self._publish(name)

    def change_anchor(self, after: timedelta) -> Published:
        """A new TSL that announces the next trust anchor, to be used when `after` is over. The last word counts."""
        self._put_anchor(replace(self._anchor, announced_from=self.now() + after))
        return self._publish(ListName.TSL)

    def draft(self, name: ListName) -> TrustList:
        """What the next list says."""
        now = self.now()
        content = TrustList(
            id="",
            sequence_number=self._numbers[name] + 1,
            issued=now,
            next_update=now + VALID,
            pointers=self.content.pointers(name),
            services=self.content.services(name, self._anchor),
        )
        return with_id(name, content)

    def use_number(self, name: ListName, content: TrustList) -> None:
        """Notes that a list with this number went out, so that the next one gets a higher one."""
        numbers = {**self._numbers, name: max(self._numbers[name], content.sequence_number)}
        self._store.put_meta("list/numbers", {name.key: number for name, number in numbers.items()})
        self._numbers = numbers

    def signer(self, name: ListName) -> Authority:
        """Who signs a list now."""
        return self.signers.bnetza if name is ListName.BNETZA else self.signers.anchor(self._anchor.active).signer

    def sign(self, root: XmlElement, signer: Authority) -> bytes:
        """The octets of a list after it was signed."""
        sign_enveloped(root, xml_signer(signer), self._clock.now(), self._entropy.octets(8).hex())
        return serialize(root)

    def now(self) -> datetime:
        """The time in the seconds that lists count."""
        return self._clock.now().replace(microsecond=0)

    def _publish(self, name: ListName) -> Published:
        content = self.draft(name)
        published = Published(content, self.sign(list_element(content, name.kind), self.signer(name)))
        self.use_number(name, content)
        self._store.put_meta(_key(name), published.document.decode())
        self._current[name] = published
        return published

    def _put_anchor(self, anchor: AnchorState) -> None:
        moment = None if anchor.announced_from is None else anchor.announced_from.isoformat()
        self._store.put_meta("anchor", {"active": anchor.active, "from": moment})
        self._anchor = anchor


def hash_file(document: bytes) -> bytes:
    """What lies beside a list with the suffix `.sha2`: its SHA-256, hexadecimal, and nothing else (A_17681)."""
    return sha256(document).hexdigest().encode()


def with_id(name: ListName, content: TrustList) -> TrustList:
    """The content with the Id that belongs to its number and time."""
    return replace(content, id=list_id(name.kind.version, content.sequence_number, content.issued))


def serialize(root: XmlElement) -> bytes:
    """The octets of a list."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _key(name: ListName) -> str:
    return f"list/{name.key}"


def _read(store: LabStore, name: ListName) -> Published | None:
    stored = store.meta(_key(name))
    if stored is None:
        return None
    document = str(stored).encode()
    return Published(decode_tsl_untrusted(document), document)


def _read_anchor(store: LabStore) -> AnchorState:
    stored = store.meta("anchor")
    if stored is None:
        return AnchorState()
    moment = stored["from"]
    return AnchorState(stored["active"], None if moment is None else datetime.fromisoformat(moment))
