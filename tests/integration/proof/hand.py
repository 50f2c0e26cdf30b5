"""The hand at a lab's terminals: requests to the control port."""

import json
import urllib.request
from typing import Any


class Hand:
    """Acts at one terminal of an entry of `ready.json`."""

    def __init__(self, instance: dict[str, Any]) -> None:
        self._url = instance["terminals"][0]["control"]
        self._ct_id = instance["terminals"][0]["ct_id"]
        self._root = self._url.rpartition("/terminals/")[0]
        # Whatever proxy the environment names is not for loopback.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def eject(self, slot: int) -> None:
        """Takes a card out."""
        self._call("POST", f"/slots/{slot}/eject")

    def insert(self, slot: int, iccsn: str) -> None:
        """Puts a card in."""
        self._call("POST", f"/slots/{slot}/insert", {"iccsn": iccsn})

    def insert_kvk(self, slot: int, fields: dict[str, str], damage: str | None = None) -> None:
        """Puts a Krankenversichertenkarte in; it is gone when it is taken out."""
        self._call("POST", f"/slots/{slot}/insert-kvk", {"fields": fields, "damage": damage})

    def policy(self, mode: str) -> None:
        """What people do at this keypad from now on: `auto`, `manual`, or by a fault `wrong`, `cancel`, `timeout`."""
        self.end_faults("keypad")
        is_fault = mode not in ("auto", "manual")
        self._call("PUT", "/pin-policy", {"mode": "auto" if is_fault else mode})
        if is_fault:
            self.fault(service="keypad", code=mode, match=f"{self._ct_id} ", times=0)

    def knows(self, **pins: str) -> None:
        """What is typed as `new_pin`, and as `repeat_pin` in its place when it is to be repeated."""
        self._call("PUT", "/pin-policy", {"mode": "auto", **pins})

    def fault(self, **fault: Any) -> dict[str, Any]:
        """Puts a fault of the lab in force; the answer has its number."""
        return self._lab("POST", "/faults", fault)

    def end_faults(self, service: str) -> None:
        """Ends all faults of a service."""
        self._lab("DELETE", f"/faults?service={service}")

    def struck(self) -> list[dict[str, Any]]:
        """What faults of the lab struck so far: with a `delay` in force, each command of the terminal."""
        struck: list[dict[str, Any]] = self._lab("GET", "/faults", None)["fired"]
        return struck

    def press(self, *keys: str) -> None:
        """Presses keys one after the other."""
        for key in keys:
            self._call("POST", "/keys", {"key": key})

    def plug(self, state: str) -> None:
        """Pulls the network plug (`out`) or puts it back (`in`)."""
        self._call("POST", "/plug", {"state": state})

    def delay(self, seconds: float) -> None:
        """Holds every answer of the terminal back; 0: no longer."""
        self.end_faults("terminal")
        if seconds:
            self.fault(service="terminal", delay=seconds, match=f"{self._ct_id} ", times=0)

    def display(self) -> dict[str, Any]:
        """What the display shows."""
        return self._call("GET", "/display")

    def state(self) -> dict[str, Any]:
        """Everything the control port says of the terminal."""
        return self._call("GET", "")

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return self._ask(method, self._url + path, body)

    def _lab(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return self._ask(method, self._root + path, body)

    def _ask(self, method: str, url: str, body: object) -> dict[str, Any]:
        octets = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, octets, {"Content-Type": "application/json"}, method=method)
        with self._open(request, timeout=60) as answer:
            document: dict[str, Any] = json.load(answer)
        return document
