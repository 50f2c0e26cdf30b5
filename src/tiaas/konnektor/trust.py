"""What a Konnektor trusts at one moment, and the checks that need no network.

A `TrustSpace` is a value: issuing CAs with what the TSL says of them, OCSP signers, signers of the Bundesnetzagentur's
list, CVC roots with cross certificates. The parts of TUC_PKI_018 that need no status (gemSpec_PKI V2.14.1, 8.3.1), for
C.SMKT.AUT (TUC_KON_050, 053), C.CH.AUT and every other type; TUC_KON_042 for CV certificates. `trustservice` keeps the
space current and asks for the status.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.konnektor.errors import KonnektorError
from tiaas.pki.certificate import BadCertificate, Certificate, decode_certificate_untrusted
from tiaas.pki.cvc import Cvc, CvcSignatureWrong, decode_cvc_untrusted, verify_cvc
from tiaas.pki.cvcchain import CvcChainError, CvcFault, check_cvc_chain, check_profile
from tiaas.pki.oids import CertificateType, ExtendedKeyUsage, KeyUsage
from tiaas.pki.path import Demands, Examination, Fits, PathError, PathFault, examine_path, named_issuer, signature_fits
from tiaas.pki.profession import AccessProfile

TERMINAL = Demands(
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}),
    extended_key_usage=frozenset({ExtendedKeyUsage.SERVER_AUTH}),
    types=frozenset({CertificateType.SMKT_AUT}),
)
EGK = Demands(
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}),
    extended_key_usage=frozenset({ExtendedKeyUsage.CLIENT_AUTH}),
    types=frozenset({CertificateType.CH_AUT}),
)
FD_SERVER = Demands(
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}),
    extended_key_usage=frozenset({ExtendedKeyUsage.SERVER_AUTH}),
    types=frozenset({CertificateType.FD_TLS_S}),
)
ZD_SERVER = Demands(
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}),
    extended_key_usage=frozenset({ExtendedKeyUsage.SERVER_AUTH}),
    types=frozenset({CertificateType.ZD_TLS_S}),
)
_R_SIZE = 32


class UntrustedTerminal(TiaasError):
    """A terminal's certificate does not stand the check; `code` is that of Tab_PKI_274 or None."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


