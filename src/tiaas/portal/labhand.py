"""The hand at a lab's terminals, by its control port (`docs/reference/control-port.md`). TEST-ONLY.

Keys pass through one by one; nothing here keeps them.
"""

import ssl
from urllib.parse import quote

import httpx

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.base.wire import BadDocument, decode_document_untrusted

_SECONDS = 10.0


class HandRefused(TiaasError):
    """The control port did not do it; its text is the control port's own."""


@dataclass(frozen=True, slots=True)
class Place:
    """A slot of a terminal."""

    ct_id: str
    slot: int


@dataclass(frozen=True, slots=True)
class LabCard:
    """A card of the lab, with its invented holder; `home` is where it belongs."""

    iccsn: str
    type: str
    holder: str
    practice: int
    home: Place


@dataclass(frozen=True, slots=True)
class LabSlot:
    """A slot of a virtual terminal."""

    number: int
    state: str
    iccsn: str | None = None
    type: str | None = None
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class PinPolicy:
    """Who types PINs: `auto`, `manual` and what else the control port knows."""

    mode: str


@dataclass(frozen=True, slots=True)
class LabTerminal:
    """A virtual terminal."""

    ct_id: str
    practice: int
    plugged: bool
    display: str
    prompt: str
    idle_text: str
    entry: str
    pin_policy: PinPolicy
    slots: tuple[LabSlot, ...]

    @property
    def asks(self) -> bool:
        """Whether it waits for keys."""
        return bool(self.prompt)

    def slot(self, number: int) -> LabSlot | None:
        """A slot by number."""
        return next((slot for slot in self.slots if slot.number == number), None)


@dataclass(frozen=True, slots=True)
class Room:
    """All terminals, and the cards that are in none."""

    terminals: tuple[LabTerminal, ...]
    drawer: tuple[LabCard, ...]

    def terminal(self, ct_id: str) -> LabTerminal | None:
        """A terminal by its ctId."""
        return next((terminal for terminal in self.terminals if terminal.ct_id == ct_id), None)

    def drawer_of(self, practice: int) -> tuple[LabCard, ...]:
        """The cards of a practice that are in no terminal."""
        return tuple(card for card in self.drawer if card.practice == practice)


@dataclass(frozen=True, slots=True)
class _Overview:
    terminals: tuple[LabTerminal, ...]
    cards: tuple[LabCard, ...]


class LabHand:
    """A client of the control port at `base_url`. Close it with `aclose`."""

    def __init__(self, base_url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        # Plain HTTP only: reading the CAs of the world would take longer than the start of a lab may.
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.AsyncClient(
            base_url=base_url, timeout=_SECONDS, verify=tls, trust_env=False, transport=transport
        )

    async def aclose(self) -> None:
        """Ends all connections."""
        await self._http.aclose()

    async def room(self) -> Room:
        """What there is. Raises `HandRefused`."""
        document = await self._ask("GET", "/")
        try:
            overview = decode_document_untrusted(_Overview, document)
        except BadDocument as error:
            raise HandRefused("the control port speaks another language") from error
        inserted = {slot.iccsn for terminal in overview.terminals for slot in terminal.slots}
        return Room(overview.terminals, tuple(card for card in overview.cards if card.iccsn not in inserted))

    async def insert(self, ct_id: str, slot: int, iccsn: str) -> None:
        """Puts a card into a slot. Raises `HandRefused`."""
        await self._ask("POST", f"{_terminal(ct_id)}/slots/{slot}/insert", {"iccsn": iccsn})

    async def eject(self, ct_id: str, slot: int) -> None:
        """Takes a card out. Raises `HandRefused`."""
        await self._ask("POST", f"{_terminal(ct_id)}/slots/{slot}/eject")

    async def press(self, ct_id: str, key: str) -> None:
        """Presses a key. Raises `HandRefused`."""
        await self._ask("POST", f"{_terminal(ct_id)}/keys", {"key": key})

    async def who_types(self, ct_id: str, mode: str) -> None:
        """Sets the PIN policy. Raises `HandRefused`."""
        await self._ask("PUT", f"{_terminal(ct_id)}/pin-policy", {"mode": mode})

    async def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> object:
        try:
            answer = await self._http.request(method, path, json=body, headers={"Accept": "application/json"})
            document: object = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise HandRefused(f"the control port does not answer ({type(error).__name__})") from error
        if answer.is_error:
            said = document.get("error") if isinstance(document, dict) else None
            raise HandRefused(str(said or f"HTTP {answer.status_code}"))
        return document


def _terminal(ct_id: str) -> str:
    return f"/terminals/{quote(ct_id, safe='')}"
