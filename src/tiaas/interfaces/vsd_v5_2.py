"""Versichertenstammdaten, version 5.2 (Schema_VSD.xsd; namespace http://ws.gematik.de/fa/vsdm/vsd/v5.2).

Three documents, each in a file of the eGK: personal data (PD), insurance data (VD), protected data (GVD). They are
written in ISO-8859-15; characters outside of it become character references. Dates are text YYYYMMDD, because day
and month may be "00" for people whose birthday is unknown.
"""

from collections.abc import Callable
from typing import TypeVar

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.soap.parsers import fromstring

NAMESPACE = "http://ws.gematik.de/fa/vsdm/vsd/v5.2"
CDM_VERSION = "5.2.0"

_ENCODING = "ISO-8859-15"
_MAX_SIZE = 64 * 1024

_Made = TypeVar("_Made")


class BadVsd(TiaasError):
    """Octets that are none of the three documents, or not the wanted one."""


@dataclass(frozen=True, slots=True)
class StrassenAdresse:
    """Street address; `land` is the DEÜV code ("D"), not ISO 3166."""

    ort: str
    land: str
    postleitzahl: str | None = None
    strasse: str | None = None
    hausnummer: str | None = None
    anschriftenzusatz: str | None = None


@dataclass(frozen=True, slots=True)
class PostfachAdresse:
    """Post office box."""

    ort: str
    postfach: str
    land: str
    postleitzahl: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PersoenlicheVersichertendaten:
    """UC_PersoenlicheVersichertendatenXML: EF.PD."""

    versicherten_id: str
    geburtsdatum: str
    vorname: str
    nachname: str
    geschlecht: str
    vorsatzwort: str | None = None
    namenszusatz: str | None = None
    titel: str | None = None
    postfach_adresse: PostfachAdresse | None = None
    strassen_adresse: StrassenAdresse | None = None


@dataclass(frozen=True, slots=True)
class Kostentraeger:
    """An insurer; `kostentraegerkennung` is its Institutionskennzeichen."""

    kostentraegerkennung: str
    kostentraegerlaendercode: str
    name: str


@dataclass(frozen=True, slots=True)
class Kostenerstattung:
    """Chosen reimbursement instead of benefits in kind."""

    aerztliche_versorgung: bool
    zahnaerztliche_versorgung: bool
    stationaerer_bereich: bool
    veranlasste_leistungen: bool


@dataclass(frozen=True, slots=True, repr=False)
class AllgemeineVersicherungsdaten:
    """UC_AllgemeineVersicherungsdatenXML: EF.VD. `versichertenart` 1 member, 3 family, 5 pensioner."""

    beginn: str
    kostentraeger: Kostentraeger
    versichertenart: str
    wop: str
    ende: str | None = None
    abrechnender_kostentraeger: Kostentraeger | None = None
    kostenerstattung: Kostenerstattung | None = None


@dataclass(frozen=True, slots=True)
class Selektivvertraege:
    """Selective contracts: 1 yes, 0 no, 9 not used; `art` four digits for §§ 73b, –, 137f, 140a SGB V."""

    aerztlich: int
    zahnaerztlich: int
    art: str | None = None


@dataclass(frozen=True, slots=True)
class RuhenderLeistungsanspruch:
    """Suspended entitlement; `art_des_ruhens` 1 fully, 2 partly."""

    beginn: str
    art_des_ruhens: int
    ende: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class GeschuetzteVersichertendaten:
    """UC_GeschuetzteVersichertendatenXML: EF.GVD. `zuzahlung_befreit` is Zuzahlungsstatus/Status."""

    zuzahlung_befreit: bool
    selektivvertraege: Selektivvertraege
    zuzahlung_gueltig_bis: str | None = None
    besondere_personengruppe: int | None = None
    dmp_kennzeichnung: int | None = None
    ruhender_leistungsanspruch: RuhenderLeistungsanspruch | None = None


