"""Foreign eyes on our eGK: OpenSC's egk-tool reads it through pcscd and vsmartcard's virtual reader.

Tried with OpenSC 0.23. `OPENSC_CONF` binds our ATR to the driver `npa`, the one that lets egk-tool select at all.
"""

import asyncio
import gzip
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.card.virtual.card import VirtualCard
from tiaas.fachdienste.vsdm.containers import decode_status_vd_untrusted
from tiaas.lab.personalise import PersonalisedCard, Personaliser
from tiaas.lab.pki import LabPki
from tiaas.lab.seed import Patient, Seed, load_seed
from tiaas.lab.vpcd import DEFAULT_PORT, attach

_VSD = "{http://ws.gematik.de/fa/vsdm/vsd/v5.2}"
_SOCKET = Path("/run/pcscd/pcscd.comm")


def _listening() -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", DEFAULT_PORT)) == 0


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """pcscd with the virtual reader, as our own child."""
    missing = [tool for tool in ("pcscd", "egk-tool") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (./tiaas test installs them as root)")
    if os.geteuid() != 0:
        pytest.skip("pcscd runs as root only")
    if _SOCKET.exists() and _listening():
        pytest.skip("another pcscd already holds the virtual reader")
    log = tmp_path_factory.mktemp("pcscd") / "log"
    with log.open("wb") as stream:
        daemon = subprocess.Popen(["pcscd", "--foreground"], stdout=stream, stderr=stream)
    try:
        deadline = time.monotonic() + 10
        while not _listening():
            assert daemon.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the virtual reader did not come up:\n" + log.read_text()
            time.sleep(0.05)
        yield
    finally:
        daemon.terminate()
        daemon.wait(10)


@pytest.fixture(scope="module")
def seed() -> Seed:
    return load_seed()


@pytest.fixture
def opensc_conf(tmp_path: Path) -> Path:
    path = tmp_path / "opensc.conf"
    path.write_text('app default {\n  card_atr 3B:90:96:81:B1:FE:45:1F:03:91 { driver = "npa"; }\n}\n')
    return path


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("index", [0, 4, 8])
async def test_egk_tool_prints_what_was_personalised(seed: Seed, opensc_conf: Path, index: int) -> None:
    patient = seed.patients[index]
    clock, entropy = SystemClock(), SystemEntropy()
    personaliser = Personaliser(LabPki.create(entropy, clock), seed, entropy, clock)
    made: PersonalisedCard = personaliser.egk(patient)
    card = VirtualCard(made.image, clock=clock, entropy=entropy, source=personaliser)
    inserted = asyncio.create_task(attach(card))
    try:
        personal = _parse(await _egk_tool(opensc_conf, "--pd"))
        insurance = _parse(await _egk_tool(opensc_conf, "--vd"))
        status = await _egk_tool(opensc_conf, "--vsd-status")
    finally:
        inserted.cancel()
        await asyncio.gather(inserted, return_exceptions=True)
    _check_personal(personal, patient)
    assert insurance.findtext(f".//{_VSD}Kostentraegerkennung") == patient.insurer
    # OpenSC 0.23 has the flag the other way round ('0' "pending"), and compares with gemSpec only in the version.
    stamp = decode_status_vd_untrusted(made.image.files["MF/DF.HCA/EF.StatusVD"]).timestamp
    assert f"Timestamp   {stamp:%d.%m.%Y at %H:%M:%S}" in status.decode("ascii")
    assert "Version     5.2.0" in status.decode("ascii")


def _check_personal(document: etree._Element, patient: Patient) -> None:
    assert document.findtext(f".//{_VSD}Versicherten_ID") == patient.kvnr
    assert document.findtext(f".//{_VSD}Nachname") == patient.name.surname
    assert document.findtext(f".//{_VSD}Vorname") == patient.name.given_name


def _parse(output: bytes) -> etree._Element:
    """The document; egk-tool prints the gzip block itself if the document is larger than its buffer of 1,024 octets."""
    return etree.fromstring(gzip.decompress(output) if output.startswith(b"\x1f\x8b") else output)


async def _egk_tool(opensc_conf: Path, option: str) -> bytes:
    """What egk-tool prints; tried again while the reader has not seen the card yet."""
    environment = {**os.environ, "OPENSC_CONF": str(opensc_conf)}
    for _ in range(50):
        process = await asyncio.create_subprocess_exec(
            "egk-tool", option, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment
        )
        out, err = await asyncio.wait_for(process.communicate(), 30)
        if process.returncode == 0 and out:
            return out
        await asyncio.sleep(0.2)
    pytest.fail(f"egk-tool {option} ended with {process.returncode}: {err.decode()} {out[:200]!r}")
