"""What the control port reads and shows about updates."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from tiaas.base.errors import InvalidInput
from tiaas.interfaces.cm_common_v2_0 import UpdatePriority
from tiaas.lab.errors import BadControlRequest
from tiaas.lab.vsdm.books import UPDATE_ID_SIZE, Books, Task, UnknownUpdate, Update
from tiaas.lab.vsdm.change import NAMES, Change

UPDATE_KEYS = ("iccsn", "task", "priority", "change")


def add_update(books: Books, body: Mapping[str, Any], today: date) -> Update:
    """Makes the update that a POST describes. Raises `ControlError`."""
    iccsn, task = body.get("iccsn"), body.get("task", Task.DATA.value)
    priority, change = body.get("priority", UpdatePriority.MANDATORY.value), body.get("change", {})
    if not isinstance(iccsn, str):
        raise BadControlRequest("iccsn is missing", 'send {"iccsn": "80276…", "change": {…}}')
    if task not in list(Task):
        raise BadControlRequest("unknown task", f"one of {', '.join(Task)}")
    if priority not in list(UpdatePriority):
        raise BadControlRequest("unknown priority", f"one of {', '.join(UpdatePriority)}")
    if not isinstance(change, dict) or set(change) - set(NAMES):
        raise BadControlRequest("change is no object with known keys", f"known: {', '.join(NAMES)}")
    if change and task != Task.DATA:
        raise BadControlRequest("locking changes no data", "send two updates")
    try:
        wanted = Change.from_document(change)
        if change:
            wanted.check(books.present(iccsn), today)
        return books.add(iccsn, Task(task), wanted, UpdatePriority(priority))
    except InvalidInput as error:
        raise BadControlRequest(str(error), "GET /updates lists what waits") from error


def cancel_update(books: Books, name: str) -> Update | None:
    """Takes an update back; `name` is its id in hexadecimal. Returns the repair that stays. Raises `UnknownUpdate`."""
    try:
        update_id = bytes.fromhex(name)
    except ValueError:
        raise UnknownUpdate from None
    if len(update_id) != UPDATE_ID_SIZE:
        raise UnknownUpdate
    return books.cancel(update_id)
