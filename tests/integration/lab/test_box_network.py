"""The adapters of a box: a lab in a network namespace of its own, the kernel's addresses and routes, real DHCP.

The far ends of the adapters are moved to namespaces of neighbours, which have dnsmasq and udhcpc of their own.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab.labprocess import LabProcess
from tests.integration.lab.namespaces import SECONDS, WITH_LOOPBACK, held, move_in, namespace, program

IP, DNSMASQ, UDHCPC = program("ip"), program("dnsmasq"), program("udhcpc")
LAN, WAN, IAG = "192.168.7.1", "192.168.8.2", "192.168.8.1"
FILTER = "chain input { type filter hook input priority 0; policy accept; }\n"
CONFIG = """
profile = "einbox"
[box]
packet_filter = "{rules}"
dhcp_seconds = 2
[box.lan]
address = "192.168.7.1"
[box.wan]
enabled = true
address = "192.168.8.2"
gateway = "192.168.8.1"
"""
HOLD_PORT = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
    taken.bind(("0.0.0.0", 67))
    print("bound", flush=True)
    sys.stdin.read()
"""
Change = Callable[[dict[str, Any]], object]


class Box:
    """The lab's box; `ask` is its management interface."""

    def __init__(self, lab: LabProcess) -> None:
        self.lab = lab
        self._admin = lab.ready["instances"][0]["admin"]

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Status and document."""
        words = ["curl", "-s", "-X", method, "--cacert", self._admin["ca"], "-w", "\n%{http_code}"]
        words += ["-H", f"Authorization: Bearer {self._admin['token']}"]
        if body is not None:
            words += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        done = self.lab.run(*words, self._admin["url"] + path)
        document, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(document or "{}")

    def settings(self) -> dict[str, Any]:
        return self.ask("GET", "/adapters")[1]

    def put(self, change: Change) -> tuple[int, dict[str, Any]]:
        settings = self.settings()
        change(settings)
        return self.ask("PUT", "/adapters", settings)

    def in_kernel(self) -> tuple[dict[str, list[str]], set[str]]:
        """Addresses by device; targets of all routes with their next hops."""
        links = json.loads(self.lab.run(IP, "-4", "-j", "address").stdout)
        addresses = {
            link["ifname"]: [f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"]] for link in links
        }
        routes = json.loads(self.lab.run(IP, "-4", "-j", "route").stdout)
        return addresses, {f"{route['dst']} {route.get('gateway', '')}".strip() for route in routes}

    def logged(self) -> list[dict[str, Any]]:
        files = sorted((self.lab.folder / "protocol").rglob("system.*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def codes(self) -> list[tuple[int, str]]:
        """All errors with their targets."""
        return [(entry["code"], entry["parameters"]["Target"]) for entry in self.logged() if entry.get("code")]

    def events(self, topic: str) -> list[str]:
        """The values of all events of a topic, one of each."""
        found = [entry for entry in self.logged() if entry.get("topic") == topic]
        return ["".join(entry.get("parameters", {}).values()) for entry in found]

    @contextmanager
    def neighbour(self, device: str) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
        """The far end of an adapter is in a namespace of its own; the result runs a program there."""
        far = f"{device}-far"
        with held((*self.lab.beside, "unshare", "-n")) as there:
            assert self.lab.run(IP, "link", "set", far, "netns", str(there)).returncode == 0

            def run(*command: str) -> subprocess.CompletedProcess[str]:
                return self.lab.run("nsenter", "-n", f"--target={there}", *command)

            assert run(IP, "link", "set", far, "up").returncode == 0
            yield run
            assert run(IP, "link", "set", far, "netns", str(self.lab.process.pid)).returncode == 0
        assert self.lab.run(IP, "link", "set", far, "up").returncode == 0


def _until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("box")
    rules, config = folder / "rules.nft", folder / "tiaas.toml"
    rules.write_text(FILTER)
    config.write_text(CONFIG.format(rules=rules))
    command = namespace(program("nft"), "list", "tables")
    namespace(IP, "link", "add", "name", "lan0", "type", "veth", "peer", "name", "lan0-far")
    options = ("--config", str(config), "--ecc-only", "--locked")
    with LabProcess(folder / "lab", *options, before=(*command, *WITH_LOOPBACK)) as lab:
        move_in(lab, command)
        box = Box(lab)
        settings = box.ask("GET", "/log-settings")[1]
        assert box.ask("PUT", "/log-settings", settings | {"system_level": "Info"})[0] == 204
        yield box


@pytest.fixture
def undone(box: Box) -> Iterator[None]:
    """What a test sets is taken back."""
    settings = box.settings()
    yield
    assert box.ask("PUT", "/adapters", settings)[0] == 200


def _set(table: str, **values: object) -> Change:
    return lambda settings: settings[table].update(values)


@pytest.mark.requirement("TIP1-A_4754", "TIP1-A_4755", "TIP1-A_4758", "TIP1-A_5414", "TIP1-A_5537")
def test_addresses_and_routes_are_in_the_kernel(box: Box) -> None:
    addresses, routes = box.in_kernel()
    assert (addresses["lan0"], addresses["wan0"]) == ([f"{LAN}/24"], [f"{WAN}/24"])
    assert routes == {f"default {IAG}", "192.168.7.0/24", "192.168.8.0/24"}
    status, state = box.ask("GET", "/adapters/state")
    assert (status, state["in_force"]) == (200, True)
    assert {f"{each['target']} {each['next_hop']}".strip() for each in state["routes"]} == routes
    online = {"online": False}
    assert box.ask("PUT", "/parameters", online)[0] == 204
    _until(lambda: "default" not in " ".join(box.in_kernel()[1]))
    assert box.ask("PUT", "/parameters", {})[0] == 204
    _until(lambda: f"default {IAG}" in box.in_kernel()[1])


@pytest.mark.requirement("TIP1-A_4759", "TIP1-A_4760", "TIP1-A_4761")
@pytest.mark.event("ANLW/LAN/IP_CHANGED", "ANLW/WAN/IP_CHANGED")
def test_what_an_administrator_sets_counts_at_once(box: Box, undone: None) -> None:
    loads = [entry.get("text") for entry in box.logged()].count("packet filter started")

    def change(settings: dict[str, Any]) -> None:
        settings["lan"] |= {"address": "10.2.0.1", "netmask": "255.255.0.0", "mtu": 9000}
        settings["wan"]["address"] = "192.168.8.3"
        settings["intranet_routes"] = [{"network": "10.3.0.0/16", "next_hop": "10.2.0.9"}]

    status, state = box.put(change)
    assert (status, state["in_force"]) == (200, True)
    addresses, routes = box.in_kernel()
    assert (addresses["lan0"], addresses["wan0"]) == (["10.2.0.1/16"], ["192.168.8.3/24"])
    assert "10.3.0.0/16 10.2.0.9" in routes
    _until(lambda: box.events("ANLW/LAN/IP_CHANGED")[-1:] == ["10.2.0.1"])
    _until(lambda: box.events("ANLW/WAN/IP_CHANGED")[-1:] == ["192.168.8.3"])
    _until(lambda: "PUT /adapters" in "".join(box.events("MGM/ADMINCHANGES")))
    _until(lambda: [entry.get("text") for entry in box.logged()].count("packet filter started") > loads)


def _route(network: str, next_hop: str) -> Change:
    return lambda settings: settings.update(intranet_routes=[{"network": network, "next_hop": next_hop}])


@pytest.mark.requirement("TIP1-A_4754", "TIP1-A_4755", "TIP1-A_4758", "TIP1-A_4759", "TIP1-A_4760")
@pytest.mark.code(4162, 4163, 4167, 4170)
@pytest.mark.parametrize(
    ("change", "code", "target", "why"),
    [
        (_set("lan", address="172.20.1.1"), 4162, "LAN", "overlaps NET_TI_DEZENTRAL"),
        (_set("lan", address="198.18.0.1"), 4162, "LAN", "overlaps ANLW_BESTANDSNETZE"),
        (_set("lan", mtu=576, address="192.168.7.255"), 4162, "LAN", "no host of"),
        (_set("wan", netmask="255.0.255.0"), 4163, "WAN", "no netmask"),
        (_set("wan", address="192.168.7.9"), 4163, "WAN", "overlaps ANLW_LAN_NETWORK_SEGMENT"),
        (_set("wan", address=LAN), 4170, "LAN, WAN", f"both have {LAN}"),
        (_route("10.3.0.0/16", "10.9.9.9"), 4167, "ROUTES", "the kernel refuses: Nexthop has invalid gateway"),
        (lambda settings: settings.update(iag_address="192.168.9.1"), 4167, "ROUTES", "ANLW_IAG_ADDRESS"),
    ],
)
def test_what_is_wrong_has_its_code_and_what_was_before_stays(
    box: Box, change: Change, code: int, target: str, why: str
) -> None:
    before, settings, told = box.in_kernel(), box.settings(), len(box.codes())
    status, problem = box.put(change)
    assert (status, problem["code"]) == (409, code)
    assert why in problem["detail"]
    _until(lambda: box.codes()[told:] == [(code, target)])
    assert (box.in_kernel(), box.settings()) == (before, settings)
    assert box.ask("GET", "/adapters/state")[1]["in_force"] is True


def _serve(settings: dict[str, Any], first: str = "192.168.7.50", last: str = "192.168.7.59") -> None:
    settings["dhcp_server"] |= {"enabled": True, "first": first, "last": last, "gateway": "192.168.7.254"}


def _needs(path: str, package: str) -> None:
    if not Path(path).is_absolute():
        pytest.skip(f"missing: {path} (apt-get install {package})")


@pytest.mark.requirement("TIP1-A_4763", "TIP1-A_4765", "TIP1-A_4766", "TIP1-A_4767", "TIP1-A_4768")
@pytest.mark.code(4168)
@pytest.mark.event("DHCP/SERVER/STATECHANGED")
def test_the_lan_has_a_dhcp_server(box: Box, undone: None, tmp_path: Path) -> None:
    _needs(DNSMASQ, "dnsmasq-base")
    _needs(UDHCPC, "udhcpc")
    told = len(box.codes())
    taken = subprocess.Popen(
        [*box.lab.beside, sys.executable, "-c", HOLD_PORT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    with taken:
        assert taken.stdout is not None
        assert taken.stdout.readline() == b"bound\n"
        status, problem = box.put(_serve)
        assert (status, problem["code"]) == (409, 4168)
        assert "Address already in use" in problem["detail"]
        taken.communicate(timeout=SECONDS)
    status, problem = box.put(lambda settings: _serve(settings, last="192.168.9.1"))
    assert (status, problem["code"]) == (409, 4168)
    assert "is no range of 192.168.7.0/24" in problem["detail"]
    _until(lambda: box.codes()[told:] == [(4168, "DHCP_SERVER")] * 2)
    assert box.ask("GET", "/adapters/state")[1]["in_force"] is True
    status, state = box.put(_serve)
    assert (status, state["dhcp_server"]) == (200, "on")
    _until(lambda: box.events("DHCP/SERVER/STATECHANGED") == ["Enabled"])
    script = tmp_path / "script"
    script.write_text('#!/bin/sh\n[ "$1" != bound ] || echo "$ip/$mask $router"\n')
    script.chmod(0o700)
    with box.neighbour("lan0") as run:
        done = run(UDHCPC, "-i", "lan0-far", "-f", "-n", "-q", "-t", "15", "-T", "1", "-s", str(script))
    assert done.returncode == 0, done.stderr
    address, router = done.stdout.splitlines()[-1].split()
    assert IPv4Address("192.168.7.50") <= IPv4Address(address.removesuffix("/24")) <= IPv4Address("192.168.7.59")
    assert router == "192.168.7.254"
    assert box.put(_set("dhcp_server", enabled=False))[1]["dhcp_server"] == "off"
    _until(lambda: box.events("DHCP/SERVER/STATECHANGED") == ["Enabled", "Disabled"])


@contextmanager
def _dhcp_of(box: Box, device: str, address: str, offered: str) -> Iterator[None]:
    """A neighbour on an adapter's line that gives one address."""
    with box.neighbour(device) as run:
        run(IP, "address", "add", f"{address}/24", "dev", f"{device}-far")
        pid = box.lab.folder / "neighbour.pid"
        words = ["--conf-file=/dev/null", "--port=0", "--user=root", "--group=", "--no-ping", f"--pid-file={pid}"]
        words += ["--dhcp-leasefile=/dev/null", f"--interface={device}-far", f"--dhcp-range={offered},{offered},2m"]
        assert run(DNSMASQ, *words).returncode == 0
        _until(lambda: pid.exists() and pid.read_text() != "")
        try:
            yield
        finally:
            box.lab.run("kill", pid.read_text().strip())
            _until(lambda: not pid.exists())


