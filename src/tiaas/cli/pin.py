"""`tiaas pin verify|status`: PINs of cards in the terminals. The PIN itself is typed at the terminal, never here."""

import argparse

from tiaas.cli.cardchoice import choose_card
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.writer import note, out, out_json
from tiaas.client import Konnektor, PinOutcome, PinState
from tiaas.interfaces.card_service_common_v2_0 import CardType, PinResult
from tiaas.interfaces.card_service_v8_1 import PinStatus

_RESULTS = {
    PinResult.OK: "verified",
    PinResult.ERROR: "not verified: an error occurred",
    PinResult.REJECTED: "wrong PIN",
    PinResult.WASBLOCKED: "the PIN was blocked already",
    PinResult.NOWBLOCKED: "wrong PIN, the PIN is blocked now",
    PinResult.TRANSPORT_PIN: "the card has a transport PIN; change it first",
}
_STATES = {
    PinStatus.VERIFIED: "verified",
    PinStatus.VERIFIABLE: "not verified",
    PinStatus.BLOCKED: "blocked",
    PinStatus.TRANSPORT_PIN: "transport PIN, to be changed before use",
    PinStatus.EMPTY_PIN: "empty PIN, to be set before use",
    PinStatus.DISABLED: "not needed (switched off)",
}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `pin` and what it does."""
    parser = subparsers.add_parser("pin", help="verify a PIN at the terminal, or show its state")
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    verify = actions.add_parser(
        "verify",
        help="let the holder type a PIN at the terminal",
        description="VerifyPin (CardService 8.1). Waits until somebody has typed the PIN at the terminal. "
        "Exit code 5 if it was not verified.",
    )
    status = actions.add_parser("status", help="show the state of a PIN", description="GetPinStatus (CardService 8.1).")
    for action in (verify, status):
        action.add_argument("pin", nargs="?", default="PIN.SMC", metavar="PIN", help="PIN.SMC (default), PIN.CH, …")
        action.add_argument(
            "--card", metavar="CARD", help="card handle or ICCSN (default: the only SMC-B, HBA or eGK with such a PIN)"
        )
        add_konnektor_arguments(action)


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    return _verify(args) if args.action == "verify" else _status(args)


def _kinds(pin: str) -> tuple[CardType, ...]:
    """Which cards have a PIN of this name (gemSpec_Kon, PinTyp per card type)."""
    if pin == "PIN.SMC":
        return (CardType.SMC_B,)
    return (CardType.HBA, CardType.EGK) if pin in ("PIN.CH", "PIN.QES") else (CardType.EGK,)


def _verify(args: argparse.Namespace) -> int:
    async def verify(konnektor: Konnektor) -> PinOutcome:
        card = await choose_card(konnektor, args.card, _kinds(args.pin))
        return await konnektor.verify_pin(card.card_handle, args.pin)

    outcome = with_konnektor(args, verify)
    if args.json:
        warning = [{"code": entry.code, "text": entry.text} for entry in outcome.warning]
        out_json({"pin_result": outcome.result.value, "left_tries": outcome.left_tries, "warning": warning})
    else:
        out(f"{args.pin}: {_RESULTS[outcome.result]}{_tries(outcome.left_tries)}")
        for entry in outcome.warning:
            note(f"tiaas: {entry.code}: {entry.text}")
    return ExitCode.OK if outcome.ok else ExitCode.PIN_REFUSED


def _status(args: argparse.Namespace) -> int:
    async def status(konnektor: Konnektor) -> PinState:
        card = await choose_card(konnektor, args.card, _kinds(args.pin))
        return await konnektor.get_pin_status(card.card_handle, args.pin)

    state = with_konnektor(args, status)
    if args.json:
        out_json({"pin_status": state.status.value if state.status else None, "left_tries": state.left_tries})
    else:
        words = _STATES[state.status] if state.status else "unknown"
        out(f"{args.pin}: {words}{_tries(state.left_tries)}")
    return ExitCode.OK


def _tries(left: int | None) -> str:
    if left is None:
        return ""
    return f", {left} {'try' if left == 1 else 'tries'} left"
