"""A terminal may say anything of itself; GetCardTerminals stays an answer all the same."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from tiaas.base.clock import ManualClock
from tiaas.interfaces.card_terminal_info_v8_0 import CardTerminals
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.event_service_v7_2 import GetCardTerminalsResponse
from tiaas.konnektor.infomodel import InfoModel
from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.services.event.views import wire_terminal
from tiaas.konnektor.terminallist import TerminalConfig, TerminalEntry
from tiaas.soap.client import read_answer_untrusted
from tiaas.soap.envelope import write_envelope
from tiaas.terminal.session import TerminalProduct

CONTEXT = cast(ServiceContext, SimpleNamespace(clock=ManualClock(datetime(2026, 1, 1, tzinfo=UTC))))
CONFIG = TerminalConfig("CT-1", "KT", bytes.fromhex("020000000001"), "192.0.2.1", 4742, 4)
GOOD = TerminalProduct("DEABC", "1.2", "1", "1.0.0", "KT", "1.6.0", "MODEL", "1.2.3", "4.5.6", "A", "Hersteller")


def answer(product: TerminalProduct | None) -> GetCardTerminalsResponse:
    """What a client reads."""
    entry = TerminalEntry(CONFIG)
    entry.product = product
    terminal = wire_terminal(CONTEXT, InfoModel(), entry)
    terminals = CardTerminals(card_terminal=(terminal,))
    octets = write_envelope(GetCardTerminalsResponse(status=OK, card_terminals=terminals))
    return read_answer_untrusted(octets, GetCardTerminalsResponse)


def test_what_fits_is_told_as_it_is() -> None:
    (terminal,) = answer(GOOD).card_terminals.card_terminal
    product = terminal.product_information
    assert product.product_identification.product_vendor_id == "DEABC"
    assert product.product_type_information.product_type_version == "1.6.0"
    assert product.product_miscellaneous.product_vendor_name == "Hersteller"


def test_what_does_not_fit_is_left_out() -> None:
    odd = replace(GOOD, manufacturer="DE-XX", vendor_text="x\x01y", firmware_version="1.2", model="A B_C-D-E-F-G")
    (terminal,) = answer(odd).card_terminals.card_terminal
    product = terminal.product_information
    assert product.product_identification.product_vendor_id == "DEXX"
    assert product.product_identification.product_code == "AB_CDEFG"
    assert product.product_miscellaneous.product_vendor_name == "x y"
    local = product.product_identification.product_version.local
    assert local is not None
    assert local.fw_version == "0.0.0"


@given(st.builds(TerminalProduct, *[st.text(max_size=300)] * 11) | st.none())
def test_whatever_it_says(product: TerminalProduct | None) -> None:
    assert len(answer(product).card_terminals.card_terminal) == 1
