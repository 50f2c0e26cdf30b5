"""Fuzz target: verification reports, as any Konnektor may write them."""

from contextlib import suppress

from tiaas.client.verificationreport import BadReport, read_report_untrusted

_REPORT = (
    b'<vr:VerificationReport xmlns:vr="urn:v" xmlns:d="urn:d"><vr:IndividualReport><vr:SignedObjectIdentifier/>'
    b"<d:Result><d:ResultMajor>urn:oasis:names:tc:dss:1.0:resultmajor:Success</d:ResultMajor></d:Result><vr:Details>"
    b"<vr:CertificateValidity><vr:Subject>CN=a</vr:Subject><vr:ChainingOK><vr:ResultMajor>urn:detail:valid"
    b"</vr:ResultMajor></vr:ChainingOK></vr:CertificateValidity></vr:Details></vr:IndividualReport>"
    b"</vr:VerificationReport>"
)
SEEDS: list[bytes] = [_REPORT, b"<VerificationReport/>"]


def target(data: bytes) -> None:
    """Only `BadReport` may escape the reader."""
    with suppress(BadReport):
        read_report_untrusted(data.decode("utf-8", "replace"))
