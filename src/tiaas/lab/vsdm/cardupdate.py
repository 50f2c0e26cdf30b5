"""What the services do to an eGK: write the insured person's data, lock and unlock the health application.

    data     EF.StatusVD '1' · EF.PD · EF.VD · EF.GVD in blocks · EF.StatusVD '0' with the time      SK.VSD
    lock     SELECT DF.HCA · DEACTIVATE                                                              SK.CMS
    unlock   SELECT DF.HCA (6283: deactivated) · ACTIVATE                                            SK.CMS

Status 1 stands before the first octet is changed and is taken back after the last (VSDM-A_2961): a card whose update
broke off is told from a good one, and the next update of the same data puts it right.
"""

from collections.abc import Mapping
from datetime import datetime

from tiaas.base.entropy import Entropy
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu
from tiaas.card.objsys.egk import AID_HCA, SFID_GVD, SFID_PD, SFID_STATUS_VD, SFID_VD
from tiaas.card.status import StatusWord
from tiaas.fachdienste.vsdm.containers import StatusVd, encode_status_vd
from tiaas.lab.vsdm.channel import (
    DEFECTIVE,
    PRECONDITION,
    UNSPECIFIED,
    Peer,
    Secured,
    Steps,
    open_channel,
    payload_limit,
    run_secured,
)

KEY_VSD = 0x19
KEY_CMS = 0x18
"""The AES-256 keys; an eGK G2.1 has AES-128 ones (12, 13) beside them."""

_FILES = {"EF.PD": SFID_PD, "EF.VD": SFID_VD, "EF.GVD": SFID_GVD}
# The card is in order, but not in the state these commands need: another channel, another key, other circumstances.
_NO_DEFECT = (
    StatusWord.SECURITY_STATUS_NOT_SATISFIED,
    StatusWord.NOT_USABLE,
    StatusWord.SM_OBJECT_INCORRECT,
    StatusWord.CHANNEL_CLOSED,
)

Expected = tuple[CommandApdu, int]


def write_data(peer: Peer, contents: Mapping[str, bytes], now: datetime, entropy: Entropy) -> Steps:
    """Writes `contents` (by name: EF.PD, EF.VD, EF.GVD) and the status around them."""
    channel = yield from open_channel(peer, entropy)
    yield from run_secured(channel, tuple(_data_commands(channel, contents, now)), _judge)


def set_lock(peer: Peer, entropy: Entropy, *, locked: bool) -> Steps:
    """Deactivates or activates DF.HCA; a card that is so already is left alone."""
    channel = yield from open_channel(peer, entropy)
    selected = StatusWord.OK if locked else StatusWord.FILE_DEACTIVATED
    change = commands.deactivate() if locked else commands.activate()
    plain = (commands.select_aid(AID_HCA), int(selected)), (change, int(StatusWord.OK))
    yield from run_secured(channel, plain, _judge_selection)


def _data_commands(channel: Secured, contents: Mapping[str, bytes], now: datetime) -> list[Expected]:
    plain: list[Expected] = [(commands.select_aid(AID_HCA), int(StatusWord.OK)), _status(now, is_open=True)]
    for name, content in contents.items():
        plain += _blocks(_FILES[name], content, payload_limit(channel.sizes))
    return [*plain, _status(now, is_open=False)]


def _status(now: datetime, *, is_open: bool) -> Expected:
    content = encode_status_vd(StatusVd(is_open, now))
    return commands.update_binary(content, sfid=SFID_STATUS_VD), int(StatusWord.OK)


def _blocks(sfid: int, content: bytes, size: int) -> list[Expected]:
    first = (commands.update_binary(content[:size], sfid=sfid), int(StatusWord.OK))
    others = (
        (commands.update_binary(content[at : at + size], offset=at), int(StatusWord.OK))
        for at in range(size, len(content), size)
    )
    return [first, *others]


def _judge(sw: int) -> int:
    """12105 speaks of a defect of the card only; a locked application has to be unlocked first."""
    if sw == StatusWord.FILE_DEACTIVATED:
        return PRECONDITION
    return UNSPECIFIED if sw in _NO_DEFECT else DEFECTIVE


def _judge_selection(sw: int) -> int | None:
    """The other one of the two answers to SELECT: the application is in the wanted state already."""
    return None if sw in (StatusWord.OK, StatusWord.FILE_DEACTIVATED) else _judge(sw)
