"""The packet filter of a box: a lab in a network namespace of its own, packets that rules let through or not."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab.labprocess import LabProcess
from tests.integration.lab.namespaces import SECONDS, WITH_LOOPBACK, held, move_in, namespace, program
from tiaas.cli.exitcodes import ExitCode

TABLE, FOREIGN = "tiaas_practice_1", "of_somebody"
GOOD = """# the printer's port is nobody's business
chain input {
    type filter hook input priority 0; policy accept;
    tcp dport 9100 counter drop
}
"""
OTHER = GOOD.replace("9100", "9101")
NFT = program("nft")
ASK_PORTS = """
import socket
for port in (9100, 9101):
    with socket.create_server(("127.0.0.1", port)), socket.socket() as caller:
        caller.settimeout(0.3)
        print(caller.connect_ex(("127.0.0.1", port)) == 0)
"""
ASK_CARDS = """
import json, ssl, sys, urllib.error, urllib.request
ready = json.load(open(sys.argv[1]))
trust = ssl.create_default_context(cafile=ready["konnektor"]["ca"])
trust.load_cert_chain(ready["client"]["cert"], ready["client"]["key"])
answers = []
for method, path in (("GET", "/connector.sds"), ("POST", "/ws/EventService")):
    body = sys.argv[2].encode() if method == "POST" else None
    request = urllib.request.Request(ready["konnektor"]["url"] + path, data=body, method=method)
    request.add_header("Content-Type", "text/xml")
    try:
        with urllib.request.urlopen(request, context=trust, timeout=60) as answer:
            answers.append((answer.status, answer.read().decode()))
    except urllib.error.HTTPError as refused:
        answers.append((refused.code, refused.read().decode()))
print(json.dumps(answers))
"""
GET_CARDS = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<GetCards xmlns="http://ws.gematik.de/conn/EventService/v7.2" xmlns:c="http://ws.gematik.de/conn/ConnectorContext/v2.0"
  xmlns:m="http://ws.gematik.de/conn/ConnectorCommon/v5.0"><c:Context><m:MandantId>{mandant_id}</m:MandantId>
<m:ClientSystemId>{client_system_id}</m:ClientSystemId><m:WorkplaceId>{workplace_id}</m:WorkplaceId></c:Context>
</GetCards></s:Body></s:Envelope>"""


