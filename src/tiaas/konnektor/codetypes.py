"""What an error code of the Telematikinfrastruktur consists of (gemSpec_Kon V5.18 §2.3, TelematikError.xsd 2.0.0)."""

import enum

from tiaas.base.dataclass import dataclass


@enum.unique
class ErrorType(enum.StrEnum):
    """Kinds of error; the value is what stands in `ErrorType`."""

    TECHNICAL = "Technical"
    SECURITY = "Security"


@enum.unique
class Severity(enum.StrEnum):
    """How bad it is; the value is what stands in `Severity`."""

    WARNING = "Warning"
    ERROR = "Error"
    FATAL = "Fatal"


@enum.unique
class CompType(enum.StrEnum):
    """Which component found the error; the value is what stands in `CompType`."""

    KONNEKTOR = "Konnektor"
    PKI = "Konnektor:PKI"
    FM_VSDM = "FM_VSDM"
    UFS = "UFS"
    CCS = "CCS"


@dataclass(frozen=True, slots=True)
class Code:
    """One error code. `text` is the official German ErrorText, a wire constant; `{}` in it is its one placeholder.

    `source` names the table, technical use case or document the row comes from.
    """

    number: int
    error_type: ErrorType
    severity: Severity
    text: str
    source: str
    comp_type: CompType = CompType.KONNEKTOR

    def filled(self, value: str) -> str:
        """The text with `value` at its placeholder; without value the placeholder goes with the blank before it."""
        if "{}" not in self.text:
            return self.text
        if value:
            return self.text.replace("{}", value)
        return self.text.replace(" ({})", "").replace(" {}", "")
