"""Faults of terminals, cards, people and lines, as practice software meets them through a Konnektor."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.lab.labprocess import LabProcess, on_ports_of_its_own
from tiaas.client import Konnektor, KonnektorFault, connect, load_kon
from tiaas.interfaces.card_service_common_v2_0 import CardType, PinResult
from tiaas.interfaces.certificate_service_common_v2_0 import CertRef
from tiaas.interfaces.certificate_service_v6_0 import VerificationResult
from tiaas.interfaces.connector_common_v5_0 import Connector


class Desk:
    """A client of the Konnektor, and the lab's faults."""

    def __init__(self, konnektor: Konnektor, http: httpx.AsyncClient, ready: dict[str, Any]) -> None:
        self.konnektor = konnektor
        self._http = http
        self._ready = ready

    async def fault(self, service: str, **what: Any) -> None:
        answer = await self._http.post(self._ready["lab"]["faults"], json={"service": service, **what})
        assert answer.status_code == 201, answer.text

    async def fired(self) -> list[str]:
        """The lines struck so far, newest last."""
        return [each["line"] for each in (await self._http.get(self._ready["lab"]["faults"])).json()["fired"]]

    async def clear(self) -> None:
        await self._http.delete(self._ready["lab"]["faults"])

    async def reset(self) -> None:
        assert (await self._http.post(f"{self._ready['lab']['control']}/reset", timeout=40)).status_code == 200

    async def hba(self) -> str:
        """The HBA, which the test before may have left out."""
        await self.until(self._has_hba)
        (card,) = await self.konnektor.get_cards(CardType.HBA)
        return card.card_handle

    async def _has_hba(self) -> bool:
        return len(await self.konnektor.get_cards(CardType.HBA)) == 1

    async def connected(self) -> bool:
        (terminal,) = await self.konnektor.get_card_terminals()
        return bool(terminal.connected)

    async def until(self, true: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(30):
            while not await true():  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def code_of(call: Awaitable[object]) -> int:
    with pytest.raises(KonnektorFault) as fault:
        await call
    return fault.value.code


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    with on_ports_of_its_own(tmp_path_factory.mktemp("faults") / "lab") as process:
        yield process


@pytest.fixture
async def desk(lab: LabProcess) -> AsyncIterator[Desk]:
    async with (
        connect(load_kon(Path(lab.ready["kon_file"]), {})) as konnektor,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        desk = Desk(konnektor, http, lab.ready)
        yield desk
        await desk.clear()


@pytest.mark.parametrize(("act", "code"), [("cancel", 4049), ("busy", 4060)])
@pytest.mark.code(4049, 4060)
async def test_a_person_who_does_not_type(desk: Desk, act: str, code: int) -> None:
    await desk.fault("keypad", code=act, match="HBA")
    assert await code_of(desk.konnektor.verify_pin(await desk.hba(), "PIN.CH")) == code


async def test_a_wrong_pin_at_the_second_prompt_only(desk: Desk) -> None:
    await desk.fault("keypad", code="wrong", match="CT-1 HBA * PIN.CH current", skip=1)
    hba = await desk.hba()
    answers = [await desk.konnektor.verify_pin(hba, "PIN.CH") for _ in range(3)]
    assert [answer.result for answer in answers] == [PinResult.OK, PinResult.REJECTED, PinResult.OK]
    assert (await desk.fired())[-1].endswith("PIN.CH current")


@pytest.mark.code(4001)
async def test_a_card_answers_with_another_status_word(desk: Desk) -> None:
    await desk.fault("card", code="6581", match="HBA * CT-1 8?20")
    hba = await desk.hba()
    assert await code_of(desk.konnektor.get_pin_status(hba, "PIN.QES")) == 4001
    assert (await desk.konnektor.get_pin_status(hba, "PIN.QES")).left_tries == 3


@pytest.mark.code(4094)
@pytest.mark.requirement("TIP1-A_4539")
async def test_a_card_pulled_in_the_middle_comes_back(desk: Desk) -> None:
    hba = await desk.hba()
    await desk.fault("card", code="pulled", match="HBA * CT-1 8?20", lasts=0.3)
    assert await code_of(desk.konnektor.get_pin_status(hba, "PIN.QES")) == 4094

    async def back() -> bool:
        return [card.card_handle for card in await desk.konnektor.get_cards(CardType.HBA)] not in ([], [hba])

    await desk.until(back)


async def test_a_terminal_gone_while_the_prompt_stands(desk: Desk) -> None:
    await desk.fault("keypad", code="gone", lasts=0.5)
    assert await code_of(desk.konnektor.verify_pin(await desk.hba(), "PIN.CH")) in (4044, 4094)


async def test_a_terminal_whose_connection_breaks_is_connected_again(desk: Desk) -> None:
    await desk.fault("terminal", drop=True, match="CT-1 PERFORM_VERIFICATION")
    assert await code_of(desk.konnektor.verify_pin(await desk.hba(), "PIN.CH")) in (4044, 4094)


async def test_a_refused_connection_to_a_terminal_is_tried_again(desk: Desk) -> None:
    await desk.fault("network", code="refused", match="terminal CT-1")
    await desk.fault("terminal", drop=True, match="CT-1 PERFORM_VERIFICATION")
    await code_of(desk.konnektor.verify_pin(await desk.hba(), "PIN.CH"))

    async def refused() -> bool:
        return any(line.startswith("terminal CT-1") for line in await desk.fired())

    await desk.until(refused)
    await desk.until(desk.connected)


@pytest.mark.event("OPERATIONAL_STATE/EC_Random_Generator_Not_Reliable")
@pytest.mark.requirement("TIP1-A_4509", "TIP1-A_4510-04")
@pytest.mark.code(4002)
async def test_a_broken_random_generator_is_found_and_its_end_too(desk: Desk, lab: LabProcess) -> None:
    async def unreliable() -> bool:
        connector = await desk.konnektor.get_resource_information()
        assert isinstance(connector, Connector)
        states = connector.operating_state.error_state
        (state,) = [each for each in states if each.error_condition == "EC_Random_Generator_Not_Reliable"]
        return state.value

    async def reliable() -> bool:
        return not await unreliable()

    hba = await desk.hba()
    assert await reliable()
    added = lab.tiaas("lab", "fault", "random", "--code", "stuck")
    assert "code stuck" in added.stdout, added.stderr
    await desk.until(unreliable)
    assert (await desk.fired())[-1] == "SAMPLE 2500"
    assert await code_of(desk.konnektor.verify_pin(hba, "PIN.CH")) == 4002
    sinks = [f"cetp://127.0.0.1:{port}" for port in (9, 10, 11)]
    ids = {(await desk.konnektor.subscribe(sink, "CT/")).subscription_id for sink in sinks}
    assert len(ids) == 3, "only the check's samples are spoiled"
    for each in ids:
        await desk.konnektor.unsubscribe(each)
    await desk.clear()
    await desk.until(reliable)
    await desk.until(desk.connected)
    await desk.fault("random", code="unreadable")
    await desk.until(unreliable)
    await desk.reset()
    assert await reliable(), "a reset is over when the Konnektor has found its source sound"
    assert (await desk.konnektor.verify_pin(await desk.hba(), "PIN.CH")).result is PinResult.OK


async def test_a_revocation_that_was_a_fault_ends_with_a_reset(desk: Desk) -> None:
    (smcb,) = await desk.konnektor.get_cards(CardType.SMC_B)
    (certificate,) = await desk.konnektor.read_card_certificate(smcb.card_handle, [CertRef.C_AUT])

    async def result() -> VerificationResult:
        return (await desk.konnektor.verify_certificate(certificate.der)).result

    await desk.reset()
    await desk.fault("ocsp", code="revoked", times=None)
    assert await result() is VerificationResult.INVALID
    await desk.clear()
    assert await result() is VerificationResult.INVALID, "a revocation is for ever"
    await desk.reset()
    assert await result() is VerificationResult.VALID


def test_the_command_line_tells_what_struck(lab: LabProcess) -> None:
    words = ("lab", "fault", "card", "--code", "6F00", "--match", "HBA * 9999", "--skip", "1")
    added = lab.tiaas(*words)
    assert "code 6F00, from number 2 on" in added.stdout, added.stderr
    listed = lab.tiaas("lab", "fault").stdout
    assert "HBA * 9999" in listed
    assert "STRUCK AT" in listed
    assert lab.tiaas("lab", "fault", "card", "--code", "11101").returncode == 2


async def test_a_terminal_with_an_expired_certificate_is_not_used(desk: Desk) -> None:
    """The last test: the Konnektor dials a terminal that it does not trust no more."""
    await desk.fault("terminal", code="certificate-expired", match="CT-1 TLS")
    await desk.fault("terminal", drop=True, match="CT-1 PERFORM_VERIFICATION")
    await code_of(desk.konnektor.verify_pin(await desk.hba(), "PIN.CH"))

    async def refused() -> bool:
        return "CT-1 TLS" in await desk.fired()

    await desk.until(refused)
    assert not await desk.connected()
