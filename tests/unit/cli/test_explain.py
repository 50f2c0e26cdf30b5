"""`tiaas explain`."""

import pytest

from tiaas.cli.entry import main


def test_cause_and_remedy_stand_beside_the_official_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "4085", "3041"]) == 0
    shown = capsys.readouterr().out
    assert "4085  Zugriffsbedingungen nicht erfüllt" in shown
    assert "SMC-B: tiaas pin verify; PIN.CH of an HBA: tiaas pin verify PIN.CH) and repeat the call." in shown
    assert "3041" in shown


def test_in_german(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--lang", "de", "4043"]) == 0
    assert "Ursache: Die PIN wurde nicht rechtzeitig eingegeben." in capsys.readouterr().out


@pytest.mark.parametrize("language", ["en", "de"])
def test_which_cards_fit_an_operation(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--lang", language, "4058"]) == 0
    shown = capsys.readouterr().out
    for named in ("DecryptDocument", "ExternalAuthenticate", "HBA", "SMC-B", "ReadVSD", "eGK", "SMC-KT", "RequestCard"):
        assert named in shown


def test_a_code_that_never_comes_and_a_number_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "4047", "4050"]) == 0
    assert capsys.readouterr().out.count("  this Konnektor does not give it; docs/conformance/codes.md says why\n") == 2
    assert main(["explain", "7"]) == 2
    assert "7 is no error code" in capsys.readouterr().err
