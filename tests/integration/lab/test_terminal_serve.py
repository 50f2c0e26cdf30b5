"""`tiaas terminal serve`: a terminal with cards in files as a process of its own, paired with a Konnektor by SICCT."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.integration.lab.labprocess import LabProcess
from tiaas.base.secret import Secret
from tiaas.cli.entry import main
from tiaas.client import Konnektor, connect, load_kon
from tiaas.client.admin import Admin, AdminAccess, connect_admin, path_of
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.management.infomodel import InfoModelDocument, ModelTerminal
from tiaas.interfaces.management.terminals import NewTerminal, PairingConfirmation, PairingOfferData

CT = "CT-FAR"
KINDS = (CardType.EGK, CardType.HBA)
WAIT_SECONDS = 40


class Served:
    """The process and what it wrote."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tiaas", "terminal", "serve", "--state", str(folder), "--port", "0", *words],
            env={**os.environ, "PYTHONUNBUFFERED": "1"}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    async def line_with(self, text: str) -> str:
        """The next line that has the text."""
        assert self.process.stdout is not None
        async with asyncio.timeout(WAIT_SECONDS):
            while line := await asyncio.to_thread(self.process.stdout.readline):
                self.lines.append(line.rstrip())
                if text in line:
                    return line.rstrip()
        raise AssertionError("\n".join(self.lines))

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=WAIT_SECONDS)
        finally:
            self.process.kill()
        return self.process.returncode


def access(lab: LabProcess) -> AdminAccess:
    entry = lab.ready["instances"][0]["admin"]
    return AdminAccess(entry["url"], Path(entry["ca"]).read_text(), Secret(entry["token"].encode()))


async def pair(desk: Admin, served: Served, port: int, mac: str, seen: str) -> None:
    """As an administrator: entered by hand, the fingerprint compared with what the terminal tells, confirmed there."""
    await desk.change("POST", "/terminals", NewTerminal("127.0.0.1", port, mac, "far away", ask=False, ct_id=CT))
    pairing = path_of("/terminals/{}/pairing", CT)
    offer = await desk.change("POST", f"{pairing}/offer", kind=PairingOfferData)
    assert offer.fingerprint == seen
    confirming: asyncio.Task[object] = asyncio.create_task(
        desk.change("POST", pairing, PairingConfirmation(offer.fingerprint))
    )
    await served.line_with("PAIREN")
    served.type("")
    await confirming
    have, tag = await desk.read_tagged("/infomodel", InfoModelDocument)
    more = replace(
        have,
        terminals=(*have.terminals, ModelTerminal(CT, (1, 2))),
        mandant_terminals=(*have.mandant_terminals, (have.mandanten[0], CT)),
        local_terminals=(*have.local_terminals, (have.workplaces[0], CT)),
    )
    await desk.change("PUT", "/infomodel", more, if_match=tag)


def export(lab: LabProcess, iccsn: str, file: Path) -> str:
    """As `tiaas card export` does."""
    answer = httpx.get(f"{lab.ready['lab']['control']}/cards/{iccsn}/image", trust_env=False, timeout=60)
    file.write_bytes(answer.raise_for_status().content)
    return str(file)


async def until_listed(konnektor: Konnektor, *wanted: str) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while await _listed(konnektor) != set(wanted):  # noqa: ASYNC110 (it has no event of its own)
            await asyncio.sleep(0.05)


async def _listed(konnektor: Konnektor) -> set[str | None]:
    return {card.iccsn for card in await konnektor.get_cards(ct_id=CT) if card.card_type in KINDS}


async def test_a_terminal_by_itself_with_cards_in_files(lab: LabProcess, tmp_path: Path) -> None:
    egk, smcb = lab.ready["cards"]["egk"][1], lab.ready["cards"]["smcb"][0]["iccsn"]
    hba = lab.ready["instances"][1]["cards"]["hba"][0]["iccsn"]
    first, second = export(lab, egk["iccsn"], tmp_path / "egk.json"), export(lab, hba, tmp_path / "hba.json")
    before = json.loads(Path(first).read_text())["image"]
    place = ("--shape", "motor", "--dir", str(lab.folder))
    served = Served(tmp_path / "far", *place, "--card", f"1:{first}", "--card", second)
    try:
        found = re.search(r"terminal ([0-9A-F:]{17}) on 127\.0\.0\.1:(\d+)", await served.line_with("terminal "))
        assert found is not None
        seen = (await served.line_with("fingerprint")).rpartition(" ")[2]
        async with (
            connect_admin(access(lab)) as desk,
            connect(load_kon(Path(lab.ready["kon_file"]), {})) as konnektor,
        ):
            await pair(desk, served, int(found[2]), found[1], seen)
            await until_listed(konnektor, egk["iccsn"], hba)
            handles = {card.iccsn: card.card_handle for card in await konnektor.get_cards()}
            vsd = await konnektor.read_vsd(handles[egk["iccsn"]], handles[smcb])
            assert vsd.personal.versicherten_id == egk["kvnr"]
            # The invented person knows the PIN in the card's file.
            assert (await konnektor.verify_pin(handles[hba], "PIN.CH")).ok
            served.type("eject 1")
            await served.line_with("slot 1: empty")
            await until_listed(konnektor, hba)
            await desk.change("DELETE", path_of("/terminals/{}", CT))
    finally:
        code = served.stop()
    assert code in (0, 130)
    # ReadVSD wrote its log onto the card, and the card is its file.
    assert Path(first).stat().st_mode & 0o777 == 0o600
    assert json.loads(Path(first).read_text())["image"] != before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--card", "x.json"), "is no card that tiaas card export wrote"),
        (("--card", "4:x.json"), "no slot for it"),
        (("--pcsc", "--card", "x"), "do not go together"),
        (("--smkt", "x"), "--smkt and --ca go together"),
    ],
)
def test_files_that_are_no_cards_and_slots_that_are_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.json").write_text("{}")
    assert main(["terminal", "serve", "--state", "s", *words]) == 2
    assert told in capsys.readouterr().err
