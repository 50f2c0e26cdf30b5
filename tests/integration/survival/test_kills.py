"""`kill -9` at random moments: the next start serves, without anybody doing anything, and nothing was gained or lost.

The moments are random; their seed is in the names of the tests. `TIAAS_KILL_SEED=NUMBER` brings the same ones again.
"""

import base64
import contextlib
import gzip
import http.client
import json
import os
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import EVENT, Caller, Reply, envelope, kvnr_of, outcome, pin_status, unzipped
from tests.integration.proof.hand import Hand
from tests.integration.survival.listener import Listener
from tests.integration.survival.mortal import Moment, Mortal, Phase, assert_whole, moments, stored, wait_until

SEED = int(os.environ.get("TIAAS_KILL_SEED") or int.from_bytes(os.urandom(3), "big"))
COUNTS = {
    Phase.FOUNDING: 3,
    Phase.PAIRING: 3,
    Phase.START: 3,
    Phase.PIN_RIGHT: 2,
    Phase.PIN_WRONG: 3,
    Phase.UPDATE: 4,
    Phase.EVENTS: 2,
}
TRIES = 3
EGK_SLOT = 1
_GONE = (OSError, AssertionError, StopIteration, ValueError, http.client.HTTPException)
"""What somebody meets whose Konnektor dies, or whose card was moved."""


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


def serves(house: House, *, reads: bool = True) -> dict[str, Any]:
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
        if reads:
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
    elif moment.phase is Phase.UPDATE:
        killed_while_a_card_is_updated(house, moment)
    elif moment.phase is Phase.EVENTS:
        killed_while_events_are_told(house, moment)
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


# ---- update ----------------------------------------------------------------------------------------------------------


def killed_while_a_card_is_updated(house: House, moment: Moment) -> None:
    """The card has all of the update, none of it, or says that it is open; the next online check completes it."""
    ready = house.up().ready
    iccsn, kvnr = ready["cards"]["egk"][0]["iccsn"], ready["cards"]["egk"][0]["kvnr"]
    with Caller(ready) as caller:
        before = street(caller.read_vsd(caller.handle("EGK"), caller.handle("SMC-B")))
    control(ready, "DELETE", "/faults")
    after = f"Neue Allee {moment}"
    control(ready, "POST", "/updates", {"iccsn": iccsn, "change": {"strasse": after}})
    Hand(ready).delay(0.02)
    reading = threading.Thread(target=read_online, args=(ready,))
    reading.start()
    wait_until(lambda: answered_by(ready, "vsdd") >= moment.progress or not reading.is_alive())
    threading.Event().wait(moment.seconds)
    house.kill()
    reading.join(30)
    ready = serves(house, reads=False)
    with Caller(ready) as caller:
        reply = caller.read_vsd(caller.handle("EGK"), caller.handle("SMC-B"))
        if reply.status == 200:
            assert street(reply) in (before, after)
        else:
            assert reply.code == 3001
        done = reply.status == 200 and street(reply) == after and not waits(ready, iccsn)
        online = caller.read_vsd(caller.handle("EGK"), caller.handle("SMC-B"), online=True)
        assert kvnr_of(online) == kvnr
        assert street(online) == after
        assert online.text("Status") == "0"
        assert receipt_of(online).findtext("{*}E") == ("2" if done else "1")
        offline = caller.read_vsd(caller.handle("EGK"), caller.handle("SMC-B"))
        assert street(offline) == after
    assert not waits(ready, iccsn)
    assert_whole(house.folder)


def street(reply: Reply) -> str | None:
    """The street in the answer of ReadVSD."""
    assert reply.status == 200, reply.body
    return unzipped(reply.text("PersoenlicheVersichertendaten")).findtext(".//{*}StrassenAdresse/{*}Strasse")


def receipt_of(reply: Reply) -> Any:
    """The Prüfungsnachweis."""
    return etree.fromstring(gzip.decompress(base64.b64decode(reply.text("Pruefungsnachweis") or "")))


