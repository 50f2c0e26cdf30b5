"""The call context (gemILF_PS V2.17.0, 3.3.1; TUC_KON_000)."""

from tiaas.pvs.checks.model import Check, Finding, Said, failed, not_seen, passed, warned
from tiaas.pvs.messages import Exchange, Story

_ID_MAX = 64
_UNKNOWN = frozenset({4004, 4005, 4006, 4010, 4011, 4012, 4021, 4204})
_NO_USER = 4003
_ANOTHERS = 4018


def _with_context(story: Story) -> list[Exchange]:
    return [each for each in story.exchanges if each.context is not None]


def _complete(story: Story) -> Finding:
    calls = _with_context(story)
    if not calls:
        return not_seen()
    wrong = [each.number for each in calls if not _is_complete(each) or not _UNKNOWN.isdisjoint(each.codes)]
    if wrong:
        return failed(
            Said(
                "ids are missing, too long or unknown to the Konnektor",
                "Ids fehlen, sind zu lang oder dem Konnektor unbekannt",
            ),
            wrong,
        )
    return passed()


def _is_complete(exchange: Exchange) -> bool:
    context = exchange.context
    if context is None:
        return False
    mandatory = (context.mandant_id, context.client_system_id)
    if not all(mandatory):
        return False
    given = (*mandatory, context.workplace_id, context.user_id)
    return all(each is None or len(each) <= _ID_MAX for each in given)


def _one_client(story: Story) -> Finding:
    calls = _with_context(story)
    if not calls:
        return not_seen()
    wrong = [
        each.number
        for each in calls
        if each.call.client_systems and each.context and each.context.client_system_id not in each.call.client_systems
    ]
    if wrong:
        return failed(
            Said("ClientSystemId is not that of the certificate", "ClientSystemId ist nicht die des Zertifikats"), wrong
        )
    return passed()


def _user_where_needed(story: Story) -> Finding:
    missing = [each.number for each in story.exchanges if _NO_USER in each.codes]
    if missing:
        return failed(
            Said("UserId is missing where an HBA needs it (4003)", "UserId fehlt, wo der HBA sie braucht (4003)"),
            missing,
        )
    used = [each.number for each in _with_context(story) if each.context and each.context.user_id]
    return passed(used[:5]) if used else not_seen()


def _user_is_no_name(story: Story) -> Finding:
    users = {
        each.number: each.context.user_id for each in _with_context(story) if each.context and each.context.user_id
    }
    if not users:
        return not_seen()
    named = [number for number, user in users.items() if " " in user or "@" in user]
    if named:
        return warned(Said("UserId looks like a name", "UserId sieht wie ein Name aus"), named)
    return passed()


def _same_user(story: Story) -> Finding:
    """After 4018 (the session is another user's) the same call with the same UserId cannot succeed."""
    conflicts = [each for each in story.exchanges if _ANOTHERS in each.codes]
    if not conflicts:
        return not_seen()
    stubborn = []
    for conflict in conflicts:
        repeated = [
            each
            for each in story.exchanges
            if each.number > conflict.number
            and each.operation == conflict.operation
            and each.context == conflict.context
        ]
        if repeated and _ANOTHERS in repeated[0].codes:
            stubborn.append(repeated[0].number)
    if stubborn:
        return failed(
            Said("repeated with the same UserId after 4018", "nach 4018 mit derselben UserId wiederholt"), stubborn
        )
    return passed(each.number for each in conflicts)


CHECKS = (
    Check(
        "CTX-1",
        Said("the call context is complete and known", "der Aufrufkontext ist vollständig und bekannt"),
        "gemILF_PS 3.3.1, TIP1-A_4959-01; TUC_KON_000",
        _complete,
    ),
    Check(
        "CTX-2",
        Said("the client system is the one of the certificate", "das Clientsystem ist das des Zertifikats"),
        "gemSpec_Kon 4.1.1, TUC_KON_000",
        _one_client,
    ),
    Check(
        "CTX-3",
        Said("UserId is given where an HBA is used", "UserId steht dabei, wo ein HBA benutzt wird"),
        "gemILF_PS 3.3.1, 4.2.4",
        _user_where_needed,
    ),
    Check("CTX-4", Said("UserId is no name", "UserId ist kein Name"), "gemILF_PS 3.3.1", _user_is_no_name),
    Check(
        "CTX-5",
        Said("another user's session (4018) is respected", "die Sitzung eines anderen Nutzers (4018) wird geachtet"),
        "gemSpec_Kon 4.1.1.4, TUC_KON_000",
        _same_user,
    ),
)
