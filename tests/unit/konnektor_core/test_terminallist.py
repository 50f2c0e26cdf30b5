"""Stored terminals: what is taken as an address."""

import pytest

from tiaas.base.errors import InvalidInput
from tiaas.konnektor.terminallist import BadTerminalDocument, TerminalConfig


def config(host: str) -> TerminalConfig:
    return TerminalConfig("CT-0001", "kt", bytes(6), host, 4742, 4)


@pytest.mark.parametrize(
    "host", ["10.0.0.7", "fe80::1%eth0", "kt", "kt-empfang.praxis.example.", "kt_1.local", "k" * 63]
)
def test_addresses_and_names_are_taken(host: str) -> None:
    assert TerminalConfig.from_document(config(host).to_document()).host == host


@pytest.mark.parametrize(
    "host", ["", ".", "kt..praxis", "k" * 64, "kt\0x", "kt empfang", "k.t" * 90, "ärzte.de", "kt\n"]
)
def test_what_cannot_be_a_host_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput):
        config(host)
    with pytest.raises(BadTerminalDocument):
        TerminalConfig.from_document(config("kt").to_document() | {"host": host})
