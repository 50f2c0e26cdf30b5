"""The one error of all SICCT decoders."""

from tiaas.base.errors import TiaasError


class BadSicct(TiaasError):
    """Octets that do not follow SICCT; `what` names the structure."""

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(f"{what}: {detail}")
        self.what = what
