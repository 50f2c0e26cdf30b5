"""Recipients of encrypted documents with a status service: what it says, or does not say, ends the operation (4105)."""

import pytest

from tests.integration.base_services.conftest import OnlineTrust
from tiaas.card.objsys.model import CardKind
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.hybrid.recipients import RecipientChecks
from tiaas.lab.faults import Fault

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENC = {CardKind.SMC_B: "MF/DF.ESIGN/EF.C.HCI.ENC.E256", CardKind.HBA: "MF/DF.ESIGN/EF.C.HP.ENC.E256"}


def checks(online: OnlineTrust) -> RecipientChecks:
    return RecipientChecks(online.trust, online.clock, online=True)


@pytest.mark.requirement("TIP1-A_4616-03")
async def test_good_certificates_are_recipients(online: OnlineTrust) -> None:
    certificates = [online.certificate(kind, path) for kind, path in ENC.items()]
    chosen = await checks(online).choose(certificates, None, "")
    assert [recipient.certificate for recipient in chosen.recipients] == certificates


@pytest.mark.code(4105)
@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ({"code": "revoked"}, 1047),
        ({"code": "certHash-wrong"}, 1041),
        ({"code": "signature-wrong"}, 1031),
        ({"code": "tryLater"}, 1058),
        ({"http": 503}, 1032),
    ],
)
async def test_4105_for_every_other_status(online: OnlineTrust, fault: dict[str, object], cause: int) -> None:
    """A status that cannot be had is as bad as one that is not good: MGM_LU_ONLINE=Enabled."""
    online.lab.faults.add(Fault.from_document({"service": "ocsp", **fault}))
    with pytest.raises(KonnektorError) as caught:
        await checks(online).choose([online.certificate(CardKind.SMC_B, ENC[CardKind.SMC_B])], None, "")
    online.lab.faults.clear()
    assert (caught.value.code, [step.code for step in caught.value.causes]) == (4105, [cause])
