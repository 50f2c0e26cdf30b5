"""`tiaas pin verify|change|unblock|enable|disable|status`: PINs of cards in the terminals.

What is secret is typed at the terminal, never here.
"""

import argparse
from collections.abc import Awaitable, Callable, Mapping

from tiaas.base.dataclass import dataclass
from tiaas.cli.cardchoice import choose_card
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.writer import note, out, out_json
from tiaas.client import Konnektor, PinOutcome, PinState
from tiaas.interfaces.card_service_common_v2_0 import CardType, PinResult
from tiaas.interfaces.card_service_v8_1 import Card, PinStatus


@dataclass(frozen=True, slots=True)
class _Action:
    """A verb that lets somebody type: what it does to a card, and what to say when it is done."""

    call: Callable[[Konnektor, str, argparse.Namespace], Awaitable[PinOutcome]]
    done: str
    secret: str
    summary: str
    description: str


_REFUSED: Mapping[PinResult, str] = {
    PinResult.ERROR: "not {done}: an error occurred",
    PinResult.REJECTED: "wrong {secret}",
    PinResult.WASBLOCKED: "the {secret} was blocked already",
    PinResult.NOWBLOCKED: "wrong {secret}, the {secret} is blocked now",
    PinResult.TRANSPORT_PIN: "the card has a transport PIN; change it first",
}
_STILL_ASKED = (
    "tiaas: the terminal may still ask, and until somebody answers or presses cancel there, the card is in use (4093)"
)
_STATES = {
    PinStatus.VERIFIED: "verified",
    PinStatus.VERIFIABLE: "not verified",
    PinStatus.BLOCKED: "blocked",
    PinStatus.TRANSPORT_PIN: "transport PIN, to be changed before use",
    PinStatus.EMPTY_PIN: "empty PIN, to be set before use",
    PinStatus.DISABLED: "not needed (switched off)",
}
_ACTIONS: Mapping[str, _Action] = {
    "verify": _Action(
        lambda konnektor, card, args: konnektor.verify_pin(card, args.pin),
        "verified",
        "PIN",
        "let the holder type a PIN at the terminal",
        "VerifyPin (CardService 8.1). Waits until somebody has typed the PIN at the terminal.",
    ),
    "change": _Action(
        lambda konnektor, card, args: konnektor.change_pin(card, args.pin),
        "changed",
        "PIN",
        "let the holder change a PIN, or replace a transport PIN",
        "ChangePin (CardService 8.1). Old PIN, or Transport-PIN, and twice the new one are typed at the terminal.",
    ),
    "unblock": _Action(
        lambda konnektor, card, args: konnektor.unblock_pin(card, args.pin, args.new_pin),
        "unblocked",
        "PUK",
        "let the holder unblock a PIN with the PUK",
        "UnblockPin (CardService 8.1). The PUK, with --new-pin also twice a new PIN, is typed at the terminal.",
    ),
    "enable": _Action(
        lambda konnektor, card, args: konnektor.enable_pin(card, args.pin),
        "switched on",
        "PIN",
        "switch the need for a PIN of a health card on",
        "EnablePin (CardService 8.1), for MRPIN.NFD, MRPIN.DPE, MRPIN.GDD, MRPIN.AMTS.",
    ),
    "disable": _Action(
        lambda konnektor, card, args: konnektor.disable_pin(card, args.pin),
        "switched off",
        "PIN",
        "switch the need for a PIN of a health card off",
        "DisablePin (CardService 8.1), for MRPIN.NFD, MRPIN.DPE, MRPIN.GDD, MRPIN.AMTS.",
    ),
}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `pin` and what it does."""
    parser = subparsers.add_parser("pin")
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    for name, action in _ACTIONS.items():
        description = f"{action.description} Exit code 5 if it was not {action.done}."
        verb = actions.add_parser(name, help=action.summary, description=description)
        _add_arguments(verb)
        if name == "unblock":
            verb.add_argument("--new-pin", action="store_true", help="also set a new PIN (not for PIN.QES)")
    status = actions.add_parser("status", help="show the state of a PIN", description="GetPinStatus (CardService 8.1).")
    _add_arguments(status)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pin", nargs="?", default="PIN.SMC", metavar="PIN", help="PIN.SMC (default), PIN.CH, …")
    parser.add_argument(
        "--card", metavar="CARD", help="card handle or ICCSN (default: the only SMC-B, HBA or eGK with such a PIN)"
    )
    add_konnektor_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    return _status(args) if args.action == "status" else _enter(args, _ACTIONS[args.action])


def _kinds(pin: str) -> tuple[CardType, ...]:
    """Which cards have a PIN of this name (gemSpec_Kon, PinTyp per card type)."""
    if pin == "PIN.SMC":
        return (CardType.SMC_B,)
    return (CardType.HBA, CardType.EGK) if pin in ("PIN.CH", "PIN.QES") else (CardType.EGK,)


def _whose(args: argparse.Namespace, card: Card) -> str:
    """The PIN with the card it is of, which may be one of several; the holder's name has no place here."""
    return f"{args.pin} of {card.card_type.value} in {card.ct_id} slot {card.slot_id}"


def _place(card: Card) -> dict[str, object]:
    return {"card_type": card.card_type.value, "ct_id": card.ct_id, "slot": card.slot_id}


def _enter(args: argparse.Namespace, action: _Action) -> int:
    async def enter(konnektor: Konnektor) -> tuple[Card, PinOutcome, bool]:
        card = await choose_card(konnektor, args.card, _kinds(args.pin))
        # A PIN that the card does not have is refused before anybody is sent to a terminal.
        state = await konnektor.get_pin_status(card.card_handle, args.pin)
        idle = args.action == "unblock" and state.status is not PinStatus.BLOCKED
        if not idle:
            note(f"tiaas: {_whose(args, card)}: if the terminal asks, type there")
        return card, await action.call(konnektor, card.card_handle, args), idle

    try:
        card, outcome, idle = with_konnektor(args, enter)
    except KeyboardInterrupt:
        note(_STILL_ASKED)
        raise
    if args.json:
        warning = [{"code": entry.code, "text": entry.text} for entry in outcome.warning]
        found: dict[str, object] = {
            "pin_result": outcome.result.value,
            "left_tries": outcome.left_tries,
            "warning": warning,
        }
        found |= _place(card)
        out_json(found | {"was_blocked": not idle} if args.action == "unblock" else found)
    else:
        refused = _REFUSED.get(outcome.result, "").format(done=action.done, secret=action.secret)
        done = "was not blocked: it stays as it is, and nobody is asked for anything" if idle else action.done
        out(f"{_whose(args, card)}: {refused or done}{_tries(outcome.left_tries)}")
        for entry in outcome.warning:
            note(f"tiaas: {entry.code}: {entry.text}")
    return ExitCode.OK if outcome.ok else ExitCode.PIN_REFUSED


def _status(args: argparse.Namespace) -> int:
    async def status(konnektor: Konnektor) -> tuple[Card, PinState]:
        card = await choose_card(konnektor, args.card, _kinds(args.pin))
        return card, await konnektor.get_pin_status(card.card_handle, args.pin)

    card, state = with_konnektor(args, status)
    if args.json:
        told = {"pin_status": state.status.value if state.status else None, "left_tries": state.left_tries}
        out_json(told | _place(card))
    else:
        words = _STATES[state.status] if state.status else "unknown"
        out(f"{_whose(args, card)}: {words}{_tries(state.left_tries)}")
    return ExitCode.OK


def _tries(left: int | None) -> str:
    if left is None:
        return ""
    return f", {left} {'try' if left == 1 else 'tries'} left"
