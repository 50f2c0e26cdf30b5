"""Where every start of tiaas begins: `./tiaas`, the `tiaas` of an installed wheel, `python -m tiaas`.

Nothing here may import, before `ensure`, what loads OpenSSL (see `tiaas.base.opensslconf`); that is why imports
stand inside functions.
"""

import gc
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiaas.base import collector, opensslconf
from tiaas.base.errors import TiaasError
from tiaas.cli.writer import give_up_output, in_line, lost_output, note

if TYPE_CHECKING:
    import argparse

    from _typeshed import ReadableBuffer, SupportsWrite

_DESCRIPTION = "TI as a Service: a Highspeed-Konnektor and the laboratory around it."
_EPILOG = """\
exit codes: 0 done, 1 could not be done, 2 wrong usage, 3 the Konnektor answered with an error,
4 no answer from the Konnektor, 5 PIN not verified, 6 signature not valid, 7 cannot be told, 70 a defect in tiaas,
130 interrupted.
TIAAS_DEBUG=1 shows where an error comes from. In a clone also: ./tiaas test | check | fuzz.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code.

    Without `argv` it is the process's own and the process may be started anew with our OpenSSL configuration.
    """
    if argv is not None:
        return _main(argv)
    lost = _open_what_is_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Not every encoding has all that we write; in JSON, too, an escape stands for what it has not.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return _delivered(_main(None), lost)
    except SystemExit as end:
        # Of argparse: help, version, wrong usage.
        return _delivered(end.code if isinstance(end.code, int) else 2, lost)
    finally:
        # What the interpreter does at its end would answer Ctrl-C with a traceback.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


class _Lost(io.FileIO):
    """In place of standard output that was closed by who started us."""

    is_missed = False

    def write(self, octets: "ReadableBuffer", /) -> int:
        self.is_missed = True
        return super().write(octets)


def _open_what_is_closed() -> _Lost | None:
    """For the rest of the process: no file that is opened later shall be taken for a standard stream."""
    lost = None
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        lost = _Lost(os.devnull, "w")
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(lost), encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    return lost


def _delivered(code: int, lost: _Lost | None) -> int:
    """The exit code; 1 in place of 0 if what was written to standard output did not get where it should."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        give_up_output()
        return code or 1
    except OSError as error:
        note(f"tiaas: {lost_output(error)}")
        return code or 1
    if lost is None or not lost.is_missed:
        return code
    note("tiaas: standard output is closed; what was to be written there is lost")
    return code or 1


def _main(argv: Sequence[str] | None) -> int:
    try:
        if argv is None:
            opensslconf.ensure(warn=lambda text: note(f"tiaas: {text}"))
        return _run(argv)
    except TiaasError as error:
        return _report(error)
    except KeyboardInterrupt:
        note("tiaas: interrupted")
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`tiaas get cards | head`); nothing can be said any more.
        give_up_output()
        return 1


def _run(argv: Sequence[str] | None) -> int:
    from tiaas.cli.verbs import VERBS, load

    words = sys.argv[1:] if argv is None else argv
    verb = words[0] if words and words[0] in VERBS else None
    with collector.resting():
        parser = build_parser(verb)
        if argv is None:
            # Modules stay: no later collection walks them.
            gc.freeze()
    args = parser.parse_args(words)
    try:
        return load(args.verb).run(args)
    except (TiaasError, BrokenPipeError):
        raise
    except OSError as error:
        # A file that cannot be read, an address in use: the operating system's words are good enough.
        _show_origin(error)
        note(f"tiaas: {error}")
        return 1
    except Exception as error:  # noqa: BLE001 - a defect ends with its own exit code, told in one line
        _show_origin(error)
        note(f"tiaas: internal error ({type(error).__name__}); TIAAS_DEBUG=1 shows where; please report it")
        return 70


def _show_origin(error: Exception) -> None:
    """With TIAAS_DEBUG=1 the traceback; message and exit code are the same with and without."""
    if os.environ.get("TIAAS_DEBUG"):
        import traceback

        traceback.print_exception(error)


def _report(error: TiaasError) -> int:
    from tiaas.cli.exitcodes import exit_code

    _show_origin(error)
    if not _tell_refusal(error):
        note(f"tiaas: {error}")
        _help(error)
    return int(exit_code(error))


def _tell_refusal(error: TiaasError) -> bool:
    """Whether it was one of the management interface, which says itself what to do."""
    from tiaas.client.admin import AdminRefused

    if not isinstance(error, AdminRefused):
        return False
    note(f"tiaas: {error.detail}")
    if error.remedy:
        note(f"tiaas: what to do: {error.remedy}")
    if error.code is not None:
        note(f"tiaas: more: tiaas explain {error.code}")
    return True


def _help(error: TiaasError) -> None:
    """What a Konnektor's fault comes from, and what to do about that."""
    from tiaas.client.errors import KonnektorFault

    if not isinstance(error, KonnektorFault) or not error.trace:
        return
    from tiaas.cli.explain import note_remedies

    for entry in reversed(error.trace[:-1]):
        note(f"tiaas: because of {entry.code}: {entry.text}{f' ({entry.detail})' if entry.detail else ''}")
    note_remedies(entry.code for entry in error.trace)


def build_parser(verb: str | None = None) -> "argparse.ArgumentParser":
    """The parser of `verb` only, or one that knows the names of all verbs and no more."""
    import argparse

    from tiaas import __version__
    from tiaas.cli.calledas import as_called
    from tiaas.cli.verbs import VERBS, load

    class Parser(argparse.ArgumentParser):
        """Says of an unknown argument what the verb takes it was given to, not what tiaas takes."""

        def parse_known_args(  # type: ignore[override]
            self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
        ) -> tuple[argparse.Namespace, list[str]]:
            found, unknown = super().parse_known_args(args, namespace)
            if unknown:
                is_file = any(map(os.path.lexists, unknown))
                hint = "; a file whose name begins with - is named ./-NAME, or behind --" if is_file else ""
                self.error(f"unrecognized arguments: {in_line(' '.join(unknown))}{hint}")
            return found, unknown

        def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
            super()._print_message(as_called(message), file)

    parser: argparse.ArgumentParser = Parser(
        prog="tiaas", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"tiaas {__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    if verb:
        load(verb).register(subparsers)
    else:
        for name, known in VERBS.items():
            subparsers.add_parser(name, help=known.summary)
    return parser
