"""TLS between Konnektor and terminal (gemSpec_Krypt A_17124, GS-A_4384; gemSpec_KT V3.17.0, 3.10).

TLS 1.2 only: OpenSSL below 3.2 has no brainpool groups for TLS 1.3. The groups come from the process's OpenSSL
configuration (`base/openssl.cnf`), because Python's `ssl` can name only one.
"""

import ssl
from pathlib import Path

# gaps_closed.md 1.1: suites by the type of the stored pairing certificate, ECDSA first where both may be offered.
_ECC = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
_RSA = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"
SUITES = {"ecc": _ECC, "rsa": _RSA, "any": f"{_ECC}:{_RSA}"}


def client_context(certificate_file: Path, key_file: Path, tls_profile: str) -> ssl.SSLContext:
    """The Konnektor's context (ID.SAK.AUT). Raises `OSError`, `ssl.SSLError`, `KeyError` for an unknown profile.

    OpenSSL does not check the terminal's certificate: that is the Konnektor's TUC_KON_037 and the comparison with the
    pairing, on the certificate told by `LinkUp`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _common(context, SUITES[tls_profile])
    context.load_cert_chain(certificate_file, key_file)
    return context


def server_context(certificate_file: Path, key_file: Path, client_ca_file: Path) -> ssl.SSLContext:
    """The terminal's context (C.SMKT.AUT). Raises `OSError`, `ssl.SSLError`.

    A client without certificate is let in (A_22890); one with a certificate must chain to the CA certificates of
    the file, each of them a trust anchor by itself (A_22888).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _common(context, SUITES["any"])
    context.load_cert_chain(certificate_file, key_file)
    context.load_verify_locations(client_ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.options |= ssl.OP_SINGLE_ECDH_USE
    context.num_tickets = 0
    return context


def _common(context: ssl.SSLContext, suites: str) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suites)
    # No session is resumed: each new connection proves both keys again, and idle ones stay small.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
