"""The lab's PoPP service as far as a Konnektor sees it: who signs scenarios (C.ZD.SIG with the role oid_popp, P-256).

What a scenario holds is up to who asks; the real service's dialogue with an eGK is not here.
"""

import json

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tiaas.card.scenario import Scenario, encode_scenario
from tiaas.lab.pki import LabPki
from tiaas.pki.admission import build_admission
from tiaas.pki.issue import EndEntity
from tiaas.pki.jws import sign_jws
from tiaas.pki.names import component_name
from tiaas.pki.oids import CertificateType, Role

_ORGANIZATION = "tiaas TEST-ONLY"
_NAME = "popp.lab"


class PoppSigner:
    """Signs scenarios with an identity made at its first use. `role` is what its certificate says it is."""

    def __init__(self, pki: LabPki, role: Role = Role.POPP) -> None:
        self._pki = pki
        self._role = role
        self._identity: tuple[ec.EllipticCurvePrivateKey, bytes] | None = None

    @property
    def certificate(self) -> bytes:
        """C.ZD.SIG (DER)."""
        return self._signer()[1]

    def sign(self, scenario: Scenario) -> str:
        """SignedScenario: a compact JWS."""
        key, certificate = self._signer()
        claims = encode_scenario(scenario.session_id, scenario.counter, scenario.time_span, scenario.steps)
        return sign_jws(json.dumps(claims, separators=(",", ":")).encode(), key, [certificate])

    def _signer(self) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
        if self._identity is None:
            key = ec.generate_private_key(ec.SECP256R1())
            name: x509.Name = component_name(_NAME, _ORGANIZATION)
            holder = EndEntity(name, key.public_key(), build_admission(self._role))
            self._identity = key, self._pki.issue(CertificateType.ZD_SIG, holder)
        return self._identity
