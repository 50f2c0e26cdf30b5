"""How a command of the virtual terminal ends early."""

from tiaas.base.errors import TiaasError
from tiaas.terminal.sicct.status import Sw


class Refused(TiaasError):
    """The command is answered with this status word and no data."""

    def __init__(self, sw: Sw) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw
