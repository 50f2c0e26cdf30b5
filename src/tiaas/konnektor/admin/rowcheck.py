"""Whether an instance could start with the rows of an imported configuration (gemSpec_Kon V5.18 TIP1-A_4814).

Each row goes through the reader that the instance uses itself. What none of them knows is refused: a row that nobody
reads now may be one that the next version trips over.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tiaas.base.errors import TiaasError
from tiaas.fachdienste.vsdm.receipt import KEY_SIZE
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.parameters import PARAMETERS_KIND, applied, read_parameters
from tiaas.konnektor.admin.sealed import BadSealedConfig, Rows
from tiaas.konnektor.admin.users import USER_KIND, read_account
from tiaas.konnektor.autoupdate import AUTO_UPDATE_KIND, AutoUpdateSettings
from tiaas.konnektor.basic import BASIC_KIND, read_hash
from tiaas.konnektor.bestandsnetze.keeper import NETWORK_CHOICES_KIND, NetworkChoices
from tiaas.konnektor.boxstored import BOX_NETWORK_KIND, read_box_network
from tiaas.konnektor.comfortusers import COMFORT_KIND, read_used
from tiaas.konnektor.config import InstanceConfig
from tiaas.konnektor.hsm.activation import ACTIVATION_KIND, Activation
from tiaas.konnektor.identity import CLIENT_KIND, IDENTITY_KIND, read_client, read_identity
from tiaas.konnektor.importedcas import STORE_KIND as IMPORTED_CA_KIND
from tiaas.konnektor.importedcas import NotImported, check_ca, require_few
from tiaas.konnektor.infomodel import InfoModel
from tiaas.konnektor.misuse import MISUSE_KIND, read_alarm_values
from tiaas.konnektor.registration.keeper import REGISTRATION_WISH_KIND, RegistrationSettings
from tiaas.konnektor.sakcvc import SAK_CVC_KEY, read_sak_cvc
from tiaas.konnektor.sinkchecks import SINK_CHECK_KIND, SinkCheck
from tiaas.konnektor.terminalfinder import SETTINGS_KIND
from tiaas.konnektor.terminallist import TerminalConfig
from tiaas.konnektor.terminals import STORE_KIND as TERMINAL_KIND
from tiaas.konnektor.terminalsettings import TerminalSettings
from tiaas.konnektor.timesource import TIME_KIND, SyncRecord
from tiaas.konnektor.vsdmonline import ONLINE_KIND, read_since
from tiaas.konnektor.vsdmreceipt import (
    RECEIPT_KEY_KIND,
    RECEIPT_SECRET_KIND,
    read_receipt_key,
    read_receipt_secret,
)

Row = Mapping[str, Any]

INFOMODEL_KIND = "infomodel"
_NAME_MAX = 80
# What readers raise for values of another type or form; their texts may hold content, so only the row's name goes out.
_DAMAGED = (TiaasError, KeyError, ValueError, TypeError, AttributeError)


def check_rows(rows: Rows, given: InstanceConfig) -> None:
    """Raises `BadSealedConfig`, with the name of the row, for what an instance that `given` configures cannot read."""
    for kind, of_kind in rows.items():
        reader = READERS.get(kind)
        if reader is None:
            raise BadSealedConfig(f"the file has rows of the unknown kind {kind[:_NAME_MAX]!r}")
        for key, row in of_kind.items():
            try:
                reader(key, row)
            except _DAMAGED:
                raise BadSealedConfig(f"the row {_name(kind, key)} in the file is damaged") from None
    _check_together(rows, given)


def _check_together(rows: Rows, given: InstanceConfig) -> None:
    if "sak" not in rows.get(IDENTITY_KIND, {}):
        raise BadSealedConfig(f"there is no row {_name(IDENTITY_KIND, 'sak')} in the file")
    if not any(row["role"] == Role.SUPER for row in rows.get(USER_KIND, {}).values()):
        raise BadSealedConfig(f"there is no {Role.SUPER} in the file")
    try:
        require_few(len(rows.get(IMPORTED_CA_KIND, {})))
    except NotImported as error:
        raise BadSealedConfig(f"the rows {IMPORTED_CA_KIND} in the file: {error}") from None
    for key, row in rows.get(PARAMETERS_KIND, {}).items():
        try:
            applied(read_parameters(row), given)
        except TiaasError as error:
            raise BadSealedConfig(
                f"the row {_name(PARAMETERS_KIND, key)} does not fit this instance: {error}"
            ) from None


def _name(kind: str, key: str) -> str:
    return f"{kind}/{key}"[:_NAME_MAX]


def _is(known: str) -> Callable[[str], None]:
    """Raises `KeyError` for another key."""

    def check(key: str) -> None:
        if key != known:
            raise KeyError

    return check


def _single(known: str, read: Callable[[Row], object]) -> Callable[[str, Row], object]:
    """A kind of one row."""
    check = _is(known)

    def reader(key: str, row: Row) -> object:
        check(key)
        return read(row)

    return reader


def _terminal(key: str, row: Row) -> None:
    if TerminalConfig.from_document(row).ct_id != key:
        raise ValueError


def _since(row: Row) -> None:
    _aware(read_since(row))


def _sync(row: Row) -> None:
    record = SyncRecord.from_row(row)
    for at in (record.attempt, record.success, record.failing_since):
        if at is not None:
            _aware(at)


def _aware(at: datetime) -> None:
    if at.tzinfo is None:
        raise ValueError


def _receipt_key(key: str, row: Row) -> None:
    if len(read_receipt_key(row).reveal()) != KEY_SIZE:
        raise ValueError


READERS: Mapping[str, Callable[[str, Row], object]] = {
    INFOMODEL_KIND: _single("current", InfoModel.from_document),
    PARAMETERS_KIND: _single("current", read_parameters),
    IDENTITY_KIND: lambda key, row: read_sak_cvc(row) if key == SAK_CVC_KEY else read_identity(key, row),
    CLIENT_KIND: read_client,
    BASIC_KIND: lambda key, row: read_hash(row),
    USER_KIND: read_account,
    SINK_CHECK_KIND: lambda key, row: SinkCheck.from_document(row),
    TERMINAL_KIND: _terminal,
    SETTINGS_KIND: _single("current", TerminalSettings.from_document),
    AUTO_UPDATE_KIND: _single("current", AutoUpdateSettings.from_row),
    NETWORK_CHOICES_KIND: _single("current", NetworkChoices.from_row),
    REGISTRATION_WISH_KIND: _single("current", RegistrationSettings.from_row),
    MISUSE_KIND: _single("alarm-values", read_alarm_values),
    BOX_NETWORK_KIND: read_box_network,
    TIME_KIND: _single("sync", _sync),
    COMFORT_KIND: _single("users", read_used),
    ACTIVATION_KIND: lambda key, row: Activation.from_row(row),
    ONLINE_KIND: _single("online", _since),
    RECEIPT_KEY_KIND: _receipt_key,
    RECEIPT_SECRET_KIND: _single("current", read_receipt_secret),
    IMPORTED_CA_KIND: check_ca,
}
"""How an instance reads the rows of each kind that is configuration."""
