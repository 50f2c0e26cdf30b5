"""`kill -9` at random moments: the next start serves, without anybody doing anything, and nothing was gained or lost.

The moments are random; their seed is in the names of the tests. `TIAAS_KILL_SEED=NUMBER` brings the same ones again.
"""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import Caller, Reply, kvnr_of, outcome, pin_status
from tests.integration.proof.hand import Hand
from tests.integration.survival.mortal import Moment, Mortal, Phase, assert_whole, moments, stored, wait_until

SEED = int(os.environ.get("TIAAS_KILL_SEED") or int.from_bytes(os.urandom(3), "big"))
COUNTS = {Phase.FOUNDING: 4, Phase.PAIRING: 4, Phase.START: 4, Phase.PIN_RIGHT: 4, Phase.PIN_WRONG: 4}
TRIES = 3
_GONE = (OSError, AssertionError)


class House:
    """The folder that lives through the kills, and the lab in it while one runs."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = place / "lab-0"
        self.lab: LabProcess | None = None
        self._number = 0

    def new_folder(self) -> Path:
        """The next folder; the one before is not used any more."""
        self.kill()
        self._number += 1
        self.folder = self.place / f"lab-{self._number}"
        return self.folder

    def up(self) -> LabProcess:
        """The lab in the folder, started if it is not."""
        if self.lab is None:
            self.lab = LabProcess(self.folder)
        return self.lab

    def kill(self) -> None:
        """kill -9, if it runs."""
        if self.lab is not None:
            self.lab.kill()
            self.lab = None


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("kills"))
    yield house
    if house.lab is not None:
        house.lab.stop()
        assert_whole(house.folder)


def pairing_blocks(folder: Path) -> int:
    """How many of the terminal's pairing blocks are in use."""
    ((body,),) = stored(folder, "SELECT body FROM document WHERE kind = 'terminal'")
    state = json.loads(body)["state"]
    return 0 if state is None else len(state["blocks"])


def tries_of(folder: Path, iccsn: str) -> int:
    """The retry counter of PIN.CH in the card itself."""
    ((body,),) = stored(folder, "SELECT body FROM document WHERE kind = 'card' AND key = ?", iccsn)
    return int(json.loads(body)["passwords"]["MF/PIN.CH"]["retry_counter"])


def serves(house: House) -> dict[str, Any]:
    """The next start: everything is there and works. Returns its ready file."""
    lab = house.up()
    ready = lab.ready
    assert "Traceback" not in lab.output
    assert '"level": "error"' not in (house.folder / "tiaas.log").read_text()
    assert int((house.folder / "lab.lock").read_text()) == lab.process.pid
    assert pairing_blocks(house.folder) == 1
    with Caller(ready) as caller:
        assert sorted(card["CardType"] for card in caller.cards()) == ["EGK", "HBA", "SMC-B", "SMC-KT"]
        assert pin_status(caller, caller.handle("SMC-B"), "PIN.SMC") == ("VERIFIED", None)
        reply = caller.read_vsd(caller.handle("EGK"), caller.handle("SMC-B"))
        assert kvnr_of(reply) == ready["cards"]["egk"][0]["kvnr"]
    assert_whole(house.folder)
    return ready


@pytest.mark.parametrize("moment", tuple(moments(SEED, COUNTS)), ids=lambda moment: f"{SEED}-{moment}")
def test_the_next_start_serves(house: House, moment: Moment) -> None:
    if moment.phase in (Phase.FOUNDING, Phase.PAIRING):
        killed_while_it_begins(house, moment)
    elif moment.phase is Phase.START:
        killed_while_it_starts(house, moment)
    else:
        killed_while_somebody_types(house, moment)


def killed_while_it_begins(house: House, moment: Moment) -> None:
    with Mortal(house.new_folder()) as mortal:
        mortal.killed_at(moment)
    serves(house)


def killed_while_it_starts(house: House, moment: Moment) -> None:
    """Also the start after a start that was killed: two in a row."""
    before = serves(house)
    house.kill()
    for _ in range(2):
        with Mortal(house.folder) as mortal:
            mortal.killed_at(moment)
    ready = serves(house)
    for name in ("context", "cards"):
        assert ready[name] == before[name]
    assert ready["client"] == before["client"]
    # Paired before, so nobody was asked anything.
    assert not any("PAIREN" in text for text in Hand(ready).state()["history"])


def killed_while_somebody_types(house: House, moment: Moment) -> None:
    ready = house.up().ready
    hba = ready["cards"]["hba"][0]
    right = hba["pins"]["PIN.CH"]
    typed = right if moment.phase is Phase.PIN_RIGHT else right[:-1] + str((int(right[-1]) + 1) % 10)
    keys = [*typed, "ok"]
    heal(ready)
    hand = Hand(ready)
    hand.policy("manual")
    replies: list[Reply] = []
    before = tries_of(house.folder, hba["iccsn"])
    caller = threading.Thread(target=verify, args=(ready, replies))
    caller.start()
    wait_until(lambda: bool(hand.display()["prompt"]))
    pressed = min(moment.progress, len(keys))
    hand.press(*keys[:pressed])
    if pressed == len(keys):
        threading.Event().wait(moment.seconds)
    house.kill()
    caller.join(30)
    left = tries_of(house.folder, hba["iccsn"])
    if pressed < len(keys):
        assert left == before
    elif replies:
        expected = ("OK", None) if moment.phase is Phase.PIN_RIGHT else ("REJECTED", str(left))
        assert outcome(replies[0]) == expected
        assert left == (TRIES if moment.phase is Phase.PIN_RIGHT else before - 1)
    elif moment.phase is Phase.PIN_RIGHT:
        assert left in (before, TRIES)
    else:
        assert left in (before, before - 1)
    ready = serves(house)
    with Caller(ready) as after:
        # What the card says, and not verified any more: whoever typed types again.
        assert pin_status(after, after.handle("HBA"), "PIN.CH") == ("VERIFIABLE", str(left))
    assert tries_of(house.folder, hba["iccsn"]) == left


def heal(ready: dict[str, Any]) -> None:
    """A right PIN, if few tries are left, and one wrong one, so that a lost reset would show."""
    hand = Hand(ready)
    with Caller(ready) as caller:
        hba = caller.handle("HBA")
        if pin_status(caller, hba, "PIN.CH") != ("VERIFIABLE", "2"):
            hand.policy("auto")
            assert outcome(caller.verify_pin(hba, "PIN.CH")) == ("OK", None)
            hand.policy("wrong")
            assert outcome(caller.verify_pin(hba, "PIN.CH")) == ("REJECTED", "2")


def verify(ready: dict[str, Any], replies: list[Reply]) -> None:
    """VerifyPin by somebody who may lose the connection."""
    try:
        with Caller(ready) as caller:
            replies.append(caller.verify_pin(caller.handle("HBA"), "PIN.CH"))
    except _GONE:
        return
