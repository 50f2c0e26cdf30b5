"""TLS towards servers of the TI whose certificate the trust list judges, not OpenSSL (gemSpec_Krypt, GS-A_4384 ff.).

Whether a certificate is for the host that was called: RFC 6125, exact names, no wildcards.
"""

import ssl
from ipaddress import ip_address

from cryptography import x509


def client_context() -> ssl.SSLContext:
    """TLS 1.2 with ECDHE and AES-GCM, or TLS 1.3, without a check of its own: whoever connects judges the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM")
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def is_for_host(der: bytes, host: str) -> bool:
    """`host` is a DNS name or an IP address; a certificate without subjectAltName is for nobody."""
    try:
        extensions = x509.load_der_x509_certificate(der).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    try:
        return ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        return host.lower() in [name.lower() for name in names.get_values_for_type(x509.DNSName)]