@pytest.mark.requirement("TIP1-A_4769", "TIP1-A_4771", "TIP1-A_4772", "TIP1-A_4773", "TIP1-A_4774")
@pytest.mark.code(4169, 4170)
@pytest.mark.event("DHCP/WAN_CLIENT/STATECHANGED", "DHCP/WAN_CLIENT/RENEW", "ANLW/WAN/IP_CHANGED")
def test_the_wan_gets_its_address_by_dhcp(box: Box, undone: None) -> None:
    _needs(DNSMASQ, "dnsmasq-base")
    _needs(UDHCPC, "udhcpc")
    told = len(box.codes())
    status, state = box.put(_set("wan", dhcp_client=True))
    assert (status, state["adapters"][1]["address"]) == (200, "")
    _until(lambda: box.events("DHCP/WAN_CLIENT/STATECHANGED") == ["Enabled"])
    status, problem = box.ask("POST", "/adapters/wan/renew")
    assert (status, problem["code"]) == (409, 4169)
    _until(lambda: box.codes()[told:] == [(4169, "WAN")])
    _until(lambda: "EC_IP_Adresses_Not_Available" in json.dumps(box.ask("GET", "/system")[1]))
    with _dhcp_of(box, "wan0", IAG, "192.168.8.77"):
        status, state = box.ask("POST", "/adapters/wan/renew")
        assert (status, state["adapters"][1]["address"]) == (200, "192.168.8.77/24")
        assert state["adapters"][1]["dhcp"] == "bound"
    addresses, routes = box.in_kernel()
    assert addresses["wan0"] == ["192.168.8.77/24"]
    assert f"default {IAG}" in routes
    _until(lambda: box.events("DHCP/WAN_CLIENT/RENEW") == ["192.168.8.77"])
    _until(lambda: box.events("ANLW/WAN/IP_CHANGED")[-1:] == ["192.168.8.77"])
    _until(lambda: "EC_IP_Adresses_Not_Available" not in json.dumps(box.ask("GET", "/system")[1]))
    with _dhcp_of(box, "wan0", "192.168.7.9", LAN):
        status, problem = box.ask("POST", "/adapters/wan/renew")
    assert (status, problem["code"]) == (409, 4170)
    _until(lambda: box.codes()[told:] == [(4169, "WAN"), (4170, "WAN")])
    assert box.in_kernel()[0]["wan0"] == ["192.168.8.77/24"]


