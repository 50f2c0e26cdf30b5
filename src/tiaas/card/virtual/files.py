"""SELECT, life cycle and transparent files (gemSpec_COS V3.12.0, 14.2 and 14.3)."""

from tiaas.card.apdu import NE_EXTENDED_MAX, NE_SHORT_MAX, ResponseApdu
from tiaas.card.objsys.access import Access
from tiaas.card.objsys.model import FileObject, Folder, RecordFile, TransparentFile, parent_of
from tiaas.card.status import StatusWord
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.fcp import control_parameters
from tiaas.card.virtual.refusal import Refused

_FID_ROOT = b"\x3f\x00"
_WITH_FCP = (0x04, 0x06)
_NEXT = (0x06, 0x0E)


def select(run: Execution) -> ResponseApdu:
    """SELECT (14.2.6): a folder by AID or identifier, the parent, or a file of the current folder."""
    command = run.command
    if command.p2 not in (0x04, 0x06, 0x0C, 0x0E):
        raise Refused(StatusWord.INCORRECT_P1_P2)
    match command.p1:
        case 0x01:
            found: Folder | FileObject | None = run.contents.tree.folder_with_fid(run.channel.folder, _fid(run))
        case 0x02:
            found = run.contents.tree.file_with_fid(run.channel.folder, _fid(run))
        case 0x03:
            found = _parent(run)
        case 0x00 | 0x04:
            found = _application(run)
        case _:
            raise Refused(StatusWord.INCORRECT_P1_P2)
    if found is None:
        raise Refused(StatusWord.FILE_NOT_FOUND)
    return _select(run, found)


def activate(run: Execution) -> ResponseApdu:
    """ACTIVATE the current file, or without one the current folder (14.2.1)."""
    return _change_life_cycle(run, Access.ACTIVATE, True)


def deactivate(run: Execution) -> ResponseApdu:
    """DEACTIVATE the current file, or without one the current folder (14.2.3)."""
    return _change_life_cycle(run, Access.DEACTIVATE, False)


def read_binary(run: Execution) -> ResponseApdu:
    """READ BINARY (14.3.2)."""
    item, offset = _target(run, Access.READ_BINARY)
    wanted = run.command.ne
    if wanted is None:
        raise Refused(StatusWord.WRONG_LENGTH)
    content = run.contents.file(item.path)
    if offset >= len(content):
        raise Refused(StatusWord.OFFSET_TOO_BIG)
    data = content[offset : offset + wanted]
    if len(data) < wanted and wanted not in (NE_SHORT_MAX, NE_EXTENDED_MAX):
        return ResponseApdu(data, StatusWord.END_OF_FILE_OR_NOT_FOUND)
    return ResponseApdu(data, StatusWord.OK)


def update_binary(run: Execution) -> ResponseApdu:
    """UPDATE BINARY (14.3.5): a gap before `offset` is filled with 00."""
    item, offset = _target(run, Access.UPDATE_BINARY)
    new = _new_data(run)
    if offset >= item.size:
        raise Refused(StatusWord.OFFSET_TOO_BIG)
    if offset + len(new) > item.size:
        raise Refused(StatusWord.NO_MEMORY_OR_FULL)
    content = run.contents.file(item.path).ljust(offset, b"\0")
    run.contents.set_file(item.path, content[:offset] + new + content[offset + len(new) :])
    return ResponseApdu(b"", StatusWord.OK)


def write_binary(run: Execution) -> ResponseApdu:
    """WRITE BINARY: appends at the logical end of file, whatever offset is given (14.3.6)."""
    item, _ = _target(run, Access.WRITE_BINARY)
    new = _new_data(run)
    content = run.contents.file(item.path)
    if len(content) + len(new) > item.size:
        raise Refused(StatusWord.NO_MEMORY_OR_FULL)
    run.contents.set_file(item.path, content + new)
    return ResponseApdu(b"", StatusWord.OK)


