"""Whether a TLS server's certificate is for the host that was called (RFC 6125, exact names, no wildcards)."""

from ipaddress import ip_address

from cryptography import x509


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
