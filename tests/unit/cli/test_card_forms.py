"""The form of a card: from files of three kinds, from questions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tiaas.base.config import read_config
from tiaas.base.errors import InvalidInput
from tiaas.card.objsys.model import CardKind, KeyProfile
from tiaas.card.virtual.defects import DefectKind
from tiaas.cli.cardquestions import KINDS, ask_form
from tiaas.cli.formfile import read_form_file
from tiaas.lab.cardform import CardForm, CertificateState, Generation, PinCondition

TOML = 'kind = "HBA"\n[state]\ngeneration = "G3"\n'
JSON = '{"kind": "HBA", "state": {"generation": "G3"}}'
YAML = "kind: HBA\nstate:\n  generation: G3\n"


@pytest.mark.parametrize(("name", "text"), [("a.toml", TOML), ("a.json", JSON), ("a.yaml", YAML), ("a.yml", YAML)])
def test_files(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert read_form_file(path) == {"kind": "HBA", "state": {"generation": "G3"}}


@pytest.mark.parametrize(("name", "text"), [("a.toml", "x"), ("a.json", "{"), ("a.yaml", "a: [b"), ("a.yaml", "- 1")])
def test_files_that_are_no_forms(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidInput, match="a\\."):
        read_form_file(path)


def answers(*given: str) -> Iterator[str]:
    yield from given
    while True:
        yield ""


@pytest.mark.parametrize("kind", KINDS)
def test_empty_answers_make_a_card(kind: str) -> None:
    told = answers(kind)
    form = read_config(CardForm, ask_form(lambda question: next(told)))
    assert set(KINDS) == {each.value for each in CardKind}
    assert form.kind is CardKind(kind)
    assert form.state.certificates is CertificateState.VALID
    assert form.state.defect is None


def test_a_wrong_answer_is_asked_for_again(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []
    told = answers("EC card", "eGK", "", "", "K000000000", "K987654329")

    def ask(question: str) -> str:
        asked.append(question)
        return next(told)

    form = read_config(CardForm, ask_form(ask))
    assert form.patient is not None
    assert form.patient.kvnr == "K987654329"
    assert [question.split(" ")[0] for question in asked].count("kvnr") == 2
    err = capsys.readouterr().err
    assert "one of eGK" in err
    assert "check digit" in err


def test_answers_about_the_state() -> None:
    state = ("G2.1", "ecc", "revoked", "yes", "transport", "read-error", "DF.HCA/EF.VD")
    told = answers("eGK", *[""] * 13, *state)
    form = read_config(CardForm, ask_form(lambda question: next(told)))
    assert form.state.generation is Generation.G2_1
    assert (form.state.keys, form.state.certificates) == (KeyProfile.ECC_ONLY, CertificateState.REVOKED)
    assert form.state.locked
    assert form.state.pins[0].state is PinCondition.TRANSPORT
    assert form.state.defect is not None
    assert (form.state.defect.kind, form.state.defect.file) == (DefectKind.READ_ERROR, "DF.HCA/EF.VD")
