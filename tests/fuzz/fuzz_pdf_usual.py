"""Fuzz target: the quick reader of usual PDF dictionaries finds what the general one finds, and at the same price."""

from tests.pdfgeneral import exactly, general_outcome, outcome

SEEDS: list[bytes] = [
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595.28 842] /Resources << /ProcSet [/PDF] >> /Kids [] >>",
    b" <</Size 7/Root 1 0 R/ID[<0a0b><0C0D>]/Prev -12>>",
    b"<< /Lang (de-DE) /Marked true /Nothing null /A#20B .5 % comment\n /Contents <0a0b> /T (a\\)) >>",
    b"[<< /A << >> >> << /A << /B << /C 1 >> >> >>]",
    b"<</A(>>)/B<</C(a)/D<0a>>>>>",
]


def target(data: bytes) -> None:
    """Both readers agree."""
    quick, general = outcome(data), general_outcome(data)
    assert quick == general
    if quick is not None and general is not None:
        assert exactly(quick[0]) == exactly(general[0])
