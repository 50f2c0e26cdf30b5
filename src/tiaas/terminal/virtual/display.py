"""The display of the virtual terminal. What is typed is shown as asterisks or, for INPUT in clear, as typed."""

from collections import deque
from collections.abc import Callable

from tiaas.terminal.sicct.text import DisplayText

MESSAGE_CHARACTERS = 48  # TIP1-A_3080, …3082, …3084: what every terminal must show
PROMPT_CHARACTERS = 10  # TIP1-A_3085
_HISTORY = 50

# SICCT V1.3.0, table 36.
STANDARD_TEXTS = {
    1: "Bitte Karte einführen",
    2: "Bitte Karte entnehmen",
    4: "Bitte Geheimzahl eingeben",
    5: "Aktion erfolgreich",
    6: "Geheimzahl falsch/gesperrt",
    7: "Neue Geheimzahl eingeben",
    8: "Eingabe wiederholen",
    9: "Geheimzahl nicht gleich. Abbruch",
    10: "Bitte Eingabe bestätigen",
    11: "Bitte Dateneingabe",
    12: "Abbruch",
}
STANDARD_PROMPT = "INPUT: "  # 5.6.1, 11


class Display:
    """Shows one text at a time; `history` keeps the last ones for the control port, without what was typed."""

    def __init__(self, idle_text: str) -> None:
        self.idle_text = idle_text
        self.text = DisplayText(idle_text)
        self.entry = ""
        self.on_show: Callable[[DisplayText], None] = lambda text: None
        """Is told every text that is shown."""
        self._history: deque[str] = deque(maxlen=_HISTORY)

    def show(self, text: DisplayText) -> None:
        """Clears and shows."""
        self.text = text
        self.entry = ""
        self._history.append(text.message if not text.prompt else f"{text.message}\n{text.prompt}")
        self.on_show(text)

    def show_idle(self) -> None:
        """The idle message."""
        self.show(DisplayText(self.idle_text))

    def echo(self, shown: str) -> None:
        """What stands behind the prompt."""
        self.entry = shown

    @property
    def history(self) -> tuple[str, ...]:
        """Oldest first; break marks inside."""
        return tuple(self._history)
