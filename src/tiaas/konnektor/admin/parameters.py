"""Parameters that an administrator sets (gemSpec_Kon V5.18; ranges as there), over the operator's configuration.

One row, `parameters`/`current`; it counts from the next start of the instance on.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from tiaas.interfaces.management.documents import BadDocument, plain, read
from tiaas.interfaces.management.system import Parameters
from tiaas.konnektor.config import AuthenticationMode, InstanceConfig
from tiaas.konnektor.store import InstanceStore, StoreError

_KIND, _KEY = "parameters", "current"

_ACCESS = {
    "tls_mandatory": "tls_mandatory",
    "authentication_mandatory": "authentication_mandatory",
    "directory_open": "directory_open",
}
_TI = {"online": "online", "tsl_grace_days": "tsl_grace_days", "offline_days_max": "offline_days_max"}


async def load_parameters(store: InstanceStore) -> Parameters:
    """What is set. Raises `StoreError`."""
    row = await store.get(_KIND, _KEY)
    try:
        return Parameters() if row is None else read(Parameters, row)
    except BadDocument:
        raise StoreError("the stored parameters are damaged") from None


async def save_parameters(store: InstanceStore, parameters: Parameters) -> None:
    """Keeps them. Raises `StoreError`."""
    document: Mapping[str, Any] = plain(parameters)
    await store.put(_KIND, _KEY, {name: value for name, value in document.items() if value is not None})


def applied(parameters: Parameters, config: InstanceConfig) -> InstanceConfig:
    """The configuration with what is set. Raises `BadInstanceConfig` for what does not go together."""
    given = {field.name: getattr(parameters, field.name) for field in fields(Parameters)}
    given = {name: value for name, value in given.items() if value is not None}
    access = {own: given[name] for name, own in _ACCESS.items() if name in given}
    if parameters.authentication_mode is not None:
        access["mode"] = AuthenticationMode(parameters.authentication_mode.value)
    ti: dict[str, Any] = {own: given[name] for name, own in _TI.items() if name in given}
    if parameters.ocsp_seconds is not None:
        ti["ocsp_seconds"] = float(parameters.ocsp_seconds)
    if parameters.ocsp_grace_minutes is not None:
        ti["ocsp_grace_seconds"] = parameters.ocsp_grace_minutes * 60.0
    if parameters.vsdm_seconds is not None:
        ti["vsdm_seconds"] = float(parameters.vsdm_seconds)
    return replace(
        config,
        hostname=parameters.hostname or config.hostname,
        access=replace(config.access, **access),
        ti=replace(config.ti, **ti),
    )
