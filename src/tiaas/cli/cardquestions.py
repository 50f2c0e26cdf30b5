"""Asks for the form of a card, question by question; an empty answer takes the default in brackets."""

from collections.abc import Callable, Sequence
from typing import Any

from tiaas.card.objsys.model import CardKind, KeyProfile
from tiaas.card.virtual.defects import NEEDS_FILE, DefectKind
from tiaas.cli.writer import note
from tiaas.lab.cardform import CertificateState, Generation, PinCondition
from tiaas.lab.identifiers import check_ik, check_kvnr

Ask = Callable[[str], str]
Question = tuple[str, str, Callable[[str], object]]

_QSIG = CardKind.HBA_QSIG.value
_PINS: dict[str, tuple[str, ...]] = {
    CardKind.EGK.value: ("PIN.CH",),
    CardKind.HBA.value: ("PIN.CH", "PIN.QES"),
    _QSIG: ("PIN.CH", "PIN.QES"),
    CardKind.SMC_B.value: ("PIN.SMC",),
    CardKind.SMC_KT.value: (),
}
KINDS = tuple(_PINS)
"""Kinds of cards that are made from questions: all."""


def _anything(answer: str) -> str:
    return answer


# Key, default and check of each question; all defaults are invented. The form's own checks follow in the lab.
_PATIENT: tuple[Question, ...] = (
    ("vorname", "Änne", _anything),
    ("nachname", "Musterfrau", _anything),
    ("kvnr", "K987654329", check_kvnr),
    ("geburtsdatum", "19700317", _anything),
    ("geschlecht", "W", _anything),
    ("insurer", "109990018", check_ik),
    ("beginn", "20200101", _anything),
    ("wop", "72", _anything),
)
_STREET: tuple[Question, ...] = (
    ("strasse", "Am Probenufer", _anything),
    ("hausnummer", "1", _anything),
    ("postleitzahl", "10999", _anything),
    ("ort", "Berlin", _anything),
    ("land", "D", _anything),
)
_PROFESSIONAL: tuple[Question, ...] = (
    ("kind", "arzt", _anything),
    ("vorname", "Beatrix", _anything),
    ("nachname", "Musterärztin", _anything),
    ("telematik_id", "1-10999990009999", _anything),
    ("authority", "Ärztekammer Lummerland TEST-ONLY", _anything),
)
_INSTITUTION: tuple[Question, ...] = (
    ("kind", "praxis_arzt", _anything),
    ("name", "Praxis Muster TEST-ONLY", _anything),
    ("telematik_id", "1-20999990009999", _anything),
    ("number", "999919900", _anything),
    ("strasse", "Marktplatz 1", _anything),
    ("postleitzahl", "10999", _anything),
    ("ort", "Berlin", _anything),
    ("bundesland", "Berlin", _anything),
)


def ask_form(ask: Ask = input, kind: str | None = None) -> dict[str, Any]:
    """The answers as a form (`lab/cardform.py`). Raises `EOFError` if the answers end too early."""
    kind = kind or _choose(ask, "kind", KINDS)
    form: dict[str, Any] = {"kind": kind}
    if kind == CardKind.EGK.value:
        form["patient"] = {**_ask_all(ask, _PATIENT), "strassen_adresse": _ask_all(ask, _STREET)}
    elif kind in (CardKind.HBA.value, _QSIG):
        form["professional"] = {"key": "made", **_ask_all(ask, _PROFESSIONAL)}
    elif kind == CardKind.SMC_B.value:
        form["institution"] = {"key": "made", **_ask_all(ask, _INSTITUTION)}
    form["state"] = _state(ask, kind)
    return form


def _state(ask: Ask, kind: str) -> dict[str, Any]:
    generations = [Generation.G2_1, *(found for found in Generation if found is not Generation.G2_1)]
    state: dict[str, Any] = {}
    if kind != _QSIG:
        state["generation"] = _choose(ask, "generation", [found.value for found in generations])
    if kind != _QSIG and state["generation"] != Generation.G2_0.value:
        state["keys"] = _choose(ask, "keys", [KeyProfile.RSA_AND_ECC.value, KeyProfile.ECC_ONLY.value])
    state["certificates"] = _choose(ask, "certificates", [found.value for found in CertificateState])
    if kind == CardKind.EGK.value:
        state["locked"] = _choose(ask, "locked", ("no", "yes")) == "yes"
    state["pins"] = [
        {"name": name, "state": _choose(ask, f"state of {name}", [found.value for found in PinCondition])}
        for name in _PINS[kind]
    ]
    defect = _choose(ask, "defect", ("none", *(found.value for found in DefectKind)))
    if defect != "none":
        state["defect"] = {"kind": defect}
        if DefectKind(defect) in NEEDS_FILE:
            state["defect"]["file"] = _ask(ask, ("file", "EF.GDO", _anything))
    return state


def _ask_all(ask: Ask, questions: Sequence[Question]) -> dict[str, str]:
    return {question[0]: _ask(ask, question) for question in questions}


def _ask(ask: Ask, question: Question) -> str:
    """Asks until the answer passes its check."""
    key, default, check = question
    while True:
        answer = ask(f"{key} [{default}]: ").strip() or default
        try:
            check(answer)
        except ValueError as error:
            note(f"tiaas: {error}")
        else:
            return answer


def _choose(ask: Ask, what: str, choices: Sequence[str]) -> str:
    """One of the choices; the first is the default."""

    def check(answer: str) -> None:
        if answer not in choices:
            raise ValueError(f"one of {', '.join(choices)}")

    return _ask(ask, (f"{what} ({', '.join(choices)})", choices[0], check))
