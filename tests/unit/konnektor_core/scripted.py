"""A card that answers from a script, and a PIN pad that does: for what a real card cannot be made to do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.link import CardLinkError
from tiaas.konnektor.errors import KonnektorError
from tiaas.terminal.session import NewPinPrompts, PinPrompts

Answer = ResponseApdu | CardLinkError


def sw(word: int, data: bytes = b"") -> ResponseApdu:
    return ResponseApdu(data, word)


class ScriptedCard:
    """Answers each command by `react`; keeps what was sent. Opens logical channels up to `channels` (the basic one
    included)."""

    def __init__(self, react: Callable[[CommandApdu], Answer] | None = None, channels: int = 4) -> None:
        self.sent: list[CommandApdu] = []
        self.react = react or (lambda command: sw(0x9000))
        self.free = list(range(1, channels))
        self.gate: asyncio.Event | None = None

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        self.sent.append(command)
        if self.gate is not None:
            await self.gate.wait()
        if (command.cla & 0xFC, command.ins, command.p1, command.p2) == (0x00, 0x70, 0x00, 0x00):
            return sw(0x9000, bytes([self.free.pop(0)])) if self.free else sw(0x6981)
        answer = self.react(command)
        if isinstance(answer, CardLinkError):
            raise answer
        return answer

    def ins(self) -> list[int]:
        return [command.ins for command in self.sent]


class ScriptedPad:
    """A terminal whose PIN entry ends as told; `result` is the card's answer or an error."""

    def __init__(self, result: ResponseApdu | Exception, slots: int = 4) -> None:
        self.result = result
        self.slots = slots
        self.templates: list[CommandApdu] = []
        self.prompts: list[PinPrompts] = []
        self.new_prompts: list[NewPinPrompts] = []
        self.without_old: list[bool] = []
        self.shown: list[str] = []
        self.taken = False
        self.asked = asyncio.Event()
        self.gate: asyncio.Event | None = None

    @asynccontextmanager
    async def pinpad(self, ct_id: str) -> AsyncIterator["ScriptedPad"]:
        if self.taken:
            raise KonnektorError(4060)
        self.taken = True
        try:
            yield self
        finally:
            self.taken = False

    def slot_count(self, ct_id: str) -> int:
        return self.slots

    async def perform_verification(self, slot: int, template: CommandApdu, prompts: PinPrompts) -> ResponseApdu:
        self.prompts.append(prompts)
        return await self._answer(template)

    async def modify_verification_data(
        self,
        slot: int,
        template: CommandApdu,
        prompts: NewPinPrompts,
        *,
        minimum_new: int = 0,
        skip_old: bool = False,
    ) -> ResponseApdu:
        assert minimum_new == 6
        self.new_prompts.append(prompts)
        self.without_old.append(skip_old)
        return await self._answer(template)

    async def show(self, text: str) -> None:
        self.shown.append(text)

    async def _answer(self, template: CommandApdu) -> ResponseApdu:
        self.templates.append(template)
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result
