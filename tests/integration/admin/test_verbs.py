"""`tiaas admin …` against an instance and a node: the verbs of logs, certificates, product and backups."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12

from tests.integration.admin.desk import Desk, open_desk
from tests.integration.admin.test_base import open_hall
from tests.integration.admin.threads import Elsewhere, in_thread
from tests.integration.konnektor_front.houses import CLOCK, ENTROPY
from tests.ports import free_port
from tiaas import __version__
from tiaas.base.secret import Secret
from tiaas.cli import adminrestart
from tiaas.cli.entry import main
from tiaas.client.admin import AdminAccess
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.users import make_token
from tiaas.konnektor.config import Address, TiAccess
from tiaas.konnektor.issuing import create_ca, issue_client, issue_server
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.protocol import Level, LogType

Run = Callable[..., str]
DEAD = 9
"""A port where nobody listens."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere[Desk]]:
    folder = tmp_path_factory.mktemp("desk")
    ti = TiAccess(ocsp_forwarder=f"http://127.0.0.1:{DEAD}", ntp=(Address("127.0.0.1", DEAD),))
    with in_thread(open_desk(folder, ti)) as opened:
        yield opened


@pytest.fixture
def desk(house: Elsewhere[Desk]) -> Desk:
    return house.value


def verbs(access: AdminAccess, folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`tiaas admin` with this access: gives standard output, fails for another exit code than `code`."""
    assert access.token is not None
    (folder / "ca").write_text(access.ca_pem)
    (folder / "token").write_bytes(access.token.reveal())
    where = ("--url", access.url, "--ca", str(folder / "ca"), "--token-file", str(folder / "token"))

    def run(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        done = main(["admin", *words, *where])
        told = capsys.readouterr()
        assert done == code, told.err
        return told.out + told.err

    return run


@pytest.fixture
def run(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return verbs(desk.access(), tmp_path, capsys)


@pytest.mark.requirement("TIP1-A_4812", "TIP1-A_7255", "TIP1-A_4982")
def test_state_shows_product_fachmodule_and_environment(run: Run, desk: Desk) -> None:
    product = desk.instance.config.product
    shown = json.loads(run("state", "--json"))
    assert shown["fachmodule"] == [{"name": "VSDM", "version": __version__}]
    assert (shown["product_type"], shown["vendor_name"]) == ("Konnektor", product.vendor_name)
    text = run("state")
    for told in ("TU", "Konnektor 5.1.0", product.vendor_name, product.hardware_version, f"VSDM {__version__}"):
        assert told in text


@pytest.mark.requirement("A_23276", "TIP1-A_5542")
def test_central_systems_are_tried_and_shown(run: Run, house: Elsewhere[Desk]) -> None:
    systems = {each["system"]: each for each in json.loads(run("central-systems", "--json"))["systems"]}
    assert set(systems) == {"OCSP forwarder", "NTP"}
    forwarder = systems["OCSP forwarder"]
    assert (forwarder["host"], forwarder["port"], forwarder["is_reachable"]) == ("127.0.0.1", DEAD, False)
    assert forwarder["at"]
    assert "no time server answered" in run("central-systems")
    own = house.value.instance.reception.address
    assert run("reach", own.host, str(own.port)) == "reachable\n"
    house.do(lambda desk: desk.instance.context.online_mode.switch(False))
    assert "not tried" in run("central-systems")
    house.do(lambda desk: desk.instance.context.online_mode.switch(True))


@pytest.mark.requirement("TIP1-A_4716", "TIP1-A_4717")
def test_logs_are_filtered_exported_set_and_cleared(run: Run, house: Elsewhere[Desk], tmp_path: Path) -> None:
    protocol = house.value.instance.context.protocol

    def write(_: Desk) -> None:
        protocol.write(LogType.OPERATION, Level.ERROR, code=4094, text="verb test one", event_id="e-verb")
        protocol.write(LogType.OPERATION, Level.WARNING, text="verb test two")

    house.do(write)
    assert "fm-VSDM" in run("logs")
    assert run("log", "system", "--search", "verb test").count("verb test") == 2
    for words in (("--severity", "Error"), ("--code", "4094"), ("--event", "e-verb")):
        assert "verb test two" not in run("log", "system", *words, "--search", "verb test")
    assert run("log", "system", "--since", "2100-01-01", "--search", "verb") == ""
    told = run("log", "system", "--search", "verb", "--export", str(tmp_path / "x.jsonl"))
    assert "2 entries" in told
    assert len((tmp_path / "x.jsonl").read_text().splitlines()) == 2
    changed = run("log-settings", "days=30", "fachmodule.VSDM.level=Debug", "crypto_operations=true")
    assert "fachmodule.VSDM.level" in changed
    assert (protocol.settings.days, protocol.settings.fm("VSDM").level) == (30, Level.DEBUG)
    assert "from 10 to 365" in run("log-settings", "days=9", code=2)
    assert "export it instead" in run("clear-log", "security", code=3)
    run("clear-log", "system")
    assert "verb test" not in run("log", "system")


@pytest.mark.requirement("TIP1-A_4597", "TIP1-A_4513")
def test_misuse_values_are_set_and_a_condition_is_reset(run: Run, house: Elsewhere[Desk]) -> None:
    desk = house.value
    opstate, misuse = desk.instance.context.opstate, desk.instance.health.misuse
    assert "no alarm" in run("misuse", "VerifyCertificate=0")
    assert misuse.alarm_values["VerifyCertificate"] == 0
    assert run("misuse", "Nothing=1", code=3)
    assert run("misuse", "VerifyCertificate", code=2)
    house.do(lambda _: opstate.set(Condition.CRYPTOPERATION_ALARM, True))
    run("reset-condition", Condition.CRYPTOPERATION_ALARM.value.name)
    assert not opstate.holds(Condition.CRYPTOPERATION_ALARM)
    assert "that an administrator could reset" in run("reset-condition", "EC_Nothing", code=3)


def test_parameters_that_are_lists_and_secrets(run: Run, tmp_path: Path) -> None:
    def line(shown: str, name: str) -> str:
        return next(each.partition(name)[2].strip(" :") for each in shown.splitlines() if each.startswith(name))

    shown = run("parameters")
    assert line(shown, "name_servers") == line(shown, "receipt_secret") == "none (as configured)"
    shown = run("parameters", "name_servers=10.0.0.1, fd00::1", "ocsp_seconds=9")
    assert "tiaas admin restart" in shown
    assert line(shown, "name_servers") == "10.0.0.1:53, [fd00::1]:53 (now none)"
    assert line(shown, "ocsp_seconds") == "9 (now 10)"
    shown = run("parameters", "name_servers=none", "ocsp_seconds=", "comfort_signature=true")
    assert line(shown, "comfort_signature") == "true"
    assert line(shown, "name_servers") == "none"
    assert line(shown, "ocsp_seconds") == "10 (as configured)"
    assert "tiaas admin receipt-secret set" in run("parameters", "receipt_secret=x", code=2)
    assert "no IP address" in run("parameters", "name_servers=fd00::1::2", code=3)
    assert "a number from 1 to 120 is wanted" in run("parameters", "ocsp_seconds=-1", code=2)

    assert "random key" in run("receipt-secret")
    (tmp_path / "secret").write_bytes(b"s" * 15)
    assert "16 to 4096 octets" in run("receipt-secret", "set", "--file", str(tmp_path / "secret"), code=2)
    (tmp_path / "secret").write_bytes(bytes(range(16)))
    assert "from the next start on" in run("receipt-secret", "set", "--file", str(tmp_path / "secret"))
    assert line(run("parameters"), "receipt_secret") == "administrator (now none)"
    assert "from the next start on: tiaas admin restart" in run("receipt-secret")
    found = json.loads(run("receipt-secret", "--json"))
    assert (found["value"], found["is_set"], found["configured"]) == ("none", True, "none")
    assert "next start" not in run("receipt-secret", "remove")
    run("parameters", "name_servers=", "comfort_signature=")


@pytest.mark.requirement("TIP1-A_4517")
def test_certificates_are_made_and_imported(run: Run, desk: Desk, tmp_path: Path) -> None:
    made = json.loads(run("server-certificate", "make", "--key", "brainpoolP256r1", "--json"))
    assert (made["key"], made["is_imported"]) == ("brainpoolP256r1", False)
    assert run("server-certificate", "--ca-pem") == desk.instance.identity.ca_pem().decode()
    # The management interface shows this certificate, too: what is imported must be of the CA that its client trusts.
    own = issue_server(desk.instance.identity.ca, KeyKind.P256, ("127.0.0.1",), CLOCK.now(), ENTROPY)
    file = pkcs12.serialize_key_and_certificates(b"x", own.key, own.certificate, None, BestAvailableEncryption(b"pass"))
    (tmp_path / "new.p12").write_bytes(file)
    (tmp_path / "password").write_text("pass\n")
    password = ("--password-file", str(tmp_path / "password"))
    assert "elsewhere" in run("server-certificate", "import", str(tmp_path / "new.p12"), *password)
    assert run("server-certificate", "import", code=2)

    run("call", "POST", "/infomodel/client-systems", "--body", str(_json(tmp_path, {"client_system_id": "pvs"})))
    foreign = issue_client(create_ca("foreign", CLOCK.now(), ENTROPY), KeyKind.P256, "pvs", CLOCK.now(), ENTROPY)
    (tmp_path / "client.pem").write_bytes(foreign.certificate.public_bytes(Encoding.PEM))
    told = run("import-certificate", "pvs", str(tmp_path / "client.pem"))
    assert "valid until" in told
    assert told.split()[2].rstrip(",") in run("clients")


@pytest.mark.requirement("TIP1-A_4810")
def test_administrators_change_their_own_contact_data(
    run: Run, desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lokal").mkdir()
    lokal = verbs(desk.access(Role.LOKAL), tmp_path / "lokal", capsys)
    lokal("set-contact", "lokal", "Erika, Telefon 030 123")
    assert json.loads(lokal("call", "GET", "/session"))["contact"] == "Erika, Telefon 030 123"
    assert "of somebody else" in lokal("set-contact", "remote", "x", code=3)
    assert "of somebody else" in lokal("set-contact", "nobody", "x", code=3)
    run("set-contact", "remote", "Firma Fern, fern@example.org")
    shown = run("administrators")
    assert "030 123" in shown
    assert "fern@example.org" in shown
    assert not any("030 123" in value for change in desk.changes() for value in change.values())


@pytest.mark.requirement("A_23395")
def test_an_instance_is_backed_up_and_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with in_thread(open_hall(tmp_path, make_token(ENTROPY))) as hall:
        base = verbs(hall.value.access, tmp_path, capsys)
        port, admin_port = str(free_port()), str(free_port())
        ports = ("--port", port, "--admin-port", admin_port)
        base("create-instance", "praxis-x", "--listen", "127.0.0.1", *ports, "--out", str(tmp_path / "x"))
        file = str(tmp_path / "praxis-x.backup")
        assert "only this node opens it" in base("backup-instance", "praxis-x", file)
        assert "cannot make" in base("backup-instance", "praxis-x", file, code=2)
        assert "praxis-x is as it was at" in base("restore-instance", "praxis-x", file)
        assert "instance created" in base("base-log")


@pytest.mark.requirement("TIP1-A_4820-02")
def test_a_restart_is_told_when_it_is_over_and_one_that_fails_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_thread(open_hall(tmp_path, make_token(ENTROPY))) as hall, socket.socket() as other:
        (tmp_path / "base").mkdir()
        base = verbs(hall.value.access, tmp_path / "base", capsys)
        port, admin_port = free_port(), free_port()
        ports = ("--port", str(port), "--admin-port", str(admin_port), "--out", str(tmp_path / "x"))
        base("create-instance", "praxis-x", "--listen", "127.0.0.1", *ports)
        made = [(tmp_path / "x" / name).read_bytes() for name in ("ca.pem", "token")]
        access = AdminAccess(f"https://127.0.0.1:{admin_port}", made[0].decode(), Secret(made[1]))
        run = verbs(access, tmp_path, capsys)
        assert run("restart") == "the instance has restarted\n"
        assert "did not restart" not in base("instances")
        exported = str(tmp_path / "exported")
        run("export", exported)
        taken = run("import", exported, "--passphrase-file", f"{exported}.passphrase", "--yes")
        assert taken.endswith("the instance has restarted\n")
        assert run("state").startswith("instance")

        # Another program listens as soon as the port is free.
        node, monkey = hall.value.node, monkeypatch
        remove = node.remove

        async def remove_then_lose_the_port(name: str) -> None:
            await remove(name)
            # Connections that have just ended keep the port from whoever does not say so.
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", port))
            other.listen()

        monkey.setattr(node, "remove", remove_then_lose_the_port)
        monkey.setattr("tiaas.konnektor.node._AGAIN_SECONDS", 0.1)
        monkey.setattr(adminrestart, "node_access", lambda args: hall.value.access)
        told = run("restart", code=1)
        reason = f"127.0.0.1:{port}: Address already in use"
        assert f"the instance did not come back: {reason}\n" in told
        assert "the node tries to start it" in told
        shown = base("instances")
        assert "stopped" in shown
        assert f"praxis-x did not restart: {reason}" in shown
        monkey.setattr(node, "remove", remove)

        # When the port is free again, the instance comes back by itself.
        other.close()
        until = time.monotonic() + 20
        while "did not restart" in base("instances"):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert run("state").startswith("instance")


def test_a_restart_that_nobody_can_explain_ends_with_what_was_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_thread(open_desk(tmp_path)) as desk:
        run = verbs(desk.value.access(), tmp_path, capsys)
        monkeypatch.setattr(adminrestart, "WAIT_SECONDS", 0.0)
        with monkeypatch.context() as stuck:
            stuck.setattr(desk.value.node, "restart_soon", lambda name: None)
            assert "did not come back: it has not stopped yet" in run("restart", code=1)
        monkeypatch.undo()
        before = desk.value.instance
        assert "the instance has restarted" in run("factory-reset", "--confirm", "a")
        assert desk.value.node.instances["a"] is not before


def _json(folder: Path, document: object) -> Path:
    path = folder / "body.json"
    path.write_text(json.dumps(document))
    return path