def encode_pd(data: PersoenlicheVersichertendaten) -> bytes:
    """The XML document of EF.PD."""
    root = _root("UC_PersoenlicheVersichertendatenXML")
    insured = _add(root, "Versicherter")
    _add(insured, "Versicherten_ID", data.versicherten_id)
    person = _add(insured, "Person")
    _add(person, "Geburtsdatum", data.geburtsdatum)
    _add(person, "Vorname", data.vorname)
    _add(person, "Nachname", data.nachname)
    _add(person, "Geschlecht", data.geschlecht)
    _add_optional(person, "Vorsatzwort", data.vorsatzwort)
    _add_optional(person, "Namenszusatz", data.namenszusatz)
    _add_optional(person, "Titel", data.titel)
    if data.postfach_adresse is not None:
        _add_box(person, data.postfach_adresse)
    if data.strassen_adresse is not None:
        _add_street(person, data.strassen_adresse)
    return _write(root)


def encode_vd(data: AllgemeineVersicherungsdaten) -> bytes:
    """The XML document of EF.VD."""
    root = _root("UC_AllgemeineVersicherungsdatenXML")
    insured = _add(root, "Versicherter")
    cover = _add(insured, "Versicherungsschutz")
    _add(cover, "Beginn", data.beginn)
    _add_optional(cover, "Ende", data.ende)
    insurer = _add_insurer(cover, "Kostentraeger", data.kostentraeger)
    if data.abrechnender_kostentraeger is not None:
        _add_insurer(insurer, "AbrechnenderKostentraeger", data.abrechnender_kostentraeger)
    more = _add(_add(insured, "Zusatzinfos"), "ZusatzinfosGKV")
    _add(more, "Versichertenart", data.versichertenart)
    billing = _add(more, "Zusatzinfos_Abrechnung_GKV")
    if data.kostenerstattung is not None:
        chosen = _add(billing, "Kostenerstattung")
        _add(chosen, "AerztlicheVersorgung", _bit(data.kostenerstattung.aerztliche_versorgung))
        _add(chosen, "ZahnaerztlicheVersorgung", _bit(data.kostenerstattung.zahnaerztliche_versorgung))
        _add(chosen, "StationaererBereich", _bit(data.kostenerstattung.stationaerer_bereich))
        _add(chosen, "VeranlassteLeistungen", _bit(data.kostenerstattung.veranlasste_leistungen))
    _add(billing, "WOP", data.wop)
    return _write(root)


def encode_gvd(data: GeschuetzteVersichertendaten) -> bytes:
    """The XML document of EF.GVD."""
    root = _root("UC_GeschuetzteVersichertendatenXML")
    copayment = _add(root, "Zuzahlungsstatus")
    _add(copayment, "Status", _bit(data.zuzahlung_befreit))
    _add_optional(copayment, "Gueltig_bis", data.zuzahlung_gueltig_bis)
    _add_optional(root, "BesonderePersonengruppe", _number(data.besondere_personengruppe))
    _add_optional(root, "DMP_Kennzeichnung", _number(data.dmp_kennzeichnung))
    contracts = _add(root, "Selektivvertraege")
    _add(contracts, "Aerztlich", str(data.selektivvertraege.aerztlich))
    _add(contracts, "Zahnaerztlich", str(data.selektivvertraege.zahnaerztlich))
    _add_optional(contracts, "Art", data.selektivvertraege.art)
    if data.ruhender_leistungsanspruch is not None:
        resting = _add(root, "RuhenderLeistungsanspruch")
        _add(resting, "Beginn", data.ruhender_leistungsanspruch.beginn)
        _add_optional(resting, "Ende", data.ruhender_leistungsanspruch.ende)
        _add(resting, "ArtDesRuhens", str(data.ruhender_leistungsanspruch.art_des_ruhens))
    return _write(root)


