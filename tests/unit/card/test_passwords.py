"""Commands on passwords against a naive model, and the cases the model does not know."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cardbench import OTHER_PIN, PIN, PUK, TRANSPORT_PIN, Desk, block, desk, make_image
from tiaas.base.secret import Secret
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu
from tiaas.card.objsys.model import CardKind, TransportStatus

WRONG_PIN, WRONG_PUK = "111111", "99999999"


@dataclass
class Model:
    """PIN.CH as the specification tells it, without any structure: three tries, ten uses of the PUK."""

    pin: str = PIN
    tries: int = 3
    puk_uses: int = 10
    verified: bool = False

    def verify(self, pin: str) -> int:
        if self.tries == 0:
            return 0x6983
        if pin == self.pin:
            self.tries, self.verified = 3, True
            return 0x9000
        self.tries, self.verified = self.tries - 1, False
        return 0x63C0 + self.tries

    def change(self, old: str, new: str) -> int:
        if self.tries == 0:
            return 0x6983
        if old == self.pin:
            self.tries, self.pin = 3, new
            return 0x9000
        self.tries, self.verified = self.tries - 1, False
        return 0x63C0 + self.tries

    def reset(self, puk: str, new: str | None) -> int:
        self.verified = False
        if self.puk_uses == 0:
            return 0x6983
        self.puk_uses -= 1
        if puk != PUK:
            return 0x63C0 + self.puk_uses
        self.tries, self.pin = 3, new or self.pin
        return 0x9000

    def status(self) -> int:
        if self.tries == 0:
            return 0x63C0
        return 0x9000 if self.verified else 0x63C0 + self.tries


_PINS = st.sampled_from([PIN, OTHER_PIN, WRONG_PIN])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("verify"), _PINS),
        st.tuples(st.just("change"), _PINS, st.sampled_from([PIN, OTHER_PIN])),
        st.tuples(st.just("reset"), st.sampled_from([PUK, WRONG_PUK]), st.sampled_from([None, PIN, OTHER_PIN])),
        st.tuples(st.just("power")),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(_STEPS)
def test_agrees_with_the_naive_model(steps: list[tuple[str, ...]]) -> None:
    card, model = desk(), Model()
    state = card.image.passwords["MF/PIN.CH"]
    for name, *arguments in steps:
        tries = state.retry_counter
        match name:
            case "verify":
                got = card.sw(commands.verify(1, block(arguments[0])))
                wanted = model.verify(arguments[0])
            case "change":
                got = card.sw(commands.change_reference_data(1, block(arguments[0]), block(arguments[1])))
                wanted = model.change(*arguments)
            case "reset":
                new = arguments[1]
                got = card.sw(commands.reset_retry_counter(1, block(arguments[0]), block(new) if new else None))
                wanted = model.reset(*arguments)
            case _:
                card.card.reset()
                model.verified = False
                got = wanted = 0x9000
        assert got == wanted
        assert card.sw(commands.get_pin_status(1)) == model.status()
        assert state.retry_counter <= tries or got == 0x9000


@pytest.mark.parametrize(
    "command",
    [
        commands.verify(0x1E, block(PIN)),
        commands.get_pin_status(0x1E),
        commands.change_reference_data(0x1E, block(PIN), block(PIN)),
        commands.reset_retry_counter(0x1E, block(PUK), None),
        commands.enable_verification(0x1E, block(PIN)),
        commands.disable_verification(0x1E, block(PIN)),
        commands.verify(0x81, block(PIN)),
    ],
)
def test_unknown_reference_is_6a88(command: CommandApdu) -> None:
    assert desk().sw(command) == 0x6A88


def test_change_does_not_verify() -> None:
    card = desk()
    assert card.sw(commands.verify(1, block("111111"))) == 0x63C2
    card.ok(commands.change_reference_data(1, block(PIN), block(OTHER_PIN)))
    assert card.sw(commands.get_pin_status(1)) == 0x63C3
    card.ok(commands.verify(1, block(OTHER_PIN)))


@pytest.mark.parametrize("new", ["12345", "123456789"])
def test_new_pin_of_wrong_length_is_6985_and_costs_nothing(new: str) -> None:
    card = desk()
    assert card.sw(commands.change_reference_data(1, block("111111"), block(new))) == 0x6985
    assert card.sw(commands.reset_retry_counter(1, block(PUK), block(new))) == 0x6985
    state = card.image.passwords["MF/PIN.CH"]
    assert (state.retry_counter, state.puk_uses) == (3, 10)
    assert card.changes == 0


def test_new_pin_that_is_no_block_is_6985() -> None:
    command = commands.change_reference_data(1, block(PIN), Secret(b"\xff" * 8))
    assert desk().sw(command) == 0x6985


def test_template_sent_unfilled_costs_a_try() -> None:
    # A terminal that forgets to put the digits in sends eight octets FF: a wrong secret like any other.
    assert desk().sw(commands.verify_template(1)) == 0x63C2


def test_right_puk_costs_a_use_too() -> None:
    card = desk()
    for _ in range(10):
        card.ok(commands.reset_retry_counter(1, block(PUK), None))
    assert card.sw(commands.reset_retry_counter(1, block(PUK), None)) == 0x6983


def test_reset_clears_verified() -> None:
    card = desk()
    card.ok(commands.verify(1, block(PIN)))
    card.ok(commands.reset_retry_counter(1, block(PUK), None))
    assert card.sw(commands.get_pin_status(1)) == 0x63C3


def _in_transport(kind: CardKind, path: str, status: TransportStatus, pin: str | None) -> Desk:
    image = make_image(kind)
    state = image.passwords[path]
    state.transport, state.secret = status, None if pin is None else Secret(pin.encode())
    return Desk(image)


def test_transport_pin() -> None:
    card = _in_transport(CardKind.SMC_B, "MF/PIN.SMC", TransportStatus.TRANSPORT_PIN, TRANSPORT_PIN)
    assert card.sw(commands.get_pin_status(1)) == 0x62C1
    assert card.sw(commands.verify(1, block(TRANSPORT_PIN))) == 0x6985
    assert card.sw(commands.change_reference_data(1, block("11111"), block(PIN))) == 0x63C2
    assert card.sw(commands.get_pin_status(1)) == 0x62C1
    card.ok(commands.change_reference_data(1, block(TRANSPORT_PIN), block(PIN)))
    assert card.sw(commands.get_pin_status(1)) == 0x63C3
    card.ok(commands.verify(1, block(PIN)))


def test_blocked_beats_transport_state() -> None:
    card = _in_transport(CardKind.SMC_B, "MF/PIN.SMC", TransportStatus.TRANSPORT_PIN, TRANSPORT_PIN)
    for left in (2, 1, 0):
        assert card.sw(commands.change_reference_data(1, block("11111"), block(PIN))) == 0x63C0 + left
    assert card.sw(commands.verify(1, block(PIN))) == 0x6983
    assert card.sw(commands.get_pin_status(1)) == 0x63C0


def test_leer_pin_is_set_once() -> None:
    card = _in_transport(CardKind.HBA, "MF/DF.AUTO/PIN.AUTO", TransportStatus.LEER_PIN, None)
    card.ok(commands.select_aid(bytes.fromhex("D27600014603")))
    assert card.sw(commands.get_pin_status(0x81)) == 0x62C7
    card.ok(commands.change_reference_data(0x81, None, block("12345")))
    assert card.sw(commands.get_pin_status(0x81)) == 0x63C3
    card.ok(commands.verify(0x81, block("12345")))
    assert card.sw(commands.change_reference_data(0x81, None, block("54321"))) == 0x6982


def test_multi_reference_shares_secret_and_counters_not_the_state() -> None:
    card = desk()
    card.ok(commands.verify(2, block(PIN)))
    assert card.sw(commands.get_pin_status(2)) == 0x9000
    assert card.sw(commands.get_pin_status(1)) == 0x63C3
    assert card.sw(commands.verify(1, block("111111"))) == 0x63C2
    assert card.sw(commands.get_pin_status(5)) == 0x63C2
    assert card.sw(commands.get_pin_status(2)) == 0x9000


def test_disabled_and_enabled_again() -> None:
    card = desk()
    assert card.sw(commands.get_pin_status(3)) == 0x62D0
    card.ok(commands.disable_verification(3, block("111111")))  # already so: nobody looks at the PIN
    assert card.sw(commands.enable_verification(3, block("111111"))) == 0x63C2
    card.ok(commands.enable_verification(3, block(PIN)))
    assert card.sw(commands.get_pin_status(3)) == 0x63C3
    assert card.sw(commands.disable_verification(1, block(PIN))) == 0x6982


def test_representative_pin_is_managed_by_pin_ch() -> None:
    card = desk()
    assert card.sw(commands.change_reference_data(0x0D, None, block(OTHER_PIN))) == 0x6982
    card.ok(commands.verify(1, block(PIN)))
    card.ok(commands.change_reference_data(0x0D, None, block(OTHER_PIN)))
    card.ok(commands.verify(0x0D, block(OTHER_PIN)))
    card.ok(commands.reset_retry_counter(0x0D, None, block(PIN)))
    assert card.sw(commands.get_pin_status(0x0D)) == 0x63C3


def test_a_fifth_verified_password_displaces_the_first() -> None:
    card = desk()
    for ref in (1, 2, 5, 7, 9):
        card.ok(commands.verify(ref, block(PIN)))
    assert card.sw(commands.get_pin_status(1)) == 0x63C3
    assert [card.sw(commands.get_pin_status(ref)) for ref in (2, 5, 7, 9)] == [0x9000] * 4


@pytest.mark.parametrize("data", [b"", b"\x26\x12\x34\x56", bytes(16)])
def test_wrong_length_costs_no_try(data: bytes) -> None:
    card = desk()
    assert card.sw(CommandApdu(0x00, 0x20, 0x00, 0x01, data)) == 0x6700
    assert card.image.passwords["MF/PIN.CH"].retry_counter == 3


def test_stored_only_when_something_changed() -> None:
    card = desk()
    card.ok(commands.verify(1, block(PIN)))
    card.ok(commands.get_challenge(16))
    assert card.changes == 0
    card.sw(commands.verify(1, block("111111")))
    assert card.changes == 1
    card.ok(commands.verify(1, block(PIN)))
    assert card.changes == 2
