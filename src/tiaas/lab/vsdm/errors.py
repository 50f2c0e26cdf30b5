"""Errors of the services in their own words (gemSpec_SST_VSDM V2.5.0, Tab_SST_VSDM_11, _12; gemSpec_SST_FD_VSDM V1.6.0,
Tab_SST_FD_15, _16, _41, _42). Exactly one Trace per fault (VSDM-A_2272), severity always Fatal."""

from collections.abc import Mapping
from typing import NamedTuple

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.interfaces.telematik_error_v2_0 import Detail, Error, Trace
from tiaas.soap.envelope import SoapFault
from tiaas.soap.errors import FaultCode, SoapError


class FaultText(NamedTuple):
    """ErrorType and ErrorText of a code."""

    error_type: str
    text: str


_EXPIRED = "Die zu dieser ConversationID zugehörige Fachdienst-Session ist abgelaufen."
_UNSPECIFIED = (
    "Ein nicht spezifizierter Fehler ist aufgetreten, zu dem weitere Details im Dienst protokolliert worden sind."
)
_SCHEMA = "Die Payload ist nicht konform zum XML-Schema."

TEXTS: Mapping[int, FaultText] = {
    5: FaultText("Technical", _EXPIRED),
    500: FaultText("Technical", "Internal Server Error"),
    1006: FaultText(
        "Security",
        "Nachricht zurückgewiesen. Die Nachricht wurde an einen für diese Anfrage nicht zuständigen Fachdienst "
        "weitergeleitet.",
    ),
    1011: FaultText("Technical", "Die aufgerufene Komponente ist temporär nicht verfügbar."),
    1014: FaultText("Technical", _EXPIRED),
    11101: FaultText("Technical", "Für die eGK mit der angegebenen ICCSN ist der aufgerufene Dienst nicht zuständig."),
    11148: FaultText("Technical", _SCHEMA),
    11999: FaultText("Technical", _UNSPECIFIED),
    12101: FaultText(
        "Technical", "Für die angegebene Kombination aus ICCSN und Update-Identifier liegt kein Update vor."
    ),
    12102: FaultText(
        "Technical", "Für das angefragte Update ist die Durchführung eines anderen Updates eine Vorbedingung."
    ),
    12103: FaultText(
        "Security",
        "Die Authentifizierung zwischen Fachdienst und eGK mittels des fachdienstspezifischen, kartenindividuellen "
        "symmetrischen Schlüssels ist fehlgeschlagen.",
    ),
    12105: FaultText("Technical", "Die eGK ist defekt."),
    12148: FaultText("Technical", _SCHEMA),
    12999: FaultText("Technical", _UNSPECIFIED),
}
"""Every code that the lab's services send."""


class ServiceError(TiaasError):
    """A request that is answered with `code`; `detail` goes out with it where the tables want one."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.detail = detail


class FaultWriter:
    """Faults of one component: `comp_type` as in the tables, `instance` names the operator (VSDM-A_2273)."""

    def __init__(self, comp_type: str, instance: str, schema_code: int, clock: Clock, entropy: Entropy) -> None:
        self._comp_type = comp_type
        self._instance = instance
        self._schema_code = schema_code
        self._clock = clock
        self._entropy = entropy

    def code_of(self, error: BaseException) -> int:
        """The code for anything a request can end with."""
        if isinstance(error, ServiceError):
            return error.code
        return self._schema_code if isinstance(error, SoapError) else 500

    def fault(self, error: BaseException) -> SoapFault:
        """The fault that goes out; nothing of an unexpected error is told."""
        code = self.code_of(error)
        detail = error.detail if isinstance(error, ServiceError) else ""
        kind, text = TEXTS[code]
        trace = Trace(
            event_id=self._entropy.octets(8).hex(),
            instance=self._instance,
            log_reference=self._entropy.octets(8).hex(),
            comp_type=self._comp_type,
            code=code,
            severity="Fatal",
            error_type=kind,
            error_text=text,
            detail=Detail(text=detail, encoding="UTF-8") if detail else None,
        )
        message = Error(message_id=self._entropy.octets(8).hex(), timestamp=self._clock.now(), trace=(trace,))
        return SoapFault(FaultCode.SERVER, text, message)
