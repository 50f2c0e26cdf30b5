"""Who is trusted for qualified certificates: the BNetzA-VL in place of the TSL (gemSpec_PKI V2.14.1, TUC_PKI_030)."""

from collections.abc import Sequence
from dataclasses import replace

from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.trustlists import TrustLists
from tiaas.pki.certificate import Certificate


class QualifiedTrust:
    """The trust space for qualified certificates of one instance: one value as long as the same lists count.

    What is remembered of checks hangs on that value, so a new one for each check would be remembered for nothing.
    """

    def __init__(self) -> None:
        self._made_of: tuple[TrustSpace, Sequence[Issuer], Sequence[Certificate]] | None = None
        self._space = TrustSpace((), (), delegates=True)

    def space(self, tsl: TrustSpace, lists: TrustLists | None) -> TrustSpace:
        """`tsl` with the issuers and OCSP signers of the BNetzA-VL; nobody without lists."""
        issuers, signers = ((), ()) if lists is None else (lists.qualified, lists.qualified_signers)
        known = self._made_of
        if known is None or known[0] is not tsl or known[1] is not issuers or known[2] is not signers:
            self._made_of = tsl, issuers, signers
            self._space = replace(tsl, issuers=issuers, ocsp_signers=signers, delegates=True)
        return self._space


def located(issuer: Issuer, certificate: Certificate, space: TrustSpace) -> Issuer:
    """The issuer with the status service that the certificate names, at the address in the TI that the TSL names for
    it, if it does (step 7)."""
    public = next(iter(certificate.ocsp_urls), "")
    return replace(issuer, ocsp_url=dict(space.status_addresses).get(public, public))
