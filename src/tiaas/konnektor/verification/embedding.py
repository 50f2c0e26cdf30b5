"""Puts the revocation information of a verification into the signatures (IncludeRevocationInfo; TAB_KON_066).

What is embedded already stays, the new answer comes beside it; one that is there already is not added again. A
signature that another one countersigns gets none. Pure; call it in a thread.
"""

from tiaas.ades.cades import with_ocsp as cades_with_ocsp
from tiaas.ades.found import SignatureFormat
from tiaas.ades.xadesunsigned import with_ocsp as xades_with_ocsp
from tiaas.konnektor.verification.reading import Material
from tiaas.konnektor.verification.verifying import Verification


def embedded(material: Material, verified: Verification) -> bytes:
    """The document, or the signature where it stands outside of it, with what was found out; CAdES and XAdES.

    Raises `CannotSign` for an XML signature that is no XAdES: it has no place for it.
    """
    octets = material.document if material.signature is None else material.signature
    responses = _responses(verified)
    if octets is None or not responses:
        return octets or b""
    if material.format is SignatureFormat.XADES:
        return xades_with_ocsp(octets, responses)
    return cades_with_ocsp(octets, tuple(dict.fromkeys(responses.values())))


def _responses(verified: Verification) -> dict[int, bytes]:
    """The OCSP responses (DER) by the index of their signature."""
    countersigned = {found.countersigns for found in verified.reading.found}
    found = {}
    for index, one in enumerate(verified.judgements):
        status = None if one.check is None else one.check.verdict.status
        if status is None or not status.response or index in countersigned or status.response in one.found.ocsp:
            continue
        found[index] = status.response
    return found
