"""The extension Admission: role and Telematik-ID of a holder (gemSpec_PKI V2.14.1, 4.8.3.2; Common PKI 2.0).

AdmissionSyntax   ::= SEQUENCE { admissionAuthority GeneralName OPTIONAL, contentsOfAdmissions SEQUENCE OF Admissions }
Admissions        ::= SEQUENCE { [0] GeneralName OPTIONAL, [1] NamingAuthority OPTIONAL, SEQUENCE OF ProfessionInfo }
ProfessionInfo    ::= SEQUENCE { [0] NamingAuthority OPTIONAL, professionItems SEQUENCE OF DirectoryString,
                                 professionOIDs SEQUENCE OF OID OPTIONAL, registrationNumber PrintableString OPTIONAL,
                                 addProfessionInfo OCTET STRING OPTIONAL }

The writer makes the one form GS-A_4717-02 allows; the reader takes all of the syntax, and every DirectoryString.
"""

from cryptography import x509

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.pki.oids import Role
from tiaas.tlv import BadTlv, Tlv, decode_one_untrusted

_SEQUENCE, _OID, _PRINTABLE = 0x30, 0x06, 0x13
_TAGGED = (0xA0, 0xA1)

# DirectoryString, RFC 5280 4.1.2.4; T61String is read as ISO 8859-1 as everybody does.
_STRINGS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "iso-8859-1", 0x1E: "utf-16-be", 0x1C: "utf-32-be"}


class BadAdmission(TiaasError):
    """Octets that are no AdmissionSyntax."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What the extension says, over all its professions."""

    items: tuple[str, ...]
    oids: tuple[str, ...]
    registration_number: str | None

    @property
    def roles(self) -> tuple[Role, ...]:
        """Those of `oids` that are known roles of the TI (TUC_PKI_009 gives the OIDs)."""
        return tuple(role for role in Role if role.oid in self.oids)


def build_admission(
    role: Role, registration_number: str | None = None, authority: str | None = None, *others: Role
) -> x509.Admissions:
    """The extension's value for one role, or with `others` for several in one profession.

    `authority` is the organisation that admits the holder.
    """
    name = None
    if authority is not None:
        attributes = [
            x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, authority),
        ]
        name = x509.DirectoryName(x509.Name(attributes))
    roles = (role, *others)
    items, oids = [one.text for one in roles], [x509.ObjectIdentifier(one.oid) for one in roles]
    profession = x509.ProfessionInfo(None, items, oids, registration_number, None)
    return x509.Admissions(name, [x509.Admission(None, None, [profession])])


def decode_admission_untrusted(value: bytes) -> Admission:
    """Reads the extension's value (DER of AdmissionSyntax); raises only `BadAdmission`."""
    try:
        return _read(value)
    except (BadTlv, UnicodeDecodeError) as error:
        raise BadAdmission(str(error)) from None


def _read(value: bytes) -> Admission:
    outer, rest = decode_one_untrusted(value)
    parts = list(_expect(outer, _SEQUENCE).children())
    if rest or not parts:
        raise BadAdmission("not exactly one AdmissionSyntax")
    # The optional authority is a GeneralName, tagged [0]..[8]; the contents come last.
    if len(parts) > 2 or (len(parts) == 2 and parts[0].tag == _SEQUENCE):
        raise BadAdmission("AdmissionSyntax has wrong parts")
    items: list[str] = []
    oids: list[str] = []
    numbers: list[str] = []
    for admissions in _expect(parts[-1], _SEQUENCE).children():
        for profession in _expect(_untagged(admissions)[0], _SEQUENCE).children():
            _read_profession(profession, items, oids, numbers)
    return Admission(tuple(items), tuple(oids), numbers[0] if numbers else None)


def _read_profession(profession: Tlv, items: list[str], oids: list[str], numbers: list[str]) -> None:
    parts = _untagged(profession)
    items += [_string(item) for item in _expect(parts[0], _SEQUENCE).children()]
    for part in parts[1:]:
        if part.tag == _SEQUENCE:
            oids += [_dotted(_expect(oid, _OID).value) for oid in part.children()]
        elif part.tag == _PRINTABLE:
            numbers.append(_string(part))


def _untagged(sequence: Tlv) -> list[Tlv]:
    """The members of a SEQUENCE behind its optional [0] and [1]; at least one."""
    parts = [part for part in _expect(sequence, _SEQUENCE).children() if part.tag not in _TAGGED]
    if not parts:
        raise BadAdmission("a mandatory member is missing")
    return parts


def _expect(item: Tlv, tag: int) -> Tlv:
    if item.tag != tag:
        raise BadAdmission(f"tag {item.tag:X} where {tag:X} belongs")
    return item


def _string(item: Tlv) -> str:
    if item.tag not in _STRINGS:
        raise BadAdmission(f"tag {item.tag:X} is no string")
    return item.value.decode(_STRINGS[item.tag])


def _dotted(value: bytes) -> str:
    arcs: list[int] = []
    number = 0
    for octet in value:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(number)
            number = 0
    if not value or value[-1] & 0x80 or len(value) > 64:
        raise BadAdmission("not an object identifier")
    first = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:]))
