"""Logs through the management interface: read, search, export, clear, settings; the security log stays."""

import ssl

import httpx
import pytest

from tests.integration.admin.desk import Desk
from tests.integration.admin.test_door import _http
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.protocol import Level, LogType

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.requirement("TIP1-A_4716", "TIP1-A_5005")
async def test_entries_are_read_searched_and_exported_whatever_the_state(desk: Desk) -> None:
    protocol, opstate = desk.instance.context.protocol, desk.instance.context.opstate
    protocol.write(LogType.OPERATION, Level.ERROR, text="a terminal is silent", event_id="e-1")
    opstate.set(Condition.RANDOM_GENERATOR_NOT_RELIABLE, True)
    async with _http(desk, Role.LOKAL) as http:
        names = {log["name"] for log in (await http.get("/logs")).json()["logs"]}
        assert {"system", "security", "performance", "fm-VSDM"} <= names
        (entry,) = (await http.get("/logs/system", params={"event_id": "e-1"})).json()["entries"]
        assert (entry["text"], entry["level"], entry["type"]) == ("a terminal is silent", "Error", "Op")
        found = (await http.get("/logs/security", params={"search": "random_generator"})).json()["entries"]
        assert [entry["topic"] for entry in found] == ["OPERATIONAL_STATE/EC_Random_Generator_Not_Reliable"]
        export = await http.get("/logs/system/export", params={"severity": "Error"})
        assert export.headers["content-type"] == "application/x-ndjson"
        assert b"a terminal is silent" in export.content
        assert (await http.get("/logs/nothing")).status_code == 404
    opstate.set(Condition.RANDOM_GENERATOR_NOT_RELIABLE, False)


@pytest.mark.event("MGM/ADMINCHANGES")
@pytest.mark.requirement("TIP1-A_4709", "TIP1-A_4716")
async def test_the_security_log_cannot_be_deleted_and_the_system_log_can(desk: Desk) -> None:
    desk.instance.context.protocol.write(LogType.SECURITY, Level.ERROR, text="stays")
    async with _http(desk, Role.SUPER) as http:
        assert (await http.delete("/logs/security")).status_code == 409
        assert (await http.delete("/logs/system")).status_code == 204
        left = (await http.get("/logs/system", params={"limit": 10})).json()["entries"]
        assert {entry["topic"] for entry in left} <= {"MGM/ADMINCHANGES"}
        kept = (await http.get("/logs/security", params={"search": "stays"})).json()["entries"]
        assert [entry["text"] for entry in kept] == ["stays"]


@pytest.mark.requirement("TIP1-A_4717")
async def test_levels_and_days_are_set_within_their_ranges(desk: Desk) -> None:
    async with _http(desk, Role.SUPER) as http:
        held = (await http.get("/log-settings")).json()
        assert (held["system_level"], held["security_size"], held["days"]) == ("Warning", 50_000, 180)
        assert (await http.put("/log-settings", json={**held, "days": 9})).status_code in (400, 422)
        changed = {**held, "days": 30, "fachmodule": {"VSDM": {"level": "Debug", "days": 20}}}
        assert (await http.put("/log-settings", json=changed)).status_code == 204
        assert (await http.get("/log-settings")).json() == changed
        assert desk.instance.context.protocol.settings.fm("VSDM").days == 20


@pytest.mark.requirement("TIP1-A_4513")
async def test_conditions_that_only_an_administrator_ends(desk: Desk) -> None:
    opstate = desk.instance.context.opstate
    async with _http(desk, Role.SUPER) as http:
        for condition in (
            Condition.LOG_OVERFLOW,
            Condition.CRYPTOPERATION_ALARM,
            Condition.TIME_DIFFERENCE_INTOLERABLE,
        ):
            opstate.set(condition, True)
            assert (await http.post(f"/conditions/{condition.value.name}/reset")).status_code == 204
            assert not opstate.holds(condition)
        assert (await http.post("/conditions/EC_TSL_Expiring/reset")).status_code == 404


@pytest.mark.requirement("TIP1-A_4510-04")
@pytest.mark.code(4002)
async def test_with_a_changed_program_only_logs_and_state_can_be_seen(desk: Desk) -> None:
    opstate = desk.instance.context.opstate
    opstate.set(Condition.SOFTWARE_INTEGRITY_CHECK_FAILED, True)
    async with _http(desk, Role.SUPER) as http:
        assert (await http.get("/logs")).status_code == 200
        refused = await http.get("/log-settings")
        assert (refused.status_code, refused.json()["code"]) == (409, 4002)
        opstate.set(Condition.SOFTWARE_INTEGRITY_CHECK_FAILED, False)
        opstate.set(Condition.SECURE_KEYSTORE_NOT_AVAILABLE, True)
        assert (await http.get("/log-settings")).status_code == 200
    opstate.set(Condition.SECURE_KEYSTORE_NOT_AVAILABLE, False)


@pytest.mark.requirement("TIP1-A_4708")
@pytest.mark.code(4204)
async def test_a_client_without_certificate_is_in_the_security_log(desk: Desk) -> None:
    context = ssl.create_default_context(cadata=desk.instance.identity.ca_pem().decode())
    async with httpx.AsyncClient(base_url=desk.instance.url, verify=context, trust_env=False) as client:
        with pytest.raises(httpx.TransportError):
            await client.get("/connector.sds")
    async with _http(desk, Role.SUPER) as http:
        (entry,) = (await http.get("/logs/security", params={"code": 4204})).json()["entries"]
    assert entry["parameters"] == {
        "Reason": "TLS handshake: PEER_DID_NOT_RETURN_A_CERTIFICATE",
        "Peer": "127.0.0.1",
    }
