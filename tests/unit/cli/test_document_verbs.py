"""Verbs for documents against a server that looks like a Konnektor: `encrypt`, `decrypt`, `authenticate`, files."""

import json
import os
import re
from base64 import b64decode, b64encode, urlsafe_b64decode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from tests.unit.cli.documentbench import Run, Turns, in_shell, put_files, writes_but
from tests.unit.client import documentanswers as answers
from tests.unit.client import messages
from tests.unit.client.fake_konnektor import FakeKonnektor, Identities
from tiaas.cli import documentfiles, outputfiles
from tiaas.cli.documentfiles import DocumentForm, form_of
from tiaas.interfaces.certificate_service_common_v2_0 import CertRef
from tiaas.interfaces.signature_service_v7_5 import HighLevelResult

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_folder_for_results(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fake[0].answers["EncryptDocument"] = answers.encrypted(b"cms")
    put_files(a_txt="a", b_txt="b")
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
    put_files(a_txt="a")
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
    put_files(a_txt="a")
    assert await run(verb, "a.txt") == 4
    assert "tiaas: a.txt: " in capsys.readouterr().err


async def test_encrypting_and_decrypting(fake: tuple[FakeKonnektor, Identities], run: Run) -> None:
    fake[0].answers |= {"EncryptDocument": answers.encrypted(b"cms"), "DecryptDocument": answers.decrypted(b"text")}
    put_files(a_txt="text")
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
    put_files(a_p7m="a", b_p7m="b", c_p7m="c")
    assert await run(verb, "a.p7m", "b.p7m", "c.p7m", "-o", "there/") == 3
    told = capsys.readouterr()
    assert "tiaas: 2 of 3: b.p7m: error 4107: Fehler" in told.err
    assert "tiaas: 2 of 3 files have their result; without: b.p7m" in told.err
    assert [line.split()[0] for line in told.out.splitlines()] == ["FILE", "a.p7m", "c.p7m"]
    assert len(list(Path("there").iterdir())) == 2
    monkeypatch.setattr(documentfiles, "write", writes_but("a" if verb == "decrypt" else "a.p7m.p7m"))
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
    put_files(a_txt="a", b_txt="b", c_txt="c")
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
    put_files(a_txt="a", b_txt="b", c_txt="c")
    assert await run("encrypt", "a.txt", "b.txt", "c.txt", "--json") == 130
    told = capsys.readouterr()
    assert "1 of 3 files have their result; without: b.txt, c.txt" in told.err
    assert [entry.get("error") for entry in json.loads(told.out)] == [None, "interrupted", "interrupted"]


async def test_each_certificate_of_a_pem_is_a_recipient(fake: tuple[FakeKonnektor, Identities], run: Run) -> None:
    fake[0].answers["EncryptDocument"] = answers.encrypted(b"cms")
    put_files(a_txt="text")
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
    put_files(c_json='{"challenge": "e30.e30.AA", "user_consent": {}}')
    assert await run("authenticate", "--challenge", "c.json") == 0
    header, payload, signature = (_octets(part) for part in capsys.readouterr().out.strip().split("."))
    assert json.loads(header) == {"alg": "BP256R1", "typ": "JWT", "cty": "NJWT", "x5c": ["REVS"]}
    assert json.loads(payload) == {"njwt": "e30.e30.AA"}
    assert signature == (1).to_bytes(32) + (2).to_bytes(32)
    put_files(c_json="{}")
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
    assert form_of(Path("a.xml"), " application/vnd.x+json;v=1 ") == DocumentForm(False, "application/vnd.x+json;v=1")


@pytest.mark.parametrize("verb", ["sign", "encrypt", "decrypt"])
@pytest.mark.parametrize("mime", ["quatsch", "XML", "", "text/", "/plain", "text/plain charset=utf-8", "a/b/c"])
async def test_what_is_no_mime_type_is_refused(
    fake: tuple[FakeKonnektor, Identities], run: Run, capsys: pytest.CaptureFixture[str], verb: str, mime: str
) -> None:
    put_files(a_txt="a")
    before = len(fake[0].received)
    assert await run(verb, "a.txt", "--mime", mime) == 2
    told = capsys.readouterr().err
    assert f"--mime {mime} is no MIME type; say xml, binary or TYPE/SUBTYPE, as text/plain" in told
    assert len(fake[0].received) == before


async def test_a_malformed_file_of_a_stack_is_named_and_nothing_is_sent(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    put_files(t_txt="t", bad_xml="<a><b></a>", good_xml="<a/>")
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
    put_files(brief_txt="x")
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
    code, told, failed = await in_shell("sign Br*.txt --kon k.kon --json")
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
    put_files(a_txt="a")
    code, told, beside = await in_shell(f"{verb} a.txt --kon k.kon --force {output}")
    assert (code, told) == (0, b"cms")
    assert b"a.txt" in beside
    assert b"output" in beside.lower()


async def test_standard_output_that_is_closed_takes_no_result(fake: tuple[FakeKonnektor, Identities], run: Run) -> None:
    put_files(a_txt="a")
    before = len(fake[0].received)
    code, _, why = await in_shell("sign a.txt --kon k.kon -o /dev/stdout --force >&-")
    assert (code, why) == (1, b"tiaas: /dev/stdout may not be written\n")
    assert len(fake[0].received) == before


async def test_a_report_that_goes_to_standard_output_is_all_that_is_there(
    fake: tuple[FakeKonnektor, Identities], run: Run
) -> None:
    fake[0].answers["VerifyDocument"] = answers.verified(HighLevelResult.VALID)
    put_files(a_pdf="%PDF")
    Path("r.json").symlink_to("/dev/stdout")
    code, told, beside = await in_shell("verify a.pdf --kon k.kon --report r.json --force")
    assert (code, json.loads(told)[0]["result"]) == (0, "VALID")
    assert beside.startswith(b"a.pdf: VALID: ")


@pytest.mark.parametrize("verb", ["sign", "encrypt", "decrypt"])
async def test_where_a_result_goes_is_said_of_what_has_no_place_and_is_not_empty(
    fake: tuple[FakeKonnektor, Identities], run: Run, verb: str
) -> None:
    put_files(a_txt="a")
    before = len(fake[0].received)
    code, told, why = await in_shell(f"{verb} --kon k.kon /dev/stdin < a.txt")
    assert (code, told) == (2, b"")
    assert why == b"tiaas: /dev/stdin is in no folder; say where the result goes: --output FILE\n"
    code, told, why = await in_shell(f"{verb} --kon k.kon a.txt -o ''")
    assert (code, told) == (2, b"")
    assert why == b"tiaas: --output is empty; name a file or a folder, or leave it out\n"
    assert len(fake[0].received) == before
    assert sorted(each.name for each in Path().iterdir()) == ["a.txt", "k.kon"]
