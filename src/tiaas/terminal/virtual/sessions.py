"""INIT and CLOSE CT SESSION (SICCT V1.3.0, 5.10, 5.11; gemSpec_KT V3.17.0, 3.7.9)."""

from tiaas.base.secret import Secret
from tiaas.card.apdu import ResponseApdu
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.units import TERMINAL
from tiaas.terminal.virtual.admission import SessionRole
from tiaas.terminal.virtual.machine import Client, Machine
from tiaas.terminal.virtual.parameters import Form, Parameters, Presence
from tiaas.terminal.virtual.refused import Refused

INIT_FORM = Form(Presence.MUST, Presence.MUST, {do.TAG_SESSION: 1})
CLOSE_FORM = Form(Presence.MUST, Presence.NEVER, {do.TAG_SESSION: 1})
_SESSION_ID_OCTETS = 6


async def init_session(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Opens the session and switches all cards off."""
    session = _session(parameters)
    if client.role is not None:
        raise Refused(Sw.NOT_ALLOWED)
    if session.session_id:
        raise Refused(Sw.WRONG_SESSION_ID)
    client.role = _role(machine, session.user, session.password)
    client.session_id = machine.entropy.octets(_SESSION_ID_OCTETS).hex().upper()
    machine.reset()
    answer = do.encode_session(do.Session(session.user, Secret(b""), client.session_id))
    return ResponseApdu(answer, Sw.OK)


async def close_session(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Closes the session; an empty id is for the administrator only."""
    session = _session(parameters)
    if session.user or session.password.reveal():
        _role(machine, session.user, session.password)
    is_admin = client.role is SessionRole.ADMIN
    if session.session_id != client.session_id and not (is_admin and not session.session_id):
        raise Refused(Sw.WRONG_SESSION_ID)
    client.role, client.session_id, client.downloading = None, "", None
    machine.reset()
    return ResponseApdu(b"", Sw.OK)


def _session(parameters: Parameters) -> do.Session:
    if parameters.unit() != TERMINAL or parameters.command.p2 != 0:
        raise Refused(Sw.WRONG_PARAMETERS)
    try:
        return do.decode_session_untrusted(parameters.need(do.TAG_SESSION))
    except BadSicct as bad:
        raise Refused(Sw.INVALID_DATA_OBJECT) from bad


def _role(machine: Machine, user: str, password: Secret) -> SessionRole:
    """The role of an account; raises `Refused` (6400). The empty account is the anonymous control session."""
    config = machine.config
    if user == config.admin and password == config.admin_password:
        return SessionRole.ADMIN
    is_user = user == config.user and password == config.user_password
    if is_user or (not user and not password.reveal()):
        return SessionRole.CONTROL
    raise Refused(Sw.EXECUTION_ERROR)
