"""The lab's PKI: certificate authorities that nobody can mistake for real ones (gemSpec_PKI V2.14.1, 4.10).

    X.509   TIAAS.RCA1 TEST-ONLY (brainpoolP256r1)          TIAAS.RCA2 TEST-ONLY (RSA-2048)
              TIAAS.EGK-CA1 · HBA-CA1 · HBA-qCA1              TIAAS.EGK-CA2 · HBA-CA2 · HBA-qCA2
              SMCB-CA1 · KOMP-CA1                             SMCB-CA2 · KOMP-CA2
    CVC     DETIA 81 02 YY (root) → eGK 11 · HPC 12 · SMC 13 · gSMC 14

The RSA half is made when it is first needed: six keys cost half a second. Root certificates live 10 years, issuing
ones 8, certificates of holders 5, as in the field.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum, unique
from functools import partial
from threading import RLock
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput
from tiaas.lab.cvcpki import CvcAuthorities, CvcAuthorityKind
from tiaas.lab.keys import new_ec_key, new_rsa_key, read_key, write_key
from tiaas.pki.admission import build_admission
from tiaas.pki.cvc import Cvc
from tiaas.pki.issue import Authority, EndEntity, PrivateKey, Validity, issue_authority, issue_end_entity
from tiaas.pki.names import authority_name, component_name
from tiaas.pki.oids import CertificateType, Policy, Role
from tiaas.pki.profession import AccessProfile
from tiaas.pki.profiles import PROFILES, Profile

ORGANIZATION = "tiaas lab TEST-ONLY - NOT-VALID"

_VERSION = 1
_SAK_KEY_ID = 0x0A
_ROOT_YEARS, _CA_YEARS, _HOLDER_YEARS = 10, 8, 5


@unique
class Family(StrEnum):
    """The two key generations; the number is the suffix of the CAs' names."""

    ECC = "1"
    RSA = "2"


@unique
class AuthorityKind(StrEnum):
    """An issuing CA: <usage> of its common name (Tab_PKI_213)."""

    EGK = "EGK-CA"
    HBA = "HBA-CA"
    HBA_QES = "HBA-qCA"
    SMCB = "SMCB-CA"
    KOMP = "KOMP-CA"


_UNITS = {
    AuthorityKind.EGK: "Elektronische Gesundheitskarte-CA der Telematikinfrastruktur",
    AuthorityKind.HBA: "Heilberufsausweis-CA der Telematikinfrastruktur",
    AuthorityKind.HBA_QES: "Qualifizierter VDA der Telematikinfrastruktur",
    AuthorityKind.SMCB: "Institution des Gesundheitswesens-CA der Telematikinfrastruktur",
    AuthorityKind.KOMP: "Komponenten-CA der Telematikinfrastruktur",
}

_ISSUERS = {
    CertificateType.CH_AUT: AuthorityKind.EGK,
    CertificateType.CH_ENC: AuthorityKind.EGK,
    CertificateType.CH_AUTN: AuthorityKind.EGK,
    CertificateType.CH_ENCV: AuthorityKind.EGK,
    CertificateType.HP_AUT: AuthorityKind.HBA,
    CertificateType.HP_ENC: AuthorityKind.HBA,
    CertificateType.HP_QES: AuthorityKind.HBA_QES,
    CertificateType.HCI_AUT: AuthorityKind.SMCB,
    CertificateType.HCI_ENC: AuthorityKind.SMCB,
    CertificateType.HCI_OSIG: AuthorityKind.SMCB,
    CertificateType.SMKT_AUT: AuthorityKind.KOMP,
    CertificateType.SAK_AUT: AuthorityKind.KOMP,
    CertificateType.NK_VPN: AuthorityKind.KOMP,
    CertificateType.FD_TLS_C: AuthorityKind.KOMP,
    CertificateType.FD_TLS_S: AuthorityKind.KOMP,
    CertificateType.ZD_TLS_S: AuthorityKind.KOMP,
    CertificateType.ZD_SIG: AuthorityKind.KOMP,
}

ALLOWED_TYPES = {
    authority: tuple(kind for kind, issuer in _ISSUERS.items() if issuer is authority) for authority in AuthorityKind
}
"""The types of certificate that a CA may issue."""

_Tree = dict[AuthorityKind | None, Authority]


