"""Distinguished names of holders and CAs (gemSpec_PKI V2.14.1, 4.8.1, 5.1.2, 5.2.1, 5.5.1, 5.6.2, 5.12, 10, 12).

Attributes are UTF8String but countryName and serialNumber (PrintableString), values at most 64 characters
(streetAddress, localityName, stateOrProvinceName 128; postalCode 40): Tab_PKI_229-01. OpenSSL and others count the
octets of UTF-8 instead, so names are cut to 64 octets here, which both take.
"""

from cryptography import x509
from cryptography.x509.oid import NameOID

from tiaas.base.dataclass import dataclass

_MAX = 64


@dataclass(frozen=True, slots=True)
class PersonName:
    """A person's name in its natural parts: "Dr." "Peter-Wilhelm" "Markgraf" "von" "Mecklenburg"."""

    given_name: str
    surname: str
    title: str = ""
    suffix: str = ""
    prefix: str = ""

    @property
    def given(self) -> str:
        """Vorname Namenszusatz Vorsatzwort, what the attribute givenName holds, cut to 64 octets (GS-A_4593)."""
        return self._fit(_MAX, "", self.suffix, self.prefix)

    @property
    def family(self) -> str:
        """The surname, what the attribute surname holds, cut to 64 octets (GS-A_4592)."""
        return cut(self.surname, _MAX)

    def printed(self, limit: int, *, with_title: bool = True) -> str:
        """The name as printed on a card, cut to `limit` octets of UTF-8."""
        return self._fit(limit, self.title if with_title else "", self.suffix, self.prefix, self.surname)

    def _fit(self, limit: int, before: str, *behind: str) -> str:
        """Joins the parts around the first names, which become initials from the last on until all fits.

        If that is not enough, the title goes, then all initials but the first: a name without surname is none.
        """
        names = self.given_name.split()
        initials = [name[0] + "." for name in names]
        shorter = [[before, *names[:kept], *initials[kept:]] for kept in range(len(names), -1, -1)]
        fronts = (*shorter, initials, initials[:1], [])
        texts = [" ".join(part for part in (*front, *behind) if part) for front in fronts]
        return next((text for text in texts if len(text.encode()) <= limit), cut(texts[-1], limit))


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """Where an institution is; empty parts are left out of its name."""

    street: str = ""
    postal_code: str = ""
    city: str = ""
    state: str = ""


def cut(text: str, limit: int) -> str:
    """`text`, or as much of it as fits into `limit` octets of UTF-8, with a full stop for what is missing."""
    octets = text.encode()
    if len(octets) <= limit:
        return text
    return octets[: limit - 1].decode(errors="ignore").rstrip() + "."


def insured_name(common_name: str, person: PersonName, kvnr: str, insurer_ik: str, insurer: str) -> x509.Name:
    """Subject of C.CH.AUT and C.CH.ENC: two OU, KVNR and IK of the insurer (Tab_PKI_232, 233)."""
    return _name(
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATION_NAME, insurer),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, insurer_ik),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, kvnr),
        (NameOID.SURNAME, person.family),
        (NameOID.GIVEN_NAME, person.given),
        (NameOID.TITLE, person.title),
        (NameOID.COMMON_NAME, common_name),
    )


def pseudonym_name(pseudonym: str, insurer_ik: str, insurer: str) -> x509.Name:
    """Subject of C.CH.AUTN and C.CH.ENCV (Tab_PKI_235, 236)."""
    return _name(
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATION_NAME, insurer),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, insurer_ik),
        (NameOID.COMMON_NAME, pseudonym),
    )


def professional_name(common_name: str, person: PersonName, serial_number: str) -> x509.Name:
    """Subject on an HBA: C=DE and one multi-valued RDN with serialNumber, GN, SN, CN; no title (Tab_PKI_268_1)."""
    holder = x509.RelativeDistinguishedName(
        [
            _attribute(NameOID.SERIAL_NUMBER, serial_number),
            _attribute(NameOID.GIVEN_NAME, person.given),
            _attribute(NameOID.SURNAME, person.family),
            _attribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    country = x509.RelativeDistinguishedName([_attribute(NameOID.COUNTRY_NAME, "DE")])
    return x509.Name([country, holder])


def institution_name(
    common_name: str,
    organization: str,
    address: PostalAddress,
    *,
    head: PersonName | None = None,
    serial_number: str = "",
) -> x509.Name:
    """Subject on an SMC-B; which parts a sector uses says annex A (10.1 KZBV, 10.2 KBV, 10.3 DKG, 10.5 pharmacies)."""
    return _name(
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.STATE_OR_PROVINCE_NAME, address.state),
        (NameOID.LOCALITY_NAME, address.city),
        (NameOID.POSTAL_CODE, address.postal_code),
        (NameOID.STREET_ADDRESS, address.street),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.SERIAL_NUMBER, serial_number),
        (NameOID.SURNAME, head.family if head else ""),
        (NameOID.GIVEN_NAME, head.given if head else ""),
        (NameOID.TITLE, head.title if head else ""),
        (NameOID.COMMON_NAME, common_name),
    )


def component_name(common_name: str, organization: str) -> x509.Name:
    """Subject of C.SMKT.AUT (common name ICCSN) and C.SAK.AUT (ICCSN-JJJJMMTT): Tab_PKI_241, 244."""
    return _name(
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.COMMON_NAME, common_name),
    )


def authority_name(common_name: str, unit: str, organization: str) -> x509.Name:
    """Subject of a CA (Tab_PKI_211, 212)."""
    return _name(
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, common_name),
    )


def _name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([_attribute(oid, value) for oid, value in parts if value])


def _attribute(oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute[str]:
    return x509.NameAttribute(oid, value)
