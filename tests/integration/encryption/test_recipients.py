"""Which certificates of a card are recipients when it has not got both (TUC_KON_070, ENC_CRYPT)."""

import pytest

from tests.integration.konnektor_core.practice import Practice
from tiaas.konnektor.cardmap import ECC, RSA, RSA_ECC
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.hybrid.recipients import RecipientChecks

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def practice() -> Practice:
    """Its cards have no RSA certificates."""
    return Practice()


def checks(practice: Practice) -> RecipientChecks:
    return RecipientChecks(practice.trust, practice.clock, online=False)


async def both(practice: Practice) -> list[tuple[Card, str]]:
    return [(await practice.smcb(), "HCI"), (await practice.hba(), "HP")]


@pytest.mark.code(4259)
@pytest.mark.requirement("TIP1-A_4616-03", "A_17746")
async def test_4259_names_the_certificate_that_is_missing(practice: Practice) -> None:
    for card, holder in await both(practice):
        chosen = await checks(practice).choose([], card, RSA_ECC)
        assert len(chosen.recipients) == 1
        assert chosen.warning is not None
        assert (chosen.warning.code, chosen.warning.fill) == (4259, f"EF.C.{holder}.ENC.R2048")
        assert [cause.code for cause in chosen.warning.causes] == [4105]
        alone = await checks(practice).choose([], card, ECC)
        assert alone.warning is None
        assert alone.recipients == chosen.recipients


@pytest.mark.code(4105, 4256)
async def test_4105_if_the_only_certificate_wanted_is_missing(practice: Practice) -> None:
    for card, _ in await both(practice):
        with pytest.raises(KonnektorError) as caught:
            await checks(practice).choose([], card, RSA)
        assert (caught.value.code, [cause.code for cause in caught.value.causes]) == (4105, [4256])


async def test_a_card_whose_certificate_is_given_as_well_is_one_recipient(practice: Practice) -> None:
    for card, _ in await both(practice):
        (own,) = (await checks(practice).choose([], card, ECC)).recipients
        for of_card in (card, None):
            chosen = await checks(practice).choose([own.certificate] * 2, of_card, ECC)
            assert [each.certificate for each in chosen.recipients] == [own.certificate]
