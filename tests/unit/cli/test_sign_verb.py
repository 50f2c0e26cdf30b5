"""`tiaas sign` against a server that looks like a Konnektor."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adesbench import NOW, Key, holder
from tests.unit.ades.test_xades_sign import sign as signed_xml
from tests.unit.cli.documentbench import Run, Turns, put_files, writes_but
from tests.unit.client import documentanswers as answers
from tests.unit.client import messages
from tests.unit.client.fake_konnektor import FakeKonnektor, Identities
from tiaas.ades.cades import CadesOptions, prepare, prepare_counter
from tiaas.cli import documentfiles, sign
from tiaas.cli.outputfiles import WrittenBeside
from tiaas.interfaces.card_service_v8_1 import Cards, PinStatus
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.event_service_v7_2 import GetCardsResponse

pytestmark = pytest.mark.asyncio(loop_scope="module")

Answering = Callable[..., None]


@pytest.fixture
def hba_alone(fake: tuple[FakeKonnektor, Identities], monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Leaves the HBA alone of all cards, and sets answers by the names of operations."""

    def answer(**more: object) -> None:
        cards = GetCardsResponse(status=OK, cards=Cards(card=(messages.HBA,)))
        monkeypatch.setattr(fake[0], "answers", fake[0].answers | {"GetCards": cards} | more)

    return answer


