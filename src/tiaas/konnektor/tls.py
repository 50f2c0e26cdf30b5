"""Server side TLS towards Clientsysteme (gemSpec_Kon V5.18 §3.4.1; profile of field clients).

TLS 1.2 with ECDHE and AES-GCM, and TLS 1.3. Clients are matched by certificate, not by chain: exactly the accepted
certificates are trust anchors, and a partial chain may end there (`VERIFY_X509_PARTIAL_CHAIN`). A certificate that the
same CA issued but that is not in the list is refused, a self-signed one in the list is accepted.

The CertificateRequest carries an empty CA list (Python offers no way to fill it): a client is then free to show any
certificate it has (RFC 5246 §7.4.4). A list that names some issuers but not all makes Go and Java clients show none.

A context is never changed once it serves. A changed list gets a new one; session tickets of the old one do not work
there, since every context has its own ticket key.
"""

import os
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.konnektor.issuing import KeyPair

_CIPHERS = "ECDHE+AESGCM"


def server_context(
    server: KeyPair, accepted: Iterable[bytes] | None, protocols: Sequence[str] = ("http/1.1",)
) -> ssl.SSLContext:
    """A new context for `server`; with `accepted` (DER) a client must show one of these certificates.

    An empty list accepts nobody, None asks for no certificate. `protocols` are offered by ALPN.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    context.options |= ssl.OP_NO_RENEGOTIATION
    # All our suites are equally strong; by the client's order it gets the curve it is fast with. By ours brainpool,
    # first in the packaged OpenSSL configuration for the terminals' sake, would win.
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    # Each ticket of TLS 1.3 costs half a millisecond (OpenSSL reads the client's certificate anew), and one is enough.
    context.num_tickets = 1
    pem = server.certificate.public_bytes(Encoding.PEM) + server.key_pem().reveal()
    with memory_file(pem) as path:
        context.load_cert_chain(path)
    if accepted is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        for certificate in accepted:
            context.load_verify_locations(cadata=certificate)
    return context


@contextmanager
def memory_file(content: bytes) -> Iterator[str]:
    """A path to `content` that never touches a disk; `ssl` reads keys from files only."""
    descriptor = os.memfd_create("tiaas-tls", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
