"""OpenSC's egk-tool reads a personalised eGK through pcscd and vpcd: foreign software that knows nothing of us.

Needs root, and the Debian packages opensc, pcscd and vsmartcard-vpcd; pcscd has one socket per machine, so a running
one is in the way.
"""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.card.conftest import obstacle
from tiaas.base.clock import ManualClock, SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.card.virtual.card import ATR, VirtualCard
from tiaas.lab.personalise import PersonalisedCard, Personaliser
from tiaas.lab.pki import LabPki
from tiaas.lab.seed import Patient, load_seed
from tiaas.lab.vpcd import attach

TOOL_SECONDS = 60
OBSTACLE = obstacle("egk-tool", "opensc-tool")
pytestmark = pytest.mark.skipif(OBSTACLE is not None, reason=OBSTACLE or "")


@pytest.fixture(scope="module")
def personalised() -> tuple[Patient, PersonalisedCard]:
    seed, entropy, clock = load_seed(), SystemEntropy(), SystemClock()
    pki = LabPki.create(entropy, clock)
    patient = seed.patients[0]
    return patient, Personaliser(pki, seed, entropy, clock).egk(patient)


async def _run_tool(configuration: Path, *command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OPENSC_CONF": str(configuration)},
    )
    output, errors = await asyncio.wait_for(process.communicate(), TOOL_SECONDS)
    text = output.decode("iso-8859-15")
    assert process.returncode == 0, f"{errors.decode(errors='replace')}\n{text}"
    assert text, errors.decode(errors="replace")
    return text


async def test_personal_and_insurance_data(
    reader: int, personalised: tuple[Patient, PersonalisedCard], tmp_path: Path
) -> None:
    patient, made = personalised
    configuration = tmp_path / "opensc.conf"
    atr = ":".join(f"{octet:02X}" for octet in ATR)
    configuration.write_text(f'app default {{ card_atr {atr} {{ driver = "npa"; name = "eGK"; }} }}\n')
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    card = VirtualCard(made.image, clock=clock, entropy=SystemEntropy())
    plugged = asyncio.create_task(attach(card, port=reader))
    try:
        async with asyncio.timeout(TOOL_SECONDS):
            while " Yes " not in await _run_tool(configuration, "opensc-tool", "--list-readers"):
                pass
        text = await _run_tool(configuration, "egk-tool", "--reader", "0", "--pd", "--vd", "--vsd-status")
    finally:
        plugged.cancel()
        await asyncio.gather(plugged, return_exceptions=True)
    assert patient.kvnr in text
    assert patient.nachname in text
    assert "UC_PersoenlicheVersichertendatenXML" in text
    assert "UC_AllgemeineVersicherungsdatenXML" in text
    assert "5.2.0" in text