async def test_signed_files_lie_beside_the_others(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fake[0].answers["SignDocument"] = answers.signed(
        answers.inside(0, b"<a>signed</a>"), answers.outside(1, b"%PDF signed", answers.PDF), answers.outside(2, b"cms")
    )
    put_files(a_xml="<a/>", b_pdf="%PDF", c_txt="c")
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
    put_files(a_xml="<a/>")
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
    put_files(a_txt="<a/>")
    assert await run("sign", "--type", "xades", "a.txt") == 2
    assert "--mime xml" in capsys.readouterr().err


async def test_only_an_hba_signs_qualified(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    put_files(a_txt="a")
    assert await run("sign", "--qes", "a.txt", "--card", messages.SMCB.iccsn) == 2
    assert "is a card of type SMC-B" in capsys.readouterr().err
    assert not Path("a.txt.p7s").exists()


@pytest.mark.parametrize("words", [("sign", "--card"), ("encrypt", "--for-card"), ("decrypt", "--card")])
async def test_an_empty_name_of_a_card_is_none(
    run: Run, capsys: pytest.CaptureFixture[str], words: tuple[str, str]
) -> None:
    put_files(a_txt="a")
    assert await run(words[0], "a.txt", words[1], "") == 2
    assert "the card's handle or ICCSN is empty" in capsys.readouterr().err


async def test_nobody_signs_qualified_who_did_not_say_so(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    hba_alone: Answering,
) -> None:
    """Not for want of an SMC-B either: it may be pulled, or in the terminal of another workplace."""
    hba_alone(SignDocument=answers.signed(answers.outside(0, b"cms")))
    put_files(a_txt="a")
    before = len(fake[0].received)
    assert await run("sign", "a.txt") == 1
    assert "no card of type SMC-B in the terminals" in capsys.readouterr().err
    for named in (messages.HBA.iccsn, messages.HBA.card_handle):
        assert await run("sign", "a.txt", "--card", named) == 2
        assert "is an HBA, whose signature is a qualified one; say --qes" in capsys.readouterr().err
    assert b"SignDocument" not in b"".join(each.body for each in fake[0].received[before:])
    assert not Path("a.txt.p7s").exists()
    assert await run("sign", "--qes", "a.txt", "--card", messages.HBA.iccsn) == 0


async def test_a_stack_goes_in_parts_and_says_how_far_it_is(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fake[0].answers["SignDocument"] = answers.signed(answers.outside(0, b"cms"))
    put_files(a_txt="a", b_txt="b", c_txt="c")
    assert await run("sign", "a.txt", "b.txt", "c.txt", "--stack", "1") == 0
    assert "2 of 3 signed" in capsys.readouterr().err


async def test_a_stack_that_ends_early(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """TAB_KON_192: only what was signed is in the answer."""
    fake[0].answers["SignDocument"] = answers.signed(answers.outside(0, b"cms"))
    put_files(a_txt="a", b_txt="b")
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
    put_files(a_txt="a", b_txt="b")
    assert await run("sign", "a.txt", "b.txt") == 130
    told = capsys.readouterr().err
    assert "0 of 2 documents are signed; not signed: a.txt, b.txt" in told
    assert "tiaas: interrupted" in told


async def test_what_was_saved_before_a_job_failed_is_told(
    fake: tuple[FakeKonnektor, Identities],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = [answers.signed(answers.outside(0, b"cms")), messages.fault(4123, "Fehler")]
    monkeypatch.setattr(fake[0], "answers", Turns(fake[0].answers | {"SignDocument": turns}))
    put_files(a_txt="a", b_txt="b", c_txt="c")
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
    monkeypatch.setattr(documentfiles, "write", writes_but("b.txt.p7s"))
    turns = [answers.signed(*(answers.outside(at, b"cms") for at in range(3)))] * 2
    monkeypatch.setattr(fake[0], "answers", Turns(fake[0].answers | {"SignDocument": turns}))
    put_files(a_txt="a", b_txt="b", c_txt="c", d_txt="d")
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
    put_files(a_txt="a", b_txt="b", c_txt="c")
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
    monkeypatch.setattr(documentfiles, "write", writes_but("a.txt.p7s"))
    fake[0].answers["SignDocument"] = answers.signed(answers.outside(0, b"cms"))
    put_files(a_txt="a")
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
    put_files(a_txt="a", b_txt="b", c_txt="c")
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
    put_files(a_txt="a", b_txt="b")
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
    assert await run("sign", "b.txt", "--resume", "--qes") == 2
    assert "is there, but no qualified signature of b.txt as it is now; remove it" in capsys.readouterr().err
    assert await run("sign", "b.txt", "--resume", "--enveloping", "-o", "b.txt.p7s") == 2
    assert "is there, but no enveloping signature of b.txt as it is now; remove it" in capsys.readouterr().err
    put_files(b_txt="changed since")
    for words in ((), ("--mime", "xml", "-o", "b.txt.p7s")):
        assert await run("sign", "b.txt", "--resume", *words) == 2
        assert "b.txt.p7s is there, but no signature of b.txt as it is now; remove it" in capsys.readouterr().err
    assert len(fake[0].received) == before


async def test_only_what_is_not_added_yet(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(fake[0].received)
    signer = holder(Key.P256)
    signature = signer.finish(prepare(b"a", signer.by, CadesOptions(NOW)))
    Path("a.p7s").write_bytes(signature)
    Path("a-counter.p7s").write_bytes(signer.finish(prepare_counter(signature, signer.by, CadesOptions(NOW))))
    assert await run("sign", "--counter", "a.p7s", "--resume") == 0
    for words in (("--counter", "--qes"), ("--parallel",)):
        Path("a-parallel.p7s").write_bytes(signature)
        assert await run("sign", *words, "a.p7s", "--resume") == 2
        assert "signature added to a.p7s as it is now; remove it" in capsys.readouterr().err
    assert len(fake[0].received) == before


async def test_the_same_pattern_resumes_although_it_names_results(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """`sign * --resume`: what a run before has made is no document."""
    fake[0].answers["SignDocument"] = answers.signed(answers.inside(0, b"<a>signed</a>"))
    put_files(a_xml="<a/>", b_xml="<b/>")
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
    fault = messages.fault(4024, "Formatvalidierung fehlgeschlagen (PDF/A)")
    cards = GetCardsResponse(status=OK, cards=Cards(card=(messages.HBA if "--qes" in words else messages.SMCB,)))
    answered = fake[0].answers | {"SignDocument": fault, "GetCards": cards}
    monkeypatch.setattr(fake[0], "answers", answered)
    put_files(a_pdf="%PDF")
    assert await run("sign", "a.pdf", *words) == 3
    assert ("not qualified, with --mime binary" in capsys.readouterr().err) is is_hinted


@pytest.mark.parametrize(("words", "is_hinted"), [((), True), (("--mime", "text/plain"), False)])
async def test_a_document_without_mime_type_that_gets_no_qualified_signature(
    run: Run,
    capsys: pytest.CaptureFixture[str],
    hba_alone: Answering,
    words: tuple[str, ...],
    is_hinted: bool,
) -> None:
    hba_alone(SignDocument=messages.fault(4110, "ungültiges Dokumentformat (Binär)"))
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
    run: Run,
    capsys: pytest.CaptureFixture[str],
    hba_alone: Answering,
    left: int,
    words: str,
) -> None:
    hba_alone(
        SignDocument=messages.fault(4085, "Zugriffsbedingungen nicht erfüllt"),
        GetPinStatus=messages.pin_status(PinStatus.VERIFIABLE, left),
    )
    put_files(a_txt="a")
    assert await run("sign", "--qes", "a.txt") == 3
    told = capsys.readouterr().err
    assert "if terminal CT1 asks for PIN.QES, type it there" in told
    assert words in told
