"""`tiaas popp run|sign`: a PoPP service's side of a card session, with the signer of a running lab."""

import argparse
from typing import Any

import httpx

from tiaas.base.errors import InvalidInput
from tiaas.cli.cardchoice import choose_card
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.labport import add_arguments, ask, control_port
from tiaas.cli.writer import out, out_json
from tiaas.client import Konnektor, ScenarioAnswers
from tiaas.interfaces.card_service_common_v2_0 import CardType

_DEFAULT_STEPS = ("00A4040C07D2760001448000", "00B0820000=9000,6282")
"""Select the root folder of the eGK, read EF.GDO."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `popp` and what it does."""
    parser = subparsers.add_parser("popp")
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    run_ = actions.add_parser(
        "run",
        help="one session from start to stop",
        description="StartCardSession, SecureSendAPDU, StopCardSession (CardService 8.2).",
    )
    run_.add_argument("--card", metavar="CARD", help="card handle or ICCSN (default: the only eGK)")
    add_konnektor_arguments(run_)
    sign = actions.add_parser("sign", help="sign a scenario and write it, for a Primärsystem's own calls")
    sign.add_argument("session", metavar="SESSION", help="SessionId of StartCardSession")
    sign.add_argument("--counter", type=int, default=0, metavar="N", help="sequenceCounter (default: 0)")
    sign.add_argument("--time-span", type=int, default=10_000, metavar="MS", help="timeSpan (default: 10000)")
    add_arguments(sign)
    for action in (run_, sign):
        action.add_argument(
            "--step",
            action="append",
            metavar="APDU[=SW,…]",
            help="a command in hexadecimal and the status words expected (default 9000); may be repeated",
        )


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    return _run(args) if args.action == "run" else _sign(args)


def _run(args: argparse.Namespace) -> int:
    async def session(konnektor: Konnektor) -> ScenarioAnswers:
        card = await choose_card(konnektor, args.card, (CardType.EGK,))
        name = await konnektor.start_card_session(card.card_handle)
        try:
            return await konnektor.secure_send_apdu(_signed(http, args, name, 0, 0))
        finally:
            await konnektor.stop_card_session(name)

    with control_port(args) as http:
        answers = with_konnektor(args, session)
    texts = [response.hex().upper() for response in answers.responses]
    if args.json:
        out_json({"responses": texts, "milliseconds": answers.milliseconds})
    else:
        for text in texts:
            out(text)
    return ExitCode.OK


def _sign(args: argparse.Namespace) -> int:
    with control_port(args) as http:
        signed = _signed(http, args, args.session, args.counter, args.time_span)
    if args.json:
        out_json({"signed_scenario": signed})
    else:
        out(signed)
    return ExitCode.OK


def _signed(http: httpx.Client, args: argparse.Namespace, session: str, counter: int, time_span: int) -> str:
    steps = [_step(text) for text in args.step or _DEFAULT_STEPS]
    body = {"session_id": session, "counter": counter, "time_span": time_span, "steps": steps}
    return str(ask(http, "POST", "/popp/scenarios", body)["signed_scenario"])


def _step(text: str) -> dict[str, Any]:
    command, _, words = text.partition("=")
    if not command:
        raise InvalidInput("a step is a command in hexadecimal, for example 00B0820000=9000,6282")
    return {"command": command, "expected": words.split(",") if words else ["9000"]}