class NotGenuine(TiaasError):
    """An eGK did not prove that it holds the key of its CV certificate."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuing CA with its entry in the TSL.

    `ocsp_url` is its ServiceSupplyPoint, empty if there is none. `types` are the OIDs of certificate types that it may
    issue; None means any. `since` is its StatusStartingTime, `revoked_since` the same for a CA whose status is revoked.
    """

    certificate: Certificate
    ocsp_url: str = ""
    types: frozenset[str] | None = None
    revoked_since: datetime | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class TrustSpace:
    """Anchors of one instance. `ocsp_signers` and `bnetza_signers` are certificates the TSL names as such.

    `status_addresses` are pairs: the public address of a status service for qualified certificates and that in the TI.
    `delegates`: without OCSP signers those count whom the issuing CA certified for it (TUC_PKI_030, step 10).
    """

    issuers: tuple[Issuer, ...]
    cvc_roots: tuple[Cvc, ...]
    cross_cvcs: tuple[Cvc, ...] = ()
    ocsp_signers: tuple[Certificate, ...] = ()
    bnetza_signers: tuple[Certificate, ...] = ()
    delegates: bool = False
    status_addresses: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def read(issuers: Iterable[bytes], cvcs: Iterable[bytes]) -> "TrustSpace":
        """From files an operator trusts: issuing CA certificates (DER) and CV certificates, self-signed or cross.

        Which issuer may issue what is not told by the files; the certificate's policy decides. Raises
        `BadCertificate`, `BadCvc`.
        """
        decoded = tuple(decode_cvc_untrusted(raw) for raw in cvcs)
        return TrustSpace(
            tuple(Issuer(decode_certificate_untrusted(der)) for der in issuers),
            tuple(cvc for cvc in decoded if cvc.is_root),
            tuple(cvc for cvc in decoded if not cvc.is_root),
        )

    def joined(self, given: "TrustSpace") -> "TrustSpace":
        """With the CVC roots and cross certificates of `given`, and nothing else of it."""
        return replace(
            self,
            cvc_roots=tuple(dict.fromkeys((*given.cvc_roots, *self.cvc_roots))),
            cross_cvcs=tuple(dict.fromkeys((*given.cross_cvcs, *self.cross_cvcs))),
        )

    def check(self, certificate: Certificate, at: datetime, demands: Demands) -> Issuer:
        """TUC_PKI_018 without status: dates, usages, issuer, signature, type; gives the issuer. Raises `PathError`."""
        found = self.examine(certificate, at, demands)
        return self.issuer_of(found.require())

    def examine(
        self,
        certificate: Certificate,
        at: datetime,
        demands: Demands,
        *,
        chain_model: bool = False,
        signed_by: Fits = signature_fits,
    ) -> Examination:
        """The same, and everything that is wrong: for reports. See `examine_path`."""
        anchors = [issuer.certificate for issuer in self.issuers]
        found = examine_path(certificate, anchors, at, demands=demands, chain_model=chain_model, signed_by=signed_by)
        if len(found.path) == 1:
            return found
        issuer = self.issuer_of(found.path)
        faults = list(found.faults)
        if issuer.revoked_since is not None and certificate.not_before >= issuer.revoked_since:
            faults.append((PathFault.CA_CERTIFICATE_REVOKED_IN_TSL, 1))
        wanted = {kind.oid for kind in demands.types} & set(certificate.policies)
        if issuer.types is not None and not wanted & issuer.types:
            faults.append((PathFault.CERT_TYPE_CA_NOT_AUTHORIZED, 1))
        return replace(found, faults=tuple(faults))

    def issuer_named(self, certificate: Certificate) -> Certificate | None:
        """Who a certificate says has issued it, None if the list has not got him. It may say so wrongly."""
        return named_issuer(certificate, [issuer.certificate for issuer in self.issuers])

    def issuer_of(self, path: Sequence[Certificate]) -> Issuer:
        """The entry of the list that a path ends with."""
        return next(issuer for issuer in self.issuers if issuer.certificate.encoded == path[-1].encoded)

    def check_terminal(self, der: bytes, at: datetime) -> None:
        """TUC_KON_037 for C.SMKT.AUT: issuer, dates, key usage, serverAuth, oid_smkt_aut. `UntrustedTerminal`."""
        try:
            self.check(decode_certificate_untrusted(der), at, TERMINAL)
        except BadCertificate:
            raise UntrustedTerminal("certificate not readable") from None
        except PathError as error:
            raise UntrustedTerminal(error.fault.name, error.fault.code) from None

    def check_egk(self, der: bytes, at: datetime) -> None:
        """The offline check of C.CH.AUT; raises `KonnektorError` 107."""
        try:
            self.check(decode_certificate_untrusted(der), at, EGK)
        except (BadCertificate, PathError):
            raise KonnektorError(107) from None

    def check_egk_cvc(self, end_entity: Cvc, ca: Cvc, today: date) -> None:
        """TUC_KON_042 for C.eGK.AUT_CVC, and that it has the profile of an eGK: any card's key would do otherwise.

        Raises `KonnektorError` 4228 if the root or a cross certificate is missing, else 4196.
        """
        self._check_cvc(end_entity, ca, AccessProfile.CHAT_0, today)

    def check_hba_cvc(self, end_entity: Cvc, ca: Cvc, today: date) -> None:
        """The same for C.HPC.AUTD_SUK_CVC, whose holder is a signature creation device (b52, profile 53)."""
        self._check_cvc(end_entity, ca, AccessProfile.CHAT_53, today)

    def _check_cvc(self, end_entity: Cvc, ca: Cvc, profile: AccessProfile, today: date) -> None:
        try:
            check_cvc_chain(end_entity, ca, (*self.cvc_roots, *self._trusted_crosses()), today)
            check_profile(end_entity, profile)
        except CvcChainError as error:
            raise KonnektorError(4228 if error.fault is CvcFault.ROOT_UNKNOWN else 4196) from error

    def cross_to(self, wanted: bytes, known: frozenset[bytes]) -> Cvc | None:
        """The cross certificate that brings root `wanted` to a card which holds one of the keys `known`."""
        return next((cross for cross in self.cross_cvcs if cross.chr == wanted and cross.car in known), None)

    def _trusted_crosses(self) -> tuple[Cvc, ...]:
        """Cross certificates that a trusted root signed: they carry another root's key."""
        roots = {root.chr: root for root in self.cvc_roots}
        return tuple(cross for cross in self.cross_cvcs if cross.car in roots and _signed_by(cross, roots[cross.car]))


def check_role_token(cvc: Cvc, token: bytes, signature: bytes) -> None:
    """Checks an answer to INTERNAL AUTHENTICATE elcRoleAuthentication over the 24-octet `token`; raises `NotGenuine`.

    The token is not hashed: the ECDSA input is the token and one octet 00 as a number of 256 bits (gemSpec_COS
    N086.900a), so with leading zeros to 32 octets.
    """
    digest = (token + b"\x00").rjust(32, b"\x00")
    if len(signature) != 2 * _R_SIZE:
        raise NotGenuine("signature has another length")
    r, s = (int.from_bytes(part, "big") for part in (signature[:_R_SIZE], signature[_R_SIZE:]))
    try:
        cvc.key().verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA256())))
    except InvalidSignature:
        raise NotGenuine("signature does not fit the CV certificate") from None


def _signed_by(cvc: Cvc, issuer: Cvc) -> bool:
    try:
        verify_cvc(cvc, issuer.key())
    except CvcSignatureWrong:
        return False
    return True
