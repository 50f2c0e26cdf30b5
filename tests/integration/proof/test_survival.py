"""A lab's lives: stopped by signals or killed, it comes up again and is where it was."""

import gc
import http.client
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.lab.labprocess import LabProcess, on_ports_of_its_own, refused
from tests.integration.proof.caller import Caller, kvnr_of, outcome, pin_status
from tests.integration.proof.hand import Hand

EGK_SLOT = 1
STOP_SECONDS = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "lab"
    for database in (tmp_path / "lab").glob("*.sqlite"):
        connection = sqlite3.connect(database)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), database
        connection.close()


def listening(lab_ready: dict[str, Any]) -> list[int]:
    """Ports of the lab that somebody listens on."""
    places = [
        lab_ready["konnektor"]["url"],
        lab_ready["lab"]["control"],
        *(f"//{terminal['sicct']}" for terminal in lab_ready["terminals"]),
    ]
    ports = [int(urlsplit(place).port or 0) for place in places]
    with_somebody = []
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                with_somebody.append(port)
    return with_somebody


def paired_in_this_life(lab: LabProcess) -> bool:
    """Whether the terminal asked somebody to confirm a pairing."""
    return any("PAIREN" in text for text in Hand(lab.ready).state()["history"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_cleanly_whoever_is_connected(folder: Path, number: signal.Signals) -> None:
    """Clients keep idle connections in pools and read nothing there until the next request: nobody waits for them."""
    with on_ports_of_its_own(folder) as lab:
        ready = lab.ready
        assert len(listening(ready)) == 3
        callers = [Caller(ready) for _ in range(10)]
        for caller in callers:
            assert caller.cards()
        lab.stop(number)
        assert not listening(ready)
        assert lab.output.rstrip().endswith("tiaas: stopped")
        assert "Traceback" not in lab.output
        for caller in callers:
            caller.close()


def test_a_call_under_way_is_finished_first(folder: Path) -> None:
    with LabProcess(folder) as lab:
        hand, replies = Hand(lab.ready), []
        hand.policy("manual")
        pin = lab.ready["cards"]["hba"][0]["pins"]["PIN.CH"]
        with Caller(lab.ready) as caller:
            hba = caller.handle("HBA")
            entering = threading.Thread(target=lambda: replies.append(caller.verify_pin(hba, "PIN.CH")))
            entering.start()
            while not hand.display()["prompt"]:
                assert entering.is_alive()
            lab.process.send_signal(signal.SIGTERM)
            while (folder / "ready.json").exists():
                assert lab.process.poll() is None
            hand.press(*pin, "ok")
            entering.join(20)
        assert [outcome(reply) for reply in replies] == [("OK", None)]
        assert lab.process.wait(STOP_SECONDS) == 0


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_folder_comes_up_where_it_was(folder: Path, end: str) -> None:
    with LabProcess(folder) as lab:
        assert paired_in_this_life(lab)
        hand = Hand(lab.ready)
        second = lab.ready["cards"]["egk"][1]
        client = lab.octets("client", "p12")
        with Caller(lab.ready) as caller:
            old = caller.handle("EGK")
            hand.eject(EGK_SLOT)
            hand.insert(EGK_SLOT, second["iccsn"])
            hand.policy("wrong")
            hba = caller.handle("HBA")
            assert outcome(caller.verify_pin(hba, "PIN.CH")) == ("REJECTED", "2")
            before = lab.ready
            # Nothing between the answer and the end: what was answered is kept.
            assert outcome(caller.verify_pin(hba, "PIN.CH")) == ("REJECTED", "1")
            lab.kill() if end == "kill" else lab.stop()
    with LabProcess(folder) as lab:
        assert lab.is_as(before)
        assert lab.octets("client", "p12") == client
        assert not paired_in_this_life(lab)
        with Caller(lab.ready) as caller:
            assert pin_status(caller, caller.handle("HBA"), "PIN.CH") == ("VERIFIABLE", "1")
            assert pin_status(caller, caller.handle("SMC-B"), "PIN.SMC") == ("VERIFIED", None)
            egk = caller.handle("EGK")
            assert egk != old
            assert kvnr_of(caller.read_vsd(egk, caller.handle("SMC-B"))) == second["kvnr"]
            assert outcome(caller.verify_pin(caller.handle("HBA"), "PIN.CH")) == ("OK", None)
        lab.stop()


# When the process dies during a handshake, Python's ssl leaves a socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_killed_in_the_middle_of_everything(folder: Path) -> None:
    """Reads, PIN entries and moving cards under way at `kill -9`, twice over."""
    for _ in range(2):
        with LabProcess(folder) as lab:
            ready = lab.ready
            over = threading.Event()
            threads = [threading.Thread(target=work, args=(ready, over)) for work in (_read, _enter, _move)]
            for thread in threads:
                thread.start()
            time.sleep(0.3)
            lab.kill()
            over.set()
            for thread in threads:
                thread.join(10)
            gc.collect()
    with LabProcess(folder) as lab:
        assert not paired_in_this_life(lab)
        places = [card["in"] for card in lab.ready["cards"]["egk"] if card["in"]]
        with Caller(lab.ready) as caller:
            assert sum(card["CardType"] == "EGK" for card in caller.cards()) == len(places)
            assert outcome(caller.verify_pin(caller.handle("HBA"), "PIN.CH")) == ("OK", None)
        lab.stop()


_ENDS = (OSError, AssertionError, StopIteration, ValueError, http.client.HTTPException)
"""What a caller meets when the process dies under it, or when its card was moved."""


def _read(ready: dict[str, Any], over: threading.Event) -> None:
    _until_over(ready, over, lambda caller: caller.read_vsd(caller.handle("EGK"), caller.handle("SMC-B")))


def _enter(ready: dict[str, Any], over: threading.Event) -> None:
    _until_over(ready, over, lambda caller: caller.verify_pin(caller.handle("HBA"), "PIN.CH"))


def _move(ready: dict[str, Any], over: threading.Event) -> None:
    hand = Hand(ready)
    cards = [card["iccsn"] for card in ready["cards"]["egk"]]
    turn = 0

    def work(_: Caller) -> None:
        nonlocal turn
        turn += 1
        hand.eject(EGK_SLOT)
        hand.insert(EGK_SLOT, cards[turn % len(cards)])

    _until_over(ready, over, work)


def _until_over(ready: dict[str, Any], over: threading.Event, work: Any) -> None:
    while not over.is_set():
        try:
            with Caller(ready) as caller:
                work(caller)
        except _ENDS:
            continue


def test_two_of_them_in_one_folder_are_refused(folder: Path) -> None:
    with LabProcess(folder) as lab:
        code, said = refused("--dir", str(folder))
        assert code == 1
        assert f"process {lab.process.pid}" in said
        with Caller(lab.ready) as caller:
            assert caller.cards()
        assert (folder / "ready.json").exists()
        lab.stop()