def decode_pd_untrusted(xml: bytes) -> PersoenlicheVersichertendaten:
    """Reads the document of EF.PD; raises only `BadVsd`. Values are not checked against the schema."""
    insured = _Reader.open(xml, "UC_PersoenlicheVersichertendatenXML").into("Versicherter")
    person = insured.into("Person")
    return PersoenlicheVersichertendaten(
        versicherten_id=insured.text("Versicherten_ID"),
        geburtsdatum=person.text("Geburtsdatum"),
        vorname=person.text("Vorname"),
        nachname=person.text("Nachname"),
        geschlecht=person.text("Geschlecht"),
        vorsatzwort=person.optional("Vorsatzwort"),
        namenszusatz=person.optional("Namenszusatz"),
        titel=person.optional("Titel"),
        postfach_adresse=person.maybe("PostfachAdresse", _read_box),
        strassen_adresse=person.maybe("StrassenAdresse", _read_street),
    )


def decode_vd_untrusted(xml: bytes) -> AllgemeineVersicherungsdaten:
    """Reads the document of EF.VD; raises only `BadVsd`. Values are not checked against the schema."""
    insured = _Reader.open(xml, "UC_AllgemeineVersicherungsdatenXML").into("Versicherter")
    cover = insured.into("Versicherungsschutz")
    insurer = cover.into("Kostentraeger")
    more = insured.into("Zusatzinfos").into("ZusatzinfosGKV")
    billing = more.into("Zusatzinfos_Abrechnung_GKV")
    return AllgemeineVersicherungsdaten(
        beginn=cover.text("Beginn"),
        ende=cover.optional("Ende"),
        kostentraeger=_read_insurer(insurer),
        abrechnender_kostentraeger=insurer.maybe("AbrechnenderKostentraeger", _read_insurer),
        versichertenart=more.text("Versichertenart"),
        kostenerstattung=billing.maybe("Kostenerstattung", _read_reimbursement),
        wop=billing.text("WOP"),
    )


def decode_gvd_untrusted(xml: bytes) -> GeschuetzteVersichertendaten:
    """Reads the document of EF.GVD; raises only `BadVsd`. Values are not checked against the schema."""
    root = _Reader.open(xml, "UC_GeschuetzteVersichertendatenXML")
    copayment, contracts = root.into("Zuzahlungsstatus"), root.into("Selektivvertraege")
    return GeschuetzteVersichertendaten(
        zuzahlung_befreit=copayment.flag("Status"),
        zuzahlung_gueltig_bis=copayment.optional("Gueltig_bis"),
        besondere_personengruppe=root.optional_number("BesonderePersonengruppe"),
        dmp_kennzeichnung=root.optional_number("DMP_Kennzeichnung"),
        selektivvertraege=Selektivvertraege(
            aerztlich=contracts.number("Aerztlich"),
            zahnaerztlich=contracts.number("Zahnaerztlich"),
            art=contracts.optional("Art"),
        ),
        ruhender_leistungsanspruch=root.maybe("RuhenderLeistungsanspruch", _read_resting),
    )


def _root(name: str) -> etree._Element:
    return etree.Element(f"{{{NAMESPACE}}}{name}", {"CDM_VERSION": CDM_VERSION}, nsmap={None: NAMESPACE})


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    element: etree._Element = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    element.text = text
    return element


def _add_optional(parent: etree._Element, name: str, text: str | None) -> None:
    if text is not None:
        _add(parent, name, text)


def _add_insurer(parent: etree._Element, name: str, insurer: Kostentraeger) -> etree._Element:
    element = _add(parent, name)
    _add(element, "Kostentraegerkennung", insurer.kostentraegerkennung)
    _add(element, "Kostentraegerlaendercode", insurer.kostentraegerlaendercode)
    _add(element, "Name", insurer.name)
    return element


def _add_box(person: etree._Element, address: PostfachAdresse) -> None:
    element = _add(person, "PostfachAdresse")
    _add_optional(element, "Postleitzahl", address.postleitzahl)
    _add(element, "Ort", address.ort)
    _add(element, "Postfach", address.postfach)
    _add(_add(element, "Land"), "Wohnsitzlaendercode", address.land)


