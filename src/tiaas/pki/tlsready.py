"""Proof that Python's `ssl` can speak TLS 1.2 with brainpool certificates (gemSpec_Krypt, TLS with ECC).

Whether it can depends on what OpenSSL read when it was loaded (`tiaas.base.opensslconf`); asking a context tells
nothing, so the proof is a handshake in memory, with certificates made for it, on both sides of it.
"""

import os
import ssl
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tiaas.base import opensslconf
from tiaas.base.clock import Clock
from tiaas.base.errors import TiaasError
from tiaas.pki.tlsfiles import load_identity, pem_of

CURVES: tuple[ec.EllipticCurve, ...] = (ec.BrainpoolP256R1(), ec.SECP256R1())
_ROUNDS = 10


class TlsNotReady(TiaasError):
    """A handshake with a certificate on `curve` fails in this process; `reason` is OpenSSL's."""

    def __init__(self, curve: str, reason: str) -> None:
        configured = "is set" if opensslconf.is_ours(os.environ) else "is not set"
        super().__init__(
            f"no TLS 1.2 with {curve} certificates: {reason}. {opensslconf.VARIABLE} {configured} to "
            f"{opensslconf.CONFIGURATION}; start through ./tiaas, `tiaas` or `python -m tiaas`, which set it"
        )
        self.curve = curve
        self.reason = reason


def prove_tls(clock: Clock) -> dict[str, str]:
    """Does a mutual TLS 1.2 handshake per curve of `CURVES`; returns curve → cipher suite. Raises `TlsNotReady`."""
    return {curve.name: _handshake(curve, clock) for curve in CURVES}


def _handshake(curve: ec.EllipticCurve, clock: Clock) -> str:
    certificate, key = _self_signed(curve, clock)
    sides = [_context(protocol, certificate, key) for protocol in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)]
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = sides[0].wrap_bio(to_server, to_client, server_side=True)
    client = sides[1].wrap_bio(to_client, to_server)
    waiting = [client, server]
    try:
        for _ in range(_ROUNDS):
            waiting = [side for side in waiting if not _step(side)]
    except ssl.SSLError as error:
        raise TlsNotReady(curve.name, error.reason or "handshake failed") from error
    suite = client.cipher()
    if waiting or suite is None:
        raise TlsNotReady(curve.name, "the handshake does not end")
    return suite[0]


def _step(side: ssl.SSLObject) -> bool:
    """Goes on with one side's handshake; True when it is through."""
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _context(protocol: int, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    load_identity(context, key, certificate)
    context.load_verify_locations(cadata=pem_of(certificate).decode())
    return context


def _self_signed(curve: ec.EllipticCurve, clock: Clock) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(curve)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tiaas self-test TEST-ONLY")])
    # OpenSSL compares with the machine's clock, which may differ from ours a little.
    start = clock.now() - timedelta(hours=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return builder.sign(key, hashes.SHA256()), key
