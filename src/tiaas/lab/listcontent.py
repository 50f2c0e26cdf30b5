"""What the lab's trust lists say: every CA with the certificate types it may issue, every signer, where to find what.

The TSL has the issuing CAs, the TSL-Signer-CA, the signers of status answers, the CVC root and the signer of the
national list; the national list has the CAs for qualified certificates, which the TSL of the TI does not name.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time
from enum import Enum, unique

from tiaas.base.dataclass import dataclass
from tiaas.lab.listxml import BNETZA, TSL, ListKind
from tiaas.lab.pki import ALLOWED_TYPES, ORGANIZATION, AuthorityKind, LabPki
from tiaas.lab.signers import Signers, der
from tiaas.pki.issue import Authority
from tiaas.pki.tsl import (
    ANCHOR_CHANGE_OID,
    BACKUP_LOCATION,
    CVC_OID,
    PLACEHOLDER_OID,
    PRIMARY_LOCATION,
    UNUSED_SUPPLY_POINT,
    Pointer,
    ServiceStatus,
    ServiceType,
    TrustService,
)

TSL_PATH, BNETZA_PATH = "/ECC/ECC-RSA_TSL.xml", "/BNA-TSL.xml"
BACKUP = "/backup"
"""Before a list's path: its second address."""
OCSP_PATH = "/ocsp"


@unique
class ListName(Enum):
    """Which list: its name in the lab, its path, and how it is written."""

    TSL = ("tsl", TSL_PATH, TSL)
    BNETZA = ("bnetza", BNETZA_PATH, BNETZA)

    def __init__(self, key: str, path: str, kind: ListKind) -> None:
        self.key = key
        self.path = path
        self.kind = kind


@dataclass(frozen=True, slots=True)
class AnchorState:
    """The number of the trust anchor in force, and from when on the next one may be used; None: none is announced."""

    active: int = 0
    announced_from: datetime | None = None


class ListContent:
    """The content of both lists.

    `base_url` is where they and the status service are found, `secure_url` the same place with TLS: the national list
    is served there only (gemSpec_TSL V1.19.2, TIP1-A_6768-01).
    """

    def __init__(self, pki: LabPki, signers: Signers, base_url: str, secure_url: str) -> None:
        self._pki = pki
        self._signers = signers
        self._origins = {ListName.TSL: base_url, ListName.BNETZA: secure_url}
        self.ocsp_url = f"{base_url}{OCSP_PATH}"

    def url(self, name: ListName, prefix: str = "") -> str:
        """An address of a list."""
        return f"{self._origins[name]}{prefix}{name.path}"

    def pointers(self, name: ListName) -> tuple[Pointer, ...]:
        """The two addresses of the TSL (TIP1-A_4096)."""
        if name is ListName.BNETZA:
            return ()
        return Pointer(self.url(name), PRIMARY_LOCATION), Pointer(self.url(name, BACKUP), BACKUP_LOCATION)

    def services(self, name: ListName, anchor: AnchorState) -> tuple[TrustService, ...]:
        """The services of a list."""
        if name is ListName.BNETZA:
            return tuple(self._qualified())
        return (*self._authorities(), *self._anchors(anchor), self._cvc_root(), self._national_signer())

    def _authorities(self) -> Iterator[TrustService]:
        for label, kind, ca in self._issuing():
            if kind is not AuthorityKind.HBA_QES:
                allowed = tuple(allowed.oid for allowed in ALLOWED_TYPES[kind])
                yield _listed(ServiceType.CA, ca, allowed, self.ocsp_url)
                yield _listed(ServiceType.OCSP, self._signers.ocsp(label))

    def _qualified(self) -> Iterator[TrustService]:
        for label, kind, ca in self._issuing():
            if kind is AuthorityKind.HBA_QES:
                responder = self._signers.ocsp(label)
                for listed in (
                    _listed(ServiceType.QUALIFIED_CA, ca, (), self.ocsp_url),
                    _listed(ServiceType.QUALIFIED_OCSP, responder, (), self.ocsp_url),
                ):
                    yield replace(listed, status=ServiceStatus.GRANTED)

    def _issuing(self) -> Iterator[tuple[str, AuthorityKind, Authority]]:
        for label, ca in self._pki.authorities.items():
            yield label, AuthorityKind[label.partition("/")[2]], ca

    def _anchors(self, anchor: AnchorState) -> Iterator[TrustService]:
        """The TSL-Signer-CA in force with its status signer, then the announced one (GS-A_4644)."""
        active = self._signers.anchor(anchor.active)
        yield _listed(ServiceType.CA, active.authority, supply_point=self.ocsp_url)
        yield _listed(ServiceType.OCSP, self._signers.ocsp(active.label))
        if anchor.announced_from is not None:
            following = self._signers.anchor(anchor.active + 1)
            change = _listed(ServiceType.ANCHOR_CHANGE, following.authority, (ANCHOR_CHANGE_OID,), self.ocsp_url)
            yield replace(change, since=anchor.announced_from)
            yield _listed(ServiceType.OCSP, self._signers.ocsp(following.label))

    def _cvc_root(self) -> TrustService:
        root = self._pki.cvc_root
        return TrustService(
            provider=ORGANIZATION,
            type=ServiceType.CVC_ROOT,
            name=f"CHR={_cvc_name(root.chr)}, CAR={_cvc_name(root.car)}",
            certificates=(),
            cvcs=(root.encoded,),
            status=ServiceStatus.IN_ACCORD,
            since=datetime.combine(root.ced, time(), UTC),
            supply_points=(UNUSED_SUPPLY_POINT,),
            extensions=(CVC_OID,),
        )

    def _national_signer(self) -> TrustService:
        """The signer of the national list, with the addresses of that list (TIP1-A_6763 ff.)."""
        addresses = self.url(ListName.BNETZA), self.url(ListName.BNETZA, BACKUP)
        return replace(_listed(ServiceType.BNETZA, self._signers.bnetza), supply_points=addresses)


def _listed(
    kind: ServiceType,
    holder: Authority,
    extensions: tuple[str, ...] = (PLACEHOLDER_OID,),
    supply_point: str = UNUSED_SUPPLY_POINT,
) -> TrustService:
    return TrustService(
        provider=ORGANIZATION,
        type=kind,
        name=holder.certificate.subject.rfc4514_string(),
        certificates=(der(holder),),
        cvcs=(),
        status=ServiceStatus.IN_ACCORD,
        since=holder.certificate.not_valid_before_utc,
        supply_points=(supply_point,),
        extensions=extensions,
    )


def _cvc_name(name: bytes) -> str:
    """Five letters, then digits, as the TSL of the TI writes them."""
    return name[:5].decode("ascii") + name[5:].hex().upper()
