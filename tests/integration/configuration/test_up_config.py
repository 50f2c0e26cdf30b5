"""`tiaas up --config`: the switches of client authentication, seen from a client; and the reference page."""

import json
import os
import ssl
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.lab.labprocess import LabProcess
from tiaas.base.config import BadConfig, describe, load_config
from tiaas.base.secret import Secret
from tiaas.cli.upconfig import UpConfig
from tiaas.client import connect, load_kon
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.konnektor.config import (
    Address,
    BadInstanceConfig,
    ClientAccess,
    InstanceConfig,
    Profile,
    SignatureSettings,
    SimpleMode,
    TiAccess,
)

ROOT = Path(__file__).parents[3]


def _config(folder: Path, text: str) -> Path:
    path = folder / "tiaas.toml"
    path.write_text(text)
    return path


async def test_password_mode_wants_basic_authentication(tmp_path: Path) -> None:
    config = _config(tmp_path, '[access]\nmode = "PASSWORD"\nweaker_variants = true\n')
    with LabProcess(tmp_path / "lab", "--config", str(config)) as lab:
        ready = lab.ready
        kon = Path(ready["kon_file"])
        credentials = json.loads(kon.read_text())["credentials"]
        assert credentials["type"] == "basic"
        assert credentials["username"] == ready["context"]["client_system_id"]
        async with connect(load_kon(kon, os.environ)) as konnektor:
            assert await konnektor.get_cards()
        trust = ssl.create_default_context(cafile=ready["konnektor"]["ca"])
        request = urllib.request.Request(ready["konnektor"]["url"] + "/ws/EventService", data=b"<x/>")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, context=trust, timeout=60)
        assert refused.value.code == 401
        assert refused.value.headers["WWW-Authenticate"].startswith("Basic")
        refused.value.close()


async def test_no_client_authentication_and_rsa(tmp_path: Path) -> None:
    config = _config(
        tmp_path,
        'server_key = "rsa2048"\nclient_key = "rsa2048"\n'
        "[access]\nclient_authentication = false\nweaker_variants = true\n",
    )
    with LabProcess(tmp_path / "lab", "--config", str(config)) as lab:
        ready = lab.ready
        trust = ssl.create_default_context(cafile=ready["konnektor"]["ca"])
        with urllib.request.urlopen(ready["konnektor"]["sds"], context=trust, timeout=60) as answer:
            assert b"ClientAutMandatory>false<" in answer.read()
        async with connect(load_kon(Path(ready["kon_file"]), os.environ)) as konnektor:
            assert await konnektor.get_cards()


