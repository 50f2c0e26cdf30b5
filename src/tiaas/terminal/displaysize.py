"""How much a terminal's display shows (SICCT V1.3.0, 5.5.10.16: object 67; gemSpec_Kon V5.18, TUC_KON_058)."""

from tiaas.base.dataclass import dataclass
from tiaas.terminal.errors import BadTerminalAnswer
from tiaas.terminal.session import TerminalSession
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.commands import get_status
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.terminal.sicct.units import P1_DISPLAY

_TAGS = (0x80, 0x81, 0x82, 0x83)


@dataclass(frozen=True, slots=True)
class DisplaySize:
    """Visible characters per line and lines, and those reached by panning and scrolling; 0: none told."""

    columns: int
    lines: int
    virtual_columns: int
    virtual_lines: int


def decode_display_untrusted(value: bytes) -> DisplaySize:
    """The value of object 67; raises only `BadSicct`."""
    found = {item.tag: item.value for item in do.decode_objects_untrusted(value)}
    if any(len(found.get(tag, b"")) != 1 for tag in _TAGS):
        raise BadSicct("display", "four numbers of one octet expected")
    return DisplaySize(*(found[tag][0] for tag in _TAGS))


async def read_display(session: TerminalSession) -> DisplaySize | None:
    """GET STATUS 67 of the display; None if the terminal has no such object. Raises `FrontError`, `TerminalError`."""
    answer = await session.command(get_status(P1_DISPLAY, do.TAG_DISPLAY_CAPABILITIES))
    if not answer.ok:
        return None
    try:
        return decode_display_untrusted(do.decode_only_untrusted(answer.data, do.TAG_DISPLAY_CAPABILITIES))
    except BadSicct as bad:
        raise BadTerminalAnswer("GET STATUS", detail=str(bad)) from bad
