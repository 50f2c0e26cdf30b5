"""Who may say which networks there are: the signature of Bestandsnetze.xml, a file beside it.

TUC_KON_161 with C.ZD.SIG (gemSpec_Kon V5.18 TAB_KON_786; gemSpec_PKI V2.14.1 Tab_PKI_278), and the role
oid_bestandsnetze of its signer (gemSpec_OID). That it is CAdES beside the file is our choice: choices.md.
"""

from tiaas.ades.found import SignatureFormat
from tiaas.base.clock import Clock
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.publickeys import PublicKeys
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.verdict import Result
from tiaas.konnektor.verification.reading import Material
from tiaas.konnektor.verification.verifying import Rules, verify
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.oids import CertificateType, Role

SIGNATURE_OCTETS = 64 * 1024
NOT_TAKEN = 4198


class ListSignature:
    """Judges the signatures of lists."""

    def __init__(self, trust: Trust, keys: PublicKeys, clock: Clock) -> None:
        self._trust = trust
        self._keys = keys
        self._clock = clock

    async def require(self, document: bytes, signature: bytes) -> None:
        """Raises `KonnektorError` 4198, with what led to it before it, unless the signature is right and the KSR's."""
        try:
            found = await verify(
                Material(SignatureFormat.CADES, document, signature),
                Rules(),
                self._trust,
                self._keys,
                self._clock.now(),
            )
        except KonnektorError as error:
            raise KonnektorError(NOT_TAKEN, f"signature: {error.detail or error.entry.text}", causes=(error,)) from None
        if found.result is not Result.VALID:
            codes = [code for judgement in found.judgements for code in judgement.codes]
            causes = tuple(KonnektorError(code) for code in codes)
            told = " ".join(map(str, codes)) or found.result.value
            raise KonnektorError(NOT_TAKEN, f"the signature does not hold: {told}", causes=causes)
        for judgement in found.judgements:
            check, certificate = judgement.check, judgement.found.certificate
            if check is None or certificate is None or not _is_for_lists(certificate, check.verdict.roles):
                raise KonnektorError(NOT_TAKEN, f"the signer is not {Role.BESTANDSNETZE.reference}")


def _is_for_lists(certificate: bytes, roles: tuple[str, ...]) -> bool:
    policies = decode_certificate_untrusted(certificate).policies
    return CertificateType.ZD_SIG.oid in policies and Role.BESTANDSNETZE.oid in roles
