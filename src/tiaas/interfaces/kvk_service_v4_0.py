"""KVKService 4.0: reads a Krankenversichertenkarte (KvkService.xsd 4.0.0).

The soapAction of the official WSDL names an operation ReadVDT that does not exist; the message is ReadKVK.
"""

from typing import Annotated

from tiaas.interfaces.connector_context_v2_0 import CONTEXT, Context
from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import BASE64_BINARY, STRING, String

SERVICE = "KVKService"
KVK = Namespace("http://ws.gematik.de/conn/vsds/KvkService/v4.0", "KVK")
WSDL_NAMESPACE = KVK.uri
VERSIONS = ("4.0.0",)

READ_KVK_ACTION = f"{KVK.uri}#ReadVDT"

_CARD_HANDLE_TYPE = String(name=KVK("CardHandleType"), base=STRING, max_length=128)


@message(KVK, root="ReadKVK")
class ReadKVK:
    """Reads the Versichertendatentemplate of the card `kvk_handle`."""

    kvk_handle: Annotated[str, Element(KVK, "KVKHandle", _CARD_HANDLE_TYPE)]
    context: Annotated[Context, CONTEXT]


@message(KVK, root="ReadKVKResponse")
class ReadKVKResponse:
    """The Versichertendatentemplate as it stands on the card (ASN.1)."""

    kvk: Annotated[bytes | None, Element(KVK, "KVK", BASE64_BINARY)] = None
