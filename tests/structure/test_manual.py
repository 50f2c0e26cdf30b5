"""The manual says what the specification wants a manual to say."""

import pytest

from tests.structure.sources import ROOT


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        pytest.param(
            "reference/signature-service.md",
            "The terminal shows the number beside the prompt: type PIN.QES only if the screen of the practice software "
            "shows the same one (TIP1-A_4992-02).",
            marks=pytest.mark.requirement("TIP1-A_4992-02"),
        ),
        pytest.param(
            "how-to/comfort-signature.md",
            "**Who signs is checked by the practice software alone** (A_19101).",
            marks=pytest.mark.requirement("A_19101"),
        ),
        pytest.param(
            "reference/auth-signature-service.md",
            "For anything but authentication its key must not be used (TIP1-A_5149-01)",
            marks=pytest.mark.requirement("TIP1-A_5149-01"),
        ),
    ],
)
def test_the_manual_says_it(page: str, sentence: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert sentence in " ".join(text.split())
