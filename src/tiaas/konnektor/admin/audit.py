"""What administrators do, in the log: MGM/ADMINCHANGES and its relatives (gemSpec_Kon V5.18 TIP1-A_5005, §4.1.10).

Not delivered to Clientsysteme. `NewVal` has no secrets (TIP1-A_6479): `documents.loggable` leaves them out.
"""

from tiaas.konnektor.events import Event, EventHub, EventSeverity, EventType, Topic, parameters

VALUE_MAX = 1024
"""Characters of NewVal in the log; the rest of a long document is cut off."""


def admin_changed(hub: EventHub, user: str, reference: str, value: str) -> None:
    """MGM/ADMINCHANGES."""
    pairs = parameters(("User", user), ("RefID", reference), ("NewVal", value[:VALUE_MAX]))
    hub.publish(Event(Topic.MGM_ADMINCHANGES, pairs, deliver=False))


def config_moved(hub: EventHub, user: str, *, export: bool) -> None:
    """MGM/CONFIG_EXIMPORT."""
    pairs = parameters(("User", user), ("Mode", "Export" if export else "Import"))
    hub.publish(Event(Topic.MGM_CONFIG_EXIMPORT, pairs, deliver=False))


def factory_settings(hub: EventHub, user: str) -> None:
    """MGM/FACTORYSETTINGS."""
    hub.publish(Event(Topic.MGM_FACTORYSETTINGS, parameters(("User", user)), deliver=False))


def online_changed(hub: EventHub, *, active: bool) -> None:
    """MGM/LU_CHANGED/LU_ONLINE; Clientsysteme hear it."""
    hub.publish(Event("MGM/LU_CHANGED/LU_ONLINE", _active(active)))


def sak_changed(hub: EventHub, *, active: bool) -> None:
    """MGM/LU_CHANGED/LU_SAK; Clientsysteme hear it."""
    hub.publish(Event("MGM/LU_CHANGED/LU_SAK", _active(active)))


def standalone_changed(hub: EventHub, *, active: bool) -> None:
    """MGM/STANDALONE_CHANGED (TIP1-A_4822); Clientsysteme hear it."""
    hub.publish(Event("MGM/STANDALONE_CHANGED", _active(active)))


def _active(active: bool) -> tuple[tuple[str, str], ...]:
    return parameters(("Active", "true" if active else "false"))


def login_failed(hub: EventHub, user: str, peer: str, count: int, *, locked: bool) -> None:
    """A failed login: authentication failures belong to the security log (TIP1-A_4709). The topic is ours.

    `count` of them are told together; `user` is the name that was tried last.
    """
    told = count if count > 1 else None
    pairs = parameters(("User", user), ("Result", "locked" if locked else "refused"), ("Peer", peer), ("Count", told))
    hub.publish(Event(LOGIN_FAILED, pairs, EventType.SECURITY, EventSeverity.WARNING, deliver=False))


LOGIN_FAILED = "MGM/LOGIN_FAILED"
