"""Plays a scenario against a running lab, through its control port."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input
from tiaas.lab.day.hand import Hand
from tiaas.lab.errors import LabError
from tiaas.lab.scenario.document import BadScenario
from tiaas.lab.scenario.model import Scenario, Step, read_scenario_untrusted
from tiaas.lab.scenario.named import NAMED, card_of, iccsn_of

_SUFFIX = ".yaml"


def packaged() -> dict[str, Scenario]:
    """The scenarios that come with tiaas, by name."""
    folder = files("tiaas.lab.scenario").joinpath("files")
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(_SUFFIX)), key=lambda entry: entry.name)
    return {entry.name.removesuffix(_SUFFIX): read_scenario_untrusted(entry.read_bytes()) for entry in found}


def load_scenario(name: str) -> Scenario:
    """A scenario by its file, or by the name of one that comes with tiaas. Raises `InvalidInput`."""
    path = Path(name)
    if not path.suffix and "/" not in name:
        known = packaged()
        if name in known:
            return known[name]
        raise InvalidInput(f"no scenario {name!r} comes with tiaas; there are {', '.join(known)}, or name a file")
    octets = read_input(path, may_be_empty=True)
    try:
        return read_scenario_untrusted(octets)
    except BadScenario as error:
        raise InvalidInput(f"{name}, {error}") from None


class Player:
    """Does the steps. `say` is told each of them; `sleep` waits for seconds."""

    def __init__(
        self, hand: Hand, say: Callable[[str], None], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._hand = hand
        self._say = say
        self._sleep = sleep
        self._cards: list[dict[str, Any]] = []

    async def play(self, scenario: Scenario) -> None:
        """From the set-up to the last step. Raises `LabError` with the line of the step that cannot be done."""
        self._say(scenario.title)
        self._cards = await self._hand.cards()
        for step in scenario.setup:
            await self._do(step)
        now = 0.0
        for step in scenario.timeline:
            await self._sleep(step.at - now)
            now = step.at
            await self._do(step)
        self._say("the scenario is over; its faults stay until they are used up or cleared")

    async def _do(self, step: Step) -> None:
        try:
            told = await self._act(step)
        except LabError as error:
            raise LabError(f"line {step.line}: {error}") from error
        self._say(f"{step.at:6.1f} s  {told}")

    async def _act(self, step: Step) -> str:
        hand, what = self._hand, step.what
        match step.act:
            case "insert":
                return await self._insert(what)
            case "eject":
                return await self._eject(what)
            case "unplug" | "plug_in":
                await hand.plug(what["ct_id"], is_in=step.act == "plug_in")
                return f"{what['ct_id']} {'plugged in' if step.act == 'plug_in' else 'unplugged'}"
            case "typed":
                await hand.type_pins(what["ct_id"], what["mode"])
                return f"PINs at {what['ct_id']}: {what['mode']}"
            case "press":
                for key in what["keys"]:
                    await hand.press(what["ct_id"], key)
                return f"{len(what['keys'])} keys at {what['ct_id']}"
            case "fault":
                number = await hand.fault(**{**what, **self._matched(what)})
                return f"fault {number}: {', '.join(f'{name} {value}' for name, value in what.items())}"
            case "clear":
                await hand.end_faults(what["service"])
                return f"faults of {what['service'] or 'everything'} cleared"
            case "revoke":
                await hand.revoke(self._iccsn(what["card"]))
                return f"certificates of {what['card']} revoked"
            case "update":
                await hand.announce(self._iccsn(what["card"]), what["task"], what["change"] or None)
                return f"update of {what['card']}: {what['task']}"
            case _:
                return str(what["text"])

    def _matched(self, what: Any) -> dict[str, str]:
        """A match in which cards are named gets their ICCSNs."""
        words = [self._iccsn(word) if NAMED.fullmatch(word) else word for word in (what.get("match") or "").split(" ")]
        return {"match": " ".join(words)} if what.get("match") else {}

    async def _insert(self, what: Any) -> str:
        iccsn = self._iccsn(what["card"])
        card = card_of(iccsn, self._cards)
        ct_id, slot = what["ct_id"] or card["home"]["ct_id"], what["slot"] or card["home"]["slot"]
        held = await self._hand.held(ct_id, slot)
        if held == iccsn:
            return f"{what['card']} is in {ct_id}/{slot}"
        await self._take_out(iccsn)
        if held is not None:
            await self._hand.eject(ct_id, slot)
        await self._hand.insert(ct_id, slot, iccsn)
        return f"{what['card']} into {ct_id}/{slot}"

    async def _eject(self, what: Any) -> str:
        place = await self._take_out(self._iccsn(what["card"]))
        return f"{what['card']} taken out" if place else f"{what['card']} is out"

    async def _take_out(self, iccsn: str) -> bool:
        place = card_of(iccsn, await self._hand.cards())["in"]
        if place is None:
            return False
        await self._hand.eject(place["ct_id"], place["slot"])
        return True

    def _iccsn(self, card: str) -> str:
        return iccsn_of(card, self._cards)
