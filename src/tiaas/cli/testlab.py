"""Handles of a running lab for tests of practice software: Konnektor, faults, cards, terminals, recordings.

They talk to the control port; nothing here is asynchronous, so that any test can use it.
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from tiaas.base.dataclass import dataclass
from tiaas.lab.errors import LabError
from tiaas.lab.ready import write_private
from tiaas.lab.scenario.play import load_scenario
from tiaas.pvs.checks.suite import Judged, judge
from tiaas.pvs.diagram import diagram
from tiaas.pvs.messages import Story, read_story
from tiaas.pvs.recording import Recording, decode_recording_untrusted, encode_recording

_SECONDS = 60.0
_KINDS = ("egk", "smcb", "hba")


class Port:
    """The control port of a lab. All calls raise `LabError` with its own words."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON document in the answer."""
        return json.loads(self.octets(method, path, body))

    def octets(self, method: str, path: str, body: Any = None) -> bytes:
        """The answer's body."""
        try:
            answer = httpx.request(method, self.url + path, json=body, timeout=_SECONDS, trust_env=False)
        except httpx.HTTPError as error:
            raise LabError(f"the lab's control port does not answer ({type(error).__name__})") from error
        if answer.is_error:
            try:
                said = str(answer.json().get("error"))
            except ValueError:
                said = str(answer.status_code)
            raise LabError(said)
        return answer.content


@dataclass(frozen=True, slots=True)
class Faults:
    """The lab's faults (`docs/how-to/faults.md`)."""

    port: Port

    def add(self, service: str, **what: Any) -> int:
        """Puts a fault in force, with the names of `POST /faults`; returns its number."""
        return int(self.port.ask("POST", "/faults", {"service": service, **what})["number"])

    def clear(self, service: str | None = None, *, number: int | None = None) -> int:
        """Ends all faults, those of one service, or one; returns how many."""
        query = {key: value for key, value in (("service", service), ("number", number)) if value is not None}
        return int(self.port.ask("DELETE", "/faults" + (f"?{urlencode(query)}" if query else ""))["cleared"])

    @property
    def in_force(self) -> list[dict[str, Any]]:
        """Those that have not struck as often as they shall."""
        return list(self.port.ask("GET", "/faults")["faults"])

    @property
    def fired(self) -> list[dict[str, Any]]:
        """What was struck, oldest first: fault, service, at, line."""
        return list(self.port.ask("GET", "/faults")["fired"])


@dataclass(frozen=True, slots=True)
class CardHandle:
    """A card of the lab. `pins` are its PINs and PUKs by name: TEST-ONLY."""

    port: Port
    iccsn: str
    type: str
    holder: str
    kvnr: str | None
    pins: dict[str, str]

    @property
    def place(self) -> tuple[str, int] | None:
        """ctId and slot, None if it is in no terminal."""
        place = self._document()["in"]
        return None if place is None else (place["ct_id"], place["slot"])

    def insert(self, ct_id: str | None = None, slot: int | None = None) -> None:
        """Puts it into a slot, where it belongs if none is named; the card that is there goes."""
        document = self._document()
        home = document["home"]
        target = ct_id or home["ct_id"], slot or home["slot"]
        if document["in"] == {"ct_id": target[0], "slot": target[1]}:
            return
        self.eject()
        terminal = TerminalHandle(self.port, target[0])
        if terminal.card_in(target[1]) is not None:
            terminal.eject(target[1])
        self.port.ask("POST", f"{terminal.path}/slots/{target[1]}/insert", {"iccsn": self.iccsn})

    def eject(self) -> None:
        """Takes it out, if it is in a terminal."""
        place = self.place
        if place is not None:
            TerminalHandle(self.port, place[0]).eject(place[1])

    def revoke(self) -> None:
        """Revokes its certificates, for good."""
        self.port.ask("POST", "/certificates/revoke", {"what": self.iccsn})

    def update(self, task: str = "data", **change: str) -> str:
        """Lets an update wait for it at its insurer: `data` with a change, `lock`, `unlock`; returns its id."""
        body = {"iccsn": self.iccsn, "task": task, **({"change": change} if change else {})}
        return str(self.port.ask("POST", "/updates", body)["update_id"])

    def _document(self) -> dict[str, Any]:
        cards = self.port.ask("GET", "/cards")["cards"]
        return next(dict(card) for card in cards if card["iccsn"] == self.iccsn)


@dataclass(frozen=True, slots=True)
class TerminalHandle:
    """A virtual terminal."""

    port: Port
    ct_id: str

    @property
    def path(self) -> str:
        """Its part of the control port."""
        return f"/terminals/{quote(self.ct_id, safe='')}"

    @property
    def display(self) -> str:
        """What stands on the display."""
        return str(self.port.ask("GET", f"{self.path}/display")["display"])

    @property
    def asks(self) -> bool:
        """Whether a prompt waits for keys."""
        return bool(self.port.ask("GET", f"{self.path}/display")["prompt"])

    def card_in(self, slot: int) -> str | None:
        """The ICCSN of the card in a slot."""
        slots = self.port.ask("GET", self.path)["slots"]
        return next((each["iccsn"] for each in slots if each["number"] == slot), None)

    def eject(self, slot: int) -> str:
        """Takes a card out; returns its ICCSN."""
        return str(self.port.ask("POST", f"{self.path}/slots/{slot}/eject")["iccsn"])

    def typed_by(self, mode: str) -> None:
        """`auto`: PINs are typed at once; `manual`: by `press` only."""
        self.port.ask("PUT", f"{self.path}/pin-policy", {"mode": mode})

    def press(self, *keys: str) -> None:
        """Presses keys: digits, ok, cancel, clear."""
        for key in keys:
            self.port.ask("POST", f"{self.path}/keys", {"key": key})

    def unplug(self) -> None:
        """Pulls its plug."""
        self.port.ask("POST", f"{self.path}/plug", {"state": "out"})

    def plug_in(self) -> None:
        """Puts it back."""
        self.port.ask("POST", f"{self.path}/plug", {"state": "in"})


