"""How much is in an OCSP answer, before it is read (RFC 6960, 4.2.1).

    OCSPResponse    responseStatus, [0] { responseType, OCTET STRING of BasicOCSPResponse }
    Basic...        tbsResponseData, signatureAlgorithm, signature, [0] { SEQUENCE OF Certificate }
    ResponseData    [0] version, responderID, producedAt, SEQUENCE OF SingleResponse, [1] responseExtensions

Anybody can add an answer to a signature, and the general reader takes 0.1 ms for each statement in it.
"""

from tiaas.tlv import BadTlv, Tlv, decode_untrusted

STATEMENTS_MAX = 10
"""A responder of the TI is asked for one certificate, and says something about one."""
CERTIFICATES_MAX = 5
EXTENSIONS_MAX = 10
_PART_MAX = 2 * 1024
"""Octets of a statement, and of any other part but signature and certificates."""
_SEQUENCE = 0x30


def check_bounds(der: bytes) -> None:
    """Raises `BadTlv` or `ValueError` for an answer with more in it than one has; what is in the parts is not read."""
    _, *content = _parts(_only(der), 2)
    if not content:
        return
    kind, encoded = _parts(_only(content[0].value), 2)
    data, algorithm, _, *certificates = _parts(_only(encoded.value), 4)
    for each in certificates:
        _parts(_only(each.value), CERTIFICATES_MAX)
    bounded = [kind, algorithm]
    for part in _parts(data, 5):
        bounded += _parts(part, STATEMENTS_MAX) if part.tag == _SEQUENCE else (part,)
    if max(len(part.value) for part in bounded) > _PART_MAX:
        raise BadTlv("a part is too long")


def _parts(whole: Tlv, most: int) -> tuple[Tlv, ...]:
    return decode_untrusted(whole.value, most)


def _only(data: bytes) -> Tlv:
    found = decode_untrusted(data, 1)
    if not found:
        raise BadTlv("a part is missing")
    return found[0]