class LabPki:
    """All authorities of one lab. `on_change` is called after an authority was added, so that it can be stored.

    `pseudonym_salt` is the issuers' secret in the pseudonyms on health cards (hs-ZW, GS-A_4578). Usable from several
    threads.
    """

    def __init__(
        self,
        entropy: Entropy,
        clock: Clock,
        trees: dict[Family, _Tree],
        cvc: CvcAuthorities,
        *,
        pseudonym_salt: str,
        ecc_only: bool = False,
        rsa_keys: Callable[[], rsa.RSAPrivateKey] = new_rsa_key,
    ) -> None:
        self.pseudonym_salt = pseudonym_salt
        self.ecc_only = ecc_only
        self.cvc = cvc
        self.on_change: Callable[[LabPki, Callable[[], object]], None] | None = None
        self.on_issue: Callable[[bytes, str, str], None] = _nobody
        """Is told every certificate issued below a CA: DER, the CA's label, and the ICCSN of the card, or ""."""
        self.ocsp_url = ""
        """The status service's URL in the certificates issued from now on."""
        self._entropy = entropy
        self._rsa_keys = rsa_keys
        self._clock = clock
        self._trees = trees
        self._guard = RLock()

    @classmethod
    def create(
        cls,
        entropy: Entropy,
        clock: Clock,
        *,
        ecc_only: bool = False,
        rsa_keys: Callable[[], rsa.RSAPrivateKey] = new_rsa_key,
    ) -> "LabPki":
        """A new PKI (some ten milliseconds). With `ecc_only` it never gets an RSA half; `rsa_keys` makes its keys."""
        today = clock.now().date()
        cvc = CvcAuthorities.create(entropy, today)
        # GS-A_4578: 16 hexadecimal digits.
        pki = cls(entropy, clock, {}, cvc, pseudonym_salt=entropy.octets(8).hex(), ecc_only=ecc_only, rsa_keys=rsa_keys)
        pki._trees[Family.ECC] = pki._grow(Family.ECC)
        return pki

    def to_document(self) -> dict[str, Any]:
        """A JSON document with all certificates and PRIVATE KEYS."""
        with self._guard:
            trees = {
                family.name: {("root" if kind is None else kind.name): write_authority(ca) for kind, ca in tree.items()}
                for family, tree in self._trees.items()
            }
        return {
            "version": _VERSION,
            "ecc_only": self.ecc_only,
            "pseudonym_salt": self.pseudonym_salt,
            "x509": trees,
            "cvc": self.cvc.to_document(),
        }

    @classmethod
    def from_document(cls, document: dict[str, Any], entropy: Entropy, clock: Clock) -> "LabPki":
        """Reads what `to_document` wrote; raises `InvalidInput` for another version."""
        if document.get("version") != _VERSION:
            raise InvalidInput(f"version {document.get('version')} of a lab's PKI is not read here")
        trees: dict[Family, _Tree] = {
            Family[family]: {
                (None if kind == "root" else AuthorityKind[kind]): read_authority(ca) for kind, ca in tree.items()
            }
            for family, tree in document["x509"].items()
        }
        cvc = CvcAuthorities.from_document(document["cvc"])
        salt = document["pseudonym_salt"]
        return cls(entropy, clock, trees, cvc, pseudonym_salt=salt, ecc_only=document["ecc_only"])

    @property
    def cvc_root(self) -> Cvc:
        """The self-signed CVC root; its key is on every card."""
        return self.cvc.root.certificate

    @property
    def ca_certificates(self) -> tuple[bytes, ...]:
        """All CA certificates (DER), roots first of each family; makes the RSA half if there is to be one."""
        families = (Family.ECC,) if self.ecc_only else (Family.ECC, Family.RSA)
        return tuple(
            ca.certificate.public_bytes(Encoding.DER) for family in families for ca in self._tree(family).values()
        )

    @property
    def ca_bundle_pem(self) -> str:
        """`ca_certificates` as PEM."""
        blocks = (base64.encodebytes(der).decode("ascii") for der in self.ca_certificates)
        return "".join(f"-----BEGIN CERTIFICATE-----\n{block}-----END CERTIFICATE-----\n" for block in blocks)

    def authority(self, kind: AuthorityKind | None, family: Family = Family.ECC) -> Authority:
        """An issuing CA, or with None the root of the family. Raises ValueError for RSA in an ECC-only lab."""
        return self._tree(family)[kind]

    def issue(
        self, kind: CertificateType, holder: EndEntity, card: str = "", validity: Validity | None = None
    ) -> bytes:
        """A holder's certificate, DER, by the CA for that type and for the family of the holder's key.

        `card` is the ICCSN of the card it is for. Valid from today on, or as `validity` says.
        """
        family = Family.ECC if isinstance(holder.public_key, ec.EllipticCurvePublicKey) else Family.RSA
        issuer = _ISSUERS[kind]
        return self.certify(
            PROFILES[kind], holder, self.authority(issuer, family), label(issuer, family), card, validity
        )

    def certify(
        self,
        profile: Profile,
        holder: EndEntity,
        authority: Authority,
        issuer: str,
        card: str = "",
        validity: Validity | None = None,
    ) -> bytes:
        """A certificate of that profile, DER, by `authority`, whose label in the books is `issuer`."""
        now = self._clock.now()
        if validity is None:
            end = min(years(now, _HOLDER_YEARS), authority.certificate.not_valid_after_utc)
            validity = Validity(midnight(now), end)
        named = holder if holder.ocsp_url else replace(holder, ocsp_url=self.ocsp_url)
        certificate = issue_end_entity(profile, named, authority, validity, self._entropy)
        self.on_issue(certificate, issuer, card)
        return certificate

    @property
    def authorities(self) -> dict[str, Authority]:
        """The issuing CAs by label; makes the RSA half if there is to be one."""
        families = (Family.ECC,) if self.ecc_only else (Family.ECC, Family.RSA)
        return {label(kind, family): self.authority(kind, family) for family in families for kind in AuthorityKind}

    def sak(self, iccsn: str) -> tuple[bytes, bytes]:
        """Identity ID.SAK.AUT of a Konnektor towards terminals: certificate DER, private key PKCS#8 DER."""
        key = new_ec_key(self._entropy)
        name = component_name(f"{iccsn}-{self._clock.now():%Y%m%d}", ORGANIZATION)
        holder = EndEntity(name, key.public_key(), build_admission(Role.SAK))
        return self.issue(CertificateType.SAK_AUT, holder), write_key(key)

    def sak_cvc(self, iccsn: str) -> tuple[bytes, bytes, bytes]:
        """C.SAK.AUTD_CVC (flag b55) of a Konnektor, the certificate of its CA, the private key in PKCS#8 DER."""
        key, kind = new_ec_key(self._entropy), CvcAuthorityKind.GSMC
        today, flags = self._clock.now().date(), AccessProfile.CHAT_51.flags
        made = self.cvc.card(kind, key.public_key(), _SAK_KEY_ID, bytes.fromhex(iccsn), flags, today)
        return made.encoded, self.cvc.authorities[kind].certificate.encoded, write_key(key)

    def device(self, iccsn: str, days_left: int) -> bytes:
        """C.NK.VPN of a box, DER, that is valid for as many days more; 0 or less: it has expired."""
        now = self._clock.now()
        name = component_name(f"{iccsn}-{now:%Y%m%d}", ORGANIZATION)
        holder = EndEntity(name, new_ec_key(self._entropy).public_key(), build_admission(Role.NK))
        end = now + timedelta(days=days_left)
        return self.issue(CertificateType.NK_VPN, holder, validity=Validity(min(now, end) - timedelta(days=365), end))

    def component(self, kind: CertificateType, role: Role, names: Sequence[str]) -> tuple[bytes, bytes]:
        """Identity of a service in the TI (C.FD.TLS-S, C.FD.TLS-C, C.ZD.TLS-S): certificate DER, key PKCS#8 DER.

        The first of `names`, its FQDN, is the common name; all are subjectAltNames, IP addresses too. The key is on
        brainpoolP256r1.
        """
        key = new_ec_key(self._entropy)
        name = component_name(names[0], ORGANIZATION)
        holder = EndEntity(name, key.public_key(), build_admission(role), hosts=tuple(names))
        return self.issue(kind, holder), write_key(key)

    def _tree(self, family: Family) -> _Tree:
        if family is Family.RSA and self.ecc_only:
            raise ValueError("this lab has no RSA certificates")
        with self._guard:
            tree = self._trees.get(family)
            if tree is None:
                tree = self._trees[family] = self._grow(family)
                if self.on_change is not None:
                    self.on_change(self, partial(self._trees.pop, family))
            return tree

    def _grow(self, family: Family) -> _Tree:
        start = midnight(self._clock.now())
        name = authority_name(
            f"TIAAS.RCA{family} TEST-ONLY", "Zentrale Root-CA der Telematikinfrastruktur", ORGANIZATION
        )
        root = issue_authority(name, self.new_key(family), Validity(start, years(start, _ROOT_YEARS)), self._entropy)
        tree: _Tree = {None: root}
        for kind in AuthorityKind:
            tree[kind] = issue_authority(
                authority_name(f"TIAAS.{kind}{family} TEST-ONLY", _UNITS[kind], ORGANIZATION),
                self.new_key(family),
                Validity(start, years(start, _CA_YEARS)),
                self._entropy,
                parent=root,
                policy=Policy.HBA_CP if kind in (AuthorityKind.HBA, AuthorityKind.HBA_QES) else Policy.GEM_OR_CP,
            )
        return tree

    def new_key(self, family: Family) -> PrivateKey:
        """A key for a CA or signer of that family."""
        return new_ec_key(self._entropy) if family is Family.ECC else self._rsa_keys()


def label(kind: AuthorityKind, family: Family) -> str:
    """How the lab's books name an issuing CA: `ECC/EGK`."""
    return f"{family.name}/{kind.name}"


def midnight(moment: datetime) -> datetime:
    """The start of a day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def years(moment: datetime, count: int) -> datetime:
    """So many years later."""
    return moment + timedelta(days=365 * count + count // 4)


def write_authority(authority: Authority) -> dict[str, str]:
    """A JSON document with certificate and PRIVATE KEY."""
    certificate = authority.certificate.public_bytes(Encoding.DER)
    return {"certificate": certificate.hex(), "key": write_key(authority.key).hex()}


def read_authority(document: dict[str, str]) -> Authority:
    """Reads what `write_authority` wrote."""
    certificate = x509.load_der_x509_certificate(bytes.fromhex(document["certificate"]))
    return Authority(certificate, read_key(bytes.fromhex(document["key"])))


def _nobody(certificate: bytes, issuer: str, card: str) -> None:
    """There are no books to be told."""
