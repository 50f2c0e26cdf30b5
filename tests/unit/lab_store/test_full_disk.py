"""A disk that takes nothing more: memory is as the database is, whatever was being changed (`LabStore.undo`)."""

import sqlite3
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any
from unittest.mock import patch

import pytest

from tiaas.base.config import read_config
from tiaas.base.secret import Secret
from tiaas.card import commands
from tiaas.card.objsys.model import CardKind
from tiaas.card.pinblock import encode_pin_block
from tiaas.cli.cardquestions import ask_form
from tiaas.interfaces.cm_common_v2_0 import UpdatePriority
from tiaas.lab.cardform import CardForm
from tiaas.lab.errors import NotKept
from tiaas.lab.lab import Lab
from tiaas.lab.store import Kind
from tiaas.lab.vsdm.books import Task
from tiaas.lab.vsdm.change import Change
from tiaas.lab.workshop import Workshop
from tiaas.terminal.virtual.state import PairingBlock

Work = Callable[[Lab], object | Awaitable[object]]


class Refusing:
    """A database on a disk without room: it reads and begins, and fails at the statements that begin with a word."""

    def __init__(self, database: sqlite3.Connection, word: str) -> None:
        self._database = database
        self._word = word

    @property
    def in_transaction(self) -> bool:
        return self._database.in_transaction

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if statement.startswith(self._word):
            raise sqlite3.OperationalError("database or disk is full")
        return self._database.execute(statement, *values)


def _egk(lab: Lab, at: int = 0) -> str:
    return lab.cards.of_practice(1, CardKind.EGK)[at].iccsn


def _hba(lab: Lab) -> Any:
    (hba,) = lab.cards.of_practice(1, CardKind.HBA)
    return hba.card


def _a_card_is_made(lab: Lab) -> object:
    return lab.make_card(read_config(CardForm, ask_form(lambda question: "", "gSMC-KT")))


def _a_pin_is_mistyped(lab: Lab) -> object:
    hba = _hba(lab)
    hba.reset()
    return hba.process(commands.verify(0x01, encode_pin_block(Secret(b"99999999"))).encode())


def _an_update_is_booked(lab: Lab) -> object:
    return lab.books.add(_egk(lab), Task.DATA, Change(strasse="Neu"), UpdatePriority.MANDATORY)


def _an_update_is_taken_back(lab: Lab) -> object:
    return lab.books.cancel(next(iter(lab.books)).update_id)


def _an_update_is_done(lab: Lab) -> None:
    lab.books.performed(next(iter(lab.books)))


def _a_pairing_is_deleted(lab: Lab) -> None:
    Workshop(lab).delete_pairing("CT-1")


def _the_terminal_gets_another_name(lab: Lab) -> object:
    virtual = lab.terminal("CT-1").virtual
    virtual.state.names[0] = "changed"
    return virtual.machine.changed()


def _another_gsmckt(lab: Lab) -> Awaitable[object]:
    return Workshop(lab).exchange_smkt("CT-1")


def _another_validity(lab: Lab) -> Awaitable[object]:
    return Workshop(lab).set_validity("CT-1", 5)


def _an_anchor_is_made(lab: Lab) -> object:
    return lab.signers.anchor(len(lab.signers.issuers) - len(lab.pki.authorities))


def _memory(lab: Lab) -> object:
    """Everything that has a place in the database, as memory has it."""
    return {
        "cards": {card.iccsn: (card.holder, card.card.image.to_document()) for card in lab.cards},
        "terminals": [
            (terminal.record.to_document(), terminal.virtual.state.to_document()) for terminal in lab.terminals()
        ],
        "inside": [[terminal.virtual.card_in(slot) for slot in terminal.record.slots] for terminal in lab.terminals()],
        "updates": [update.to_document() for update in lab.books],
        "signers": sorted(lab.signers.issuers),
    }


_CHANGES: list[Work] = [
    _a_card_is_made,
    _a_pin_is_mistyped,
    _an_update_is_booked,
    _an_update_is_taken_back,
    _an_update_is_done,
    _a_pairing_is_deleted,
    _the_terminal_gets_another_name,
    _another_gsmckt,
    _another_validity,
    _an_anchor_is_made,
]


@pytest.mark.parametrize(
    ("work", "word"),
    [*((work, "COMMIT") for work in _CHANGES), (_a_pin_is_mistyped, "INSERT"), (_an_update_is_taken_back, "DELETE")],
    ids=lambda case: case if isinstance(case, str) else case.__name__.strip("_"),
)
async def test_what_is_not_kept_did_not_happen(lab: Lab, work: Work, word: str) -> None:
    terminal = lab.terminal("CT-1")
    terminal.virtual.state.blocks.append(PairingBlock(Secret(bytes(16)), [b"key"]))
    terminal.keep_state()
    lab.signers.anchor(0)
    before = _memory(lab)
    database = lab.store._database
    with patch.object(lab.store, "_database", Refusing(database, word)), pytest.raises(NotKept, match="disk is full"):
        await _done(work(lab))
    assert _memory(lab) == before
    assert not database.in_transaction
    assert lab.store.get(Kind.TERMINAL, "CT-1") == terminal.record.to_document()


async def _done(result: object) -> None:
    if isawaitable(result):
        await result


async def test_a_card_is_changed_once_the_disk_takes_it(lab: Lab) -> None:
    tries = _hba(lab).image.passwords["MF/PIN.CH"].retry_counter
    with patch.object(lab.store, "_database", Refusing(lab.store._database, "INSERT")), pytest.raises(NotKept):
        _a_pin_is_mistyped(lab)
    assert _hba(lab).image.passwords["MF/PIN.CH"].retry_counter == tries
    _a_pin_is_mistyped(lab)
    assert _hba(lab).image.passwords["MF/PIN.CH"].retry_counter == tries - 1
