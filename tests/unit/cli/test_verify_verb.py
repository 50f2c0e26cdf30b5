"""`tiaas verify` against a server that looks like a Konnektor."""

import asyncio
import errno
import json
import os
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.unit.cli.documentbench import Run, put_files
from tests.unit.client import documentanswers as answers
from tests.unit.client import messages
from tests.unit.client.fake_konnektor import FakeKonnektor, Identities
from tests.unit.pki.ocspmaker import World
from tiaas.interfaces.signature_service_v7_5 import HighLevelResult
from tiaas.pki.oids import CertificateType

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
    put_files(a_txt="a", a_txt_p7s="cms")
    assert await run("verify", "a.txt.p7s") == code
    assert result.value in capsys.readouterr().out
    # The document was found beside its signature.
    assert b"YQ==" in fake[0].received[-1].body


async def test_the_time_to_verify_for(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID)
    put_files(a_p7m="cms")
    for at, sent in (("now", b"CurrentTime"), ("2026-01-02T00:00:00+00:00", b"SpecificTime>2026-01-02T00:00:00")):
        assert await run("verify", "a.p7m", "--at", at) == 0
        assert sent in fake[0].received[-1].body
    assert await run("verify", "a.p7m", "--at", "yesterday") == 2
    assert "nor now" in capsys.readouterr().err


async def test_reports(fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.INVALID)
    put_files(a_pdf="%PDF")
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
    put_files(a_pdf="%PDF", r_html="before")

    left = ["r.html", "r.json"]

    def full(*_: object) -> None:
        if left:
            left.pop()
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    reports = ("--report", "r.html", "--report", "r.json", "--report", "r.txt")
    assert await run("verify", "a.pdf", *reports, "--force") == 1
    told = capsys.readouterr()
    assert "INVALID" in told.out
    for name in ("r.html", "r.json"):
        assert told.err.count(f"{name} cannot be written: No space left on device") == 1
    assert Path("r.html").read_text() == "before"
    assert not Path("r.json").exists()
    assert "INVALID" in Path("r.txt").read_text()


_CMS = bytes.fromhex("06092a864886f70d010702a0020500")
"""What stands in a ContentInfo with id-signedData."""


@pytest.mark.parametrize("name", ["q7", "rezept.sig", "x.der", "letter.pdf", "bundle.xml"])
@pytest.mark.parametrize("head", ["300f", "30810f", "3082000f", "308300000f", "30840000000f", "3080"])
async def test_a_cms_signature_of_any_name_is_told_by_its_octets(
    fake: tuple[FakeKonnektor, Identities], run: Run, name: str, head: str
) -> None:
    """In DER or PEM, which goes as DER; --document is heeded."""
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID)
    put_files(a_txt="a")
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
    put_files(a_p7s=f"-----BEGIN CMS-----\n{inside}\n-----END CMS-----\n")
    assert await run("verify", "a.p7s") == 2
    assert "a.p7s: a PEM without a signature in it" in capsys.readouterr().err


@pytest.mark.parametrize("added", ["-counter", "-parallel", "-parallel-counter"])
async def test_the_document_of_a_signature_that_was_added_to_is_beside_it(
    fake: tuple[FakeKonnektor, Identities], run: Run, added: str
) -> None:
    """By the names that `sign --counter` and `--parallel` choose; a file of the whole name comes first."""
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID)
    put_files(a_txt="a")
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
    put_files(a_txt="a")
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
    put_files(r_txt="document", r_txt_p7s="cms", c_txt=fake[1].server.public_bytes(Encoding.PEM).decode())
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
        put_files(a_p7m="cms")
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
    put_files(a_pdf="%PDF")
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
    put_files(a_pdf="%PDF")
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
    put_files(a_pdf="%PDF")
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
    put_files(a_eml="From: a\nContent-Type: multipart/signed\n\n", b_pdf="%PDF")
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
    put_files(b_pdf="%PDF")
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
