"""Pairing that something came in between of, and terminals that are not the ones they were."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.integration.konnektor_core.surgery import CT, MAC, Surgery
from tests.integration.terminal.fakecards import Slow
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.konnektor.store import InstanceStore, StoreError
from tiaas.konnektor.terminallist import Correlation, TerminalConfig
from tiaas.terminal.virtual.config import PinMode, PinPolicy
from tiaas.terminal.virtual.mishaps import Mishaps
from tiaas.terminal.virtual.state import MAX_BLOCKS


class Unpaired(Surgery):
    """Everything is there but the pairing."""

    async def pair(self, wait: float = 5.0) -> None:
        await self.core.terminals.pair(CT, self.confirm, wait)
        await self.core.terminals.settled(CT, 5)

    async def cut_pairing(self, *, stored: bool) -> None:
        """The Konnektor dies while the terminal has CREATE: before or after it stored the secret."""
        blocks = len(self.terminal.state.blocks)
        if stored:
            self.terminal.mishaps = Slow(60.0)
        else:
            self.terminal.pin_policy = PinPolicy(PinMode.MANUAL)
        # With every answer held back the connection would not come: it has to stand before.
        pairing = asyncio.create_task(self.core.terminals.pair(CT, self.confirm, 5))
        if stored:
            await self.until(lambda: len(self.terminal.state.blocks) > blocks)
        else:
            await self.until(lambda: "PAIREN" in self.terminal.snapshot().display)
        pairing.cancel()
        with suppress(asyncio.CancelledError):
            await pairing
        await self.shut()
        self.terminal.mishaps = Mishaps()
        self.terminal.pin_policy = PinPolicy(PinMode.AUTO)

    @property
    def correlation(self) -> Correlation:
        return self.core.terminals.entry(CT).config.correlation


async def connected(surgery: Surgery) -> None:
    await surgery.until(lambda: surgery.core.terminals.entry(CT).product is not None)


@pytest.fixture
async def surgery(tmp_path: Path) -> AsyncIterator[Unpaired]:
    surgery = Unpaired(tmp_path)
    await surgery.open()
    yield surgery
    await surgery.close()


@pytest.fixture
async def unpaired(surgery: Unpaired) -> Unpaired:
    """The terminal is known and connected, but neither side has a pairing."""
    terminals = surgery.core.terminals
    await terminals.remove(CT)
    surgery.terminal.state.blocks.clear()
    await terminals.add(TerminalConfig(CT, "kt-empfang", MAC, surgery.terminal.host, surgery.terminal.port, 4))
    await connected(surgery)
    return surgery


async def test_ended_before_the_terminal_stored_it_is_done_again(unpaired: Unpaired) -> None:
    await unpaired.cut_pairing(stored=False)
    await unpaired.boot()
    await connected(unpaired)
    assert unpaired.correlation is Correlation.ZUGEWIESEN
    assert unpaired.core.terminals.entry(CT).config.pairing is None
    await unpaired.pair()
    assert len(unpaired.terminal.state.blocks) == 1
    assert len(list(unpaired.core.cards)) == 4


async def test_ended_after_the_terminal_stored_it_is_finished_without_a_person(unpaired: Unpaired) -> None:
    """Otherwise each end would cost one of the terminal's three pairing blocks, which only a person can free."""
    await unpaired.cut_pairing(stored=True)
    await unpaired.boot()
    await unpaired.core.terminals.settled(CT, 5)
    assert unpaired.correlation is Correlation.AKTIV
    assert len(unpaired.terminal.state.blocks) == 1
    unpaired.shown.clear()
    # An administrator who repeats the command finds it done.
    await unpaired.shut()
    await unpaired.boot()
    await unpaired.core.terminals.settled(CT, 5)


async def test_repeating_the_command_right_after_the_start_finds_it_done(unpaired: Unpaired) -> None:
    await unpaired.cut_pairing(stored=True)
    await unpaired.boot()
    await unpaired.pair()
    assert unpaired.shown == []
    assert len(unpaired.terminal.state.blocks) == 1


async def test_pairing_blocks_never_run_out(unpaired: Unpaired) -> None:
    for _ in range(MAX_BLOCKS + 1):
        unpaired.terminal.state.blocks.clear()
        await unpaired.cut_pairing(stored=False)
        await unpaired.boot()
        await connected(unpaired)
        await unpaired.cut_pairing(stored=True)
        await unpaired.boot()
        await unpaired.core.terminals.settled(CT, 5)
        assert len(unpaired.terminal.state.blocks) == 1
        await unpaired.core.terminals.remove(CT)
        terminal = unpaired.terminal
        await unpaired.core.terminals.add(TerminalConfig(CT, "kt-empfang", MAC, terminal.host, terminal.port, 4))
        await connected(unpaired)


