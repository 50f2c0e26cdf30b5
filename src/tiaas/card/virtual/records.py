"""Files of records (gemSpec_COS V3.12.0, 14.4)."""

from tiaas.card.apdu import NE_EXTENDED_MAX, NE_SHORT_MAX, ResponseApdu
from tiaas.card.objsys.access import Access
from tiaas.card.objsys.model import RecordFile, RecordKind
from tiaas.card.status import StatusWord
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.files import current_file
from tiaas.card.virtual.refusal import Refused

_DONE = ResponseApdu(b"", StatusWord.OK)
_THIS, _FROM_HERE = 0x04, 0x05


def read_record(run: Execution) -> ResponseApdu:
    """READ RECORD (14.4.6)."""
    item = _file(run, Access.READ_RECORD, _THIS)
    wanted = run.command.ne
    if wanted is None:
        raise Refused(StatusWord.WRONG_LENGTH)
    record = run.contents.records(item.path)[_number(run, item) - 1]
    _refuse_deactivated(run, item)
    if len(record) < wanted and wanted not in (NE_SHORT_MAX, NE_EXTENDED_MAX):
        return ResponseApdu(record, StatusWord.END_OF_FILE_OR_NOT_FOUND)
    return ResponseApdu(record[:wanted], StatusWord.OK)


def search_record(run: Execution) -> ResponseApdu:
    """SEARCH RECORD: numbers of the active records from P1 on that hold the pattern (14.4.7)."""
    item = _file(run, Access.SEARCH_RECORD, _THIS)
    first = _number(run, item)
    pattern = run.command.data
    if not pattern:
        raise Refused(StatusWord.WRONG_LENGTH)
    records = run.contents.records(item.path)
    hits = [
        number
        for number in range(first, len(records) + 1)
        if run.contents.record_active(item.path, number) and pattern in records[number - 1]
    ]
    if not hits:
        raise Refused(StatusWord.END_OF_FILE_OR_NOT_FOUND)
    return ResponseApdu(run.cut(bytes(hits)), StatusWord.OK)


def append_record(run: Execution) -> ResponseApdu:
    """APPEND RECORD: at the end, in a cyclic file in front (14.4.2)."""
    item = _file(run, Access.APPEND_RECORD, 0x00)
    if run.command.p1:
        raise Refused(StatusWord.INCORRECT_P1_P2)
    records = run.contents.records(item.path)
    if len(records) >= item.max_records and item.kind is not RecordKind.CYCLIC:
        raise Refused(StatusWord.NO_MEMORY_OR_FULL)
    _check_size(run, item, records)
    run.contents.add_record(item.path, item.kind, run.command.data, item.max_records)
    return _DONE


def update_record(run: Execution) -> ResponseApdu:
    """UPDATE RECORD (14.4.8)."""
    item = _file(run, Access.UPDATE_RECORD, _THIS)
    number = _number(run, item)
    _refuse_deactivated(run, item)
    records = run.contents.records(item.path)
    _check_size(run, item, records[: number - 1] + records[number:])
    run.contents.set_record(item.path, number, run.command.data)
    return _DONE


def erase_record(run: Execution) -> ResponseApdu:
    """ERASE RECORD: its octets become 00 (14.4.5)."""
    item = _file(run, Access.ERASE_RECORD, _THIS)
    number = _number(run, item)
    _refuse_deactivated(run, item)
    size = len(run.contents.records(item.path)[number - 1])
    run.contents.set_record(item.path, number, bytes(size))
    return _DONE


def delete_record(run: Execution) -> ResponseApdu:
    """DELETE RECORD: those behind it move up (14.4.4)."""
    item = _file(run, Access.DELETE_RECORD, _THIS)
    number = _number(run, item)
    _refuse_deactivated(run, item)
    run.contents.delete_record(item.path, number)
    return _DONE


def activate_record(run: Execution) -> ResponseApdu:
    """ACTIVATE RECORD: P2 …4 this one, …5 all from here on (14.4.1)."""
    return _change_life_cycle(run, Access.ACTIVATE_RECORD, True)


def deactivate_record(run: Execution) -> ResponseApdu:
    """DEACTIVATE RECORD: P2 …4 this one, …5 all from here on (14.4.3)."""
    return _change_life_cycle(run, Access.DEACTIVATE_RECORD, False)


def _change_life_cycle(run: Execution, access: Access, active: bool) -> ResponseApdu:
    item = _file(run, access, _THIS, _FROM_HERE)
    if not item.record_life_cycle:
        raise Refused(StatusWord.NOT_USABLE)
    number = _number(run, item)
    last = number if run.command.p2 & 0x07 == _THIS else len(run.contents.records(item.path))
    for current in range(number, last + 1):
        run.contents.set_record_active(item.path, current, active)
    return _DONE


def _file(run: Execution, access: Access, *modes: int) -> RecordFile:
    """The file that P2 names (short identifier in its upper five bits, 0: the current one)."""
    if run.command.p2 & 0x07 not in modes:
        raise Refused(StatusWord.INCORRECT_P1_P2)
    sfid = run.command.p2 >> 3
    item = current_file(run, sfid or None)
    if not isinstance(item, RecordFile):
        raise Refused(StatusWord.WRONG_FILE_TYPE)
    run.require(item, access)
    return item


def _number(run: Execution, item: RecordFile) -> int:
    number = run.command.p1
    if not 1 <= number <= len(run.contents.records(item.path)):
        raise Refused(StatusWord.RECORD_NOT_FOUND)
    return number


def _refuse_deactivated(run: Execution, item: RecordFile) -> None:
    if not run.contents.record_active(item.path, run.command.p1):
        raise Refused(StatusWord.RECORD_DEACTIVATED)


def _check_size(run: Execution, item: RecordFile, others: list[bytes]) -> None:
    """Record length by kind (6700), octets of all records together (6A84) (N059.650, N071.750)."""
    size = len(run.command.data)
    fixed = item.kind is not RecordKind.LINEAR_VARIABLE
    if size == 0 or (size != item.record_size if fixed else size > item.record_size):
        raise Refused(StatusWord.WRONG_LENGTH)
    if item.total_size is not None and sum(map(len, others)) + size > item.total_size:
        raise Refused(StatusWord.NO_MEMORY_OR_FULL)
