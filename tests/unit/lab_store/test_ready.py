"""ready.json and the .kon file: format, mode, atomicity."""

import json
import stat
from base64 import b64decode
from pathlib import Path

import pytest

from tiaas.base.secret import Secret
from tiaas.lab.errors import LabNotFound
from tiaas.lab.ready import (
    CardEntry,
    CardsEntry,
    ClientEntry,
    ContextEntry,
    InstanceEntry,
    KonnektorEntry,
    LabEntry,
    Place,
    Ready,
    SlotEntry,
    TerminalEntry,
    VirtualSmbEntry,
    WorkplaceEntry,
    basic_credentials,
    kon_document,
    pkcs12_credentials,
    read_ready,
    remove_ready,
    write_kon,
    write_ready,
)


def _instance(number: int) -> InstanceEntry:
    base = Path(f"/lab/practice-{number}")
    url = f"https://127.0.0.1:{8442 + number}"
    return InstanceEntry(
        konnektor=KonnektorEntry(url, f"{url}/connector.sds", base / "ca.pem"),
        client=ClientEntry(base / "c.p12", Secret(b"p12-4711"), base / "c.pem", base / "k.pem"),
        context=ContextEntry("m", "c", "w", "u"),
        workplaces=(WorkplaceEntry("w", ("CT",)),),
        terminals=(TerminalEntry("CT", "T", "127.0.0.1:4742", "http://127.0.0.1:1/x", (SlotEntry(1, None),)),),
        cards=CardsEntry(egk=(CardEntry("80", "Erika", "X1", {"PIN.CH": Secret(b"123456")}, Place("CT", 1)),)),
        kon_file=base / "k.kon",
        virtual_smbs=(VirtualSmbEntry("81", "HSM-1", Secret(b"letter-0815")),),
    )


def _ready() -> Ready:
    return Ready((_instance(1), _instance(2)), LabEntry("http://127.0.0.1:1", Path("/lab/ca.pem")))


def test_the_first_instance_is_repeated_at_the_top() -> None:
    document = _ready().to_document()
    first = document["instances"][0]
    assert {key: document[key] for key in first} == first
    assert set(first) == {
        "konnektor",
        "client",
        "context",
        "workplaces",
        "terminals",
        "cards",
        "virtual_smbs",
        "kon_file",
        "ldap",
        "admin",
    }
    assert len(document["instances"]) == 2
    assert document["lab"] == {
        "control": "http://127.0.0.1:1",
        "ocsp": None,
        "tsl": None,
        "bnetza": None,
        "ca_bundle": "/lab/ca.pem",
        "faults": None,
        "journal": None,
        "vzd": None,
    }
    assert document["portal"] == {"url": None}
    assert document["cards"]["egk"][0] == {
        "iccsn": "80",
        "holder": "Erika",
        "kvnr": "X1",
        "pins": {"PIN.CH": "123456"},
        "in": {"ct_id": "CT", "slot": 1},
    }
    assert document["virtual_smbs"] == [{"iccsn": "81", "ct_id": "HSM-1", "activation_code": "letter-0815"}]
    assert document["workplaces"] == [{"workplace_id": "w", "ct_ids": ["CT"]}]
    assert document["terminals"][0]["slots"] == [{"number": 1, "iccsn": None}]


def test_what_the_ready_file_is_made_of_shows_no_secret_when_it_is_dumped() -> None:
    """Only the file has them: a traceback, a log line or a debugger that prints the object does not."""
    dumped = repr(_ready())
    assert "HSM-1" in dumped
    assert not [secret for secret in ("letter-0815", "123456", "p12-4711") if secret in dumped]


def test_written_whole_private_and_removed(tmp_path: Path) -> None:
    path = write_ready(tmp_path, _ready())
    write_ready(tmp_path, _ready())
    assert [entry.name for entry in tmp_path.iterdir()] == ["ready.json"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_ready(tmp_path)["context"]["mandant_id"] == "m"
    remove_ready(tmp_path)
    remove_ready(tmp_path)
    with pytest.raises(LabNotFound, match="no lab runs"):
        read_ready(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", '{"version": 2}', "\x00"])
def test_a_foreign_ready_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "ready.json").write_text(content)
    with pytest.raises(LabNotFound, match="ready.json"):
        read_ready(tmp_path)


def test_kon_has_what_the_reader_requires(tmp_path: Path) -> None:
    entry = _instance(1)
    document = kon_document(
        entry.konnektor, entry.context, pkcs12_credentials(b"\x30p12", Secret(b"p12-4711")), [b"\x30ca"]
    )
    write_kon(tmp_path / "x.kon", document)
    assert stat.S_IMODE((tmp_path / "x.kon").stat().st_mode) == 0o600
    read = json.loads((tmp_path / "x.kon").read_text())
    # dotkon.go: url, mandantId, workplaceId, clientSystemId and credentials are required, env is ru, tu or pu.
    assert read["url"] == "https://127.0.0.1:8443"
    assert (read["mandantId"], read["workplaceId"], read["clientSystemId"]) == ("m", "w", "c")
    assert read["env"] in {"ru", "tu", "pu"}
    assert read["credentials"]["type"] == "pkcs12"
    assert b64decode(read["credentials"]["data"]) == b"\x30p12"
    assert [b64decode(anchor) for anchor in read["trustStore"]] == [b"\x30ca"]
    assert read["expectedHost"] == "127.0.0.1"


def test_kon_host_of_an_ipv6_url() -> None:
    konnektor = KonnektorEntry("https://[::1]:8443", "", Path("/x"))
    document = kon_document(konnektor, _instance(1).context, basic_credentials("pvs", Secret(b"geheim")), [])
    assert document["credentials"] == {"type": "basic", "username": "pvs", "password": "geheim"}
    assert document["expectedHost"] == "::1"
