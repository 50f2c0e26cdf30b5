"""TUC_KON_000 "Prüfe Zugriffsberechtigung" as a pure function (gemSpec_Kon V5.18 §4.1.1.4.1, TAB_KON_511…515).

Order (TAB_KON_511-01): 1 mandatory parameters, 2 client authentication, 3.1 the card exists, 3.2 a rule fits,
4 the rule's conditions from top to bottom of TAB_KON_514-01; the first failure decides. The rules (TAB_KON_513) and
the conditions are tables; a test walks every row with every rule. No I/O here, and nothing is remembered: the caller
passes the information model's current snapshot and what is known of the card.
"""

import enum
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.cardtypes import HBAX, INSURED, SM_B, WITHOUT_RULE, CardType
from tiaas.konnektor.infomodel import InfoModel


@dataclass(frozen=True, slots=True)
class HbaSessionFact:
    """One card session of an HBAx; `raised` is true if its AUTHSTATE is not empty."""

    client_system_id: str
    user_id: str
    raised: bool


class CardFact(NamedTuple):
    """What the decision needs to know of an inserted card; a tuple, because decisions are looked up by it.

    `egk_workplaces` holds the workplace of the eGK session if there is one.
    """

    card_type: CardType
    ct_id: str
    iccsn: str | None = None
    egk_workplaces: tuple[str, ...] = ()
    hba_sessions: tuple[HbaSessionFact, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """The input of TUC_KON_000.

    `authenticated` holds the Clientsysteme that the transport's authentication feature belongs to, or is None
    if client authentication is not mandatory (ANCL_CAUT_MANDATORY). Empty ids count as missing.
    """

    mandant_id: str
    client_system_id: str
    workplace_id: str
    user_id: str | None = None
    ct_id: str | None = None
    card_handle: str | None = None
    need_card_session: bool = True
    all_workplaces: bool = False
    authenticated: frozenset[str] | None = None


@enum.unique
class Rule(enum.Enum):
    """TAB_KON_512."""

    R1 = 1
    R2 = 2
    R3 = 3
    R4 = 4
    R5 = 5
    R6 = 6
    R7 = 7
    R8 = 8
    R9 = 9


@dataclass(frozen=True, slots=True)
class Granted:
    """Access is allowed under `rule`."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class Denied:
    """Access is refused with `code`; `log_code` may say more and stays inside (TAB_KON_514-01, Hinweis 3)."""

    code: int
    log_code: int
    rule: Rule | None


Decision = Granted | Denied


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One column of TAB_KON_513. `card_types` None: no card handle; a None elsewhere: both values fit."""

    rule: Rule
    ct_id: bool | None
    card_types: frozenset[CardType] | None
    need_card_session: bool | None
    all_workplaces: bool


RULES: tuple[RuleRow, ...] = (
    RuleRow(Rule.R1, False, None, False, True),
    RuleRow(Rule.R2, True, None, False, True),
    RuleRow(Rule.R3, False, None, False, False),
    RuleRow(Rule.R4, True, None, False, False),
    RuleRow(Rule.R5, None, INSURED, False, False),
    RuleRow(Rule.R6, None, INSURED, True, False),
    RuleRow(Rule.R7, None, SM_B, None, False),
    RuleRow(Rule.R8, None, HBAX, False, False),
    RuleRow(Rule.R9, None, HBAX, True, False),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A request with the snapshot and the card it is judged against; `ct_id` is the given one or the card's."""

    request: AccessRequest
    model: InfoModel
    card: CardFact | None
    ct_id: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of TAB_KON_514-01: holds for `rules`; if `test` fails, `code` goes out and `log_code` to the log."""

    name: str
    rules: frozenset[Rule]
    code: int
    test: Callable[[Case], bool]
    log_code: int = 0


def _on(*numbers: int) -> frozenset[Rule]:
    return frozenset(Rule(number) for number in numbers)


_ALL = _on(*range(1, 10))
_WITH_WORKPLACE = _on(3, 4, 5, 6, 7, 8, 9)
_WITH_CARD = _on(5, 6, 7, 8, 9)


def _has_user(case: Case) -> bool:
    return bool(case.request.user_id)


def _mandant_known(case: Case) -> bool:
    return case.request.mandant_id in case.model.mandanten


def _client_known(case: Case) -> bool:
    return case.request.client_system_id in case.model.clients


def _workplace_known(case: Case) -> bool:
    return case.request.workplace_id in case.model.workplaces


def _terminal_known(case: Case) -> bool:
    return case.ct_id in case.model.terminals


def _card_known(case: Case) -> bool:
    return case.card is not None


def _client_of_mandant(case: Case) -> bool:
    return (case.request.mandant_id, case.request.client_system_id) in case.model.mandant_clients


def _workplace_of_mandant(case: Case) -> bool:
    return (case.request.mandant_id, case.request.workplace_id) in case.model.mandant_workplaces


def _terminal_of_mandant(case: Case) -> bool:
    return (case.request.mandant_id, case.ct_id) in case.model.mandant_terminals


def _smb_managed(case: Case) -> bool:
    return case.card is not None and case.card.iccsn in case.model.managed_smbs


def _smb_of_mandant(case: Case) -> bool:
    return case.card is not None and (case.request.mandant_id, case.card.iccsn or "") in case.model.mandant_smbs


def _cs_ap(case: Case) -> bool:
    request = case.request
    return (request.mandant_id, request.client_system_id, request.workplace_id) in case.model.cs_ap


def _terminal_reachable(case: Case) -> bool:
    return case.model.is_reachable(case.request.workplace_id, case.ct_id)


def _terminal_reachable_somewhere(case: Case) -> bool:
    workplaces = case.model.workplaces_of(case.request.mandant_id, case.request.client_system_id)
    return any(case.model.is_reachable(workplace, case.ct_id) for workplace in workplaces)


def _terminal_local(case: Case) -> bool:
    return case.model.is_local(case.request.workplace_id, case.ct_id)


def _egk_free(case: Case) -> bool:
    return case.card is not None and all(w == case.request.workplace_id for w in case.card.egk_workplaces)


def _hba_free(case: Case) -> bool:
    request = case.request
    return case.card is not None and not any(
        session.raised and session.client_system_id == request.client_system_id and session.user_id != request.user_id
        for session in case.card.hba_sessions
    )


CONDITIONS: tuple[Condition, ...] = (
    Condition("userId given", _on(9), 4003, _has_user),
    Condition("Mandant known", _ALL, 4021, _mandant_known, 4004),
    Condition("Clientsystem known", _ALL, 4021, _client_known, 4005),
    Condition("workplace known", _WITH_WORKPLACE, 4021, _workplace_known, 4006),
    Condition("terminal known", _on(2, 4), 4007, _terminal_known),
    Condition("card known", _WITH_CARD, 4008, _card_known),
    Condition("Clientsystem of the Mandant", _ALL, 4010, _client_of_mandant),
    Condition("workplace of the Mandant", _WITH_WORKPLACE, 4011, _workplace_of_mandant),
    Condition("terminal of the Mandant", _on(2, 4) | _WITH_CARD, 4012, _terminal_of_mandant),
    Condition("SM-B managed", _on(7), 4009, _smb_managed),
    Condition("SM-B of the Mandant", _on(7), 4013, _smb_of_mandant),
    Condition("CS_AP", _WITH_WORKPLACE, 4014, _cs_ap),
    Condition("terminal local or remote", _on(4, 7, 8, 9), 4015, _terminal_reachable),
    Condition("terminal of some workplace", _on(2), 4020, _terminal_reachable_somewhere),
    Condition("terminal local", _on(5, 6), 4016, _terminal_local),
    Condition("eGK free for the workplace", _on(6), 4017, _egk_free),
    Condition("HBAx not raised by another user", _on(9), 4018, _hba_free),
)
"""TAB_KON_514-01 from top to bottom."""

_CONDITIONS_OF: Mapping[Rule, tuple[Condition, ...]] = {
    rule: tuple(condition for condition in CONDITIONS if rule in condition.rules) for rule in Rule
}


def decide(request: AccessRequest, model: InfoModel, card_of: Callable[[str], CardFact | None]) -> Decision:
    """Whether `request` is allowed on `model` now; `card_of` gives the facts of a card handle or None."""
    if not (request.mandant_id and request.client_system_id and request.workplace_id):
        return Denied(4021, 4021, None)
    if request.authenticated is not None and request.client_system_id not in request.authenticated:
        return Denied(4204, 4204, None)
    card: CardFact | None = None
    if request.card_handle is not None:
        card = card_of(request.card_handle)
        if card is None:
            return Denied(4008, 4008, None)
    if card is not None and card.card_type in WITHOUT_RULE:
        return _judge(Case(request, model, None, card.ct_id), Rule.R4)
    rule = rule_for(
        ct_id=request.ct_id is not None,
        card_type=None if card is None else card.card_type,
        need_card_session=request.need_card_session,
        all_workplaces=request.all_workplaces,
    )
    if rule is None:
        return Denied(4019, 4019, None)
    return _judge(Case(request, model, card, card.ct_id if card is not None else request.ct_id or ""), rule)


def rule_for(*, ct_id: bool, card_type: CardType | None, need_card_session: bool, all_workplaces: bool) -> Rule | None:
    """The rule of TAB_KON_513 for a combination of parameters, or None (4019)."""
    for row in RULES:
        fits_card = card_type is None if row.card_types is None else card_type in row.card_types
        fits_terminal = row.ct_id is None or row.ct_id == ct_id
        fits_session = row.need_card_session is None or row.need_card_session == need_card_session
        if fits_card and fits_terminal and fits_session and row.all_workplaces == all_workplaces:
            return row.rule
    return None


def _judge(case: Case, rule: Rule) -> Decision:
    for condition in _CONDITIONS_OF[rule]:
        if not condition.test(case):
            return Denied(condition.code, condition.log_code or condition.code, rule)
    return Granted(rule)


# ---- what each operation asks (konnektor_soap digest §5.3, from the step tables of the operations) ------------------


@enum.unique
class WorkplaceScope(enum.Enum):
    """Where `allWorkplaces` comes from."""

    ONE = "one"
    ALL = "all"
    ALL_BUT_FOR_CARDS = "one for a card, all for a terminal or the Konnektor"
    MANDANT_WIDE = "the request's mandant-wide attribute"


@dataclass(frozen=True, slots=True)
class OperationAccess:
    """Parameters of TUC_KON_000 for one operation."""

    need_card_session: bool
    scope: WorkplaceScope
    with_card: bool = False
    with_terminal: bool = False


OPERATION_ACCESS: Mapping[str, OperationAccess] = {
    "GetCards": OperationAccess(False, WorkplaceScope.MANDANT_WIDE),
    "GetCardTerminals": OperationAccess(False, WorkplaceScope.MANDANT_WIDE),
    "GetResourceInformation": OperationAccess(
        False, WorkplaceScope.ALL_BUT_FOR_CARDS, with_card=True, with_terminal=True
    ),
    "Subscribe": OperationAccess(False, WorkplaceScope.ALL),
    "Unsubscribe": OperationAccess(False, WorkplaceScope.ALL),
    "RenewSubscriptions": OperationAccess(False, WorkplaceScope.ALL),
    "GetSubscription": OperationAccess(False, WorkplaceScope.MANDANT_WIDE),
    "VerifyPin": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "ChangePin": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "UnblockPin": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "EnablePin": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "DisablePin": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "GetPinStatus": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "ReadCardCertificate": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "SignDocument": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "VerifyDocument": OperationAccess(False, WorkplaceScope.ONE),
    # In these two the check belongs to checkArguments: whatever it finds is 4000 (TAB_KON_841, 844). The card is the
    # job's, and the UserId does not count.
    "StopSignature": OperationAccess(False, WorkplaceScope.ONE, with_card=True),
    "GetJobNumber": OperationAccess(False, WorkplaceScope.ALL),
    "ExternalAuthenticate": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "ActivateComfortSignature": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "GetSignatureMode": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    # No context (TAB_KON_878): the cards named are all there is, their sessions of all clients end.
    "DeactivateComfortSignature": OperationAccess(False, WorkplaceScope.ALL),
    "StartCardSession": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    # No context in these two: the session's name and the caller's TLS identity decide.
    "SecureSendAPDU": OperationAccess(False, WorkplaceScope.ALL),
    "StopCardSession": OperationAccess(False, WorkplaceScope.ALL),
    "CheckCertificateExpiration": OperationAccess(False, WorkplaceScope.ALL_BUT_FOR_CARDS, with_card=True),
    "VerifyCertificate": OperationAccess(False, WorkplaceScope.ALL),
    # Without CertificateOnCard the call needs no card session.
    "EncryptDocument": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "DecryptDocument": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "RequestCard": OperationAccess(False, WorkplaceScope.ONE, with_terminal=True),
    "EjectCard": OperationAccess(False, WorkplaceScope.ONE, with_terminal=True),
    "ReadVSD": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
    "ReadKVK": OperationAccess(True, WorkplaceScope.ONE, with_card=True),
}