@pytest.mark.requirement("TIP1-A_4773", "TIP1-A_4776")
@pytest.mark.code(4169)
@pytest.mark.event("DHCP/LAN_CLIENT/STATECHANGED", "DHCP/LAN_CLIENT/RENEW", "ANLW/LAN/IP_CHANGED")
def test_a_lan_without_a_dhcp_server_has_a_link_local_address(box: Box, undone: None) -> None:
    _needs(DNSMASQ, "dnsmasq-base")
    _needs(UDHCPC, "udhcpc")
    told = len(box.codes())
    assert box.put(_set("lan", dhcp_client=True))[0] == 200
    _until(lambda: box.events("DHCP/LAN_CLIENT/STATECHANGED")[-1:] == ["Enabled"])
    _until(lambda: box.codes()[told:] == [(4169, "LAN")])
    (address,) = box.in_kernel()[0]["lan0"]
    assert IPv4Address(address.removesuffix("/16")) in IPv4Network("169.254.0.0/16")
    assert box.ask("GET", "/adapters/state")[1]["adapters"][0]["dhcp"] == "link-local"
    assert box.ask("POST", "/adapters/wan/renew")[0] == 409, "its client is off"
    with _dhcp_of(box, "lan0", "192.168.7.254", "192.168.7.66"):
        assert box.ask("POST", "/adapters/lan/renew")[0] == 200
    assert box.in_kernel()[0]["lan0"] == ["192.168.7.66/24"]
    _until(lambda: box.events("DHCP/LAN_CLIENT/RENEW") == ["192.168.7.66"])
    assert box.events("ANLW/LAN/IP_CHANGED")[-1] == "192.168.7.66"