def erase_binary(run: Execution) -> ResponseApdu:
    """ERASE BINARY: the octets from `offset` on become 00 (14.3.1)."""
    item, offset = _target(run, Access.ERASE_BINARY)
    content = run.contents.file(item.path)
    if offset >= item.size:
        raise Refused(StatusWord.OFFSET_TOO_BIG)
    if offset < len(content):
        run.contents.set_file(item.path, content[:offset] + bytes(len(content) - offset))
    return ResponseApdu(b"", StatusWord.OK)


def set_logical_eof(run: Execution) -> ResponseApdu:
    """SET LOGICAL EOF: what lies behind `offset` is gone; it never moves up (14.3.4)."""
    item, offset = _target(run, Access.SET_LOGICAL_EOF)
    if offset >= item.size:
        raise Refused(StatusWord.OFFSET_TOO_BIG)
    content = run.contents.file(item.path)
    if offset < len(content):
        run.contents.set_file(item.path, content[:offset])
    return ResponseApdu(b"", StatusWord.OK)


def current_file(run: Execution, sfid: int | None) -> FileObject:
    """The file a command means; one named by short identifier becomes the current one (N051.700)."""
    tree = run.contents.tree
    if sfid is not None:
        item = tree.file_with_sfid(run.channel.folder, sfid)
        if item is None:
            raise Refused(StatusWord.FILE_NOT_FOUND)
        run.channel.file = item.path
        return item
    if run.channel.file is None:
        raise Refused(StatusWord.NO_CURRENT_EF)
    current = tree.objects[run.channel.file]
    if not isinstance(current, TransparentFile | RecordFile):
        raise TypeError(f"{current.path} is no file")
    return current


def _fid(run: Execution) -> int:
    if len(run.command.data) != 2:
        raise Refused(StatusWord.WRONG_LENGTH)
    return int.from_bytes(run.command.data, "big")


def _parent(run: Execution) -> Folder | None:
    if run.channel.folder == "MF":
        return None
    parent = run.contents.tree.objects[parent_of(run.channel.folder)]
    return parent if isinstance(parent, Folder) else None


def _application(run: Execution) -> Folder | None:
    command = run.command
    aid = b"" if command.p1 == 0x00 and command.data == _FID_ROOT else command.data
    fitting = run.contents.tree.applications(aid)
    if command.p2 not in _NEXT:
        return fitting[0] if fitting else None
    paths = [folder.path for folder in fitting]
    position = paths.index(run.channel.folder) + 1 if run.channel.folder in paths else len(paths)
    return fitting[position] if position < len(fitting) else None


def _select(run: Execution, item: Folder | FileObject) -> ResponseApdu:
    if isinstance(item, Folder):
        run.channel.enter(item.path)
    else:
        run.channel.file = item.path
    data = run.cut(control_parameters(run.contents, item)) if run.command.p2 in _WITH_FCP else b""
    active = run.contents.active(item.path)
    return ResponseApdu(data, StatusWord.OK if active else StatusWord.FILE_DEACTIVATED)


def _change_life_cycle(run: Execution, access: Access, active: bool) -> ResponseApdu:
    if run.command.p1 or run.command.p2:
        raise Refused(StatusWord.INCORRECT_P1_P2)
    item = run.contents.tree.objects[run.channel.file or run.channel.folder]
    run.require(item, access)
    run.contents.set_active(item.path, active)
    return ResponseApdu(b"", StatusWord.OK)


def _target(run: Execution, access: Access) -> tuple[TransparentFile, int]:
    """The transparent file and offset that P1 P2 name, with the right to use it."""
    command = run.command
    if command.p1 & 0x80:
        if command.p1 & 0x60:
            raise Refused(StatusWord.INCORRECT_P1_P2)
        item, offset = current_file(run, command.p1 & 0x1F), command.p2
    else:
        item, offset = current_file(run, None), command.p1 << 8 | command.p2
    if not isinstance(item, TransparentFile):
        raise Refused(StatusWord.WRONG_FILE_TYPE)
    run.require(item, access)
    return item, offset


def _new_data(run: Execution) -> bytes:
    if not run.command.data:
        raise Refused(StatusWord.WRONG_LENGTH)
    return run.command.data
