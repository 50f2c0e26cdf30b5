"""Signers whom a Konnektor has never met, and what they signed: documents for `bench.signing_service`, cold.

Their certificates are C.HCI.OSIG of the lab's CA on brainpoolP256r1, and look like the one of the practice's SMC-B.
"""

from collections.abc import Iterator

from cryptography import x509

from tiaas.ades.cades import CadesOptions, prepare
from tiaas.ades.signing import SignedBy
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.lab.keys import new_ec_key
from tiaas.lab.lab import Lab
from tiaas.lab.pki import AuthorityKind, Family, label
from tiaas.lab.signers import der, ocsp_responder
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.issue import EndEntity
from tiaas.pki.keys import SigningScheme
from tiaas.pki.ocsp import encode_response
from tiaas.pki.ocspmessages import CertHash, CertId, CertStatus, SingleResponse
from tiaas.pki.oids import CertificateType
from tiaas.pki.prehashed import make_signature

CONTENT = bytes(6000)
"""As long as a prescription."""


class Strangers:
    """Makes as many as are wanted, some milliseconds each. `like` is the certificate (DER) theirs look like."""

    def __init__(self, lab: Lab, like: bytes) -> None:
        self._lab = lab
        self._like = x509.load_der_x509_certificate(like)
        self._issuer = decode_certificate_untrusted(der(lab.pki.authority(AuthorityKind.SMCB)))

    def documents(self, count: int) -> Iterator[bytes]:
        """CMS signatures around `CONTENT`, each by a new signer, with the OCSP response of that moment in it."""
        signer = self._lab.signers.ocsp(label(AuthorityKind.SMCB, Family.ECC))
        responder, entropy = ocsp_responder(signer), SystemEntropy()
        admission = self._like.extensions.get_extension_for_class(x509.Admissions).value
        for _ in range(count):
            key, now = new_ec_key(entropy), SystemClock().now()
            holder = EndEntity(self._like.subject, key.public_key(), admission)
            certificate = self._lab.pki.issue(CertificateType.HCI_OSIG, holder)
            asked = CertId.of(decode_certificate_untrusted(certificate), self._issuer)
            single = SingleResponse(asked, CertStatus.GOOD, now, cert_hash=CertHash.of(certificate))
            by = SignedBy(certificate, SigningScheme.ECDSA)
            options = CadesOptions(now, enveloping=True, short_text="E-Rezept")
            prepared = prepare(CONTENT, by, options)
            value = make_signature(key, prepared.digests[0], by.scheme)
            yield prepared.finish([value], encode_response((single,), responder, now))
