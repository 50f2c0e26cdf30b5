"""Identities from memory into `ssl` contexts, which read certificate and key from files only."""

import os
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes


def load_identity(
    context: ssl.SSLContext,
    key: CertificateIssuerPrivateKeyTypes,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate] = (),
) -> None:
    """Gives `context` a private key and its certificate, with the CA certificates to send along.

    The key lies in a file of mode 0600 for the time of the call (tmpfs where there is one). Raises `ssl.SSLError`
    if key and certificate do not match.
    """
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + b"".join(pem_of(item) for item in (certificate, *chain))
    memory = Path("/dev/shm")  # noqa: S108 - mkstemp makes the file with an unguessable name and mode 0600
    folder = memory if os.access(memory, os.W_OK) else None
    descriptor, name = tempfile.mkstemp(prefix="tiaas-", suffix=".pem", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(pem)
        context.load_cert_chain(name)
    finally:
        os.unlink(name)


def pem_of(certificate: x509.Certificate) -> bytes:
    """The PEM form."""
    return certificate.public_bytes(serialization.Encoding.PEM)
