"""File control parameters that SELECT returns (gemSpec_COS V3.12.0, 8.3.3; ISO/IEC 7816-4, 7.4.3 and 9.3.3).

    62 { [80 size] 82 descriptor [83 fid] [84 aid] [88 sfid] 8A life cycle [8F profile] [C5 logical size] A1 rules }
    A1 { 91 03 (interface, life cycle, SE) AB { 8C 02 | 8F 04 command header, …, condition } … }

First the rules of the contact interface (01), then those of the contactless one (02).
"""

from collections.abc import Iterator

from tiaas.card.objsys.access import Access
from tiaas.card.objsys.conditions import (
    AllOf,
    Always,
    AnyOf,
    AutFlag,
    Condition,
    Never,
    Pwd,
    SmCmdEnc,
    SmMacFlag,
    SmMacKey,
    SmRspEnc,
)
from tiaas.card.objsys.model import Folder, Interface, RecordFile, Rules, RuleSet, TransparentFile
from tiaas.card.virtual.contents import Contents
from tiaas.tlv import encode

_ACTIVE, _DEACTIVATED = 0x05, 0x04

# Usage qualifiers (ISO/IEC 7816-4, 9.3.3 and table on CRT): what a template's key is used for.
_SM_MAC, _USER, _ROLE, _COMMAND, _RESPONSE = 0x30, 0x08, 0x80, 0x10, 0x20


def control_parameters(contents: Contents, item: Folder | TransparentFile | RecordFile) -> bytes:
    """DO 62 of a file or folder."""
    active = item.path not in contents.image.deactivated
    return encode(0x62, *_describe(contents, item, _ACTIVE if active else _DEACTIVATED), _rules(item.rules))


def _describe(contents: Contents, item: Folder | TransparentFile | RecordFile, life_cycle: int) -> Iterator[bytes]:
    status = encode(0x8A, bytes([life_cycle]))
    match item:
        case Folder():
            yield encode(0x82, b"\x78")
            if item.fid is not None:
                yield encode(0x83, item.fid.to_bytes(2, "big"))
            yield status
            yield encode(0x84, item.aid)
        case TransparentFile():
            yield encode(0x80, item.size.to_bytes(2, "big"))
            yield encode(0x82, b"\x41")
            yield from _identifiers(item)
            yield status
            yield encode(0xC5, len(contents.file(item.path)).to_bytes(2, "big"))
        case RecordFile():
            if item.total_size is not None:
                yield encode(0x80, item.total_size.to_bytes(2, "big"))
            shape = item.record_size.to_bytes(2, "big") + bytes([item.max_records])
            yield encode(0x82, bytes([item.kind.value, 0x41]) + shape)
            yield from _identifiers(item)
            yield status
            if item.record_life_cycle:
                yield encode(0x8F, b"\x01")


def _identifiers(item: TransparentFile | RecordFile) -> Iterator[bytes]:
    yield encode(0x83, item.fid.to_bytes(2, "big"))
    yield encode(0x88, b"" if item.sfid is None else bytes([item.sfid << 3]))


def _rules(rules: Rules) -> bytes:
    sets: list[bytes] = []
    for interface in Interface:
        for life_cycle in (_ACTIVE, _DEACTIVATED):
            for number, rule_set in rules.sets(interface, life_cycle == _ACTIVE).items():
                head = encode(0x91, bytes([interface.value, life_cycle, number]))
                sets.append(head + encode(0xAB, _rule_set(rule_set)))
    return encode(0xA1, *sets)


def _rule_set(rules: RuleSet) -> bytes:
    out = b""
    entries = list(rules.items())
    for position, (access, condition) in enumerate(entries):
        out += _command(access)
        following = entries[position + 1][1] if position + 1 < len(entries) else None
        if following != condition:
            out += _condition(condition)
    return out


def _command(access: Access) -> bytes:
    header = access.value
    return encode(0x8C, header) if len(header) == 2 else encode(0x8F, header.ljust(4, b"\0"))


def _condition(condition: Condition) -> bytes:
    match condition:
        case Always():
            return encode(0x90, b"")
        case Never():
            return encode(0x97, b"")
        case AllOf(parts):
            return encode(0xAF, *(_condition(part) for part in parts))
        case AnyOf(parts):
            return encode(0xA0, *(_condition(part) for part in parts))
        case Pwd(ref):
            return encode(0xA4, _usage(_USER), encode(0x83, bytes([ref])))
        case AutFlag(oid, flags):
            return encode(0xA4, _usage(_ROLE), _chat(oid, flags))
        case SmMacKey(ref):
            return encode(0xB4, _usage(_SM_MAC), encode(0x83, bytes([ref])))
        case SmMacFlag(oid, flags):
            return encode(0xB4, _usage(_SM_MAC), _chat(oid, flags))
        case SmCmdEnc():
            return encode(0xB8, _usage(_COMMAND))
        case SmRspEnc():
            return encode(0xB8, _usage(_RESPONSE))


def _usage(qualifier: int) -> bytes:
    return encode(0x95, bytes([qualifier]))


def _chat(oid: bytes, flags: bytes) -> bytes:
    return encode(0x7F4C, encode(0x06, oid), encode(0x53, flags))
