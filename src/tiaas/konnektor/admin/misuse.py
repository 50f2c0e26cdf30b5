"""Alarm values of the misuse detection (gemSpec_Kon V5.18 TIP1-A_4597): they count at once and are kept."""

from tiaas.interfaces.management.system import AlarmValue, MisuseSettings
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.problems import not_found
from tiaas.konnektor.admin.roles import INSTANCE_ROLES
from tiaas.konnektor.admin.routes import Call, Route, get, put
from tiaas.konnektor.misuse import save_alarm_values


async def _read(call: Call) -> MisuseSettings:
    values = instance_of(call).health.misuse.alarm_values
    return MisuseSettings(tuple(AlarmValue(name, values[name]) for name in sorted(values)))


async def _put(call: Call) -> None:
    instance = instance_of(call)
    values = dict(instance.health.misuse.alarm_values)
    for given in call.body(MisuseSettings).alarm_values:
        if given.operation not in values:
            raise not_found(f"watched operation {given.operation}")
        values[given.operation] = given.value
    await save_alarm_values(instance.context.store, values)
    instance.health.misuse.alarm_values = values


MISUSE_ROUTES: tuple[Route, ...] = (
    get("/misuse", INSTANCE_ROLES, "Alarm values of the misuse detection", _read, MisuseSettings),
    put("/misuse", INSTANCE_ROLES, "Sets alarm values; those left out stay", _put, request=MisuseSettings),
)
