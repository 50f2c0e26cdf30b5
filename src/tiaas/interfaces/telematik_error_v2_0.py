"""GERROR, the error structure of the Telematikinfrastruktur (TelematikError.xsd 2.0.0, gemSpec_OM)."""

from datetime import datetime
from typing import Annotated

from tiaas.soap.mapping import Attribute, Element, Namespace, Remembering, Text, message
from tiaas.soap.simple import DATE_TIME, INTEGER, STRING

GERROR = Namespace("http://ws.gematik.de/tel/error/v2.0", "GERROR")


@message(GERROR)
class Detail(Remembering):
    """Free text about one trace entry; `encoding` is "UTF-8" where given."""

    text: Annotated[str, Text(STRING)]
    encoding: Annotated[str | None, Attribute("Encoding", STRING)] = None


@message(GERROR)
class Trace:
    """One error on the way from cause to effect. Severity and ErrorType are plain strings in the schema."""

    event_id: Annotated[str, Element(GERROR, "EventID", STRING)] = ""
    instance: Annotated[str, Element(GERROR, "Instance", STRING)] = ""
    log_reference: Annotated[str, Element(GERROR, "LogReference", STRING)] = ""
    comp_type: Annotated[str, Element(GERROR, "CompType", STRING)]
    code: Annotated[int, Element(GERROR, "Code", INTEGER)]
    severity: Annotated[str, Element(GERROR, "Severity", STRING)]
    error_type: Annotated[str, Element(GERROR, "ErrorType", STRING)]
    error_text: Annotated[str, Element(GERROR, "ErrorText", STRING)]
    detail: Annotated[Detail | None, Element(GERROR, "Detail")] = None


@message(GERROR, root="Error")
class Error:
    """The `detail` of a fault and the error in a Status; `trace` runs from cause to effect, the last one counts."""

    message_id: Annotated[str, Element(GERROR, "MessageID", STRING)] = ""
    timestamp: Annotated[datetime, Element(GERROR, "Timestamp", DATE_TIME)]
    trace: Annotated[tuple[Trace, ...], Element(GERROR, "Trace").occurs(1)]


ERROR = Element(GERROR, "Error")
