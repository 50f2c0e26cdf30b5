"""TAB_KON_504: every served operation in every critical state, alone and in pairs, at the SOAP border."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from random import Random

import pytest
from lxml import etree

from tests.conformance.soap.class_instances import random_message
from tests.integration.konnektor_core.memorystore import MemoryStore
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.event_service_v7_2 import GetCards
from tiaas.konnektor.assembly import operations
from tiaas.konnektor.config import Profile
from tiaas.konnektor.errors import KonnektorError, fault_of
from tiaas.konnektor.events import EventSeverity
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.network import Network
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.permissions import COLUMNS, OPERATION_ROWS, Row, allows
from tiaas.konnektor.protocol import Query
from tiaas.konnektor.protocol.entry import SECURITY, SYSTEM
from tiaas.konnektor.sak import SakIdentities
from tiaas.konnektor.services.context import Declared, ServiceContext, build_context, declared, guard
from tiaas.konnektor.trust import TrustSpace
from tiaas.soap.dispatch import AccessDeclaration, Dispatcher, Operation
from tiaas.soap.envelope import SoapFault, write_envelope
from tiaas.terminal.embedded import EmbeddedFront

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ALL_CRITICAL = (*COLUMNS, Condition.FIREWALL_NOT_RELIABLE)


@pytest.fixture
def context() -> ServiceContext:
    clock, entropy = ManualClock(START), SeededEntropy(b"states")
    return build_context(
        infomodel=LiveInfoModel(),
        front=EmbeddedFront(clock, entropy, lambda instance: Network(), SakIdentities()),
        store=MemoryStore(),
        trust=TrustSpace.read([], []),
        clock=clock,
        entropy=entropy,
        konnektor_name="konnektor",
        profile=Profile.EINBOX,
    )


def _is_blocked(context: ServiceContext, served: Operation) -> bool:
    """Whether the SOAP border refuses the operation; it asks before the handler is called."""
    try:
        guard(context)(served)
    except KonnektorError as error:
        return error.code == 4002
    return False


@pytest.mark.requirement("TIP1-A_4510-04", "A_16203")
@pytest.mark.code(4002)
def test_every_operation_in_every_critical_state(context: ServiceContext) -> None:
    for served in operations(context):
        assert isinstance(served.access, Declared)
        row = served.access.row
        assert not _is_blocked(context, served), served.request.__name__
        for condition in ALL_CRITICAL:
            context.opstate.set(condition, True)
            blocked = _is_blocked(context, served)
            context.opstate.set(condition, False)
            assert blocked is not allows(row, {condition}), (served.request.__name__, condition.value.name)


@pytest.mark.requirement("TIP1-A_4510-04")
def test_of_several_states_only_what_all_allow_is_allowed() -> None:
    for row in Row:
        for pair in combinations(ALL_CRITICAL, 2):
            assert allows(row, pair) is all(allows(row, {condition}) for condition in pair)


@pytest.mark.requirement("TIP1-A_4510-04")
def test_the_columns_are_the_conditions_of_severity_fatal() -> None:
    fatal = {condition for condition in Condition if condition.value.severity is EventSeverity.FATAL}
    assert fatal == set(ALL_CRITICAL)


@pytest.mark.requirement("A_16203")
def test_with_an_unreliable_firewall_only_repair_is_allowed() -> None:
    assert [row for row in Row if allows(row, {Condition.FIREWALL_NOT_RELIABLE})] == [Row.ALWAYS]


def test_rows_that_contradict_the_digest_would_show() -> None:
    """Some cells read from the table by hand."""
    si, nk = Condition.SOFTWARE_INTEGRITY_CHECK_FAILED, Condition.NK_CERTIFICATE_EXPIRED
    tsl, keys = Condition.TSL_OUT_OF_DATE_BEYOND_GRACE_PERIOD, Condition.SECURE_KEYSTORE_NOT_AVAILABLE
    assert (allows(Row.INFORMATION, {nk}), allows(Row.BASE, {nk}), allows(Row.BASE, {si})) == (False, True, False)
    assert (allows(OPERATION_ROWS["VerifyCertificate"], {tsl}), allows(OPERATION_ROWS["VerifyPin"], {tsl})) == (
        False,
        True,
    )
    assert (allows(OPERATION_ROWS["ReadCardCertificate"], {keys}), allows(OPERATION_ROWS["VerifyPin"], {keys})) == (
        True,
        False,
    )


@pytest.mark.requirement("TIP1-A_4510-04")
def test_an_operation_without_a_row_cannot_be_declared_and_one_without_a_declaration_is_refused(
    context: ServiceContext,
) -> None:
    with pytest.raises(KeyError):
        declared("NoSuchOperation")
    undeclared = replace(operations(context)[0], access=AccessDeclaration())
    assert not _is_blocked(context, undeclared)
    context.opstate.set(Condition.CRL_OUT_OF_DATE, True)
    assert _is_blocked(context, undeclared)


@pytest.mark.requirement("TIP1-A_4510-04", "A_16203")
@pytest.mark.code(4002)
async def test_octets_of_every_operation_in_every_critical_state(context: ServiceContext) -> None:
    """A message per operation through the dispatcher: 4002 where the table says so, elsewhere the handler's own fault
    (the caller is nobody)."""
    await context.protocol.start()
    peer = Peer(None, frozenset(), None, "127.0.0.1", authentication_required=False)
    rows = set()
    for served in operations(context):
        assert isinstance(served.access, Declared)
        row, name = served.access.row, served.request.__name__
        rows.add(row)
        dispatcher = Dispatcher(
            [served],
            lambda error: fault_of(error, "one", context.clock, context.entropy, context.protocol),
            guard=guard(context),
        )
        request = write_envelope(random_message(served.request, Random(name)))
        for condition in (None, *ALL_CRITICAL):
            if condition is not None:
                context.opstate.set(condition, True)
            reply = await dispatcher.handle(request, "text/xml", peer)
            if condition is not None:
                context.opstate.set(condition, False)
            codes = {node.text for node in etree.fromstring(reply.body).iter("{*}Code")}
            blocked = condition is not None and not allows(row, {condition})
            assert ("4002" in codes) is blocked, (name, condition, codes)
            assert reply.status == 500, name
    assert rows == {Row.INFORMATION, Row.CARD, Row.READ_CERTIFICATE, Row.VERIFY_CERTIFICATE, Row.CRYPTO}
    await context.protocol.stop()


@pytest.mark.requirement("TIP1-A_4510-04")
@pytest.mark.code(4002)
async def test_the_fault_of_a_blocked_call_and_its_log_entry(context: ServiceContext) -> None:
    """Real octets through the dispatcher; the handler is not reached, else it would be 4021."""
    await context.protocol.start()

    def to_fault(error: BaseException) -> SoapFault:
        return fault_of(error, "one", context.clock, context.entropy, context.protocol)

    dispatcher = Dispatcher(
        [op for op in operations(context) if op.request is GetCards], to_fault, guard=guard(context)
    )
    request = write_envelope(
        GetCards(context=Context(mandant_id="nobody", client_system_id="nothing", workplace_id="nowhere"))
    )
    peer = Peer(None, frozenset(), None, "127.0.0.1", authentication_required=False)
    codes = []
    for critical in (False, True):
        context.opstate.set(Condition.SOFTWARE_INTEGRITY_CHECK_FAILED, critical)
        reply = await dispatcher.handle(request, "text/xml", peer)
        assert reply.status == 500
        told = etree.fromstring(reply.body)
        codes.append([node.text for node in told.iter("{*}Code")])
        (event_id,) = [node.text for node in told.iter("{*}EventID")]
        entries = [
            entry
            for log in (SYSTEM, SECURITY)
            for entry in await context.protocol.entries(log, Query(event_id=str(event_id)))
        ]
        assert [(entry.code, entry.operation) for entry in entries] == [(4002 if critical else 4004, "GetCards")]
    assert codes == [["4021"], ["4002"]]
    await context.protocol.stop()
