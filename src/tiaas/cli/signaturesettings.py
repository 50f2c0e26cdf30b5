"""The section `signature` of the configuration of `tiaas up`: SAK_* and what else signatures leave open."""

from tiaas.base.config import setting
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.interfaces.signature_service_v7_5 import Crypt
from tiaas.konnektor.config import COMFORT_HOURS, COMFORT_MAX, SignatureSettings, SimpleMode

_USUAL = SignatureSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureChoices:
    """How the Konnektors make signatures; an administrator's parameters go before."""

    simple_mode: SimpleMode = setting(
        _USUAL.simple_mode, "SAK_SIMPLE_SIGNATURE_MODE: the security environment in which an HBA signs one document"
    )
    comfort: bool = setting(_USUAL.comfort, "SAK_COMFORT_SIGNATURE; clients must use TLS and show who they are")
    comfort_max: int = setting(
        _USUAL.comfort_max, f"SAK_COMFORT_SIGNATURE_MAX: signatures per PIN entry, 1 to {COMFORT_MAX}"
    )
    comfort_hours: int = setting(
        _USUAL.comfort_hours, f"SAK_COMFORT_SIGNATURE_TIMER: hours per PIN entry, 1 to {COMFORT_HOURS}"
    )
    default_crypt: Crypt = setting(_USUAL.default_crypt, "the key for a SignDocument without Crypt")
    pdf_outside: bool = setting(_USUAL.pdf_outside, "a signed PDF is answered in Base64Signature alone")

    def __post_init__(self) -> None:
        for name, most in (("comfort_max", COMFORT_MAX), ("comfort_hours", COMFORT_HOURS)):
            if not 1 <= getattr(self, name) <= most:
                raise InvalidInput(f"{name} is 1 to {most}")

    def settings(self) -> SignatureSettings:
        """As the Konnektor takes it."""
        return SignatureSettings(
            simple_mode=self.simple_mode,
            comfort=self.comfort,
            comfort_max=self.comfort_max,
            comfort_hours=self.comfort_hours,
            default_crypt=self.default_crypt,
            pdf_outside=self.pdf_outside,
        )
