"""Versichertenstammdaten out of a ReadVSDResponse: gzip of XML (gemSpec_SST_VSDM; Schema_VSD.xsd 5.2)."""

from datetime import datetime

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.vsd_gzip import decompress_untrusted
from tiaas.interfaces.vsd_service_v5_2 import ReadVSDResponse
from tiaas.interfaces.vsd_v5_2 import (
    AllgemeineVersicherungsdaten,
    GeschuetzteVersichertendaten,
    PersoenlicheVersichertendaten,
    decode_gvd_untrusted,
    decode_pd_untrusted,
    decode_vd_untrusted,
)


@dataclass(frozen=True, slots=True, repr=False)
class Vsd:
    """What was read from an eGK, as objects and as the XML on the card (`*_xml`).

    `protected` is None if the reader has no right to it. `consistent` is false if an update of the card was left
    unfinished; `timestamp` is that of the last update, `receipt` the Pruefungsnachweis as XML.
    """

    personal: PersoenlicheVersichertendaten
    insurance: AllgemeineVersicherungsdaten
    protected: GeschuetzteVersichertendaten | None
    consistent: bool
    timestamp: datetime
    version: str
    personal_xml: bytes
    insurance_xml: bytes
    protected_xml: bytes | None
    receipt: bytes | None


def read_response(response: ReadVSDResponse) -> Vsd:
    """Unpacks and reads all documents of an answer; raises `BadContainer` or `BadVsd`."""
    personal = decompress_untrusted(response.persoenliche_versichertendaten)
    insurance = decompress_untrusted(response.allgemeine_versicherungsdaten)
    protected, receipt = response.geschuetzte_versichertendaten, response.pruefungsnachweis
    protected_xml = None if protected is None else decompress_untrusted(protected)
    return Vsd(
        personal=decode_pd_untrusted(personal),
        insurance=decode_vd_untrusted(insurance),
        protected=None if protected_xml is None else decode_gvd_untrusted(protected_xml),
        consistent=response.vsd_status.status == "0",
        timestamp=response.vsd_status.timestamp,
        version=response.vsd_status.version,
        personal_xml=personal,
        insurance_xml=insurance,
        protected_xml=protected_xml,
        receipt=None if receipt is None else decompress_untrusted(receipt),
    )
