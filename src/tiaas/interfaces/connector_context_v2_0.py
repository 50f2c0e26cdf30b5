"""CCTX, the context of a call (ConnectorContext.xsd 2.0.0)."""

from typing import Annotated

from tiaas.interfaces.connector_common_v5_0 import CLIENT_SYSTEM_ID, MANDANT_ID, USER_ID, WORKPLACE_ID
from tiaas.soap.mapping import Element, Namespace, message

CCTX = Namespace("http://ws.gematik.de/conn/ConnectorContext/v2.0", "CCTX")


@message(CCTX, root="Context", type_name="ContextType")
class Context:
    """Who calls, from where. `user_id` is needed only with an HBA; clients send it empty as well."""

    mandant_id: Annotated[str, MANDANT_ID]
    client_system_id: Annotated[str, CLIENT_SYSTEM_ID]
    workplace_id: Annotated[str, WORKPLACE_ID]
    user_id: Annotated[str | None, USER_ID] = None


CONTEXT = Element(CCTX, "Context")
