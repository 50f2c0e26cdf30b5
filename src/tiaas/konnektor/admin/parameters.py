"""Parameters that an administrator sets (gemSpec_Kon V5.18; ranges as there), over the operator's configuration.

One row, `parameters`/`current`; it counts from the next start of the instance on, what is said of signatures at once.
The secret of receipts has a row of its own, for it is never given out and so is not set with the rest.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from tiaas.interfaces.management.documents import BadDocument, plain, read
from tiaas.interfaces.management.parameters import Parameters
from tiaas.konnektor.config import AuthenticationMode, InstanceConfig, SimpleMode, name_server_of
from tiaas.konnektor.store import InstanceStore, StoreError
from tiaas.konnektor.vsdmreceipt import load_receipt_secret

PARAMETERS_KIND, _KEY = "parameters", "current"

_ACCESS = {
    "tls_mandatory": "tls_mandatory",
    "authentication_mandatory": "authentication_mandatory",
    "directory_open": "directory_open",
    "ldap_authentication": "ldap_authentication",
}
_TI = {
    name: name for name in ("online", "sak", "standalone", "tsl_grace_days", "offline_days_max", "ksr_auto_download")
}
_OWN = {name: name for name in ("hostname", "card_seconds", "event_tries")}
_WATCH = {"expiry_check_days": "every", "expiry_warn_days": "warn"}
_SIGNATURE = {
    "comfort_signature": "comfort",
    "comfort_signature_max": "comfort_max",
    "comfort_signature_hours": "comfort_hours",
}
_SECONDS = {
    "ocsp_seconds": ("ocsp_seconds", 1),
    "ocsp_qes_seconds": ("ocsp_qes_seconds", 1),
    "ocsp_grace_minutes": ("ocsp_grace_seconds", 60),
    "vsdm_seconds": ("vsdm_seconds", 1),
    "bnetza_hours": ("bnetza_seconds", 3600),
}
"""Fields of `TiAccess`, and how many seconds one of the parameter is."""


async def load_parameters(store: InstanceStore) -> Parameters:
    """What is set. Raises `StoreError`."""
    row = await store.get(PARAMETERS_KIND, _KEY)
    return Parameters() if row is None else read_parameters(row)


def read_parameters(row: Mapping[str, Any]) -> Parameters:
    """The parameters of a row. Raises `StoreError` for a damaged one."""
    try:
        return read(Parameters, row)
    except BadDocument:
        raise StoreError("the stored parameters are damaged") from None


async def configured(store: InstanceStore, given: InstanceConfig) -> InstanceConfig:
    """The operator's configuration with all that an administrator has set. Raises `StoreError`, `BadInstanceConfig`."""
    config = applied(await load_parameters(store), given)
    secret = await load_receipt_secret(store)
    return config if secret is None else replace(config, ti=replace(config.ti, receipt_secret=secret))


async def save_parameters(store: InstanceStore, parameters: Parameters) -> None:
    """Keeps them. Raises `StoreError`."""
    document: Mapping[str, Any] = plain(parameters)
    await store.put(PARAMETERS_KIND, _KEY, {name: value for name, value in document.items() if value is not None})


def in_force(config: InstanceConfig) -> dict[str, object]:
    """The values of a configuration by the names of `Parameters`."""
    access, ti, signature = config.access, config.ti, config.signature
    out: dict[str, object] = {"authentication_mode": access.mode.value, "simple_signature_mode": signature.simple_mode}
    out["name_servers"] = ti.dns
    parts = ((access, _ACCESS), (ti, _TI), (config, _OWN), (config.watch, _WATCH), (signature, _SIGNATURE))
    for part, names in parts:
        out |= {name: getattr(part, own) for name, own in names.items()}
    out |= {name: getattr(ti, own) / one for name, (own, one) in _SECONDS.items()}
    return {field.name: out[field.name] for field in fields(Parameters)}


def value_text(value: object) -> str:
    """A value as it is written in JSON, without quotes; a list as its entries, `none` for an empty one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def applied(parameters: Parameters, config: InstanceConfig) -> InstanceConfig:
    """The configuration with what is set. Raises `BadInstanceConfig` for what does not go together."""
    given = {field.name: getattr(parameters, field.name) for field in fields(Parameters)}
    given = {name: value for name, value in given.items() if value is not None}

    def of(names: Mapping[str, str]) -> dict[str, Any]:
        return {own: given[name] for name, own in names.items() if name in given}

    access = of(_ACCESS)
    if parameters.authentication_mode is not None:
        access["mode"] = AuthenticationMode(parameters.authentication_mode.value)
    signature = of(_SIGNATURE)
    if parameters.simple_signature_mode is not None:
        signature["simple_mode"] = SimpleMode(parameters.simple_signature_mode.value)
    ti = of(_TI)
    if parameters.name_servers is not None:
        ti["dns"] = tuple(map(name_server_of, parameters.name_servers))
    times: dict[str, Any] = {own: float(given[name] * one) for name, (own, one) in _SECONDS.items() if name in given}
    return replace(
        config,
        access=replace(config.access, **access),
        ti=replace(config.ti, **ti, **times),
        watch=replace(config.watch, **of(_WATCH)),
        signature=replace(config.signature, **signature),
        **of(_OWN),
    )
