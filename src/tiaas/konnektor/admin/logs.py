"""Logs and resettable conditions through the management interface (gemSpec_Kon V5.18 TIP1-A_4716, 4717, 4513, 4996).

Viewing is allowed in every operating state. The security log can be read and exported, nothing else.
"""

from datetime import datetime

from tiaas.interfaces.management.accounts import SecurityNews
from tiaas.interfaces.management.logs import (
    FmLogSettings,
    LeastSeverity,
    LogEntries,
    LogEntry,
    LogList,
    LogParameters,
    LogQuery,
    LogState,
)
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.problems import conflict, not_found
from tiaas.konnektor.admin.roles import INSTANCE_ROLES, ON_SITE
from tiaas.konnektor.admin.routes import Call, Octets, Route, delete, get, post, put
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.protocol import Entry, Level, LogName, LogSettings, ProtocolService, Query
from tiaas.konnektor.protocol.entry import SECURITY
from tiaas.konnektor.protocol.query import LIMIT_MAX
from tiaas.konnektor.protocol.settings import FmSettings

_NEWEST = 20


async def security_news(protocol: ProtocolService, since: datetime | None) -> SecurityNews:
    """What the security log has got from `since` on (TIP1-A_4996); None: all it has."""
    found = await protocol.entries(SECURITY, Query(since=since, limit=LIMIT_MAX))
    return SecurityNews(since, len(found), tuple(_shown(entry) for entry in found[:_NEWEST]))


async def _list(call: Call) -> LogList:
    protocol = instance_of(call).context.protocol
    counts = protocol.counts()
    return LogList(tuple(LogState(log.text, counts[log], log.text in protocol.overflown) for log in protocol.logs))


async def _entries(call: Call) -> LogEntries:
    protocol = instance_of(call).context.protocol
    return LogEntries(tuple(_shown(entry) for entry in await protocol.entries(_log(call), _query(call))))


async def _export(call: Call) -> Octets:
    log = _log(call)
    body = await instance_of(call).context.protocol.export(log, _query(call))
    return Octets(body, "application/x-ndjson", f"{log.text}.jsonl")


async def _clear(call: Call) -> None:
    try:
        await instance_of(call).context.protocol.clear(_log(call))
    except PermissionError as error:
        raise conflict(str(error), "export it instead; old entries go by themselves") from None


async def _settings(call: Call) -> LogParameters:
    held = instance_of(call).context.protocol.settings
    return LogParameters(
        LeastSeverity(held.system_level.value),
        held.security_size,
        held.security_days,
        held.days,
        held.crypto_operations,
        held.performance,
        {name: FmLogSettings(LeastSeverity(fm.level.value), fm.days) for name, fm in held.fachmodule.items()},
    )


async def _configure(call: Call) -> None:
    wish = call.body(LogParameters)
    settings = LogSettings(
        Level(wish.system_level.value),
        wish.security_size,
        wish.security_days,
        wish.days,
        wish.crypto_operations,
        wish.performance,
        {name: FmSettings(Level(fm.level.value), fm.days) for name, fm in wish.fachmodule.items()},
    )
    await instance_of(call).context.protocol.configure(settings)


async def _reset(call: Call) -> None:
    """Conditions that only an administrator ends (TAB_KON_503)."""
    instance, name = instance_of(call), call.path["name"]
    if name == Condition.LOG_OVERFLOW.value.name:
        await instance.context.protocol.reset_overflow()
    elif name == Condition.CRYPTOPERATION_ALARM.value.name:
        instance.health.misuse.reset()
    elif name in (Condition.TIME_DIFFERENCE_INTOLERABLE.value.name, Condition.TIME_SYNC_PENDING_CRITICAL.value.name):
        await instance.health.time.confirm()
    else:
        raise not_found("condition of that name that an administrator could reset")


LOG_ROUTES: tuple[Route, ...] = (
    get("/logs", INSTANCE_ROLES, "All logs", _list, LogList),
    get("/logs/{log}", INSTANCE_ROLES, "Entries of a log", _entries, LogEntries, query=LogQuery),
    get(
        "/logs/{log}/export",
        INSTANCE_ROLES,
        "Entries of a log as JSON lines",
        _export,
        None,
        query=LogQuery,
        media_type="application/x-ndjson",
    ),
    delete("/logs/{log}", ON_SITE, "Deletes the entries of a log; never of the security log", _clear),
    get("/log-settings", INSTANCE_ROLES, "Levels, sizes and days of the logs", _settings, LogParameters),
    put("/log-settings", INSTANCE_ROLES, "Sets levels, sizes and days of the logs", _configure, request=LogParameters),
    post("/conditions/{name}/reset", INSTANCE_ROLES, "Resets an error condition that needs it", _reset),
)


def _log(call: Call) -> LogName:
    found = instance_of(call).context.protocol.find(call.path["log"])
    if found is None:
        raise not_found("log of that name")
    return found


def _query(call: Call) -> Query:
    asked = call.query(LogQuery)
    return Query(
        asked.since,
        asked.until,
        asked.after,
        None if asked.severity is None else Level(asked.severity.value),
        asked.topic,
        asked.code,
        asked.event_id,
        asked.search,
        asked.limit,
        asked.oldest_first,
    )


def _shown(entry: Entry) -> LogEntry:
    return LogEntry(
        entry.number,
        entry.at,
        entry.type.value,
        LeastSeverity(entry.level.value),
        entry.topic,
        entry.code,
        entry.text,
        entry.fm,
        entry.event_id,
        entry.message_id,
        entry.operation,
        entry.call,
        dict(entry.parameters),
    )