async def test_TUC_KON_032_offline_the_lists_are_imported_by_hand(tmp_path: Path) -> None:
    """A Konnektor that never downloads anything pairs, reads cards, and does so after a restart."""
    config = _config(tmp_path, "[ti]\nonline = false\n")
    for _ in range(2):
        with LabProcess(tmp_path / "lab", "--config", str(config)) as lab:
            async with connect(load_kon(Path(lab.ready["kon_file"]), os.environ)) as konnektor:
                kinds = {card.card_type for card in await konnektor.get_cards()}
                assert {CardType.SMC_B, CardType.EGK} <= kinds
            lab.stop()
            assert "did not take" not in lab.output


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[product]\nvendor_id = "TOOLONG"\n', "vendor_id"),
        ('[product]\nproduct_type_version = "5"\n', "product_type_version"),
        ("[limits]\nconnections = 0\n", "connections"),
        ("[limits]\nbody_octets = 65535\n", "body_octets must be at least 65536"),
        ("[limits]\nrequest_seconds = nan\n", "request_seconds"),
        ("[access]\nplain_port = 70000\n", "plain_port"),
        ("[ti]\nocsp_seconds = 0.5\n", "ocsp_seconds"),
        ("[ti]\nocsp_seconds = nan\n", "ocsp_seconds"),
        ("[ti]\nocsp_qes_seconds = 121\n", "ocsp_qes_seconds"),
        ("[ti]\nocsp_grace_minutes = 21\n", "ocsp_grace_minutes"),
        ("[ti]\ntsl_grace_days = 0\n", "tsl_grace_days"),
        ("[ti]\nvsdm_seconds = 0\n", "vsdm_seconds"),
        ("[ti]\noffline_days = -1\n", "offline_days"),
        ('[ti]\nreceipt_secret = "/nowhere"\n', "receipt_secret"),
        ('[ti]\nreceipt_secret = "/dev/null"\n', "receipt_secret"),
        ("[access]\ntls_mandatory = false\n", "plain_port"),
        ('[box]\npacket_filter = "rules.nft"\n', "a Highspeed-Konnektor has no packet filter"),
        ('[box.lan]\naddress = "192.168.7.1"\n', "a Highspeed-Konnektor sets up no adapters"),
        ('profile = "einbox"\n[box.wan]\nenabled = true\n', "a WAN or a DHCP server needs a LAN"),
        ('profile = "einbox"\n[box.lan]\ndevice = "lan0; reboot"\n', "is no name of a network device"),
        ('profile = "einbox"\n[box.lan]\nmtu = 9001\n', "mtu is 576 to 9000"),
        ('profile = "einbox"\n[box.lan]\nroutes = ["10.1.0.0/16"]\n', "is not NETWORK via ADDRESS"),
    ],
)
def test_values_that_cannot_work_are_refused(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(BadConfig, match=key):
        load_config(UpConfig, _config(tmp_path, text))


@pytest.mark.requirement("A_23303")
@pytest.mark.parametrize(
    "weaker",
    [
        'mode = "PASSWORD"',
        "client_authentication = false",
        "ldap_authentication = false",
        "tls_mandatory = false\nplain_port = 8480",
    ],
)
def test_an_hsk_takes_nothing_but_client_certificates_unless_the_lab_says_so(tmp_path: Path, weaker: str) -> None:
    with pytest.raises(BadConfig, match="weaker_variants"):
        load_config(UpConfig, _config(tmp_path, f"[access]\n{weaker}\n"))
    lab = load_config(UpConfig, _config(tmp_path, f"[access]\nweaker_variants = true\n{weaker}\n"))
    assert lab.access.access().weaker_allowed
    load_config(UpConfig, _config(tmp_path, f'profile = "einbox"\n[access]\n{weaker}\n'))


def test_profile_and_fachmodul_reach_the_instance(tmp_path: Path) -> None:
    secret = tmp_path / "receipts"
    secret.write_bytes(b"a secret of sixteen octets and more")
    text = f'profile = "einbox"\n[ti]\nvsdm_seconds = 5\noffline_days = 90\nreceipt_secret = "{secret}"\n'
    config = load_config(UpConfig, _config(tmp_path, text))
    access = config.ti.applied(TiAccess())
    assert config.profile is Profile.EINBOX
    assert (access.vsdm_seconds, access.offline_days_max) == (5, 90)
    assert access.receipt_secret == Secret(secret.read_bytes())
    assert "sixteen" not in repr(access)


def test_name_servers_are_addresses_with_or_without_port(tmp_path: Path) -> None:
    servers = '["10.0.0.1", "10.0.0.2:5353", "fd00::1", "[fd00::2]:5353"]'
    config = load_config(UpConfig, _config(tmp_path, f"[ti]\nname_servers = {servers}\n"))
    wanted = ("10.0.0.1:53", "10.0.0.2:5353", "[fd00::1]:53", "[fd00::2]:5353")
    assert tuple(map(str, config.ti.applied(TiAccess()).dns)) == wanted
    for wrong in ("ns.telematik", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:70000"):
        with pytest.raises(BadConfig, match="name_servers|10.0.0.1|telematik"):
            load_config(UpConfig, _config(tmp_path, f'[ti]\nname_servers = ["{wrong}"]\n'))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('tls_mandatory = false\nplain_port = 8080\nmode = "PASSWORD"\n', ("SOAP4",)),
        ('client_authentication = false\nmode = "PASSWORD"\n', ("SOAP3",)),
        ("client_authentication = false\n", ()),
        ('mode = "PASSWORD"\n', ()),
    ],
)
def test_a_switch_without_effect_is_told(tmp_path: Path, text: str, said: tuple[str, ...]) -> None:
    access = load_config(UpConfig, _config(tmp_path, f"[access]\nweaker_variants = true\n{text}")).access
    assert tuple(access.access().variant.value for _ in access.notices()) == said
    assert all(variant in notice for variant, notice in zip(said, access.notices(), strict=True))


def test_signatures(tmp_path: Path) -> None:
    text = '[signature]\ncomfort = true\ncomfort_max = 5\ncomfort_hours = 2\nsimple_mode = "SE#2"\n'
    settings = load_config(UpConfig, _config(tmp_path, text)).signature.settings()
    assert settings == SignatureSettings(SimpleMode.SE2, comfort=True, comfort_max=5, comfort_hours=2)
    for wrong in ("comfort_max = 251", "comfort_max = 0", "comfort_hours = 25"):
        with pytest.raises(BadConfig):
            load_config(UpConfig, _config(tmp_path, f"[signature]\n{wrong}\n"))


@pytest.mark.requirement("TIP1-A_4680-03")
def test_comfort_signatures_only_where_clients_show_who_they_are() -> None:
    for weaker in (ClientAccess(authentication_mandatory=False), ClientAccess(tls_mandatory=False)):
        with pytest.raises(BadInstanceConfig, match="SAK_COMFORT_SIGNATURE"):
            InstanceConfig(
                "i",
                Address("127.0.0.1", 0),
                plain=Address("127.0.0.1", 1),
                access=replace(weaker, weaker_allowed=True),
                signature=SignatureSettings(comfort=True),
            )


def test_unknown_key_names_its_neighbour(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"access\.mod: unknown key; did you mean mode\?"):
        load_config(UpConfig, _config(tmp_path, '[access]\nmod = "PASSWORD"\n'))


def test_every_key_is_on_the_reference_page() -> None:
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    missing = [entry.key for entry in describe(UpConfig) if f"`{entry.key}`" not in page]
    assert not missing, f"add to docs/reference/configuration.md: {missing}"
