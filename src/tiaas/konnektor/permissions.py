"""What may be done in a critical operating state (gemSpec_Kon V5.18 TIP1-A_4510-04, TAB_KON_504, A_16203).

Each operation, technical use case and duty has a row, each condition of severity Fatal a column. With several
conditions at once only what all of them allow is allowed. Whatever is not allowed is 4002.

Three rows are read as the table means them: the one of TUC_KON_026 contradicts those of the operations that need it,
and the operations win; RequestCard and EjectCard are not in it and go with TUC_KON_051; terminals' TLS follows from
the remark below the table that no TLS on the LAN side is possible in some of the states.
"""

import enum
from collections.abc import Collection, Mapping

from tiaas.konnektor.opstate import Condition

COLUMNS: tuple[Condition, ...] = (
    Condition.SOFTWARE_INTEGRITY_CHECK_FAILED,
    Condition.RANDOM_GENERATOR_NOT_RELIABLE,
    Condition.SECURITY_LOG_NOT_WRITABLE,
    Condition.TIME_SYNC_PENDING_CRITICAL,
    Condition.TIME_DIFFERENCE_INTOLERABLE,
    Condition.CRL_OUT_OF_DATE,
    Condition.TSL_OUT_OF_DATE_BEYOND_GRACE_PERIOD,
    Condition.TSL_TRUST_ANCHOR_OUT_OF_DATE,
    Condition.SECURE_KEYSTORE_NOT_AVAILABLE,
    Condition.FW_NOT_VALID_STATUS_BLOCKED,
    Condition.NK_CERTIFICATE_EXPIRED,
)


@enum.unique
class Row(enum.Enum):
    """A row of TAB_KON_504: name, and per column of `COLUMNS` x (allowed) or - (not)."""

    #                                              SI RG SL TC TD CRL TSL TA KS FW NK
    BASE = "TUC_KON_000, 256, 271, delivery", "-  x  x  x  x   x   x  x  x  x  x"
    INFORMATION = "EventService", "-  x  x  x  x   x   x  x  x  x  -"
    DIRECTORY = "TUC_KON_041, connector.sds", "-  -  -  x  x   x   x  x  x  x  x"
    CARD = "PIN, C2C, card and terminal access", "-  -  -  -  -   x   x  x  -  x  -"
    CRYPTO = "signature, encryption, ExtAuth", "-  -  -  -  -   x   x  x  -  x  -"
    SYMMETRIC = "TUC_KON_072, 073", "-  -  -  x  x   x   x  x  -  x  -"
    CERTIFICATE_CHECK = "TUC_KON_034", "-  -  -  x  x   x   x  x  -  x  x"
    READ_CERTIFICATE = "ReadCardCertificate, expiry", "-  -  -  -  -   x   x  x  x  x  -"
    VERIFY_CERTIFICATE = "VerifyCertificate", "-  -  -  -  -   x   -  x  x  x  -"
    CLIENTS_TIME = "NTP server for clients", "-  -  -  -  -   x   x  x  x  -  -"
    TI = "TUC_KON_110, ways into the TI", "-  -  -  -  -   -   -  -  -  -  -"
    TERMINAL_TLS = "TLS to terminals", "-  -  -  -  -   x   x  x  x  x  -"
    ALWAYS = "update, log view, factory reset", "x  x  x  x  x   x   x  x  x  x  x"
    MANAGEMENT = "other management", "-  x  x  x  x   x   x  x  x  x  x"

    def __init__(self, _title: str, marks: str) -> None:
        columns = zip(COLUMNS, marks.split(), strict=True)
        forbidden = {condition for condition, mark in columns if mark == "-"}
        if forbidden:
            # Then nothing is allowed but what is allowed in every other state, too.
            forbidden.add(Condition.FIREWALL_NOT_RELIABLE)
        self.forbidden = frozenset(forbidden)
        """The conditions in which this must not be done; what is not critical forbids nothing."""


OPERATION_ROWS: Mapping[str, Row] = {
    **dict.fromkeys(("GetCardTerminals", "GetCards", "GetResourceInformation"), Row.INFORMATION),
    **dict.fromkeys(("Subscribe", "Unsubscribe", "RenewSubscriptions", "GetSubscription"), Row.INFORMATION),
    **dict.fromkeys(("VerifyPin", "ChangePin", "UnblockPin", "GetPinStatus", "EnablePin", "DisablePin"), Row.CARD),
    **dict.fromkeys(("RequestCard", "EjectCard"), Row.CARD),
    **dict.fromkeys(("StartCardSession", "StopCardSession", "SecureSendAPDU", "SecureSendApdu"), Row.CARD),
    **dict.fromkeys(("ReadVSD", "ReadKVK"), Row.CARD),
    **dict.fromkeys(("ReadCardCertificate", "CheckCertificateExpiration"), Row.READ_CERTIFICATE),
    "VerifyCertificate": Row.VERIFY_CERTIFICATE,
    **dict.fromkeys(("EncryptDocument", "DecryptDocument", "ExternalAuthenticate"), Row.CRYPTO),
    **dict.fromkeys(("SignDocument", "VerifyDocument", "GetJobNumber", "StopSignature"), Row.CRYPTO),
    **dict.fromkeys(("ActivateComfortSignature", "DeactivateComfortSignature", "GetSignatureMode"), Row.CRYPTO),
}
"""By name of the operation; one that is not in it cannot be served."""


def allows(row: Row, holding: Collection[Condition]) -> bool:
    """Whether `row` may be done, given the conditions that hold now."""
    return row.forbidden.isdisjoint(holding)
