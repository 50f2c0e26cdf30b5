"""The entry point: verbs, exit codes, errors without tracebacks."""

import json
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tiaas import __version__
from tiaas.base import opensslconf
from tiaas.base.errors import InvalidInput, TiaasError
from tiaas.cli import entry, pin, verbs
from tiaas.cli.entry import main
from tiaas.cli.exitcodes import ExitCode, exit_code
from tiaas.cli.writer import note, out_fields, out_json, out_table
from tiaas.client.errors import BadKon, KonnektorFault, KonnektorUnreachable, ServiceMissing, TraceEntry

_SOURCE = opensslconf.CONFIGURATION.rpartition("/tiaas/")[0]


def test_selftest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"tiaas {__version__}, Python 3.")
    assert "TLS 1.2 with brainpoolP256r1: ECDHE-ECDSA" in text
    assert "TLS 1.2 with secp256r1: ECDHE-ECDSA" in text


@pytest.mark.parametrize("environ", [{}, {"OPENSSL_CONF": "/dev/null"}], ids=["unset", "foreign"])
def test_a_process_started_without_our_configuration_gets_it(environ: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tiaas", "selftest"],
        env={"PYTHONPATH": _SOURCE, **environ},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "brainpoolP256r1: ECDHE-ECDSA" in done.stdout
    assert ("OPENSSL_CONF=/dev/null gives way" in done.stderr) == bool(environ)


def test_without_the_configuration_the_proof_fails_with_a_remedy() -> None:
    code = (
        "from tiaas.base.clock import SystemClock; from tiaas.pki.tlsready import TlsNotReady, prove_tls\n"
        "try: prove_tls(SystemClock())\n"
        "except TlsNotReady as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": _SOURCE}, capture_output=True, text=True)
    assert "no TLS 1.2 with brainpoolP256r1 certificates" in done.stdout, done.stderr
    assert "OPENSSL_CONF is not set" in done.stdout
    assert "./tiaas" in done.stdout


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"^    {verb}( |$)", text, re.MULTILINE) for verb in verbs.VERBS)
    assert "exit codes: 0 done" in text
    for code in ExitCode:
        assert re.search(rf"\b{code.value} [a-zA-Z]", text)


@pytest.mark.parametrize("verb", list(verbs.VERBS))
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([verb, "--help"])
    assert caught.value.code == 0
    assert f"usage: tiaas {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [[], ["nonsense"], ["get"], ["get", "cards", "--nonsense"], ["pin", "eat"]])
def test_wrong_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "usage: tiaas" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"tiaas {__version__}\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TiaasError("x"), 1),
        (InvalidInput("x"), 2),
        (BadKon("x"), 2),
        (KonnektorFault(4000, "x"), 3),
        (KonnektorUnreachable("https://k", "x"), 4),
        (ServiceMissing("S", "1", ()), 4),
    ],
)
def test_exit_codes(error: TiaasError, code: int) -> None:
    assert exit_code(error) == code


@pytest.mark.parametrize(
    ("raised", "code", "text"),
    [
        (TiaasError("no such thing"), 1, "tiaas: no such thing\n"),
        (FileNotFoundError(2, "No such file or directory", "x.toml"), 1, "x.toml"),
        (KeyError("secret value"), 70, "internal error (KeyError); TIAAS_DEBUG=1 shows where"),
        (KeyboardInterrupt(), 130, "tiaas: interrupted\n"),
    ],
)
def test_errors_leave_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raised: BaseException, code: int, text: str
) -> None:
    def run(argv: object) -> int:
        raise raised

    monkeypatch.delenv("TIAAS_DEBUG", raising=False)
    monkeypatch.setattr("tiaas.cli.selftest.run", run)
    assert main(["selftest"]) == code
    captured = capsys.readouterr()
    assert text in captured.err
    assert "Traceback" not in captured.err
    assert "secret value" not in captured.err
    if not isinstance(raised, KeyboardInterrupt):
        monkeypatch.setenv("TIAAS_DEBUG", "1")
        assert main(["selftest"]) == code
        assert "Traceback" in capsys.readouterr().err


def test_tables_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    out_table(("A", "EMPTY", "B"), [("x", "", "1"), ("longer", "", "")])
    assert capsys.readouterr().out == "A       B\nx       1\nlonger\n"
    out_table(("FILE",), [("Br\udcfcckner\n\x1b[31m\N{NO-BREAK SPACE}ä",)])
    assert capsys.readouterr().out == "FILE\nBr\N{REPLACEMENT CHARACTER}ckner\\n\\x1b[31m\N{NO-BREAK SPACE}ä\n"
    out_table(("A", "B"), [])
    assert capsys.readouterr().out == "A  B\n"
    out_fields({"Name": "x", "Nothing": "", "Longer": "y"})
    assert capsys.readouterr().out == "Name    x\nLonger  y\n"


_FORGED = "x\ntiaas: VALID\r\x1b[2K\x85\N{RIGHT-TO-LEFT OVERRIDE}\N{LINE SEPARATOR}\udcfc"
_SHOWN = "x\\ntiaas: VALID\\r\\x1b[2K\\x85\\u202e\\u2028\N{REPLACEMENT CHARACTER}"


def test_no_text_from_elsewhere_makes_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    note(f"tiaas: {_FORGED} cannot be read")
    assert capsys.readouterr().err == f"tiaas: {_SHOWN} cannot be read\n"
    out_fields({"Name": _FORGED})
    assert capsys.readouterr().out == f"Name  {_SHOWN}\n"
    assert main(["sign", _FORGED]) == 2
    assert capsys.readouterr().err == f"tiaas: {_SHOWN} cannot be read: No such file or directory\n"
    with pytest.raises(SystemExit):
        main(["sign", "a", f"--{_FORGED.replace(' ', '')}"])
    assert capsys.readouterr().err.endswith(f"unrecognized arguments: --{_SHOWN.replace(' ', '')}\n")


