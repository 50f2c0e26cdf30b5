"""Export, import and factory reset of an instance's configuration (gemSpec_Kon V5.18 TIP1-A_4814, 4815, 4820).

An import is refused, with the name of the row, if the instance could not read what it brings. Else it replaces the
configuration in one transaction and then restarts the instance: whoever is killed in between comes up with the old one
or the new one. Trust lists and logs are no configuration and stay. A token stays if it is the
importing administrator's or if its account has the role, the rights and the passwords it had: of any other account only
the name is the same, and who holds the token may be somebody else. Terminals that come with an import are `gepairt` and
not in use until an administrator has confirmed each (TIP1-A_4814).
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.interfaces.management.system import (
    CONFIG_OCTETS,
    ConfigImport,
    ConfigShown,
    ExportedConfig,
    FactoryReset,
)
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.audit import config_moved, factory_settings
from tiaas.konnektor.admin.problems import Problem, conflict
from tiaas.konnektor.admin.roles import ON_SITE, SUPER_ONLY
from tiaas.konnektor.admin.routes import Call, Route, post
from tiaas.konnektor.admin.rowcheck import check_rows
from tiaas.konnektor.admin.sealed import Rows, new_passphrase, seal, unseal
from tiaas.konnektor.admin.users import TOKEN_KIND, USER_KIND
from tiaas.konnektor.bestandsnetze.keeper import NETWORKS_KIND
from tiaas.konnektor.fachmodulpackages import PACKAGE_KINDS
from tiaas.konnektor.identity import fingerprint_of
from tiaas.konnektor.protocol.entry import SECURITY
from tiaas.konnektor.registration.keeper import REGISTRATION_KIND
from tiaas.konnektor.store import Change, Delete, Put
from tiaas.konnektor.terminalfirmware import FIRMWARE_KIND
from tiaas.konnektor.terminallist import Correlation, TerminalConfig
from tiaas.konnektor.terminals import STORE_KIND
from tiaas.konnektor.updates import UPDATES_KIND

FILE_OCTETS = CONFIG_OCTETS * 3 // 2
_IDENTIFYING = ("role", "may_reset", "hashes")
NOT_EXPORTED = frozenset(
    {"trust", "protocol", TOKEN_KIND, "event-sink", FIRMWARE_KIND, UPDATES_KIND, NETWORKS_KIND, REGISTRATION_KIND}
    | PACKAGE_KINDS
)
"""Kinds of rows that are no configuration: trust space, keys of the logs, tokens, subscriptions, firmware, packages of
Fachmodule and what the KSR told of firmware and of networks, the registration of a box."""
SURVIVES_RESET = frozenset({"trust", "protocol"})


async def _export(call: Call) -> ExportedConfig:
    instance = instance_of(call)
    context = instance.context
    rows = {kind: rows for kind, rows in (await context.store.everything()).items() if kind not in NOT_EXPORTED}
    passphrase = new_passphrase(context.entropy)
    file = await seal(rows, instance.name, context.clock.now(), instance.identity.ca, passphrase, context.entropy)
    config_moved(context.hub, call.caller.user, export=True)
    return ExportedConfig(file, passphrase)


async def _import(call: Call) -> ConfigShown:
    wish, instance = call.body(ConfigImport), instance_of(call)
    sealed = await unseal(wish.file, wish.passphrase)
    check_rows({kind: rows for kind, rows in sealed.rows.items() if kind not in NOT_EXPORTED}, instance.given)
    changes = _changes(sealed.rows, await instance.context.store.everything(), call.caller.user)
    if wish.confirm:
        try:
            await call.plane.host.rewrite(instance.name, changes)
            config_moved(instance.context.hub, call.caller.user, export=False)
        finally:
            call.plane.host.restart_soon(instance.name)
    return ConfigShown(
        sealed.instance,
        sealed.exported,
        sealed.signer.subject.rfc4514_string(),
        fingerprint_of(sealed.signer.public_bytes(Encoding.DER)),
        sum(map(len, sealed.rows.values())),
        tuple(sorted(sealed.rows)),
        wish.confirm,
        tuple(sorted(key for key, body in sealed.rows.get(STORE_KIND, {}).items() if _is_paired(body))),
    )


def _changes(rows: Rows, held: Rows, importer: str) -> list[Change]:
    """What makes the rows of a store those of a file that were checked."""
    terminals = {key: _imported(body) for key, body in rows.get(STORE_KIND, {}).items()}
    wanted: dict[str, Mapping[str, Any]] = {**rows, STORE_KIND: terminals}
    gone = [Delete(kind, key) for kind, rows in held.items() if kind not in NOT_EXPORTED for key in rows]
    return [
        *gone,
        *_foreign_tokens(rows, held, importer),
        *(Put(kind, key, body) for kind in wanted if kind not in NOT_EXPORTED for key, body in wanted[kind].items()),
    ]


def _is_paired(body: Mapping[str, Any]) -> bool:
    return TerminalConfig.from_document(body).correlation in (Correlation.GEPAIRT, Correlation.AKTIV)


def _foreign_tokens(imported: Rows, held: Rows, importer: str) -> list[Change]:
    before, after = held.get(USER_KIND, {}), imported.get(USER_KIND, {})

    def is_same(user: str) -> bool:
        old, new = before.get(user), after.get(user)
        return old is not None and new is not None and all(old.get(key) == new.get(key) for key in _IDENTIFYING)

    tokens = held.get(TOKEN_KIND, {}).items()
    return [Delete(TOKEN_KIND, key) for key, row in tokens if row["user"] != importer and not is_same(row["user"])]


def _imported(body: Mapping[str, Any]) -> Mapping[str, Any]:
    config = TerminalConfig.from_document(body)
    is_in_use = config.correlation is Correlation.AKTIV
    return {**body, "correlation": Correlation.GEPAIRT.value} if is_in_use else body


async def _reset(call: Call) -> None:
    instance, context = instance_of(call), instance_of(call).context
    if not call.caller.may_reset:
        remedy = "ask a Super-Administrator for USER_RESET_PERMISSION"
        raise Problem(HTTPStatus.FORBIDDEN, "this account may not reset the instance", remedy)
    if call.body(FactoryReset).confirm != instance.name:
        raise conflict("the confirmation is not this instance's name", f"send {instance.name!r} as confirm")
    # The logs first: killed in between, the instance is not reset yet and the caller asks again.
    for log in context.protocol.logs:
        if log != SECURITY:
            await context.protocol.clear(log)
    rows = await context.store.everything()
    gone = [Delete(kind, key) for kind, held in rows.items() if kind not in SURVIVES_RESET for key in held]
    try:
        await call.plane.host.rewrite(instance.name, gone)
        factory_settings(context.hub, call.caller.user)
    finally:
        call.plane.host.restart_soon(instance.name)


MOVING_ROUTES: tuple[Route, ...] = (
    post(
        "/config/export",
        ON_SITE,
        "Exports the configuration; file and passphrase are shown this once",
        _export,
        response=ExportedConfig,
        changes=False,
    ),
    post(
        "/config/import",
        SUPER_ONLY,
        "Checks and shows a configuration; with confirm, takes it and restarts",
        _import,
        request=ConfigImport,
        response=ConfigShown,
        changes=False,
        body_octets=FILE_OCTETS,
    ),
    post(
        "/system/factory-reset",
        ON_SITE,
        "Back to the delivery state; trust space and security log stay",
        _reset,
        request=FactoryReset,
        status=HTTPStatus.ACCEPTED,
        changes=False,
    ),
)
