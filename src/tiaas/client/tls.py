"""The TLS context for a `.kon` file. A client certificate on a brainpool curve needs `tiaas.base.opensslconf`."""

import ssl

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from tiaas.client.errors import BadKon
from tiaas.client.kon import Kon, Pkcs12Credentials
from tiaas.pki.tlsfiles import load_identity, pem_of


def build_context(kon: Kon) -> ssl.SSLContext:
    """A client's context: whom to trust and who we are. Raises `BadKon`.

    Trusted are the CA certificates of the trust store, or the system's if it is empty. An end-entity certificate in
    it is pinned: it is trusted by itself, and if there are only such, under whatever name the Konnektor is reached.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if kon.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif kon.trust_store:
        _trust(context, [x509.load_der_x509_certificate(der) for der in kon.trust_store])
    else:
        context.load_default_certs()
    if isinstance(kon.credentials, Pkcs12Credentials):
        _identify(context, kon.credentials)
    return context


def _trust(context: ssl.SSLContext, anchors: list[x509.Certificate]) -> None:
    context.load_verify_locations(cadata="".join(pem_of(anchor).decode() for anchor in anchors))
    # Without this OpenSSL takes only self-signed certificates as the end of a chain.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = any(_is_ca(anchor) for anchor in anchors)


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _identify(context: ssl.SSLContext, credentials: Pkcs12Credentials) -> None:
    try:
        key, certificate, chain = pkcs12.load_key_and_certificates(
            credentials.data.reveal(), credentials.password.reveal() or None
        )
    except (ValueError, UnsupportedAlgorithm):
        raise BadKon(
            "credentials.data cannot be opened: wrong password, or encrypted in an old way "
            "(then convert it: openssl pkcs12 -legacy -nodes … | openssl pkcs12 -export …)"
        ) from None
    if certificate is None or not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise BadKon("credentials.data holds no certificate with its EC or RSA key")
    try:
        load_identity(context, key, certificate, chain)
    except ssl.SSLError as error:
        raise BadKon(f"the client certificate cannot be used for TLS: {error.reason}") from None
