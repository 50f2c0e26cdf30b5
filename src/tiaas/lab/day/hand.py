"""The hand in the practice: what people do to cards, cables and keypads, and what the insurers decide, at a lab's
control port."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpx

from tiaas.lab.errors import LabError

_SECONDS = 30.0


class HandRefused(LabError):
    """The control port refused; `status` is its HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"the control port refuses: {reason}")
        self.status = status


class Hand:
    """Calls to the control port at `url`; `inserted` counts cards put in by ctId. All methods raise `LabError`."""

    def __init__(self, url: str) -> None:
        self.inserted: Counter[str] = Counter()
        self._slow: dict[str, int] = {}
        self._http = httpx.AsyncClient(base_url=url, timeout=_SECONDS, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def insert(self, ct_id: str, slot: int, iccsn: str) -> None:
        """Puts a card into a slot."""
        self.inserted[ct_id] += 1
        await self._ask("POST", _terminal(ct_id, f"slots/{slot}/insert"), {"iccsn": iccsn})

    async def eject(self, ct_id: str, slot: int) -> None:
        """Takes the card out of a slot."""
        await self._ask("POST", _terminal(ct_id, f"slots/{slot}/eject"))

    async def empty(self, ct_id: str, slot: int) -> None:
        """Takes the card out if there is one."""
        if await self.held(ct_id, slot) is not None:
            await self.eject(ct_id, slot)

    async def make_ready(self, ct_id: str, slot: int) -> None:
        """A terminal as it is in the morning: plugged in, prompt, its slot empty."""
        await self.plug(ct_id, is_in=True)
        await self.slow_down(ct_id, 0)
        await self.type_pins(ct_id, "auto")
        await self.empty(ct_id, slot)

    async def terminal(self, ct_id: str) -> dict[str, Any]:
        """Slots, display, connection."""
        return await self._ask("GET", _terminal(ct_id, ""))

    async def plug(self, ct_id: str, *, is_in: bool) -> None:
        """Puts the terminal's plug in, or pulls it."""
        await self._ask("POST", _terminal(ct_id, "plug"), {"state": "in" if is_in else "out"})

    async def slow_down(self, ct_id: str, seconds: float) -> None:
        """Holds every answer of the terminal back, from now on; 0: no longer."""
        before = self._slow.pop(ct_id, None)
        if before is not None:
            await self.end_fault(before)
        if seconds:
            self._slow[ct_id] = await self.fault(service="terminal", match=f"{ct_id} ", delay=seconds, times=0)

    async def type_pins(self, ct_id: str, mode: str) -> None:
        """Who types PINs from now on: `auto`, `manual`."""
        await self._ask("PUT", _terminal(ct_id, "pin-policy"), {"mode": mode})

    async def make_too_old(self, iccsn: str, *, too_old: bool) -> None:
        """Gives a card in the drawer the object system of an old generation, or its own again."""
        await self._ask("PUT", f"/cards/{quote(iccsn, safe='')}", {"too_old": too_old})

    async def held(self, ct_id: str, slot: int) -> str | None:
        """The ICCSN of the card in a slot, None if it is empty. Raises `LabError` for a slot that is none."""
        slots = (await self.terminal(ct_id))["slots"]
        for each in slots:
            if each["number"] == slot:
                iccsn: str | None = each["iccsn"]
                return iccsn
        raise LabError(f"{ct_id} has no slot {slot}")

    async def cards(self) -> list[dict[str, Any]]:
        """All cards and where they are."""
        return list((await self._ask("GET", "/cards"))["cards"])

    async def press(self, ct_id: str, key: str) -> None:
        """Presses a key of a terminal."""
        await self._ask("POST", _terminal(ct_id, "keys"), {"key": key})

    async def revoke(self, what: str) -> None:
        """Revokes a certificate, or all of a card, by serial number or ICCSN."""
        await self._ask("POST", "/certificates/revoke", {"what": what})

    async def fault(self, **fault: Any) -> int:
        """Puts a fault in force; returns its number."""
        return int((await self._ask("POST", "/faults", fault))["number"])

    async def end_fault(self, number: int) -> None:
        """Ends one fault, if it is still in force."""
        await self._ask("DELETE", f"/faults?number={number}")

    async def end_faults(self, service: str | None = None) -> None:
        """Ends all faults, or those of one service."""
        await self._ask("DELETE", "/faults" if service is None else f"/faults?{urlencode({'service': service})}")

    async def faults(self) -> list[dict[str, Any]]:
        """The faults in force."""
        return list((await self._ask("GET", "/faults"))["faults"])

    async def announce(self, iccsn: str, task: str, change: Mapping[str, Any] | None = None) -> str:
        """An insurer prepares an update for a card: `data` with a change, `lock`, `unlock`; returns its id."""
        body: dict[str, Any] = {"iccsn": iccsn, "task": task}
        full = body if change is None else {**body, "change": dict(change)}
        return str((await self._ask("POST", "/updates", full))["update_id"])

    async def take_back(self, update_id: str) -> None:
        """An insurer cancels an update."""
        await self._ask("DELETE", f"/updates/{quote(update_id, safe='')}")

    async def announced(self) -> list[dict[str, Any]]:
        """The updates that wait."""
        return list((await self._ask("GET", "/updates"))["updates"])

    async def journal(self, since: int = 0) -> dict[str, Any]:
        """What the lab's services were asked: `entries` and the number of the `last` one."""
        return await self._ask("GET", f"/journal?{urlencode({'since': since})}")

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, path, json=body)
            document: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise LabError(f"the lab's control port does not answer ({type(error).__name__})") from error
        if answer.is_error:
            raise HandRefused(answer.status_code, str(document.get("error", answer.status_code)))
        return document


def _terminal(ct_id: str, rest: str) -> str:
    return f"/terminals/{quote(ct_id, safe='')}" + (f"/{rest}" if rest else "")
