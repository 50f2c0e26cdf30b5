"""Who signs the lab's trust lists and status answers.

    TIAAS.TSL-CA1, -CA3 … TEST-ONLY → TSL Signing Unit 1, 2 …      one pair per trust anchor the lab ever had
    Trusted List Signer TEST-ONLY                                  the Bundesnetzagentur's, self-signed
    <CA> OCSP TEST-ONLY                                            one per issuing CA (A_23142), of its key family

They are made when they are first needed, so a lab folder from before there were any gets them, too.
"""

from collections.abc import Callable
from functools import partial
from threading import RLock
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.lab.keys import new_ec_key, new_rsa_key
from tiaas.lab.pki import ORGANIZATION, Family, LabPki, midnight, read_authority, write_authority, years
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.issue import Authority, EndEntity, PrivateKey, Validity, issue_authority, issue_list_signer
from tiaas.pki.names import authority_name, component_name
from tiaas.pki.ocspmessages import Responder
from tiaas.pki.profiles import OCSP_SIGNER, TSL_SIGNER, Profile
from tiaas.pki.signature import software_key
from tiaas.xmlsec.names import SignatureMethod
from tiaas.xmlsec.writer import XmlSigner, raw_ecdsa

_UNIT = "TSL-Signer-CA der Telematikinfrastruktur"
_CA_YEARS, _SIGNER_YEARS = 8, 5
_KEY_BITS = 256


@dataclass(frozen=True, slots=True)
class Anchor:
    """A TSL-Signer-CA with the signer it certified; `label` names the CA in the lab's books."""

    label: str
    authority: Authority
    signer: Authority


