"""Fuzz target: X.509 certificates from cards, with the reader of Admission; both readers take them apart alike, both
writers name them alike."""

from contextlib import suppress

from asn1crypto import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import InvalidVersion, load_der_x509_certificate

from tiaas.cms import oids
from tiaas.cms.der import NULL, algorithm, integer, oid, sequence, set_of
from tiaas.konnektor.distinguishednames import usual_names, written_name
from tiaas.pki.admission import BadAdmission, decode_admission_untrusted
from tiaas.pki.certificate import (
    BadCertificate,
    Certificate,
    decode_certificate_untrusted,
    general_parts,
    load_key_untrusted,
)
from tiaas.pki.extensions import USUAL
from tiaas.pki.subject import holder_of
from tiaas.pki.usualform import take_apart
from tiaas.tlv import encode

SEEDS: list[bytes] = [
    # Admission of a doctor.
    bytes.fromhex("30283026302430223020300E0C0CC384727A74696E2F41727A74300906072A8214004C041E1303312D31"),
    # A Konnektor's certificate from a lab.
    bytes.fromhex(
        "308202D030820277A003020102021067704DC13C2E591CD86BC6CF21474030300A06082A8648CE3D04030230818E310B300906035504"
        "061302444531283026060355040A0C1F7469616173206C616220544553542D4F4E4C59202D204E4F542D56414C494431323030060355"
        "040B0C294B6F6D706F6E656E74656E2D4341206465722054656C656D6174696B696E667261737472756B7475723121301F0603550403"
        "0C1854494141532E4B4F4D502D43413120544553542D4F4E4C59301E170D3236313132343030303030305A170D333131313234313832"
        "3035365A302D310B300906035504061302444531123010060355040A0C094E4F542D56414C4944310A300806035504030C0131305A30"
        "1406072A8648CE3D020106092B24030302080101070342000434ED4777BC7C13A2A51F51F46BBFD7E3ADEBB9385A696D275EA62C0ED4"
        "091CD90DE80E043576C6021D5189B5624F64B01FF84A54030460845C7ADB3750D0C44AA382011430820110301D0603551D0E04160414"
        "9AFD2A45526F7C9A4FB2CD892DBE62D94EBFC00B300E0603551D0F0101FF040403020780300C0603551D130101FF0402300030510603"
        "551D20044A3048303B06082A8214004C048123302F302D06082B060105050702011621687474703A2F2F7777772E67656D6174696B2E"
        "64652F676F2F706F6C6963696573300906072A8214004C0471301F0603551D23041830168014EDDD3278558B8478BAEC755BE6F90DA0"
        "8D508C28303E06052B24080303043530333031302F302D302B301E0C1C5369676E61747572616E77656E64756E67736B6F6D706F6E65"
        "6E7465300906072A8214004C0477301D0603551D250416301406082B0601050507030206082B06010505070301300A06082A8648CE3D"
        "0403020347003044022068A841A57A00E4390E4F42A128D1F6D0FD9619F0FD4AE0F6D0B809712FDB4FF20220463AB7F9816CB6CF5FC6"
        "F0F261DE348DD903B16B76E0DD3DCC7982856AD7B131"
    ),
    # An RSA key with an exponent as long as its modulus.
    sequence(
        algorithm(oids.RSA_ENCRYPTION, NULL),
        encode(3, b"\0" + sequence(integer(1 << 2047 | 1), integer(1 << 2046 | 1))),
    ),
    # More names than are read.
    sequence(sequence(integer(7), sequence(), sequence(set_of([oid("2.5.4.3")])) * 1000)),
]


def target(data: bytes) -> None:
    """Only `BadAdmission` and `BadCertificate` may escape."""
    with suppress(BadAdmission):
        decode_admission_untrusted(data)
    key = load_key_untrusted(data)
    assert not isinstance(key, RSAPublicKey) or key.public_numbers().e < 1 << 32
    try:
        certificate = decode_certificate_untrusted(data)
    except BadCertificate:
        return
    _compare(data)
    _compare_names(certificate)
    holder_of(certificate)
    certificate.key()


def _compare_names(certificate: Certificate) -> None:
    usual = usual_names(certificate)
    if usual is None:
        return
    try:
        known = load_der_x509_certificate(certificate.encoded)
        general = written_name(known.issuer), written_name(known.subject)
    except (ValueError, InvalidVersion):
        return
    assert usual == general


def _compare(data: bytes) -> None:
    """What both readers take apart they read alike. The general one reads values of extensions that nobody asked for,
    and writes anew what is encoded in an odd way; the octets that are signed are those that stand there."""
    usual = take_apart(data, USUAL)
    if usual is None:
        return
    assert usual.encoded in data
    assert usual.signed in usual.encoded
    assert usual.public_key in usual.signed
    try:
        general = general_parts(x509.Certificate.load(data))
    except (ValueError, TypeError, KeyError, AttributeError):
        return
    if general.signed not in data or not all(value in data for value in general.extensions.values()):
        general = general._replace(signed=usual.signed, public_key=usual.public_key, extensions=usual.extensions)
    assert usual == general._replace(encoded=usual.encoded)
