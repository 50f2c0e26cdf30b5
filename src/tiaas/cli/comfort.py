"""`tiaas comfort on|off|status`: comfort signatures with an HBA, one entry of PIN.QES for many jobs.

A session belongs to a userId that nobody can guess, a UUID; `on` makes one unless it is given, and every later call
for that session names it (`--user`).
"""

import argparse
from datetime import timedelta

from tiaas.base.entropy import SystemEntropy, random_uuid
from tiaas.cli.cardchoice import choose_card
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.writer import note, out, out_fields, out_json
from tiaas.client import ComfortState, Konnektor
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.signature_service_v7_5 import ComfortSignatureStatus

_KINDS = (CardType.HBA,)


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `comfort` and what it does."""
    parser = subparsers.add_parser("comfort")
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    for name, summary, description in (
        (
            "on",
            "let the holder type PIN.QES once for many signatures",
            "ActivateComfortSignature (SignatureService 7.5).",
        ),
        ("off", "end all comfort sessions of the card", "DeactivateComfortSignature (SignatureService 7.5)."),
        ("status", "show the settings and what is left of the session", "GetSignatureMode (SignatureService 7.5)."),
    ):
        verb = actions.add_parser(name, help=summary, description=description)
        verb.add_argument("--card", metavar="CARD", help="card handle or ICCSN (default: the only HBA)")
        add_konnektor_arguments(verb)


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    return {"on": _on, "off": _off, "status": _status}[args.action](args)


def _on(args: argparse.Namespace) -> int:
    args.user = args.user or random_uuid(SystemEntropy())

    async def activate(konnektor: Konnektor) -> ComfortState:
        card = await choose_card(konnektor, args.card, _KINDS)
        note(f"tiaas: if terminal {card.ct_id} asks for PIN.QES, type it there")
        await konnektor.activate_comfort_signature(card.card_handle)
        return await konnektor.get_signature_mode(card.card_handle)

    state = with_konnektor(args, activate)
    if args.json:
        out_json({"user_id": args.user, **_document(state)})
    else:
        out(f"comfort signature is on for userId {args.user}: {_left(state)}")
        note(f"tiaas: sign with it: tiaas sign --qes --user {args.user} FILE")
    return ExitCode.OK


def _off(args: argparse.Namespace) -> int:
    async def deactivate(konnektor: Konnektor) -> None:
        card = await choose_card(konnektor, args.card, _KINDS)
        await konnektor.deactivate_comfort_signature(card.card_handle)

    with_konnektor(args, deactivate)
    if args.json:
        out_json({})
    else:
        out("comfort signature is off for all users of the card")
    return ExitCode.OK


def _status(args: argparse.Namespace) -> int:
    async def status(konnektor: Konnektor) -> ComfortState:
        card = await choose_card(konnektor, args.card, _KINDS)
        return await konnektor.get_signature_mode(card.card_handle)

    state = with_konnektor(args, status)
    if args.json:
        out_json(_document(state))
    else:
        out_fields(
            {
                "comfort signature": "allowed" if state.status is ComfortSignatureStatus.ENABLED else "not allowed",
                "per PIN entry": f"{state.most} signatures, {_hours(state.timer)}",
                "session": "none" if state.mode is None else _left(state),
            }
        )
    return ExitCode.OK


def _document(state: ComfortState) -> dict[str, object]:
    left = None if state.time_left is None else int(state.time_left.total_seconds())
    return {
        "status": state.status.value,
        "max": state.most,
        "timer_seconds": int(state.timer.total_seconds()),
        "mode": None if state.mode is None else state.mode.value,
        "count_remaining": state.remaining,
        "seconds_remaining": left,
    }


def _left(state: ComfortState) -> str:
    left = timedelta() if state.time_left is None else state.time_left
    return f"{state.remaining} {'signature' if state.remaining == 1 else 'signatures'} left, for {_hours(left)}"


def _hours(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60:02} min"