async def test_the_line_breaks_while_somebody_is_asked(unpaired: Unpaired) -> None:
    unpaired.terminal.pin_policy = PinPolicy(PinMode.MANUAL)
    pairing = asyncio.create_task(unpaired.core.terminals.pair(CT, unpaired.confirm, 5))
    await unpaired.until(lambda: "PAIREN" in unpaired.terminal.snapshot().display)
    await unpaired.terminal.pull_plug()
    with pytest.raises(KonnektorError) as refused:
        await pairing
    assert refused.value.code == 4041
    unpaired.terminal.pin_policy = PinPolicy(PinMode.AUTO)
    await unpaired.terminal.plug_in()
    await connected(unpaired)
    await unpaired.pair()
    assert len(unpaired.terminal.state.blocks) == 1


# ---- exchanged -------------------------------------------------------------------------------------------------------


async def refused_with_4029(surgery: Unpaired) -> None:
    await surgery.until(lambda: Topic.CT_TLS_ESTABLISHMENT_FAILURE in surgery.topics())
    event = next(event for event in surgery.events if event.topic == Topic.CT_TLS_ESTABLISHMENT_FAILURE)
    assert dict(event.parameters)["Error"] == "4029"
    assert event.deliver
    await surgery.until(lambda: surgery.correlation is Correlation.GEPAIRT)
    assert list(surgery.core.cards) == []
    with pytest.raises(KonnektorError) as unusable:
        async with surgery.core.terminals.pinpad(CT):
            pass
    assert unusable.value.code == 4221


@pytest.mark.event("CT/TLS_ESTABLISHMENT_FAILURE")
async def test_a_terminal_after_a_factory_reset_is_refused_until_it_is_paired_again(surgery: Unpaired) -> None:
    await surgery.terminal.pull_plug()
    surgery.terminal.state.blocks.clear()
    surgery.events.clear()
    await surgery.terminal.plug_in()
    await refused_with_4029(surgery)
    # A restart of the Konnektor does not make it better.
    surgery.events.clear()
    await surgery.shut()
    await surgery.boot()
    await surgery.until(lambda: Topic.CT_TLS_ESTABLISHMENT_FAILURE in surgery.topics())
    await surgery.pair()
    assert surgery.correlation is Correlation.AKTIV
    assert len(list(surgery.core.cards)) == 4
    assert len(surgery.terminal.state.blocks) == 1


async def test_another_terminal_at_the_same_address_is_refused_until_it_is_paired(surgery: Unpaired) -> None:
    """Also what an exchanged gSMC-KT is: the certificate is the card's."""
    before = surgery.terminal
    port = before.port
    await before.pull_plug()
    other = surgery.make_terminal(serial=2)
    other.insert(1, surgery.virtual(surgery.egk))
    surgery.events.clear()
    await other.start("127.0.0.1", port)
    surgery.terminal = other
    await refused_with_4029(surgery)
    # The idle text comes when the terminal has seen the end of the connection, a moment later.
    assert set(other.snapshot().history) <= {"Bereit"}
    assert [slot for slot in other.snapshot().slots if slot == "active"] == []
    first = surgery.core.terminals.entry(CT).config.pairing
    await surgery.pair()
    now = surgery.core.terminals.entry(CT).config.pairing
    assert first is not None
    assert now is not None
    assert first.certificate != now.certificate
    assert len(list(surgery.core.cards)) == 2


async def test_a_refused_fingerprint_replaces_nothing(surgery: Unpaired) -> None:
    """The terminal stays out of use; what was stored stays for a Wartungs-Pairing."""
    before = surgery.core.terminals.entry(CT).config.pairing
    await surgery.terminal.pull_plug()
    surgery.terminal.state.blocks.clear()
    surgery.events.clear()
    await surgery.terminal.plug_in()
    await refused_with_4029(surgery)
    with pytest.raises(KonnektorError) as refused:
        await surgery.core.terminals.pair(CT, lambda shown: False, 5)
    assert refused.value.code == 4040
    config = surgery.core.terminals.entry(CT).config
    assert config.correlation is not Correlation.AKTIV
    assert config.pairing == before
    assert surgery.terminal.state.blocks == []


async def test_a_store_that_fails_once_does_not_lose_the_terminal(
    unpaired: Unpaired, monkeypatch: pytest.MonkeyPatch
) -> None:
    await unpaired.cut_pairing(stored=True)
    monkeypatch.setattr("tiaas.konnektor.terminaladmission.RETRY_SECONDS", 0.05)
    handle = type(unpaired.core.store)
    put = handle.put
    refused: list[str] = []

    async def refuse_once(store: InstanceStore, kind: str, key: str, body: Any) -> None:
        if not refused:
            refused.append(key)
            raise StoreError("full")
        await put(store, kind, key, body)

    monkeypatch.setattr(handle, "put", refuse_once)
    await unpaired.boot()
    await unpaired.core.terminals.settled(CT, 5)
    assert refused == [CT]
    assert unpaired.correlation is Correlation.AKTIV
