"""Critical states on a running instance: events are withheld, connector.sds is not given out."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tiaas.konnektor.opstate import Condition

Make = Callable[..., Any]


@pytest.mark.requirement("TIP1-A_4510-04")
async def test_with_changed_program_files_no_event_goes_out(office: Make, receiver: Make) -> None:
    here, there = await office(), await receiver()
    await here.subscribe(there.url, "")
    state = here.instance.context.opstate
    state.set(Condition.SECURITY_LOG_NOT_WRITABLE, True)
    here.raise_events(["CT/TOLD"])
    state.set(Condition.SOFTWARE_INTEGRITY_CHECK_FAILED, True)
    here.raise_events(["CT/WITHHELD"])
    state.set(Condition.SOFTWARE_INTEGRITY_CHECK_FAILED, False)
    state.set(Condition.SECURITY_LOG_NOT_WRITABLE, False)
    here.raise_events(["CT/TOLD_AGAIN"])
    assert [one.topic for one in await there.until(5)] == [
        "OPERATIONAL_STATE/EC_Security_Log_Not_Writable",
        "CT/TOLD",
        "OPERATIONAL_STATE/EC_Software_Integrity_Check_Failed",
        "OPERATIONAL_STATE/EC_Security_Log_Not_Writable",
        "CT/TOLD_AGAIN",
    ]


@pytest.mark.requirement("TIP1-A_4510-04")
async def test_the_service_directory_is_503_where_it_may_not_be_read(office: Make) -> None:
    here = await office()
    state = here.instance.context.opstate
    async with httpx.AsyncClient(base_url=f"http://{here.instance.reception.plain}", trust_env=False) as client:
        for condition, status in (
            (Condition.SOFTWARE_INTEGRITY_CHECK_FAILED, 503),
            (Condition.RANDOM_GENERATOR_NOT_RELIABLE, 503),
            (Condition.SECURITY_LOG_NOT_WRITABLE, 503),
            (Condition.SECURE_KEYSTORE_NOT_AVAILABLE, 200),
        ):
            state.set(condition, True)
            assert (await client.get("/connector.sds")).status_code == status, condition
            state.set(condition, False)
        assert (await client.get("/connector.sds")).status_code == 200