@pytest.mark.requirement("TIP1-A_4785-03")
@pytest.mark.event("NETWORK/VPN/CONFIG_CHANGED")
def test_other_gateways_are_told_and_both_ways_are_set_up_anew(box: Box) -> None:
    before = box.ask("GET", "/vpn/gateways")[1]
    ups = len(box.events("NETWORK/VPN_TI/UP"))
    assert box.ask("PUT", "/vpn/gateways", before | {"sis": "127.0.0.1:none"})[0] == 422
    assert box.ask("PUT", "/vpn/gateways", before)[0] == 200
    assert box.events("NETWORK/VPN/CONFIG_CHANGED") == [], "nothing has changed"
    assert box.ask("PUT", "/vpn/gateways", before | {"sis": ""})[0] == 200
    _until(lambda: len(box.events("NETWORK/VPN/CONFIG_CHANGED")) == 1)
    _until(lambda: len(box.events("NETWORK/VPN_TI/UP")) == ups + 1)
    assert box.ask("POST", "/vpn/sis/connect")[0] == 404
    assert box.ask("PUT", "/vpn/gateways", before)[0] == 200


def test_settings_outlast_a_restart_and_nothing_outlasts_a_kill(box: Box) -> None:
    _needs(DNSMASQ, "dnsmasq-base")
    assert box.put(_serve)[0] == 200
    assert box.put(_set("wan", address="192.168.8.4"))[0] == 200
    assert box.ask("POST", "/system/restart")[0] // 100 == 2
    _until(lambda: box.in_kernel()[0].get("wan0") == ["192.168.8.4/24"])
    done = box.lab.tiaas("admin", "adapters", "--dir", str(box.lab.folder))
    assert "wan.address                192.168.8.4" in done.stdout
    assert "DHCP server now            on" in done.stdout
    with held(box.lab.beside) as holder:
        box.lab.kill()
        box.lab.beside = (*box.lab.beside[:-1], f"--target={holder}")
        _until(lambda: "bound" in box.lab.run(sys.executable, "-c", HOLD_PORT).stdout)
