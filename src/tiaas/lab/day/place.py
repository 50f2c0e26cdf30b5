"""The practice a day is played in, as `ready.json` tells it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput

EGK_SLOT = 1
"""Where patients put their cards."""


@dataclass(frozen=True, slots=True)
class Person:
    """A patient of the practice and the card."""

    iccsn: str
    kvnr: str
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """The lab a day is played in: what `ready.json` says of one practice."""

    folder: Path
    ready: Mapping[str, Any]
    practice: int
    control: str
    kon_file: Path
    workplaces: tuple[tuple[str, str], ...]
    people: tuple[Person, ...]

    @classmethod
    def of(cls, folder: Path, ready: Mapping[str, Any], practice: int) -> "Place":
        """Practice number `practice` (from 1). Raises `InvalidInput`."""
        instances = ready["instances"]
        if not 1 <= practice <= len(instances):
            noun = "practice" if len(instances) == 1 else "practices"
            raise InvalidInput(f"this lab has {len(instances)} {noun}; --practice counts from 1")
        entry = instances[practice - 1]
        return cls(
            folder,
            ready,
            practice,
            ready["lab"]["control"],
            Path(entry["kon_file"]),
            tuple((workplace["workplace_id"], workplace["ct_ids"][0]) for workplace in entry["workplaces"]),
            tuple(Person(card["iccsn"], card["kvnr"], card["holder"]) for card in entry["cards"]["egk"]),
        )