def read_online(ready: dict[str, Any]) -> None:
    """ReadVSD with online check by somebody who may lose the connection."""
    with contextlib.suppress(*_GONE), Caller(ready) as caller:
        caller.read_vsd(caller.handle("EGK"), caller.handle("SMC-B"), online=True)


def control(ready: dict[str, Any], method: str, path: str, body: object = None) -> dict[str, Any]:
    """A request to the lab's control port."""
    octets = None if body is None else json.dumps(body).encode()
    fields = {"Content-Type": "application/json"}
    request = urllib.request.Request(ready["lab"]["control"] + path, octets, fields, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        document: dict[str, Any] = json.load(answer)
    return document


def answered_by(ready: dict[str, Any], service: str) -> int:
    """How many requests a service of the lab has answered in this life."""
    return len(control(ready, "GET", f"/journal?service={service}")["entries"])


def waits(ready: dict[str, Any], iccsn: str) -> bool:
    """Whether an update waits for the card."""
    return any(update["iccsn"] == iccsn for update in control(ready, "GET", "/updates")["updates"])


# ---- events ----------------------------------------------------------------------------------------------------------


def killed_while_events_are_told(house: House, moment: Moment) -> None:
    """Subscriptions end with the process; whoever had one is told that the Konnektor is up, and subscribes again."""
    ready = house.up().ready
    listener = Listener(house.place)
    first, second = (card["iccsn"] for card in ready["cards"]["egk"][:2])
    subscribe(ready, listener.url)
    over = threading.Event()
    moving = threading.Thread(target=move, args=(ready, (second, first), over))
    moving.start()
    wait_until(lambda: len(listener.topics) >= moment.progress)
    threading.Event().wait(moment.seconds)
    house.kill()
    over.set()
    moving.join(30)
    heard = len(listener.topics)
    ready = house.up().ready
    home(ready, first)
    ready = serves(house)
    wait_until(lambda: "BOOTUP/BOOTUP_COMPLETE" in listener.topics[heard:])
    with Caller(ready) as caller:
        reply = caller.post(
            "EventService", envelope(f'<e:GetSubscription xmlns:e="{EVENT}">{caller.context()}</e:GetSubscription>')
        )
        assert reply.status == 200, reply.body
        assert reply.root.findall(f".//{{{EVENT}}}Subscription") == []
    told = len(listener.topics)
    subscribe(ready, listener.url)
    Hand(ready).eject(EGK_SLOT)
    wait_until(lambda: "CARD/REMOVED" in listener.topics[told:])
    Hand(ready).insert(EGK_SLOT, first)
    wait_until(lambda: "CARD/INSERTED" in listener.topics[told:])
    listener.close()


def subscribe(ready: dict[str, Any], url: str) -> None:
    """Subscribe for everything about cards."""
    with Caller(ready) as caller:
        reply = caller.post("EventService", envelope(
            f'<e:Subscribe xmlns:e="{EVENT}">{caller.context()}<e:Subscription><e:EventTo>{url}</e:EventTo>'
            "<e:Topic>CARD</e:Topic></e:Subscription></e:Subscribe>"
        ))  # fmt: skip
        assert reply.status == 200, reply.body


def move(ready: dict[str, Any], cards: tuple[str, ...], over: threading.Event) -> None:
    """Puts one card after the other into the slot."""
    hand = Hand(ready)
    turn = 0
    with contextlib.suppress(*_GONE):
        while not over.is_set():
            hand.eject(EGK_SLOT)
            hand.insert(EGK_SLOT, cards[turn % len(cards)])
            turn += 1
            over.wait(0.02)


def home(ready: dict[str, Any], iccsn: str) -> None:
    """The card is in the slot, whichever was."""
    hand = Hand(ready)
    (slot,) = [slot for slot in ready["terminals"][0]["slots"] if slot["number"] == EGK_SLOT]
    if slot["iccsn"] == iccsn:
        return
    if slot["iccsn"] is not None:
        hand.eject(EGK_SLOT)
    hand.insert(EGK_SLOT, iccsn)
    with Caller(ready) as caller:
        wait_until(lambda: iccsn in [card.get("Iccsn") for card in caller.cards()])