class Box:
    """The lab's box and the file of its rules. `lab` runs programs in its network namespace."""

    def __init__(self, lab: LabProcess, rules: Path) -> None:
        self.lab = lab
        self.rules = rules

    def nft(self, *words: str) -> str:
        done = self.lab.run(NFT, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tables(self) -> set[str]:
        return {line.removeprefix("table inet ") for line in self.nft("list", "tables").splitlines()}

    def load(self, rules: str, code: int = ExitCode.OK) -> str:
        self.rules.write_text(rules)
        done = self.lab.tiaas("admin", "packet-filter", "load", "--dir", str(self.lab.folder))
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def conditions(self) -> list[str]:
        done = self.lab.tiaas("admin", "state", "--json", "--dir", str(self.lab.folder))
        return [condition["name"] for condition in json.loads(done.stdout)["conditions"]]

    def lets_through(self) -> list[bool]:
        """Whether the ports 9100 and 9101 can be reached."""
        done = self.lab.run(sys.executable, "-c", ASK_PORTS)
        return [line == "True" for line in done.stdout.split()]

    def asked(self) -> tuple[tuple[int, str], tuple[int, str]]:
        """Status and body of connector.sds and of GetCards."""
        ready = str(self.lab.folder / "ready.json")
        done = self.lab.run(sys.executable, "-c", ASK_CARDS, ready, GET_CARDS.format_map(self.lab.ready["context"]))
        assert done.returncode == 0, done.stderr
        directory, cards = json.loads(done.stdout)
        return (directory[0], directory[1]), (cards[0], cards[1])

    def logged(self, log: str) -> list[dict[str, Any]]:
        files = sorted((self.lab.folder / "protocol").rglob(f"{log}.*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def texts(self) -> list[str]:
        return [entry.get("text", "") for entry in self.logged("system")]

    def states(self) -> list[str]:
        """The values that the condition has had, by its events in the log."""
        topic = "OPERATIONAL_STATE/EC_Firewall_Not_Reliable"
        return [entry["parameters"]["Value"] for entry in self.logged("security") if entry.get("topic") == topic]

    def reasons(self) -> list[str]:
        """Why the filter was not in force, by the entries with 4164."""
        entries = [entry for entry in self.logged("system") if entry.get("code") == 4164]
        assert {entry["level"] for entry in entries} <= {"Fatal"}
        return [entry["parameters"]["Reason"] for entry in entries]


def _until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("box")
    rules, config = folder / "rules.nft", folder / "tiaas.toml"
    rules.write_text(GOOD)
    config.write_text(f'profile = "einbox"\n[box]\npacket_filter = "{rules}"\n')
    command = namespace(NFT, "list", "tables")
    options = ("--config", str(config), "--ecc-only", "--locked")
    with LabProcess(folder / "lab", *options, before=(*command, *WITH_LOOPBACK)) as lab:
        move_in(lab, command)
        yield Box(lab, rules)


@pytest.mark.requirement("TIP1-A_4740", "TIP1-A_4762", "TIP1-A_4750")
def test_packets_are_dropped_as_the_rules_say_and_as_they_say_after_a_change(box: Box) -> None:
    box.nft("add", "table", "inet", FOREIGN)
    assert box.lets_through() == [False, True]
    assert "counter packets 0 " not in box.nft("list", "table", "inet", TABLE)
    told = box.load(OTHER)
    assert f"inet {TABLE}" in told
    assert "in force  yes" in told
    assert box.lets_through() == [True, False]
    assert box.tables() == {TABLE, FOREIGN}
    _until(lambda: box.texts().count("packet filter started") == 2)
    changes = [entry["parameters"] for entry in box.logged("system") if entry.get("topic") == "MGM/ADMINCHANGES"]
    assert changes[-1]["RefID"] == "POST /system/packet-filter/load"


@pytest.mark.requirement("TIP1-A_4509", "TIP1-A_4510-04", "A_16203")
@pytest.mark.code(4164, 4002)
@pytest.mark.event("OPERATIONAL_STATE/EC_Firewall_Not_Reliable")
def test_with_rules_that_are_refused_the_box_does_nothing_until_they_are_mended(box: Box) -> None:
    before = box.lets_through()
    states, reasons = len(box.states()), len(box.reasons())
    refused = box.load(GOOD.replace("drop", "drip"), ExitCode.FAULT)
    assert "4164" in refused
    assert "nft refuses: line 4: " in refused
    assert box.conditions() == ["EC_Firewall_Not_Reliable"]
    (directory, _), (status, fault) = box.asked()
    assert (directory, status) == (503, 500)
    assert "Code>4002<" in fault
    assert box.lets_through() == before, "the rules before stay in force"
    _until(lambda: len(box.reasons()) == reasons + 1)
    _until(lambda: box.states()[states:] == ["true"])
    box.load(GOOD)
    (directory, _), (status, answer) = box.asked()
    assert (directory, status) == (200, 200), answer
    assert box.lets_through() == [False, True]
    _until(lambda: box.states()[states:] == ["true", "false"])


@pytest.mark.requirement("TIP1-A_4509")
@pytest.mark.code(4164)
@pytest.mark.event("OPERATIONAL_STATE/EC_Firewall_Not_Reliable")
def test_a_table_that_somebody_has_changed_is_found_without_being_asked_for(box: Box) -> None:
    states, reasons = len(box.states()), len(box.reasons())
    box.nft("flush", "chain", "inet", TABLE, "input")
    _until(lambda: box.reasons()[reasons:] == ["the table is not as it was loaded any more"])
    _until(lambda: box.states()[states:] == ["true"])
    box.nft("flush", "ruleset")
    _until(lambda: len(box.reasons()) == reasons + 2)
    assert box.reasons()[-1].startswith("the table cannot be read any more")
    box.load(GOOD)
    _until(lambda: box.states()[states:] == ["true", "false"])


@pytest.mark.requirement("TIP1-A_4750")
def test_a_restart_loads_the_rules_and_a_stop_takes_our_table_away_and_no_other(box: Box) -> None:
    box.nft("add", "table", "inet", FOREIGN)
    box.rules.write_text(OTHER)
    began = len(box.texts())
    assert box.lab.tiaas("admin", "restart", "--dir", str(box.lab.folder)).returncode == 0
    _until(lambda: {"packet filter stopped", "packet filter started"} <= set(box.texts()[began:]))
    assert "9101" in box.nft("list", "table", "inet", TABLE)
    # The namespace must outlive the lab.
    with held(box.lab.beside) as holder:
        box.lab.stop()
        box.lab.beside = (*box.lab.beside[:-1], f"--target={holder}")
        assert box.tables() == {FOREIGN}
