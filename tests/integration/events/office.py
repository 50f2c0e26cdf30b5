"""An instance with two workplaces and a Clientsystem, whose operations are called as the dispatcher calls them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.event_service_v7_2 import Subscribe, SubscribeResponse, Subscription
from tiaas.konnektor.cetp import CetpSender, SinkView
from tiaas.konnektor.events import Event, EventHub
from tiaas.konnektor.infomodel import ClientSystem, InfoModel, Kind, Relation, Terminal
from tiaas.konnektor.instance import Instance, Provision
from tiaas.konnektor.issuing import create_ca, issue_server
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services import event as event_service
from tiaas.konnektor.trust import TrustSpace

CLOCK, ENTROPY = SystemClock(), SystemEntropy()


def provision() -> Provision:
    ca = create_ca("test", CLOCK.now(), ENTROPY)
    return Provision(TrustSpace((), (), ()), issue_server(ca, KeyKind.BRAINPOOL_P256, ("sak",), CLOCK.now(), ENTROPY))


def context(workplace: str = "AP1", client: str = "CS1", mandant: str = "M1") -> Context:
    return Context(mandant_id=mandant, client_system_id=client, workplace_id=workplace)


@dataclass
class Office:
    """Clientsysteme CS1, CS2; workplace AP1 with terminal CT1, AP2 without."""

    instance: Instance

    async def furnish(self) -> None:
        await self.instance.model.apply(lambda model: model if model.mandanten else _model(model))
        self.operations = event_service.operations(self.instance.context)

    @property
    def hub(self) -> EventHub:
        return self.instance.context.hub

    @property
    def sender(self) -> CetpSender:
        return self.instance.context.events._sender

    async def call(self, request: Any) -> Any:
        """One operation, with the caller known by certificate."""
        peer = Peer("ab" * 32, frozenset({"CS1", "CS2"}), None, "127.0.0.1")
        operation = next(op for op in self.operations if op.request is type(request))
        return await operation.handler(request, peer)

    async def subscribe(
        self, url: str, topic: str = "CT", *, filtered: str | None = None, who: Context | None = None
    ) -> SubscribeResponse:
        wish = Subscription(event_to=url, topic=topic, filter=filtered)
        answer = await self.call(Subscribe(context=who or context(), subscription=wish))
        assert isinstance(answer, SubscribeResponse)
        return answer

    def raise_events(self, topics: Sequence[str], ct_id: str | None = None) -> None:
        for topic in topics:
            self.hub.publish(Event(topic, (("CtID", "CT1"),), ct_id=ct_id))

    def view(self, port: int) -> SinkView:
        return next(view for view in self.sender if view.sink.address.port == port)


def _model(model: InfoModel) -> InfoModel:
    model = model.add(Kind.MANDANT, "M1").add(Kind.TERMINAL, Terminal("CT1"))
    model = model.link(Relation.MANDANT_TERMINAL, "M1", "CT1")
    for client in ("CS1", "CS2"):
        model = model.add(Kind.CLIENT, ClientSystem(client)).link(Relation.MANDANT_CLIENT, "M1", client)
    for workplace in ("AP1", "AP2"):
        model = model.add(Kind.WORKPLACE, workplace).link(Relation.MANDANT_WORKPLACE, "M1", workplace)
        for client in ("CS1", "CS2"):
            model = model.link(Relation.CS_AP, "M1", client, workplace)
    return model.link(Relation.LOCAL, "AP1", "CT1")