class RecordingHandle:
    """A recording of one Konnektor that began when this was made."""

    def __init__(self, port: Port, instance: str) -> None:
        self._port = port
        self._path = f"/recordings/{quote(instance, safe='')}"
        self._stopped: Recording | None = None
        port.ask("POST", self._path)

    @property
    def story(self) -> Story:
        """What happened until now, read."""
        return read_story(self._stopped or decode_recording_untrusted(self._port.octets("GET", self._path)))

    @property
    def operations(self) -> list[str]:
        """The operations called, in order."""
        return [each.operation or "?" for each in self.story.exchanges]

    @property
    def codes(self) -> list[int]:
        """The codes of the faults and warnings met, in order."""
        return [each.code for each in self.story.exchanges if each.code is not None]

    def check(self) -> dict[str, Judged]:
        """The verdicts of `tiaas check pvs` about it, by id of the check."""
        return {judged.check.id: judged for judged in judge(self.story)}

    def failed_checks(self) -> list[str]:
        """Ids of the checks that fail."""
        return [id_ for id_, judged in self.check().items() if judged.finding.verdict.value == "fail"]

    def stop(self) -> Recording:
        """Ends it; what was recorded stays here."""
        if self._stopped is None:
            self._stopped = decode_recording_untrusted(self._port.octets("DELETE", self._path))
        return self._stopped

    def write(self, folder: str | Path, name: str) -> Path:
        """Writes diagram and recording into a folder; returns the diagram's path. TEST DATA."""
        target = Path(folder)
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:100]
        story = self.story
        write_private(target / f"{stem}.json", encode_recording(story.recording))
        write_private(target / f"{stem}.html", diagram(story).encode())
        return target / f"{stem}.html"


class LabHandle:
    """The lab around a Konnektor. `ready` is `ready.json` as it is now."""

    def __init__(self, ready_file: str | Path) -> None:
        self._ready_file = Path(ready_file)
        self.port = Port(self.ready["lab"]["control"])
        self.faults = Faults(self.port)

    @property
    def ready(self) -> dict[str, Any]:
        """`ready.json` (docs/reference/ready-file.md)."""
        document: dict[str, Any] = json.loads(self._ready_file.read_bytes())
        return document

    def card(self, which: str) -> CardHandle:
        """`egk-2`, `smcb-1`, `hba-1` or an ICCSN. Raises `LabError`."""
        kind, _, number = which.partition("-")
        known = [card for each in _KINDS for card in self.ready["cards"][each]]
        if kind in _KINDS:
            of_kind = self.ready["cards"][kind]
            known = of_kind[int(number) - 1 : int(number)] if number.isdecimal() and int(number) else []
        else:
            known = [card for card in known if card["iccsn"] == which]
        if not known:
            raise LabError(f"this lab has no card {which}")
        found, details = known[0], {card["iccsn"]: card for card in self.port.ask("GET", "/cards")["cards"]}
        told = details[found["iccsn"]]
        return CardHandle(self.port, found["iccsn"], told["type"], told["holder"], told["kvnr"], dict(found["pins"]))

    def terminal(self, ct_id: str | None = None) -> TerminalHandle:
        """The terminal of that ctId, the first if none is named."""
        return TerminalHandle(self.port, ct_id or self.ready["terminals"][0]["ct_id"])

    def journal(self, service: str | None = None) -> list[dict[str, Any]]:
        """What the lab's services were asked."""
        return list(self.port.ask("GET", "/journal" + (f"?service={service}" if service else ""))["entries"])

    def play(self, scenario: str) -> None:
        """Plays a scenario to its end: a file, or the name of one that comes with tiaas."""
        import asyncio

        from tiaas.cli.labplay import play

        asyncio.run(play(load_scenario(scenario), self.port.url, lambda text: None))

    def record(self, instance: str) -> RecordingHandle:
        """Begins a recording."""
        return RecordingHandle(self.port, instance)

    def reset(self) -> None:
        """As at the start: faults, plugs, cards, PINs (docs/how-to/pvs-tests.md)."""
        self.port.ask("POST", "/reset")


class Konnektor:
    """The Konnektor of a practice (`number` from 1), as a Primärsystem needs it, and its `lab`."""

    def __init__(self, ready_file: str | Path, number: int = 1) -> None:
        self.lab = LabHandle(ready_file)
        entry = self.lab.ready["instances"][number - 1]
        self.instance = f"praxis-{number}"
        self.url: str = entry["konnektor"]["url"]
        self.sds_url: str = entry["konnektor"]["sds"]
        self.ca_file = Path(entry["konnektor"]["ca"])
        self.cert_file = Path(entry["client"]["cert"])
        self.key_file = Path(entry["client"]["key"])
        self.p12_file = Path(entry["client"]["p12"])
        self.p12_password: str = entry["client"]["p12_password"]
        self.kon_file = Path(entry["kon_file"])
        self.context: dict[str, str] = dict(entry["context"])
        """mandant_id, client_system_id, workplace_id, user_id."""
