"""`tiaas sign`, `verify`, `encrypt`, `decrypt`, `authenticate` against a server that looks like a Konnektor."""

import asyncio
import errno
import json
import os
import re
import sys
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from tests.adesbench import NOW, Key, holder
from tests.unit.ades.test_xades_sign import sign as signed_xml
from tests.unit.client import documentanswers as answers
from tests.unit.client import messages
from tests.unit.client.fake_konnektor import FakeKonnektor, Identities, make_identities, running
from tests.unit.pki.ocspmaker import World
from tiaas.ades.cades import CadesOptions, prepare
from tiaas.cli import documentfiles, outputfiles, sign
from tiaas.cli.documentfiles import DocumentForm, form_of
from tiaas.cli.entry import main
from tiaas.cli.outputfiles import NotWritten, WrittenBeside
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import Cards, PinStatus
from tiaas.interfaces.certificate_service_common_v2_0 import CertRef
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.event_service_v7_2 import GetCardsResponse
from tiaas.interfaces.signature_service_v7_5 import HighLevelResult
from tiaas.pki.oids import CertificateType

pytestmark = pytest.mark.asyncio(loop_scope="module")
Run = Callable[..., Awaitable[int]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake() -> AsyncIterator[tuple[FakeKonnektor, Identities]]:
    identities = make_identities()
    async with running(identities) as server:
        server.answers |= {"GetJobNumber": answers.NUMBER, "GetCards": messages.CARDS}
        yield server, identities


@pytest_asyncio.fixture(loop_scope="module")
async def run(fake: tuple[FakeKonnektor, Identities], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    server, identities = fake
    (tmp_path / "k.kon").write_text(identities.kon(server.url))
    monkeypatch.chdir(tmp_path)

    async def call(*argv: str) -> int:
        return await asyncio.to_thread(main, [*argv, "--kon", "k.kon"])

    return call


def _write(**files: str) -> None:
    for name, text in files.items():
        Path(name.replace("_", ".")).write_text(text)


async def test_signed_files_lie_beside_the_others(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fake[0].answers["SignDocument"] = answers.signed(
        answers.inside(0, b"<a>signed</a>"), answers.outside(1, b"%PDF signed", answers.PDF), answers.outside(2, b"cms")
    )
    _write(a_xml="<a/>", b_pdf="%PDF", c_txt="c")
    assert await run("sign", "a.xml", "b.pdf", "c.txt", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [item["output"] for item in shown] == ["a-signed.xml", "b-signed.pdf", "c.txt.p7s"]
    assert [item["type"] for item in shown][:2] == ["urn:ietf:rfc:3275", "http://uri.etsi.org/02778/3"]
    assert Path("a-signed.xml").read_text() == "<a>signed</a>"
    assert Path("b-signed.pdf").read_text() == "%PDF signed"
    assert Path("c.txt.p7s").read_text() == "cms"
    assert await run("sign", "a.xml") == 2
    assert "--force" in capsys.readouterr().err


async def test_xades_around_its_document(fake: tuple[FakeKonnektor, Identities], run: Run) -> None:
    fake[0].answers["SignDocument"] = answers.signed(answers.around(0, b"<Signature/>"))
    _write(a_xml="<a/>")
    assert await run("sign", "--type", "xades", "--enveloping", "a.xml") == 0
    assert b"Signature" in Path("a-signed.xml").read_bytes()
    body = fake[0].received[-1].body
    assert b'IncludeObject WhichDocument="document0"' in body
    assert b"IncludeEContent" not in body


@pytest.mark.parametrize(("name", "kind"), [("a.txt.p7s", answers.CMS), ("a-signed.xml", "urn:ietf:rfc:3275")])
@pytest.mark.parametrize("update", ["parallel", "counter"])
async def test_a_signature_is_added(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    name: str,
    kind: str,
    update: str,
) -> None:
    is_xml = name.endswith(".xml")
    answer = answers.inside(0, b"<a>both</a>") if is_xml else answers.outside(0, b"both")
    fake[0].answers["SignDocument"] = answers.signed(answer)
    Path(name).write_text("<a/>" if is_xml else "cms")
    assert await run("sign", f"--{update}", name) == 0
    assert b"both" in (Path(f"a-signed-{update}.xml") if is_xml else Path(f"a.txt-{update}.p7s")).read_bytes()
    assert f"conn/sig/sigupdate/{update}".encode() in fake[0].received[-1].body
    assert f"SignatureType>{kind}<".encode() in fake[0].received[-1].body
    capsys.readouterr()
    for more in (["--type", "pades"], ["--enveloping"], ["--qes", "--policy", "nfdm"]):
        assert await run("sign", f"--{update}", name, *more) == 2
        assert f"--{update} goes with" in capsys.readouterr().err


async def test_xades_is_for_xml(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    _write(a_txt="<a/>")
    assert await run("sign", "--type", "xades", "a.txt") == 2
    assert "--mime xml" in capsys.readouterr().err


async def test_only_an_hba_signs_qualified(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    _write(a_txt="a")
    assert await run("sign", "--qes", "a.txt", "--card", messages.SMCB.iccsn) == 2
    assert "is a card of type SMC-B" in capsys.readouterr().err
    assert not Path("a.txt.p7s").exists()


@pytest.mark.parametrize("words", [("sign", "--card"), ("encrypt", "--for-card"), ("decrypt", "--card")])
async def test_an_empty_name_of_a_card_is_none(
    run: Run, capsys: pytest.CaptureFixture[str], words: tuple[str, str]
) -> None:
    _write(a_txt="a")
    assert await run(words[0], "a.txt", words[1], "") == 2
    assert "the card's handle or ICCSN is empty" in capsys.readouterr().err


async def test_nobody_signs_qualified_who_did_not_say_so(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not for want of an SMC-B either: it may be pulled, or in the terminal of another workplace."""
    hba = messages.card(CardType.HBA, "hba-1", "80276001011699910002", 3)
    more = {
        "GetCards": GetCardsResponse(status=OK, cards=Cards(card=(hba,))),
        "SignDocument": answers.signed(answers.outside(0, b"cms")),
    }
    monkeypatch.setattr(fake[0], "answers", fake[0].answers | more)
    _write(a_txt="a")
    before = len(fake[0].received)
    assert await run("sign", "a.txt") == 1
    assert "no card of type SMC-B in the terminals" in capsys.readouterr().err
    for named in (hba.iccsn, hba.card_handle):
        assert await run("sign", "a.txt", "--card", named) == 2
        assert "is an HBA, whose signature is a qualified one; say --qes" in capsys.readouterr().err
    assert b"SignDocument" not in b"".join(each.body for each in fake[0].received[before:])
    assert not Path("a.txt.p7s").exists()
    assert await run("sign", "--qes", "a.txt", "--card", hba.iccsn) == 0


async def test_a_stack_goes_in_parts_and_says_how_far_it_is(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fake[0].answers["SignDocument"] = answers.signed(answers.outside(0, b"cms"))
    _write(a_txt="a", b_txt="b", c_txt="c")
    assert await run("sign", "a.txt", "b.txt", "c.txt", "--stack", "1") == 0
    assert "2 of 3 signed" in capsys.readouterr().err


async def test_a_stack_that_ends_early(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """TAB_KON_192: only what was signed is in the answer."""
    fake[0].answers["SignDocument"] = answers.signed(answers.outside(0, b"cms"))
    _write(a_txt="a", b_txt="b")
    assert await run("sign", "a.txt", "b.txt") == 1
    assert "tiaas: 1 of 2 documents are signed; not signed: b.txt" in capsys.readouterr().err
    assert Path("a.txt.p7s").exists()
    assert not Path("b.txt.p7s").exists()


async def test_what_ends_without_waiting_is_interrupted(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a second SIGTERM."""

    def cancelled(*_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(sign, "with_konnektor", cancelled)
    _write(a_txt="a", b_txt="b")
    assert await run("sign", "a.txt", "b.txt") == 130
    told = capsys.readouterr().err
    assert "0 of 2 documents are signed; not signed: a.txt, b.txt" in told
    assert "tiaas: interrupted" in told


class Turns(dict[str, Any]):
    """Answers of which a list is given one after the other."""

    def __getitem__(self, key: str) -> Any:
        found = super().__getitem__(key)
        return found.pop(0) if isinstance(found, list) else found


async def test_what_was_saved_before_a_job_failed_is_told(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = [answers.signed(answers.outside(0, b"cms")), messages.fault(4123, "Fehler")]
    monkeypatch.setattr(fake[0], "answers", Turns(fake[0].answers | {"SignDocument": turns}))
    _write(a_txt="a", b_txt="b", c_txt="c")
    assert await run("sign", "a.txt", "b.txt", "c.txt", "--stack", "1", "--json") == 3
    told = capsys.readouterr()
    saved, *lost = json.loads(told.out)
    assert (saved["file"], saved["output"]) == ("a.txt", "a.txt.p7s")
    assert [entry["file"] for entry in lost] == ["b.txt", "c.txt"]
    assert all("error 4123" in entry["error"] for entry in lost)
    assert "error 4123" in told.err
    assert "1 of 3 documents are signed; not signed: b.txt, c.txt" in told.err


async def test_a_signature_that_cannot_be_written_does_not_take_the_others_with_it(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They were signed, maybe with a PIN; what was is told apart from what was not."""
    monkeypatch.setattr(documentfiles, "write", _writes_but("b.txt.p7s"))
    turns = [answers.signed(*(answers.outside(at, b"cms") for at in range(3)))] * 2
    monkeypatch.setattr(fake[0], "answers", Turns(fake[0].answers | {"SignDocument": turns}))
    _write(a_txt="a", b_txt="b", c_txt="c", d_txt="d")
    command = ("sign", "a.txt", "b.txt", "c.txt", "d.txt", "--stack", "3", "--force")
    assert await run(*command) == 1
    told = capsys.readouterr().err
    assert "3 of 4 documents are signed; signed, but not written: b.txt; not signed: d.txt" in told
    assert "tiaas: b.txt.p7s cannot be written: full" in told
    assert [path.name for path in sorted(Path().glob("*.p7s"))] == ["a.txt.p7s", "c.txt.p7s"]
    assert await run(*command, "--json") == 1
    saved = json.loads(capsys.readouterr().out)
    assert [entry["file"] for entry in saved] == ["a.txt", "c.txt", "b.txt", "d.txt"]
    assert ["error" in entry for entry in saved] == [False, False, True, True]


def _writes_but(name: str) -> Callable[..., None]:
    def write(path: Path, content: bytes, *, force: bool) -> None:
        if path.name == name:
            raise NotWritten(f"{path} cannot be written: full")
        outputfiles.write(path, content, force=force)

    return write


async def test_a_signature_whose_name_was_taken_meanwhile_is_told_as_written(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write(path: Path, content: bytes, *, force: bool) -> None:
        raise WrittenBeside(f"{path} was taken meanwhile; written to {path}.1")

    monkeypatch.setattr(documentfiles, "write", write)
    fake[0].answers["SignDocument"] = answers.signed(*(answers.outside(at, b"cms") for at in range(3)))
    _write(a_txt="a", b_txt="b", c_txt="c")
    assert await run("sign", "a.txt", "b.txt", "c.txt") == 1
    told = capsys.readouterr().err
    assert "3 of 3 documents are signed; signed, but written to a name with a number: a.txt, b.txt, c.txt" in told
    for name in ("a", "b", "c"):
        assert told.count(f"{name}.txt.p7s was taken meanwhile; written to {name}.txt.p7s.1") == 1


async def test_one_signature_that_cannot_be_written_is_told_as_made(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documentfiles, "write", _writes_but("a.txt.p7s"))
    fake[0].answers["SignDocument"] = answers.signed(answers.outside(0, b"cms"))
    _write(a_txt="a")
    assert await run("sign", "a.txt") == 1
    assert "1 of 1 documents are signed; signed, but not written: a.txt" in capsys.readouterr().err


async def test_the_document_of_a_stack_that_an_error_is_about_is_named(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its place in its job, as our Konnektor tells it; nothing was signed, so no folder is made."""
    turns = [
        messages.fault(4024, "Formatvalidierung fehlgeschlagen", "document 2 of 2: no metadata"),
        messages.fault(4024, "Formatvalidierung fehlgeschlagen", "document 9 of 9"),
        messages.fault(4123, "Fehler", "something else"),
    ]
    monkeypatch.setattr(fake[0], "answers", Turns(fake[0].answers | {"SignDocument": turns}))
    _write(a_txt="a", b_txt="b", c_txt="c")
    for named in ("tiaas: b.txt: error 4024", "a.txt to b.txt (2 documents)", "a.txt to b.txt (2 documents)"):
        assert await run("sign", "a.txt", "b.txt", "c.txt", "--stack", "2", "-o", "mixed/") == 3
        told = capsys.readouterr().err
        assert named in told
        assert "0 of 3 documents are signed; not signed: a.txt, b.txt, c.txt" in told
        assert not Path("mixed").exists()


async def test_only_what_is_not_signed_yet(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fake[0].answers["SignDocument"] = answers.signed(answers.outside(0, b"cms"))
    _write(a_txt="a", b_txt="b")
    signer = holder(Key.P256)
    signature = signer.finish(prepare(b"b", signer.by, CadesOptions(NOW)))
    Path("b.txt.p7s").write_bytes(signature)
    assert await run("sign", "a.txt", "b.txt", "--resume", "--force") == 2
    assert await run("sign", "a.txt", "b.txt", "--resume") == 0
    assert "1 of 2 are signed already" in capsys.readouterr().err
    assert Path("a.txt.p7s").read_text() == "cms"
    assert Path("b.txt.p7s").read_bytes() == signature
    before = len(fake[0].received)
    Path("b.txt.p7s").write_text("")
    assert await run("sign", "b.txt", "--resume") == 2
    assert "b.txt.p7s is there, but no signature; remove it" in capsys.readouterr().err
    Path("b.txt.p7s").write_bytes(signature)
    assert await run("sign", "b.txt", "--resume", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []
    _write(b_txt="changed since")
    for words in ((), ("--enveloping", "-o", "b.txt.p7s"), ("--mime", "xml", "-o", "b.txt.p7s")):
        assert await run("sign", "b.txt", "--resume", *words) == 2
        assert "b.txt.p7s is there, but no signature of b.txt as it is now; remove it" in capsys.readouterr().err
    assert len(fake[0].received) == before


async def test_of_what_is_added_to_a_signature_only_whether_it_is_there_counts(
    fake: tuple[FakeKonnektor, Identities], run: Run
) -> None:
    before = len(fake[0].received)
    _write(a_p7s="cms")
    Path("a-parallel.p7s").write_text("cms")
    assert await run("sign", "--parallel", "a.p7s", "--resume") == 0
    assert len(fake[0].received) == before


async def test_the_same_pattern_resumes_although_it_names_results(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """`sign * --resume`: what a run before has made is no document."""
    fake[0].answers["SignDocument"] = answers.signed(answers.inside(0, b"<a>signed</a>"))
    _write(a_xml="<a/>", b_xml="<b/>")
    Path("a-signed.xml").write_bytes(signed_xml(b"<a/>"))
    files = ("a-signed.xml", "a.xml", "b.xml")
    assert await run("sign", *files, "--resume", "--json") == 0
    told = capsys.readouterr()
    assert "left out as results of others: a-signed.xml" in told.err
    assert "1 of 2 are signed already" in told.err
    assert [entry["file"] for entry in json.loads(told.out)] == ["b.xml"]
    for words in (files, ("a.xml", "-o", "a.xml", "--resume")):
        assert await run("sign", *words) == 2
        assert ".xml would be replaced by its own result" in capsys.readouterr().err
    assert sorted(path.name for path in Path().glob("*.xml")) == ["a-signed.xml", "a.xml", "b-signed.xml", "b.xml"]


@pytest.mark.parametrize(
    ("words", "is_hinted"),
    [((), True), (("--type", "cades"), True), (("--mime", "binary"), False), (("--qes",), False)],
)
async def test_a_pdf_that_is_no_pdf_a_is_signed_as_binary(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    is_hinted: bool,
) -> None:
    """Also for a CAdES signature beside it the Konnektor looks whether it is what its MIME type says."""
    hba = messages.card(CardType.HBA, "hba-1", "80276001011699910002", 3)
    fault = messages.fault(4024, "Formatvalidierung fehlgeschlagen (PDF/A)")
    cards = GetCardsResponse(status=OK, cards=Cards(card=(hba if "--qes" in words else messages.SMCB,)))
    answered = fake[0].answers | {"SignDocument": fault, "GetCards": cards}
    monkeypatch.setattr(fake[0], "answers", answered)
    _write(a_pdf="%PDF")
    assert await run("sign", "a.pdf", *words) == 3
    assert ("not qualified, with --mime binary" in capsys.readouterr().err) is is_hinted


@pytest.mark.parametrize(("words", "is_hinted"), [((), True), (("--mime", "text/plain"), False)])
async def test_a_document_without_mime_type_that_gets_no_qualified_signature(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    is_hinted: bool,
) -> None:
    hba = messages.card(CardType.HBA, "hba-1", "80276001011699910002", 3)
    more = {
        "GetCards": GetCardsResponse(status=OK, cards=Cards(card=(hba,))),
        "SignDocument": messages.fault(4110, "ungültiges Dokumentformat (Binär)"),
    }
    monkeypatch.setattr(fake[0], "answers", fake[0].answers | more)
    Path("a.txt.p7s").write_text("cms")
    assert await run("sign", "--qes", "--parallel", "a.txt.p7s", *words) == 3
    told = capsys.readouterr().err
    assert ("gets no qualified signature: say --mime text/plain" in told) is is_hinted
    assert "add to signatures (.p7s, .p7m) and signed XML only, qualified to a .p7m" in told


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (1, "the PIN.QES that was typed last was wrong: 1 try left"),
        (2, "the PIN.QES that was typed last was wrong: 2 tries left"),
        (3, "tiaas: PIN.QES: 3 tries left"),
    ],
)
async def test_a_wrong_pin_tells_what_is_left_of_it(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    left: int,
    words: str,
) -> None:
    hba = messages.card(CardType.HBA, "hba-1", "80276001011699910002", 3)
    more = {
        "GetCards": GetCardsResponse(status=OK, cards=Cards(card=(hba,))),
        "SignDocument": messages.fault(4085, "Zugriffsbedingungen nicht erfüllt"),
        "GetPinStatus": messages.pin_status(PinStatus.VERIFIABLE, left),
    }
    monkeypatch.setattr(fake[0], "answers", fake[0].answers | more)
    _write(a_txt="a")
    assert await run("sign", "--qes", "a.txt") == 3
    told = capsys.readouterr().err
    assert "if terminal CT1 asks for PIN.QES, type it there" in told
    assert words in told


@pytest.mark.parametrize(
    ("result", "code"),
    [(HighLevelResult.VALID, 0), (HighLevelResult.INVALID, 6), (HighLevelResult.INCONCLUSIVE, 7)],
)
async def test_the_verdict_is_the_exit_code(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    result: HighLevelResult,
    code: int,
) -> None:
    fake[0].answers["VerifyDocument"] = answers.verified(result)
    _write(a_txt="a", a_txt_p7s="cms")
    assert await run("verify", "a.txt.p7s") == code
    assert result.value in capsys.readouterr().out
    # The document was found beside its signature.
    assert b"YQ==" in fake[0].received[-1].body


async def test_the_time_to_verify_for(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID)
    _write(a_p7m="cms")
    for at, sent in (("now", b"CurrentTime"), ("2026-01-02T00:00:00+00:00", b"SpecificTime>2026-01-02T00:00:00")):
        assert await run("verify", "a.p7m", "--at", at) == 0
        assert sent in fake[0].received[-1].body
    assert await run("verify", "a.p7m", "--at", "yesterday") == 2
    assert "nor now" in capsys.readouterr().err


async def test_reports(fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.INVALID)
    _write(a_pdf="%PDF")
    assert await run("verify", "a.pdf", "--report", "r.html", "--report", "r.json", "--report", "r.txt") == 6
    capsys.readouterr()
    (found,) = json.loads(Path("r.json").read_text())[0]["signatures"]
    assert (found["signer"], found["reason"]) == ("CN=Dr. Eva Kunst", "invalid:IncorrectSignature")
    text, page = Path("r.txt").read_text(), Path("r.html").read_text()
    assert "\n    not good: signature value\n" in text
    assert "short text: Befund <b>" in text
    assert "Befund &lt;b&gt;" in page
    assert "Befund <b>" not in page
    assert await run("verify", "a.pdf", "--report", "r.doc") == 2
    assert await run("verify", "a.pdf", "--report", "r.html") == 2
    assert await run("verify", "a.pdf", "--report", "r.html", "--force") == 6


async def test_a_report_that_cannot_be_written_does_not_keep_the_verdict(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.INVALID)
    _write(a_pdf="%PDF", r_html="before")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert await run("verify", "a.pdf", "--report", "r.html", "--force") == 1
    told = capsys.readouterr()
    assert "INVALID" in told.out
    assert "r.html cannot be written: No space left on device" in told.err
    assert Path("r.html").read_text() == "before"


_CMS = bytes.fromhex("06092a864886f70d010702a0020500")
"""What stands in a ContentInfo with id-signedData."""


@pytest.mark.parametrize("name", ["q7", "rezept.sig", "x.der", "letter.pdf", "bundle.xml"])
@pytest.mark.parametrize("head", ["300f", "30810f", "3082000f", "308300000f", "30840000000f", "3080"])
async def test_a_cms_signature_of_any_name_is_told_by_its_octets(
    fake: tuple[FakeKonnektor, Identities], run: Run, name: str, head: str
) -> None:
    """In DER or PEM, which goes as DER; --document is heeded."""
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID)
    _write(a_txt="a")
    content = bytes.fromhex(head) + _CMS
    pems = [
        f"{wrap}-----BEGIN {kind}-----\n{b64encode(content).decode()}\n-----END {kind}-----\n".encode()
        for kind, wrap in (("CMS", ""), ("PKCS7", "\r\n"))
    ]
    for written in (content, *pems):
        Path(name).write_bytes(written)
        for more in ((), ("--document", "a.txt")):
            assert await run("verify", name, *more) == 0
            body = fake[0].received[-1].body
            assert b'Type="urn:ietf:rfc:5652"' in body
            assert b64encode(content) in body
            assert (b"YQ==" in body) is bool(more)


@pytest.mark.parametrize(
    "content", [b"0", b"0\x0f", b"0\x85" + _CMS, b"0\x0f\x06\x09*\x86H\x86\xf7\r\x01\x07\x03", b"30 \x06"]
)
async def test_what_only_begins_like_a_cms_signature_is_a_document(
    fake: tuple[FakeKonnektor, Identities], run: Run, content: bytes
) -> None:
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID)
    Path("a.bin").write_bytes(content)
    assert await run("verify", "a.bin") == 0
    assert b"Base64Signature" not in fake[0].received[-1].body


async def test_a_signature_in_base64_is_told_and_how_to_change_it(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    content = b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" + bytes(100)
    for form in (content, b"\x30\x82\x01\x00" + content[2:]):
        Path("a.p7s").write_bytes(b" \n" + b64encode(form))
        assert await run("verify", "a.p7s") == 2
        assert (
            capsys.readouterr().err
            == "tiaas: a.p7s: a signature in base64; as base64 -d makes it, it can be verified\n"
        )


@pytest.mark.parametrize("inside", ["", "AAA", "A", "MAA=", "?"])
async def test_a_pem_without_a_signature_is_no_file_to_verify(
    run: Run, capsys: pytest.CaptureFixture[str], inside: str
) -> None:
    _write(a_p7s=f"-----BEGIN CMS-----\n{inside}\n-----END CMS-----\n")
    assert await run("verify", "a.p7s") == 2
    assert "a.p7s: a PEM without a signature in it" in capsys.readouterr().err


@pytest.mark.parametrize("added", ["-counter", "-parallel", "-parallel-counter"])
async def test_the_document_of_a_signature_that_was_added_to_is_beside_it(
    fake: tuple[FakeKonnektor, Identities], run: Run, added: str
) -> None:
    """By the names that `sign --counter` and `--parallel` choose; a file of the whole name comes first."""
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID)
    _write(a_txt="a")
    Path(f"a.txt{added}.p7s").write_text("cms")
    assert await run("verify", f"a.txt{added}.p7s") == 0
    assert b"YQ==" in fake[0].received[-1].body
    Path(f"a.txt{added}").write_text("b")
    assert await run("verify", f"a.txt{added}.p7s") == 0
    assert b"Yg==" in fake[0].received[-1].body


@pytest.mark.parametrize("name", ["alone.p7s", "-counter.p7s", "alone.p7m"])
async def test_of_a_signature_without_its_document_the_option_is_told_that_names_it(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    fake[0].answers["VerifyDocument"] = messages.fault(4000, "Syntaxfehler", "a detached signature")
    _write(a_txt="a")
    Path(name).write_text("cms")
    hint = f"{name}: its document is not in it and not found beside it; name it: --document FILE"
    assert await run("verify", f"./{name}") == 3
    assert hint in capsys.readouterr().err
    assert await run("verify", f"./{name}", "--document", "a.txt") == 3
    assert hint not in capsys.readouterr().err


@pytest.mark.parametrize("read", ["r.txt", "r.txt.p7s", "c.txt"])
async def test_a_report_does_not_replace_what_it_is_about(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str], read: str
) -> None:
    """The signature, its document beside it or named, and the signer's certificate."""
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID)
    _write(r_txt="document", r_txt_p7s="cms", c_txt=fake[1].server.public_bytes(Encoding.PEM).decode())
    before = Path(read).read_text()
    Path("report.txt").symlink_to(read)
    command = ("verify", "r.txt.p7s", "--certificate", "c.txt")
    for named in ((), ("--document", "r.txt")):
        assert await run(*command, *named, "--report", "report.txt", "--force") == 2
        assert f"{read} would be replaced by its own result; name another file" in capsys.readouterr().err
        assert Path(read).read_text() == before
    assert await run(*command, "--report", "other.txt", "--force") == 0


async def test_a_counter_signature_is_called_so(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the marker, whether or not it names the signature."""
    end = "</vr:DetailedSignatureReport>"
    for marker in ("<SIG:CounterSignatureMarker/>", "<SIG:CounterSignatureMarker><a/></SIG:CounterSignatureMarker>"):
        report = answers.REPORT.replace(end, f"{marker}{end}")
        fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID, report)
        _write(a_p7m="cms")
        assert await run("verify", "a.p7m") == 0
        assert "counter signature 1" in capsys.readouterr().out


@pytest.mark.requirement("TIP1-A_5682")
async def test_an_algorithm_that_is_no_longer_suitable_is_a_remark_beside_a_valid_signature(
    fake: tuple[FakeKonnektor, Identities], run: Run
) -> None:
    """No row of TAB_KON_754 or TAB_KON_593 depends on it, so the report must not read as if it did."""
    detail = "urn:oasis:names:tc:dss:1.0:detail:invalid"
    since = "Algorithmen seit 2026 als unsicher eingestuft"
    words = f"<vr:ResultMajor>{detail}</vr:ResultMajor><vr:ResultMessage>{since}</vr:ResultMessage>"
    algorithm = f"<vr:SignatureAlgorithm><vr:Suitability>{words}</vr:Suitability></vr:SignatureAlgorithm>"
    report = answers.REPORT.replace("</vr:SigMathOK>", f"</vr:SigMathOK>{algorithm}")
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID, report)
    _write(a_pdf="%PDF")
    assert await run("verify", "a.pdf", "--report", "r.html", "--report", "r.txt") == 0
    remark = f"remark, without influence on the verdict: suitability of the algorithm: invalid: {since}"
    assert remark in Path("r.txt").read_text()
    for report in ("r.txt", "r.html"):
        assert Path(report).read_text().count("why both stand: the verdict is what the checks gave") == 1
    assert "suitability of the algorithm (without influence on the verdict)" in Path("r.html").read_text()


@pytest.mark.parametrize(
    ("kind", "told"),
    [(CertificateType.HP_QES, "qualified (QES)"), (CertificateType.HCI_OSIG, "not qualified"), (None, None)],
)
async def test_a_report_says_whether_a_signature_is_qualified(
    fake: tuple[FakeKonnektor, Identities], run: Run, kind: CertificateType | None, told: str | None
) -> None:
    report = answers.REPORT.replace(
        "resultminor:invalid:IncorrectSignature", "resultminor:valid:signature:OnAllDocuments"
    )
    if kind is not None:
        value = b64encode(World().insured(kind).encoded).decode()
        end = "</vr:CertificateValidity>"
        report = report.replace(end, f"<vr:CertificateValue>{value}</vr:CertificateValue>{end}")
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID, report)
    _write(a_pdf="%PDF")
    names = [f"r{ending}" for ending in (".txt", ".html", ".json")]
    assert await run("verify", "a.pdf", *(word for name in names for word in ("--report", name))) == 0
    text, page, data = (Path(name).read_text() for name in names)
    assert ("    kind: " in text) is (told is not None)
    assert (f"    kind: {told}\n" in text) is (f"<th>kind</th><td>{told}</td>" in page) is (told is not None)
    ((signature,),) = (item["signatures"] for item in json.loads(data))
    assert signature["is_qualified"] is {"qualified (QES)": True, "not qualified": False, None: None}[told]


@pytest.mark.parametrize(
    "environ", [{"PYTHONUNBUFFERED": ""}, {"PYTHONUNBUFFERED": "1"}], ids=["at the end", "at once"]
)
@pytest.mark.parametrize(("result", "code"), [(HighLevelResult.VALID, 1), (HighLevelResult.INVALID, 6)])
async def test_a_verdict_that_cannot_be_told_is_no_success_and_an_invalid_one_stays_so(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    tmp_path: Path,
    environ: dict[str, str],
    result: HighLevelResult,
    code: int,
) -> None:
    fake[0].answers["VerifyDocument"] = answers.verified(result)
    _write(a_pdf="%PDF")
    verify = [sys.executable, "-m", "tiaas", "verify", "a.pdf", "--kon", "k.kon"]
    command = ["/bin/sh", "-c", 'exec "$@" > /dev/full', "sh", *verify]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, env=os.environ | environ, stderr=asyncio.subprocess.PIPE
    )
    _, told = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, told) == (
        code,
        b"tiaas: standard output cannot be written: No space left on device\n",
    )


async def test_a_report_on_an_e_mail_says_that_its_header_is_not_signed(
    fake: tuple[FakeKonnektor, Identities], run: Run
) -> None:
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID)
    _write(a_eml="From: a\nContent-Type: multipart/signed\n\n", b_pdf="%PDF")
    names = [f"r{ending}" for ending in (".txt", ".html", ".json")]
    assert await run("verify", "a.eml", "b.pdf", *(word for name in names for word in ("--report", name))) == 0
    remark = "the header of the message (From, To, Subject and so on) is not signed"
    text, page, data = (Path(name).read_text() for name in names)
    assert text.count(f"  remark: {remark}\n") == page.count(f"<p>remark: {remark}</p>") == 1
    assert [item["remark"] for item in json.loads(data)] == [remark, None]


async def test_a_file_that_cannot_be_verified_does_not_stop_the_others(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.INCONCLUSIVE)
    _write(b_pdf="%PDF")
    assert await run("verify", "a.pdf", "b.pdf", "--report", "r.html", "--report", "r.txt", "--json") == 2
    said = capsys.readouterr()
    assert "1 of 2: a.pdf cannot be read: No such file" in said.err
    assert [item["result"] for item in json.loads(said.out)] == [None, "INCONCLUSIVE"]
    assert "a.pdf: NOT VERIFIED" in Path("r.txt").read_text()
    assert "NOT VERIFIED" in Path("r.html").read_text()
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.INVALID)
    assert await run("verify", "a.pdf", "b.pdf") == 6
    fake[0].answers["VerifyDocument"] = (500, b"oops")
    assert await run("verify", "a.pdf", "b.pdf") == 4


async def test_a_folder_for_results(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fake[0].answers["EncryptDocument"] = answers.encrypted(b"cms")
    _write(a_txt="a", b_txt="b")
    assert await run("encrypt", "a.txt", "b.txt", "-o", "there") == 2
    assert "there/ makes it" in capsys.readouterr().err
    assert await run("encrypt", "a.txt", "b.txt", "-o", "there/") == 0
    assert Path("there/b.txt.p7m").read_bytes() == b"cms"


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("sign", "a.txt", "-o", "missing/a.p7s"), 1),
        (("sign", "a.txt", "-o", "a.txt/"), 1),
        (("sign", "a.txt", "-o", "a.txt/there/"), 1),
        (("verify", "a.txt", "--report", "missing/r.html"), 1),
    ],
)
async def test_where_nothing_can_be_written_nobody_is_asked(
    fake: tuple[FakeKonnektor, Identities], run: Run, argv: tuple[str, ...], code: int
) -> None:
    _write(a_txt="a")
    before = len(fake[0].received)
    assert await run(*argv) == code
    assert len(fake[0].received) == before


@pytest.mark.parametrize(
    ("verb", "operation"),
    [
        ("sign", "SignDocument"),
        ("verify", "VerifyDocument"),
        ("encrypt", "EncryptDocument"),
        ("decrypt", "DecryptDocument"),
    ],
)
async def test_an_error_names_the_file(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str], verb: str, operation: str
) -> None:
    fake[0].answers[operation] = (500, b"oops")
    _write(a_txt="a")
    assert await run(verb, "a.txt") == 4
    assert "tiaas: a.txt: " in capsys.readouterr().err


async def test_encrypting_and_decrypting(fake: tuple[FakeKonnektor, Identities], run: Run) -> None:
    fake[0].answers |= {"EncryptDocument": answers.encrypted(b"cms"), "DecryptDocument": answers.decrypted(b"text")}
    _write(a_txt="text")
    assert await run("encrypt", "a.txt") == 0
    assert Path("a.txt.p7m").read_bytes() == b"cms"
    assert await run("decrypt", "a.txt.p7m", "--force") == 0
    assert Path("a.txt").read_bytes() == b"text"
    assert await run("encrypt", "a.txt", "--to", "k.kon", "--force") == 2


@pytest.mark.parametrize(
    ("verb", "operation", "made"),
    [
        ("encrypt", "EncryptDocument", answers.encrypted(b"made")),
        ("decrypt", "DecryptDocument", answers.decrypted(b"made")),
    ],
)
async def test_a_file_that_cannot_be_converted_does_not_stop_the_others(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    operation: str,
    made: object,
) -> None:
    turns: list[object] = [made, messages.fault(4107, "Fehler"), made] * 2
    monkeypatch.setattr(fake[0], "answers", Turns(fake[0].answers | {operation: turns}))
    _write(a_p7m="a", b_p7m="b", c_p7m="c")
    assert await run(verb, "a.p7m", "b.p7m", "c.p7m", "-o", "there/") == 3
    told = capsys.readouterr()
    assert "tiaas: 2 of 3: b.p7m: error 4107: Fehler" in told.err
    assert "tiaas: 2 of 3 files have their result; without: b.p7m" in told.err
    assert [line.split()[0] for line in told.out.splitlines()] == ["FILE", "a.p7m", "c.p7m"]
    assert len(list(Path("there").iterdir())) == 2
    monkeypatch.setattr(documentfiles, "write", _writes_but("a" if verb == "decrypt" else "a.p7m.p7m"))
    assert await run(verb, "a.p7m", "b.p7m", "c.p7m", "-o", "there/", "--force", "--json") == 3
    saved = json.loads(capsys.readouterr().out)
    assert [entry["file"] for entry in saved] == ["c.p7m", "a.p7m", "b.p7m"]
    assert ["output" in entry for entry in saved] == [True, False, False]
    assert "cannot be written: full" in saved[1]["error"]


async def test_who_answers_no_more_is_not_asked_for_the_rest(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = [answers.encrypted(b"cms"), (500, b"oops"), answers.encrypted(b"cms")]
    monkeypatch.setattr(fake[0], "answers", Turns(fake[0].answers | {"EncryptDocument": turns}))
    _write(a_txt="a", b_txt="b", c_txt="c")
    assert await run("encrypt", "a.txt", "b.txt", "c.txt") == 4
    assert "1 of 3 files have their result; without: b.txt, c.txt" in capsys.readouterr().err
    assert len(turns) == 1


async def test_what_was_converted_before_ctrl_c_is_told(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write(path: Path, content: bytes, *, force: bool) -> None:
        if path.name == "b.txt.p7m":
            raise KeyboardInterrupt
        outputfiles.write(path, content, force=force)

    monkeypatch.setattr(documentfiles, "write", write)
    fake[0].answers["EncryptDocument"] = answers.encrypted(b"cms")
    _write(a_txt="a", b_txt="b", c_txt="c")
    assert await run("encrypt", "a.txt", "b.txt", "c.txt", "--json") == 130
    told = capsys.readouterr()
    assert "1 of 3 files have their result; without: b.txt, c.txt" in told.err
    assert [entry.get("error") for entry in json.loads(told.out)] == [None, "interrupted", "interrupted"]


async def test_each_certificate_of_a_pem_is_a_recipient(fake: tuple[FakeKonnektor, Identities], run: Run) -> None:
    fake[0].answers["EncryptDocument"] = answers.encrypted(b"cms")
    _write(a_txt="text")
    recipients = [fake[1].server, fake[1].client]
    Path("several.pem").write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in recipients))
    assert await run("encrypt", "a.txt", "--to", "several.pem") == 0
    body = re.sub(rb"\s", b"", fake[0].received[-1].body)
    for each in recipients:
        assert b64encode(each.public_bytes(Encoding.DER)) in body


async def test_a_challenge_is_signed_as_an_idp_wants_it(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fake[0].answers |= {
        "ExternalAuthenticate": answers.authenticated(encode_dss_signature(1, 2)),
        "ReadCardCertificate": messages.certificates((CertRef.C_AUT, b"DER")),
    }
    _write(c_json='{"challenge": "e30.e30.AA", "user_consent": {}}')
    assert await run("authenticate", "--challenge", "c.json") == 0
    header, payload, signature = (_octets(part) for part in capsys.readouterr().out.strip().split("."))
    assert json.loads(header) == {"alg": "BP256R1", "typ": "JWT", "cty": "NJWT", "x5c": ["REVS"]}
    assert json.loads(payload) == {"njwt": "e30.e30.AA"}
    assert signature == (1).to_bytes(32) + (2).to_bytes(32)
    _write(c_json="{}")
    assert await run("authenticate", "--challenge", "c.json") == 2


async def test_a_hash_value_is_signed(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fake[0].answers["ExternalAuthenticate"] = answers.authenticated(encode_dss_signature(1, 2))
    assert await run("authenticate", "--digest", "ab" * 32) == 0
    assert b64decode(capsys.readouterr().out) == encode_dss_signature(1, 2)
    assert await run("authenticate", "--digest", "ab") == 2


async def test_rsassa_pkcs1_takes_longer_hash_values_too(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """As ExternalAuthenticate does; the others are for SHA-256."""
    fake[0].answers["ExternalAuthenticate"] = answers.authenticated(b"RSA")
    for octets, taken in ((32, True), (48, True), (64, True), (20, False), (40, False)):
        assert await run("authenticate", "--scheme", "pkcs1", "--digest", "ab" * octets) == (0 if taken else 2)
    assert "a SHA-256 hash value (64 digits) or SHA-384 hash value (96 digits) or SHA-512" in capsys.readouterr().err
    for scheme in ("pss", "ecdsa"):
        assert await run("authenticate", "--scheme", scheme, "--digest", "ab" * 48) == 2
        assert f"for --scheme {scheme} a SHA-256 hash value (64 digits)\n" in capsys.readouterr().err
    assert await run("authenticate", "--scheme", "pkcs1", "--digest", "xy" * 48) == 2


def _octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_forms() -> None:
    assert form_of(Path("a.XML"), None) == DocumentForm(True, None)
    assert form_of(Path("a.pdf"), None) == DocumentForm(False, "application/pdf-a")
    assert form_of(Path("a.bin"), None) == DocumentForm(False, None)
    assert form_of(Path("a.xml"), "text/plain; charset=utf-8") == DocumentForm(False, "text/plain; charset=utf-8")
    assert form_of(Path("a.xml"), "binary") == DocumentForm(False, None)


async def test_a_malformed_file_of_a_stack_is_named_and_nothing_is_sent(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(t_txt="t", bad_xml="<a><b></a>", good_xml="<a/>")
    assert await run("sign", "t.txt", "bad.xml", "good.xml") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "bad.xml: not well-formed XML, line 1, column 11: tag name mismatch; nothing was sent" in line


async def test_xml_in_utf_16_is_told_and_how_to_change_it(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for octets in ('<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"), "<a/>".encode("utf-16-be")):
        Path("wide.xml").write_bytes(octets)
        for verb in ("sign", "encrypt"):
            assert await run(verb, "wide.xml") == 2
            (line,) = capsys.readouterr().err.splitlines()
            assert "wide.xml: XML in UTF-16; a Konnektor takes UTF-8: iconv" in line


async def test_a_result_whose_name_would_be_too_long(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"{'x' * 250}.txt"
    Path(name).write_text("x")
    for verb in ("sign", "encrypt"):
        assert await run(verb, name) == 2
        assert "the file system takes no name as long" in capsys.readouterr().err


async def test_a_document_is_not_replaced_by_its_own_signature(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    _write(brief_txt="x")
    assert await run("sign", "brief.txt", "--output", "brief.txt", "--force") == 2
    assert "would be replaced by its own result" in capsys.readouterr().err
    assert Path("brief.txt").read_text() == "x"


async def test_a_name_that_is_no_text(
    fake: tuple[FakeKonnektor, Identities], run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The short text holds characters only; the file keeps its name, JSON tells it in escapes, texts in one line."""
    fake[0].answers["SignDocument"] = answers.signed(answers.outside(0, b"cms"))
    name = os.fsdecode(b"Br\xfcckner\n.txt")
    (tmp_path / name).write_text("x")
    code, told, failed = await _in_shell("sign Br*.txt --kon k.kon --json")
    assert (code, failed) == (0, b"")
    assert json.loads(told)[0]["file"] == name
    assert (tmp_path / f"{name}.p7s").read_bytes() == b"cms"
    assert "Br\N{REPLACEMENT CHARACTER}ckner\N{REPLACEMENT CHARACTER}.txt".encode() in fake[0].received[-1].body
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID)
    reports = [word for ending in ("html", "txt", "json") for word in ("--report", f"r.{ending}")]
    assert await run("verify", f"{name}.p7s", f"{name}.p7s", *reports) == 0
    shown = "Br\N{REPLACEMENT CHARACTER}ckner\\n.txt.p7s"
    said = capsys.readouterr()
    assert said.err == f"tiaas: 1 of 2: {shown}: VALID\ntiaas: 2 of 2: {shown}: VALID\n"
    assert said.out == Path("r.txt").read_text()
    assert said.out.startswith(f"{shown}: VALID: ")
    assert f"<h2>{shown}</h2>" in Path("r.html").read_text()
    assert [each["file"] for each in json.loads(Path("r.json").read_bytes())] == [f"{name}.p7s"] * 2


async def _in_shell(words: str) -> tuple[int | None, bytes, bytes]:
    """Exit code, standard output and error of a command line in the current folder."""
    process = await asyncio.create_subprocess_shell(
        f'"{sys.executable}" -m tiaas {words}', stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    told, failed = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, told, failed


@pytest.mark.parametrize(
    "output", ["-o /dev/stdout", "-o result > result && cat result", "-o result --json > result; cat result"]
)
@pytest.mark.parametrize("verb", ["sign", "encrypt", "decrypt"])
async def test_a_result_that_goes_to_standard_output_is_all_that_is_there(
    fake: tuple[FakeKonnektor, Identities], run: Run, verb: str, output: str
) -> None:
    fake[0].answers |= {
        "SignDocument": answers.signed(answers.outside(0, b"cms")),
        "EncryptDocument": answers.encrypted(b"cms"),
        "DecryptDocument": answers.decrypted(b"cms"),
    }
    _write(a_txt="a")
    code, told, beside = await _in_shell(f"{verb} a.txt --kon k.kon --force {output}")
    assert (code, told) == (0, b"cms")
    assert b"a.txt" in beside
    assert b"output" in beside.lower()


async def test_standard_output_that_is_closed_takes_no_result(fake: tuple[FakeKonnektor, Identities], run: Run) -> None:
    _write(a_txt="a")
    before = len(fake[0].received)
    code, _, why = await _in_shell("sign a.txt --kon k.kon -o /dev/stdout --force >&-")
    assert (code, why) == (1, b"tiaas: /dev/stdout may not be written\n")
    assert len(fake[0].received) == before


async def test_a_report_that_goes_to_standard_output_is_all_that_is_there(
    fake: tuple[FakeKonnektor, Identities], run: Run
) -> None:
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID)
    _write(a_pdf="%PDF")
    Path("r.json").symlink_to("/dev/stdout")
    code, told, beside = await _in_shell("verify a.pdf --kon k.kon --report r.json --force")
    assert (code, json.loads(told)[0]["result"]) == (0, "VALID")
    assert beside.startswith(b"a.pdf: VALID: ")


@pytest.mark.parametrize("verb", ["sign", "encrypt", "decrypt"])
async def test_where_a_result_goes_is_said_of_what_has_no_place_and_is_not_empty(
    fake: tuple[FakeKonnektor, Identities], run: Run, verb: str
) -> None:
    _write(a_txt="a")
    before = len(fake[0].received)
    code, told, why = await _in_shell(f"{verb} --kon k.kon /dev/stdin < a.txt")
    assert (code, told) == (2, b"")
    assert why == b"tiaas: /dev/stdin is in no folder; say where the result goes: --output FILE\n"
    code, told, why = await _in_shell(f"{verb} --kon k.kon a.txt -o ''")
    assert (code, told) == (2, b"")
    assert why == b"tiaas: --output is empty; name a file or a folder, or leave it out\n"
    assert len(fake[0].received) == before
    assert sorted(each.name for each in Path().iterdir()) == ["a.txt", "k.kon"]
