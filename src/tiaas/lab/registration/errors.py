"""Errors of the registration service (gemSpec_VPN_ZugD V1.21.0 Tab_Registrierungsserver_Fehlermeldungen)."""

from collections.abc import Mapping

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.interfaces.telematik_error_v2_0 import Error, Trace
from tiaas.lab.vsdm.errors import FaultText
from tiaas.soap.envelope import SoapFault
from tiaas.soap.errors import FaultCode, SoapError, UnknownOperation

SIGNATURE, DEVICE, SIGNER, CONTRACT, TIME, NOT_ENTERED, NOT_REMOVED, SCHEMA = (
    7011, 7021, 7031, 7041, 7061, 7071, 7081, 7091
)  # fmt: skip

TEXTS: Mapping[int, FaultText] = {
    SIGNATURE: FaultText(
        "Security",
        "Prüfung der SMC-B-Signatur der SMC-B-Identität des Ausstellers {issuer} mit der Seriennummer {serial} nicht "
        "erfolgreich",
    ),
    DEVICE: FaultText(
        "Security",
        "Prüfung des SMC-K-Zertifikats des Ausstellers {issuer} mit der Seriennummer {serial} nicht erfolgreich",
    ),
    SIGNER: FaultText(
        "Security",
        "Prüfung des SMC-B-Zertifikats des Ausstellers {issuer} mit der Seriennummer {serial} nicht erfolgreich",
    ),
    CONTRACT: FaultText("Technical", "Prüfung der ContractID nicht erfolgreich"),
    TIME: FaultText(
        "Technical",
        "Der Timestamp im Request weicht mehr als 300 Sekunden von der aktuellen Zeit im Registrierungsserver ab",
    ),
    NOT_ENTERED: FaultText("Technical", "Eintragung der Registrierung im Autorisierungsserver fehlgeschlagen"),
    NOT_REMOVED: FaultText("Technical", "Deregistrierung im Autorisierungsserver fehlgeschlagen"),
    SCHEMA: FaultText("Technical", "Dokument nicht schemakonform"),
}
_COMPONENT, _OPERATOR = "VPN-Zugangsdienst", "TIAAS-LAB"


class RegistrationRefused(TiaasError):
    """A request that is answered with `code`; `issuer` and `serial` are those of the certificate it is about."""

    def __init__(self, code: int, issuer: str = "", serial: str = "") -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.issuer = issuer
        self.serial = serial


def fault_of(error: BaseException, clock: Clock, entropy: Entropy) -> SoapFault:
    """The fault for anything a request can end with."""
    if isinstance(error, UnknownOperation):
        return SoapFault(FaultCode.CLIENT, "unknown operation", None)
    refused = error if isinstance(error, RegistrationRefused) else None
    if refused is None and not isinstance(error, SoapError):
        return SoapFault(FaultCode.SERVER, "internal error", None)
    code = SCHEMA if refused is None else refused.code
    kind, text = TEXTS[code]
    if refused is not None:
        text = text.format(issuer=refused.issuer, serial=refused.serial)
    trace = Trace(
        event_id=entropy.octets(8).hex(),
        instance=_OPERATOR,
        log_reference=entropy.octets(8).hex(),
        comp_type=_COMPONENT,
        code=code,
        severity="Error",
        error_type=kind,
        error_text=text,
    )
    message = Error(message_id=entropy.octets(8).hex(), timestamp=clock.now(), trace=(trace,))
    return SoapFault(FaultCode.SERVER, text, message)