def _add_street(person: etree._Element, address: StrassenAdresse) -> None:
    element = _add(person, "StrassenAdresse")
    _add_optional(element, "Postleitzahl", address.postleitzahl)
    _add(element, "Ort", address.ort)
    _add(_add(element, "Land"), "Wohnsitzlaendercode", address.land)
    _add_optional(element, "Strasse", address.strasse)
    _add_optional(element, "Hausnummer", address.hausnummer)
    _add_optional(element, "Anschriftenzusatz", address.anschriftenzusatz)


def _write(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding=_ENCODING)


def _bit(value: bool) -> str:
    return "1" if value else "0"


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


class _Reader:
    """One element; children are looked up by name, what is not asked for is ignored."""

    def __init__(self, element: etree._Element) -> None:
        self._element = element

    @classmethod
    def open(cls, xml: bytes, name: str) -> "_Reader":
        if len(xml) > _MAX_SIZE:
            raise BadVsd(f"{len(xml)} octets are too many")
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
        try:
            root = fromstring(xml, parser)
        except (etree.XMLSyntaxError, ValueError):
            raise BadVsd("not well-formed") from None
        if root.getroottree().docinfo.internalDTD is not None:
            raise BadVsd("a document type declaration is not allowed")
        if root.tag != f"{{{NAMESPACE}}}{name}":
            raise BadVsd(f"the document is not {name} of version 5.2")
        return cls(root)

    def into(self, name: str) -> "_Reader":
        found = self._element.find(f"{{{NAMESPACE}}}{name}")
        if found is None:
            raise BadVsd(f"element {name} is missing")
        return _Reader(found)

    def optional(self, name: str) -> str | None:
        found = self._element.find(f"{{{NAMESPACE}}}{name}")
        return None if found is None else (found.text or "")

    def text(self, name: str) -> str:
        return self.into(name)._element.text or ""

    def maybe(self, name: str, read: Callable[["_Reader"], _Made]) -> _Made | None:
        return None if self.optional(name) is None else read(self.into(name))

    def number(self, name: str) -> int:
        text = self.text(name).strip()
        if not (text.isascii() and text.isdigit()) or len(text) > 9:
            raise BadVsd(f"element {name} is no number")
        return int(text)

    def optional_number(self, name: str) -> int | None:
        return None if self.optional(name) is None else self.number(name)

    def flag(self, name: str) -> bool:
        number = self.number(name)
        if number > 1:
            raise BadVsd(f"element {name} is neither 0 nor 1")
        return number == 1


def _read_box(reader: _Reader) -> PostfachAdresse:
    return PostfachAdresse(
        postleitzahl=reader.optional("Postleitzahl"),
        ort=reader.text("Ort"),
        postfach=reader.text("Postfach"),
        land=reader.into("Land").text("Wohnsitzlaendercode"),
    )


def _read_street(reader: _Reader) -> StrassenAdresse:
    return StrassenAdresse(
        postleitzahl=reader.optional("Postleitzahl"),
        ort=reader.text("Ort"),
        land=reader.into("Land").text("Wohnsitzlaendercode"),
        strasse=reader.optional("Strasse"),
        hausnummer=reader.optional("Hausnummer"),
        anschriftenzusatz=reader.optional("Anschriftenzusatz"),
    )


def _read_insurer(reader: _Reader) -> Kostentraeger:
    return Kostentraeger(
        reader.text("Kostentraegerkennung"), reader.text("Kostentraegerlaendercode"), reader.text("Name")
    )


def _read_reimbursement(reader: _Reader) -> Kostenerstattung:
    return Kostenerstattung(
        aerztliche_versorgung=reader.flag("AerztlicheVersorgung"),
        zahnaerztliche_versorgung=reader.flag("ZahnaerztlicheVersorgung"),
        stationaerer_bereich=reader.flag("StationaererBereich"),
        veranlasste_leistungen=reader.flag("VeranlassteLeistungen"),
    )


def _read_resting(reader: _Reader) -> RuhenderLeistungsanspruch:
    return RuhenderLeistungsanspruch(
        beginn=reader.text("Beginn"), ende=reader.optional("Ende"), art_des_ruhens=reader.number("ArtDesRuhens")
    )
