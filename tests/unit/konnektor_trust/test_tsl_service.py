"""TLS to the TSL service: who is trusted, what is told of the others (A_17661, TIP1-A_5662, TIP1-A_5663)."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.konnektor_trust.trustbench import DAY, EGK_CA, FIRST, KOMP_CA, VL, Bench, tls_identity, with_vl
from tests.unit.pki.ocspmaker import NOW, SPAN, World
from tiaas.konnektor.catalogue import deviations
from tiaas.konnektor.config import BadInstanceConfig, TiAccess
from tiaas.konnektor.web import NoAnswer
from tiaas.pki.issue import Validity
from tiaas.pki.oids import Role


def old_cipher() -> ssl.SSLContext:
    context = tls_identity()
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    return context


def expired() -> ssl.SSLContext:
    return tls_identity(span=Validity(SPAN.start - 9 * DAY, NOW - timedelta(hours=1)))


REFUSED: list[tuple[str, Callable[[], ssl.SSLContext], int, str]] = [
    ("of a foreign CA", lambda: tls_identity(World("KOMP-CA TEST-ONLY")), 4235, "AUTHORITYKEYID_DIFFERENT"),
    ("of a CA that may not issue it", lambda: tls_identity(EGK_CA), 4235, "CERT_TYPE_CA_NOT_AUTHORIZED"),
    ("expired", expired, 4235, "CERTIFICATE_NOT_VALID_TIME"),
    ("of another host", lambda: tls_identity(hosts=("tsl.other.lab",)), 4235, "another host"),
    ("no suite of gemSpec_Krypt", old_cipher, 4235, "TLS failed"),
    ("of another role", lambda: tls_identity(role=Role.VZD_TI), 4236, "not oid_tsl_ti"),
]


@pytest.mark.parametrize(("make", "code", "why"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
@pytest.mark.requirement("A_17661", "TIP1-A_5662", "TIP1-A_5663", "A_17781")
@pytest.mark.code(4235, 4236)
async def test_a_server_that_is_not_the_tsl_service(
    bench: Bench, make: Callable[[], ssl.SSLContext], code: int, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    await with_vl(bench)
    assert bench.trust.status().tsl_service == (bench.lists.service.contact)
    bench.server.tls = make()
    bench.server.secure.clear()
    bench.server.publish(VL.newer().document(), "/vl.xml")
    bench.server.publish(FIRST.newer().document())
    assert not await bench.lists.refresh_bnetza()
    assert bench.server.secure == [], "nothing is sent to a server before it is judged"
    status = bench.trust.status()
    assert status.bnetza.sequence_number == 7
    assert status.bnetza.last_code == 1006
    assert str(code) in status.bnetza.last_reason
    assert status.tsl_service is not None
    assert (status.tsl_service.code, status.tsl_service.at) == (code, bench.clock.now())
    assert why in status.tsl_service.reason
    told = [event for event in bench.events if event.topic == "CERT/BNETZA_VL/IMPORT"]
    assert [dict(event.parameters)["Fehlerbeschreibung"][:5] for event in told] == [f"{code} ", f"{code} ", "4133 "]
    assert [deviations(event) for event in told] == [[]] * 3
    assert [record.code for record in caplog.records if "TSL service" in record.message] == [code] * 2  # type: ignore[attr-defined]
    # The TSL may come without TLS; only its hash may not (A_17781).
    assert await bench.lists.refresh_tsl()
    assert bench.number == 10_001
    bench.server.tls = tls_identity()
    assert await bench.lists.refresh_bnetza(), bench.trust.status().bnetza.last_reason
    contact = bench.trust.status().tsl_service
    assert contact is not None
    assert contact.code is None
    assert bench.holds() == set()


@pytest.mark.requirement("A_17661", "TIP1-A_5662")
async def test_hash_files_and_the_bnetza_list_come_over_tls(bench: Bench) -> None:
    await with_vl(bench)
    assert bench.server.secure == ["/vl.xml"]
    await bench.lists.refresh_tsl()
    await bench.lists.refresh_bnetza()
    assert bench.server.secure == ["/vl.xml", "/tsl.sha2", "/vl.sha2"]
    assert [path for path in bench.server.requests if path not in bench.server.secure] == ["/tsl.xml"]
    with pytest.raises(BadInstanceConfig, match="TIP1-A_5662"):
        TiAccess(bnetza_url=f"{bench.server.url}/vl.xml")


async def test_a_tsl_over_tls_needs_one_that_is_trusted_already(bench: Bench) -> None:
    """The address of the configuration is asked first; the backup that a list names may be one with TLS."""
    with pytest.raises(BadInstanceConfig, match="first TSL comes without TLS"):
        replace(bench.access, tsl_url=f"{bench.server.secure_url}/tsl.xml")
    await bench.lists.import_tsl(FIRST.newer(backup=f"{bench.server.secure_url}/backup.xml").document())
    bench.server.files.clear()
    bench.server.publish(FIRST.newer().newer().document(), "/backup.xml")
    assert await bench.lists.refresh_tsl()
    assert "/backup.xml" in bench.server.secure
    assert bench.number == 10_002


@pytest.mark.code(4235)
async def test_beyond_the_grace_period_nobody_is_trusted_but_a_tsl_comes(bench: Bench) -> None:
    await with_vl(bench)
    bench.clock.advance(60 * DAY.total_seconds() + 1)
    assert not await bench.lists.refresh_bnetza()
    assert "4235" in bench.trust.status().bnetza.last_reason
    bench.server.publish(FIRST.newer(issued=bench.clock.now()).document())
    assert await bench.lists.refresh_tsl()
    assert await bench.lists.refresh_bnetza()


def test_both_authorities_have_one_name() -> None:
    """The foreign CA of the first case is found by its key only."""
    assert World("KOMP-CA TEST-ONLY").ca.subject == KOMP_CA.ca.subject


async def test_another_connection_of_a_refresh_does_not_hide_a_refusal(bench: Bench) -> None:
    await with_vl(bench)
    service = bench.lists.service
    bench.server.publish(VL.newer().document(), "/vl.xml")
    good, check = f"{bench.server.secure_url}/vl.xml", service.check
    service.begin()
    service.check = None
    with pytest.raises(NoAnswer, match="4235"):
        await service.get(good, 1 << 20)
    service.check = check
    await service.get(good, 1 << 20)
    assert service.contact is not None
    assert service.contact.code == 4235
    assert await bench.lists.refresh_bnetza()
    assert service.contact.code is None
