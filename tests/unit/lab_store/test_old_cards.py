"""A card in the drawer becomes one of generation 1, and is mended."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tiaas.card.objsys.basefiles import decode_version2_untrusted
from tiaas.card.objsys.model import CardKind
from tiaas.lab.cards import LabCard
from tiaas.lab.control import control_app
from tiaas.lab.lab import Lab
from tiaas.lab.store import Kind


@pytest.fixture
async def http(lab: Lab) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(control_app(lab))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8480") as client:
        yield client


def _object_system(card: LabCard) -> bytes:
    return bytes(decode_version2_untrusted(card.card.image.files["MF/EF.Version2"]).object_system)


async def test_a_card_becomes_old_and_is_mended(lab: Lab, http: httpx.AsyncClient) -> None:
    card = lab.cards.of_practice(1, CardKind.EGK)[2]
    before = dict(card.card.image.files)
    answer = await http.put(f"/cards/{card.iccsn}", json={"too_old": True})
    assert (answer.status_code, answer.json()) == (200, {"iccsn": card.iccsn, "too_old": True})
    assert _object_system(card)[0] == 3
    stored = lab.store.get(Kind.CARD, card.iccsn)
    assert stored is not None
    assert stored["files"]["MF/EF.Version2"] == card.card.image.files["MF/EF.Version2"].hex()
    assert (await http.put(f"/cards/{card.iccsn}", json={"too_old": False})).status_code == 200
    assert card.card.image.files == before


@pytest.mark.parametrize(
    ("place", "body", "status"),
    [
        (0, {"too_old": True}, 409),
        (2, {"too_old": 1}, 400),
        (2, {}, 400),
        (2, {"age": 3}, 400),
        (None, {"too_old": True}, 404),
    ],
)
async def test_what_is_refused(
    lab: Lab, http: httpx.AsyncClient, place: int | None, body: dict[str, Any], status: int
) -> None:
    cards = lab.cards.of_practice(1, CardKind.EGK)
    iccsn = "80276000000000000000" if place is None else cards[place].iccsn
    assert (await http.put(f"/cards/{iccsn}", json=body)).status_code == status
    if place is not None:
        assert _object_system(cards[place])[0] == 4
