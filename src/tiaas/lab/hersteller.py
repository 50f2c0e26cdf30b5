"""The Hersteller of the lab's Konnektors: his CA and the key that signs Update-Pakete, TEST-ONLY.

    TIAAS.HERSTELLER-CA TEST-ONLY → Update Signing Unit TEST-ONLY      both brainpoolP256r1

A PKI of its own, as that of a real Hersteller: it stands in no TSL. Made when it is first needed.
"""

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.lab.keys import new_ec_key
from tiaas.lab.pki import ORGANIZATION, midnight, read_authority, write_authority, years
from tiaas.lab.store import LabStore
from tiaas.pki.herstellersignature import sign_as_hersteller
from tiaas.pki.issue import Authority, EndEntity, Validity, issue_authority, issue_end_entity
from tiaas.pki.names import authority_name, component_name
from tiaas.pki.profiles import HERSTELLER_SIGNER

_KEY = "hersteller"
_CA_YEARS, _SIGNER_YEARS = 8, 5


class Hersteller:
    """Signs; `ca` is what a Konnektor must have to believe it."""

    def __init__(self, ca: Authority, signer: Authority, clock: Clock) -> None:
        self._ca = ca
        self._signer = signer
        self._clock = clock

    @classmethod
    def load(cls, store: LabStore, clock: Clock, entropy: Entropy) -> "Hersteller":
        """The lab's, made if there is none yet."""
        held: Any = store.meta(_KEY)
        if held is not None:
            return cls(read_authority(held["ca"]), read_authority(held["signer"]), clock)
        made = cls.create(clock, entropy)
        store.put_meta(_KEY, {"ca": write_authority(made._ca), "signer": write_authority(made._signer)})
        return made

    @classmethod
    def create(cls, clock: Clock, entropy: Entropy) -> "Hersteller":
        """Another one, whom no Konnektor of a lab believes."""
        start = midnight(clock.now())
        ca = issue_authority(
            authority_name("TIAAS.HERSTELLER-CA TEST-ONLY", "Update-CA des Herstellers", ORGANIZATION),
            new_ec_key(entropy),
            Validity(start, years(start, _CA_YEARS)),
            entropy,
        )
        key = new_ec_key(entropy)
        holder = EndEntity(component_name("Update Signing Unit TEST-ONLY", ORGANIZATION), key.public_key())
        der = issue_end_entity(HERSTELLER_SIGNER, holder, ca, Validity(start, years(start, _SIGNER_YEARS)), entropy)
        return cls(ca, Authority(x509.load_der_x509_certificate(der), key), clock)

    @property
    def ca(self) -> bytes:
        """The certificate of the CA, DER."""
        return self._ca.certificate.public_bytes(Encoding.DER)

    def sign(self, content: bytes) -> bytes:
        """The signature of a manifest or of an UpdateInformation, DER."""
        return sign_as_hersteller(content, self._signer, self._clock.now())
