"""The loop of production: the same ends on uvloop, whose TLS is another implementation."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from tests.integration.terminal.fakecards import FakeCard
from tests.integration.terminal.identities import Pki
from tests.integration.terminal.rooms import OWNER, Room
from tiaas.card.commands import verify_template
from tiaas.terminal.front import LinkDown, LinkUp
from tiaas.terminal.pairing import verify_pairing_signature
from tiaas.terminal.session import PinPrompts, TerminalSession


async def pair_and_use(room: Room) -> None:
    terminal = await room.terminal("kt")
    terminal.insert(1, FakeCard())
    up = await room.connect(terminal)
    session = TerminalSession(room.front, OWNER, "kt")
    await session.init()
    verify_pairing_signature(up.certificate, room.secret, await session.create_pairing(room.secret, "Paaren?"))
    await session.validate(room.secret, os.urandom(16))
    assert await session.activate(1)
    assert (await session.perform_verification(1, verify_template(1), PinPrompts("PIN", "gut", "schlecht"))).ok


async def lose_and_find_again(room: Room) -> None:
    terminal, _ = await room.working()
    await terminal.pull_plug()
    await room.heard.next(LinkDown)
    await terminal.plug_in()
    await room.heard.next(LinkUp)


@pytest.mark.parametrize("story", [pair_and_use, lose_and_find_again])
def test_on_uvloop(pki: Pki, tmp_path: Path, story: Callable[[Room], Awaitable[None]]) -> None:
    async def tell() -> None:
        room = Room(pki, tmp_path, pki.sak("konnektor"))
        try:
            await story(room)
        finally:
            await room.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(tell())
