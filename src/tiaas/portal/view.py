"""What the templates are filled with. Everything is escaped; a missing value is an error."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tiaas.base.dataclass import dataclass
from tiaas.portal.conditions import meaning
from tiaas.portal.labhand import LabCard, Room
from tiaas.portal.lights import ACTIVE, HSM_B, SM_B, SMC_B, Light, Station, Way, overall, sentence
from tiaas.portal.moments import day, duration, moment
from tiaas.portal.status import Card, Instance, Listing, Terminal
from tiaas.portal.texts import Texts

KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "cancel", "0", "ok")
CORRECT = "correct"
CHOICES_MAX = 60

KINDS: Mapping[str, str] = MappingProxyType(
    {"EGK": "egk", "HBA": "hba", SMC_B: "smcb", HSM_B: "hsmb", "SMC-KT": "smkt"}
)
_FACES: Mapping[str, str] = MappingProxyType(
    {"EGK": "eGK", "HBA": "HBA", SMC_B: "SMC-B", HSM_B: "HSM-B", "SMC-KT": "gSMC-KT"}
)
_TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "CARD/INSERTED": "event_card_inserted",
        "CARD/REMOVED": "event_card_removed",
        "CT/CONNECTED": "event_ct_connected",
        "CT/DISCONNECTED": "event_ct_disconnected",
        "CT/ERROR": "event_ct_error",
        "CT/TLS_ESTABLISHMENT_FAILURE": "event_ct_tls",
        "CARD/PIN/VERIFY_STARTED": "event_pin_started",
        "CARD/PIN/VERIFY_FINISHED": "event_pin_finished",
        "VSDM/PROGRESS/READVSD": "event_vsdm",
        "VSDM/PROGRESS/UPDATE": "event_vsdm_update",
        "OPERATIONAL_STATE": "event_state",
        "BOOTUP": "event_bootup",
    }
)
_CORRELATIONS: Mapping[str, str] = MappingProxyType(
    {
        "bekannt": "ct_known",
        "zugewiesen": "ct_assigned",
        "gepairt": "ct_paired",
        ACTIVE: "ct_active",
        "aktualisierend": "ct_updating",
    }
)
_SYMBOLS: Mapping[Light, str] = MappingProxyType({Light.GREEN: "✓", Light.YELLOW: "!", Light.RED: "✕", Light.GREY: "?"})


@dataclass(frozen=True, slots=True)
class Shown:
    """One instance as it is shown: `status` is None if it does not answer, `room` None without a lab."""

    name: str
    title: str
    way: Way
    status: Instance | None
    room: Room | None


class Pages:
    """Makes the pages."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("tiaas.portal"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def instance(self, shown: Shown, texts: Texts, today: date, csrf: str | None, *, path: str, several: bool) -> str:
        """The page of one instance. `csrf` is the token of the lab's forms, None without them."""
        values = self._values(texts, today, path=path) | _instance_values(shown, texts, csrf) | {"several": several}
        return self._templates.get_template("instance.html").render(values)

    def parts(self, shown: Shown, texts: Texts, today: date, csrf: str | None, *, path: str) -> str:
        """What of that page changes."""
        values = self._values(texts, today, path=path) | _instance_values(shown, texts, csrf)
        return self._templates.get_template("parts.html").render(values)

    def index(self, listing: Listing | None, titles: Mapping[str, str], texts: Texts, today: date, path: str) -> str:
        """The list of all instances; `listing` None if the node does not answer."""
        values = self._values(texts, today, path=path)
        return self._templates.get_template("index.html").render(values | {"listing": listing, "titles": titles})

    def message(self, text: str, texts: Texts, today: date, path: str) -> str:
        """A page that says one sentence."""
        return self._templates.get_template("message.html").render(
            self._values(texts, today, path=path) | {"text": text}
        )

    def _values(self, texts: Texts, today: date, *, path: str) -> dict[str, Any]:
        def when(value: datetime) -> str:
            return moment(value, texts, today)

        return {
            "t": texts,
            "path": path,
            "when": when,
            "day": lambda value: day(value, texts),
            "duration": lambda value: duration(value, texts),
            "symbols": {light.name.lower(): symbol for light, symbol in _SYMBOLS.items()},
        }


def _instance_values(shown: Shown, texts: Texts, csrf: str | None) -> dict[str, Any]:
    return {
        "shown": shown,
        "status": shown.status,
        "room": shown.room,
        "csrf": csrf,
        "sentence": sentence(shown.way, texts),
        "tone": overall(shown.way).name.lower(),
        "stations": [(station.value, shown.way.at(station)) for station in Station],
        "light_text": lambda light: getattr(texts, f"light_{light.name.lower()}"),
        "kind": lambda card: KINDS.get(card.type, "unknown"),
        "face": lambda card: _FACES.get(card.type, "?"),
        "card_name": lambda card: getattr(texts, f"card_{KINDS.get(card.type, 'unknown')}"),
        "pin_light": pin_light,
        "pin_text": partial(pin_text, texts=texts),
        "correlation_text": partial(correlation_text, texts=texts),
        "topic_text": partial(topic_text, texts=texts),
        "condition_text": partial(meaning, texts=texts),
        "drawer_for": partial(drawer_for, shown.room),
        "keys": KEYS,
        "correct": CORRECT,
    }


def pin_light(card: Card) -> str:
    """The light for the state of the card's PIN: a practice card that is not opened matters."""
    state = "" if card.pin is None else card.pin.state
    waits = Light.YELLOW if card.type in SM_B else Light.GREY
    return {"VERIFIED": Light.GREEN, "BLOCKED": Light.RED}.get(state, waits).name.lower()


def pin_text(card: Card, texts: Texts) -> str:
    """The state of the card's PIN in words; of an HSM-B its activation, which stands in the place of the PIN."""
    if card.pin is None:
        return ""
    if card.type == HSM_B:
        return texts.hsmb_active if card.pin.state == "VERIFIED" else texts.hsmb_inactive
    states = {"VERIFIED": texts.pin_verified, "BLOCKED": texts.pin_blocked}
    return states.get(card.pin.state, texts.pin_not_verified).format(card.pin.name)


def correlation_text(terminal: Terminal, texts: Texts) -> str:
    """CT.CORRELATION in words; one that is not known stays as it is."""
    name = _CORRELATIONS.get(terminal.correlation)
    return terminal.correlation if name is None else getattr(texts, name)


def topic_text(topic: str, texts: Texts) -> str:
    """A topic in words, empty if it has none: the topic itself is shown, too."""
    name = _TOPICS.get(topic) or _TOPICS.get(topic.partition("/")[0], "")
    return getattr(texts, name) if name else ""


def drawer_for(room: Room | None, ct_id: str, slot: int) -> list[LabCard]:
    """The cards that can go into a slot, not too many to choose from; those that belong there come first."""
    terminal = room.terminal(ct_id) if room is not None else None
    if room is None or terminal is None:
        return []
    cards = sorted(room.drawer_of(terminal.practice), key=lambda card: (card.home.slot != slot, card.type, card.holder))
    return cards[:CHOICES_MAX]