def test_json_is_characters_from_which_a_name_can_be_had_again(capsys: pytest.CaptureFixture[str]) -> None:
    out_json({"file": _FORGED})
    told = capsys.readouterr().out
    assert json.loads(told.encode("utf-8")) == {"file": _FORGED}
    assert '"x\\ntiaas: VALID' in told


def test_the_parser_of_one_verb_is_that_of_all() -> None:
    assert entry.build_parser("get").parse_args(["get", "cards"]).verb == entry.build_parser().parse_args(["get"]).verb


def test_the_help_of_all_loads_no_verb() -> None:
    """A newcomer's first command; with all verbs it took 0.8 s of computing."""
    script = (
        "import sys; from tiaas.cli.entry import build_parser; build_parser().format_help(); "
        "print([name for name in sys.modules if name in ('httpx', 'cryptography', 'tiaas.client', 'tiaas.cli.sign')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("verb", ["get cards", "admin state", "record export"])
def test_an_unknown_argument_shows_the_usage_of_its_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*verb.split(), "--nonsense", *(["-o", "x.html"] if verb == "record export" else [])]
    with pytest.raises(SystemExit, match="2"):
        main(words)
    told = capsys.readouterr().err
    assert told.startswith(f"usage: tiaas {verb} ")
    assert "unrecognized arguments: --nonsense" in told


@pytest.mark.parametrize("name", ["-.p7s", "-brief.txt.p7s"])
def test_a_file_that_looks_like_an_argument(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text("cms")
    with pytest.raises(SystemExit, match="2"):
        main(["verify", "a.txt.p7s", name])
    told = capsys.readouterr().err
    assert told.endswith(f"arguments: {name}; a file whose name begins with - is named ./-NAME, or behind --\n")
    for words in ([f"./{name}"], ["--", name]):
        assert main(["verify", "--kon", "none", *words]) == 2
        assert "none cannot be read" in capsys.readouterr().err


def test_ctrl_c_before_the_command_line_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("tiaas.cli.entry.main", interrupted)
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(f"{_SOURCE}/tiaas/__main__.py", run_name="__main__")
    assert caught.value.code == 130


def test_ctrl_c_when_all_is_done() -> None:
    script = (
        "import os, signal, sys; from tiaas.cli.entry import main; sys.argv[1:] = ['explain', '4000']; main(); "
        "os.kill(os.getpid(), signal.SIGINT); signal.pause()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_a_fault_says_what_to_do_about_its_cause_and_about_what_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    def traced(code: int) -> TraceEntry:
        return TraceEntry(code, "text", None, "Error", "Technical", "Konnektor", "kon", "e-1")

    entry._help(KonnektorFault(4105, "text", tuple(map(traced, (1018, 4105)))))
    told = capsys.readouterr().err
    assert "because of 1018: text" in told
    assert "Use a certificate of the expected type." in told
    assert "tiaas admin imported-ca add" in told
    assert "tiaas explain 1018 4105" in told


def test_who_interrupts_a_pin_entry_is_told_that_the_terminal_still_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pin, "with_konnektor", interrupted)
    assert main(["pin", "verify"]) == 130
    assert "presses cancel there, the card is in use (4093)" in capsys.readouterr().err


_LONG = "explain $(yes 4085 | head -n 100)"
"""More than fits into a buffer, which is written at the end."""


@pytest.mark.parametrize("words", ["explain 4085", _LONG])
@pytest.mark.parametrize(
    ("place", "why"), [("/dev/full", "cannot be written: No space left on device"), ("&-", "is closed")]
)
def test_what_cannot_be_written_to_standard_output_does_not_look_like_success(place: str, why: str, words: str) -> None:
    done = _in_shell(f"{words} > {place}" if place != "&-" else f"{words} >&-")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"tiaas: standard output {why}")
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_another_failure_stays_what_it_is_where_nothing_can_be_written() -> None:
    done = _in_shell("sign nothing.txt > /dev/full")
    assert (done.returncode, done.stderr) == (2, "tiaas: nothing.txt cannot be read: No such file or directory\n")
    done = _in_shell("sign nothing.txt >&-")
    assert done.returncode == 2


def test_a_reader_that_has_gone_is_told_nothing() -> None:
    done = _in_shell("explain 4085 2>&1 | true", "--help | true")
    assert done.stderr == ""


@pytest.mark.parametrize("place", ["/dev/full", "&1 >&3 | true"])
def test_notes_that_nobody_reads_end_no_work(place: str) -> None:
    """Several of them, so that some come after one that could not be written."""
    notes = "[(note('x'), sleep(0.2)) for _ in range(5)]"
    work = f"from time import sleep; from tiaas.cli.writer import note; {notes}; print('done')"
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec 3>&1; "$0" -c "$1" 2>{place}', sys.executable, work],
        env={"PYTHONPATH": _SOURCE, "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        timeout=60,
    )
    assert done.stdout == b"done\n"


def _in_shell(*commands: str) -> "subprocess.CompletedProcess[str]":
    text = "; ".join(f'"{sys.executable}" -m tiaas {command}' for command in commands)
    return subprocess.run(
        ["/bin/sh", "-c", text],
        env={"PYTHONPATH": _SOURCE, "PATH": "/usr/bin:/bin"},
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
