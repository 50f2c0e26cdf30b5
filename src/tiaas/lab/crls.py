"""The CRL of the lab's Komponenten-CA, made anew for whoever fetches it, and defective ones."""

from datetime import datetime, timedelta

from tiaas.base.clock import Clock
from tiaas.lab.pki import AuthorityKind, Family, LabPki
from tiaas.pki.crl import issue_crl

CRL_PATH = "/crl/KOMP-CA1.crl"
VALID = timedelta(days=7)
_LEFT = {"expiring": timedelta(days=2), "expired": timedelta(seconds=-1)}


class RevocationLists:
    """Makes CRLs. They revoke nothing: what is revoked in this lab the status service tells."""

    def __init__(self, pki: LabPki, clock: Clock) -> None:
        self._pki = pki
        self._clock = clock

    def current(self, code: str | None = None) -> bytes:
        """The CRL, DER; with `code` one with that defect of `faults.CODES`."""
        now = self._clock.now().replace(microsecond=0)
        # A CA for qualified certificates is not in the TSL.
        signer = AuthorityKind.HBA_QES if code == "signer-unknown" else AuthorityKind.KOMP
        made = self._made(signer, now, _LEFT.get(code or "", VALID))
        if code == "malformed":
            return made[:-40]
        # The last octets are the signature's.
        return made[:-1] + bytes([made[-1] ^ 1]) if code == "signature-wrong" else made

    def _made(self, signer: AuthorityKind, now: datetime, left: timedelta) -> bytes:
        until = now + left
        begin = min(now, until - timedelta(seconds=1))
        return issue_crl(self._pki.authority(signer, Family.ECC), begin, until, int(now.timestamp()))
