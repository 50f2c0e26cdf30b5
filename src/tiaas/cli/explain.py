"""`tiaas explain CODE`: what an error code means and what to do about it."""

import argparse
from collections.abc import Iterable

from tiaas.base.errors import InvalidInput
from tiaas.cli.calledas import as_called
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.writer import note, out


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `explain`."""
    parser = subparsers.add_parser(
        "explain",
        description="Cause and remedy of error codes, beside the official text. No Konnektor is asked.",
    )
    parser.add_argument("codes", metavar="CODE", nargs="+", type=int, help="4000, 3041, 106, …")
    parser.add_argument("--lang", choices=("en", "de"), default="en", help="language of cause and remedy (en)")


def run(args: argparse.Namespace) -> int:
    """Prints the codes' help. Raises `InvalidInput` for a number that is no code."""
    from tiaas.client.errorhelp import Language, all_help
    from tiaas.konnektor.codes import CODES

    known = all_help(Language(args.lang))
    words = {"en": ("cause", "remedy"), "de": ("Ursache", "Abhilfe")}[args.lang]
    for number in args.codes:
        code, help_ = CODES.get(number), known.get(number)
        if code is None:
            raise InvalidInput(f"{number} is no error code of a Konnektor; docs/reference/errors.md has them all")
        out(f"{number}  {code.filled('')}  ({code.comp_type}, {code.error_type}, {code.severity})")
        if help_ is None:
            out("  this Konnektor does not give it; docs/conformance/codes.md says why")
        else:
            out(f"  {words[0]}: {help_.cause}")
            out(as_called(f"  {words[1]}: {help_.remedy}"))
    return ExitCode.OK


def note_remedies(codes: Iterable[int]) -> None:
    """On standard error: what to do about the first cause and what was asked for; `codes` run from cause to effect.

    1018 of a certificate means another thing before 4105 than alone. Codes without help are passed over.
    """
    from tiaas.client.errorhelp import Language, all_help

    known = all_help(Language.ENGLISH)
    helpful = [code for code in codes if code in known]
    if not helpful:
        return
    told = dict.fromkeys((helpful[0], helpful[-1]))
    for code in told:
        note(f"tiaas: what to do: {known[code].remedy}")
    note(f"tiaas: more: tiaas explain {' '.join(map(str, told))}")
