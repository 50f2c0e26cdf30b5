"""The fields a log line may have. One table: what is not in it does not get into a log.

Modules log with `logging.getLogger("tiaas.<area>")` and `extra={"field": value}`; `tests/structure` compares every
`extra` in the source with this table. No field holds a KVNR, an ICCSN, a name, a PIN or a key: a card is named by its
handle, a person not at all (gemSpec_Kon TIP1-A_4710 forbids personal data in logs).
"""

import enum


@enum.unique
class LogField(enum.StrEnum):
    """Name of a field and what is in it."""

    # who
    INSTANCE = "instance"  # id of the vInstanz
    EPOCH = "epoch"  # epoch of its owner
    NODE = "node"  # id of the node
    MANDANT = "mandant"  # mandantId
    CLIENT_SYSTEM = "client_system"  # clientSystemId
    WORKPLACE = "workplace"  # workplaceId
    # where
    ADDRESS = "address"  # local host:port
    PEER = "peer"  # remote host:port
    CT_ID = "ct_id"  # of a card terminal
    SLOT = "slot"  # slot of a terminal, from 1
    CARD = "card"  # card handle
    CARD_TYPE = "card_type"  # type of a card, as in CardService
    TOKEN = "token"  # label of a PKCS#11 token
    CIPHER = "cipher"  # TLS cipher suite
    # what
    SERVICE = "service"  # name and version of a SOAP service
    OPERATION = "operation"  # local name of an operation
    TOPIC = "topic"  # topic of an event
    STATE = "state"  # new state of something with states
    REASON = "reason"  # why, from a closed set of phrases
    FAULT = "fault"  # what was wrong with a message of a terminal
    KIND = "kind"  # name of an exception class
    WHERE = "where"  # module and line of a defect
    HEADER = "header"  # of a card command: CLA INS P1 P2, eight hex digits
    SIZE = "size"  # octets
    COUNT = "count"  # how many
    VALUE = "value"  # what a check measured
    DURATION_MS = "duration_ms"  # milliseconds
    ATTEMPT = "attempt"  # number of a try, from 1
    # how it went
    STATUS = "status"  # HTTP status
    SW = "sw"  # status word of a card or terminal, four hex digits
    CODE = "code"  # gematik error code
    COMPONENT = "component"  # component type in an error trace
    SEVERITY = "severity"  # severity in an error trace or event
    ERROR_TYPE = "error_type"  # type in an error trace
    EVENT_ID = "event_id"  # EventID of an error trace
    MESSAGE_ID = "message_id"  # MessageID of an error


NAMES = frozenset(str(field) for field in LogField)
