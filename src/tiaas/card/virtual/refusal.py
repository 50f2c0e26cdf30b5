"""How a command ends early inside the card: an exception that carries the status word."""

from tiaas.base.errors import TiaasError


class Refused(TiaasError):
    """The command ends with this status word and without data."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"status word {sw:04X}")
        self.sw = sw
