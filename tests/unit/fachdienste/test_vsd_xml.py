"""Versichertenstammdaten as XML: round trips and refusals."""

import pytest

from tiaas.interfaces.vsd_v5_2 import (
    NAMESPACE,
    AllgemeineVersicherungsdaten,
    BadVsd,
    GeschuetzteVersichertendaten,
    Kostenerstattung,
    Kostentraeger,
    PersoenlicheVersichertendaten,
    PostfachAdresse,
    RuhenderLeistungsanspruch,
    Selektivvertraege,
    StrassenAdresse,
    decode_gvd_untrusted,
    decode_pd_untrusted,
    decode_vd_untrusted,
    encode_gvd,
    encode_pd,
    encode_vd,
)

PD = PersoenlicheVersichertendaten(
    versicherten_id="A123456780",
    geburtsdatum="19700000",
    vorname="Žofie",
    nachname="Škůdcová-Süß",
    geschlecht="W",
    titel="Dr.",
    postfach_adresse=PostfachAdresse("Ort", "1", "D", "12345"),
    strassen_adresse=StrassenAdresse("Ort", "D", "12345", "Straße", "1", "hinten"),
)
KASSE = Kostentraeger("109990018", "D", "Muster & Söhne")
VD = AllgemeineVersicherungsdaten(
    "20200101", KASSE, "1", "02", "20301231", KASSE, Kostenerstattung(True, False, True, False)
)
GVD = GeschuetzteVersichertendaten(
    True, Selektivvertraege(1, 0, "1000"), "20261231", 7, 30, RuhenderLeistungsanspruch("20260101", 1, "20260201")
)


def test_round_trips() -> None:
    assert decode_pd_untrusted(encode_pd(PD)) == PD
    assert decode_vd_untrusted(encode_vd(VD)) == VD
    assert decode_gvd_untrusted(encode_gvd(GVD)) == GVD


def test_encoding() -> None:
    raw = encode_pd(PD)
    assert raw.startswith(b"<?xml version='1.0' encoding='ISO-8859-15'?>")
    assert b"\xb4ofie" in raw
    assert b"&#367;" in raw
    assert b'CDM_VERSION="5.2.0"' in raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<a/>",
        encode_vd(VD),
        encode_pd(PD).replace(b"</Vorname>", b""),
        encode_pd(PD).replace(b"v5.2", b"v5.1"),
        b'<!DOCTYPE x [<!ENTITY a "b">]><x/>',
        b'<!DOCTYPE UC_PersoenlicheVersichertendatenXML SYSTEM "x">' + encode_pd(PD).split(b"\n", 1)[1],
        f'<UC_PersoenlicheVersichertendatenXML xmlns="{NAMESPACE}"/>'.encode(),
        b" " * 70_000,
    ],
)
def test_garbage(raw: bytes) -> None:
    with pytest.raises(BadVsd):
        decode_pd_untrusted(raw)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"<Status>1<", b"<Status>2<"), (b"<Status>1<", b"<Status>x<"), (b"<Aerztlich>1<", b"<Aerztlich>\xb2<")],
)
def test_bad_values(before: bytes, after: bytes) -> None:
    raw = encode_gvd(GVD)
    assert before in raw
    with pytest.raises(BadVsd):
        decode_gvd_untrusted(raw.replace(before, after))


def test_repr_shows_no_person() -> None:
    assert "A123456780" not in repr(PD)