class Signers:
    """All signers of a lab. `on_change` is called with the document to be stored after one was made.

    Usable from several threads.
    """

    def __init__(
        self,
        pki: LabPki,
        document: dict[str, Any] | None,
        *,
        entropy: Entropy,
        clock: Clock,
        on_change: Callable[[dict[str, Any], Callable[[], object]], None],
    ) -> None:
        stored = document or {"anchors": [], "bnetza": None, "ocsp": {}}
        self._pki = pki
        self._entropy = entropy
        self._clock = clock
        self._on_change = on_change
        self._guard = RLock()
        self._anchors = [
            Anchor(_anchor_label(at), read_authority(pair["ca"]), read_authority(pair["signer"]))
            for at, pair in enumerate(stored["anchors"])
        ]
        self._bnetza = None if stored["bnetza"] is None else read_authority(stored["bnetza"])
        self._ocsp = {label: read_authority(signer) for label, signer in stored["ocsp"].items()}

    def anchor(self, number: int) -> Anchor:
        """The TSL's trust anchor with that number, from 0; the next one is made if it is not there yet."""
        with self._guard:
            if number == len(self._anchors):
                self._anchors.append(self._new_anchor(_anchor_label(number), number))
                self._changed(self._anchors.pop)
            return self._anchors[number]

    def foreign_anchor(self) -> Anchor:
        """One that no list announces: who signs with it is unknown."""
        return self._new_anchor("foreign", 49)

    @property
    def bnetza(self) -> Authority:
        """The signer of the Bundesnetzagentur's list."""
        with self._guard:
            if self._bnetza is None:
                self._bnetza = self.foreign_bnetza()
                self._changed(partial(setattr, self, "_bnetza", None))
            return self._bnetza

    def foreign_bnetza(self) -> Authority:
        """Another signer of that name, whom the TSL does not list."""
        key, start = new_ec_key(self._entropy), midnight(self._clock.now())
        name = component_name("Trusted List Signer TEST-ONLY", ORGANIZATION)
        validity = Validity(start, years(start, _SIGNER_YEARS))
        return Authority(issue_list_signer(name, key, validity, self._entropy), key)

    @property
    def issuers(self) -> dict[str, Authority]:
        """All CAs whose certificates have a status, by label."""
        with self._guard:
            return self._pki.authorities | {anchor.label: anchor.authority for anchor in self._anchors}

    def ocsp(self, label: str) -> Authority:
        """The signer of status answers about certificates of the CA with that label."""
        with self._guard:
            signer = self._ocsp.get(label)
            if signer is None:
                signer = self._ocsp[label] = self._new_ocsp(label, self._shared_key(self.issuers[label]))
                self._changed(partial(self._ocsp.pop, label))
            return signer

    def foreign_ocsp(self, label: str) -> Authority:
        """Another one, certified by the same CA, whom the TSL does not list."""
        return self._new_ocsp(label, new_ec_key(self._entropy) if _is_ec(self.issuers[label]) else new_rsa_key())

    def _shared_key(self, issuer: Authority) -> PrivateKey:
        """One key per family for all its signers: GS-A_5514 wants a certificate per family, and RSA keys cost time."""
        for signer in self._ocsp.values():
            if _is_ec(signer) is _is_ec(issuer):
                return signer.key
        return self._pki.new_key(Family.ECC if _is_ec(issuer) else Family.RSA)

    def _new_ocsp(self, label: str, key: PrivateKey) -> Authority:
        issuer = self.issuers[label]
        common_name = str(issuer.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)
        name = component_name(f"{common_name.removesuffix(' TEST-ONLY')} OCSP TEST-ONLY", ORGANIZATION)
        return self._certify(OCSP_SIGNER, EndEntity(name, key.public_key()), issuer, label, key)

    def _new_anchor(self, label: str, number: int) -> Anchor:
        start = midnight(self._clock.now())
        ca = issue_authority(
            # Odd numbers: the even ones are those of the RSA family.
            authority_name(f"TIAAS.TSL-CA{2 * number + 1} TEST-ONLY", _UNIT, ORGANIZATION),
            new_ec_key(self._entropy),
            Validity(start, years(start, _CA_YEARS)),
            self._entropy,
            parent=self._pki.authority(None),
        )
        key = new_ec_key(self._entropy)
        name = component_name(f"TSL Signing Unit {number + 1} TEST-ONLY", ORGANIZATION)
        return Anchor(label, ca, self._certify(TSL_SIGNER, EndEntity(name, key.public_key()), ca, label, key))

    def _certify(
        self, profile: Profile, holder: EndEntity, issuer: Authority, label: str, key: PrivateKey
    ) -> Authority:
        der = self._pki.certify(profile, holder, issuer, label)
        return Authority(x509.load_der_x509_certificate(der), key)

    def _changed(self, undo: Callable[[], object]) -> None:
        document: dict[str, Any] = {
            "anchors": [
                {"ca": write_authority(anchor.authority), "signer": write_authority(anchor.signer)}
                for anchor in self._anchors
            ],
            "bnetza": None if self._bnetza is None else write_authority(self._bnetza),
            "ocsp": {label: write_authority(signer) for label, signer in self._ocsp.items()},
        }
        self._on_change(document, undo)


def der(authority: Authority) -> bytes:
    """The certificate of a CA or signer."""
    return authority.certificate.public_bytes(Encoding.DER)


def xml_signer(signer: Authority) -> XmlSigner:
    """A signer of lists, with its key on brainpoolP256r1."""
    key = signer.key
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("lists are signed on an elliptic curve here")
    algorithm = ec.ECDSA(hashes.SHA256())
    return XmlSigner(
        der(signer), SignatureMethod.ECDSA_SHA256, lambda octets: raw_ecdsa(key.sign(octets, algorithm), _KEY_BITS)
    )


def ocsp_responder(signer: Authority) -> Responder:
    """A signer of status answers."""
    return Responder(decode_certificate_untrusted(der(signer)), software_key(signer.key))


def _anchor_label(number: int) -> str:
    return f"TSL/{number + 1}"


def _is_ec(authority: Authority) -> bool:
    return isinstance(authority.key, ec.EllipticCurvePrivateKey)
