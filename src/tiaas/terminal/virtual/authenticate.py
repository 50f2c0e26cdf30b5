"""EHEALTH TERMINAL AUTHENTICATE (gemSpec_KT V3.17.0, 3.7.2: TIP1-A_3125-03, …3126, …3127, …3128, …3113, …3115)."""

import hashlib
from functools import partial

from tiaas.base.secret import Secret
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.terminal.pairing import CHALLENGE_SIZE, SECRET_SIZE
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.commands import Authenticate
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.text import TAG_LABEL, TAG_MESSAGE, DisplayText
from tiaas.terminal.sicct.units import DISPLAY, KEYPAD, TERMINAL
from tiaas.terminal.virtual.display import STANDARD_TEXTS
from tiaas.terminal.virtual.keypad import Echo, Entry, EntryCancelled, EntryTimeout, Timers
from tiaas.terminal.virtual.machine import Client, Expected, Machine
from tiaas.terminal.virtual.parameters import Form, Parameters, Presence
from tiaas.terminal.virtual.refused import Refused
from tiaas.terminal.virtual.smkt import random_octets, sign_secret

_EXPECT_SECONDS = 30.0  # TIP1-A_3115
_MAX_CHALLENGE = 0x7F
_DIGEST_SIZE = 32
_OK_ONLY = Entry(0, 0, Echo.NOTHING)

_TEXTS = {TAG_LABEL: 1, TAG_MESSAGE: 1}
_FORMS: dict[int, Form] = {
    Authenticate.CREATE: Form(Presence.MUST, Presence.MUST, {do.TAG_SHARED_SECRET: 1} | _TEXTS),
    Authenticate.VALIDATE: Form(Presence.MUST, Presence.MUST, {do.TAG_CHALLENGE: 1} | _TEXTS),
    Authenticate.ADD_PHASE_1: Form(Presence.NEVER, Presence.MUST),
    Authenticate.ADD_PHASE_2: Form(Presence.MUST, Presence.NEVER, {do.TAG_CHALLENGE_RESPONSE: 1}),
}


def form_of(command: CommandApdu) -> Form:
    """The form that belongs to P2; raises `Refused` (6A00)."""
    form = _FORMS.get(command.p2)
    if form is None:
        raise Refused(Sw.WRONG_PARAMETERS)
    return form


async def authenticate(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """One of the four steps."""
    if parameters.unit() != TERMINAL:
        raise Refused(Sw.WRONG_PARAMETERS)
    step = Authenticate(parameters.command.p2)
    key = client.key
    if key is None:
        raise Refused(Sw.NO_VALID_CLIENT)
    if step is Authenticate.CREATE:
        return await _create(machine, client, key, parameters)
    if step is Authenticate.VALIDATE:
        return _validate(machine, key, parameters)
    if step is Authenticate.ADD_PHASE_1:
        return await _add_phase_1(machine, client, parameters)
    return _add_phase_2(machine, client, key, parameters)


async def _create(machine: Machine, client: Client, key: bytes, parameters: Parameters) -> ResponseApdu:
    """SEQ_KT_0001-01. The signature is made before the block is stored, so that a dead gSMC-KT leaves nothing."""
    value, text = parameters.get(do.TAG_SHARED_SECRET), parameters.text()
    secret = Secret(value or b"")
    if not machine.state.may_create(secret):
        raise Refused(Sw.NOT_ALLOWED)
    if value is None or text is None or not text.message:
        raise Refused(Sw.MISSING_DATA_OBJECT)
    if len(value) != SECRET_SIZE:
        raise Refused(Sw.INVALID_DATA_OBJECT)
    with machine.using(DISPLAY, KEYPAD):
        await _confirm(machine, text)
    signature = await machine.smkt.use_internally(sign_secret(secret, rsa=client.rsa))
    if not machine.state.may_create(secret):
        raise Refused(Sw.NOT_ALLOWED)
    machine.state.create_block(secret, key)
    machine.changed()
    return ResponseApdu(signature, Sw.OK)


async def _confirm(machine: Machine, text: DisplayText) -> None:
    seconds = machine.config.confirmation_seconds
    begun = partial(machine.confirm_as_policy, machine.at_keypad(None, 0, "confirmation"))
    machine.display.show(text)
    try:
        await machine.keypad.read(_OK_ONLY, Timers(seconds, seconds, seconds), begun)
    except (EntryTimeout, EntryCancelled) as ended:
        machine.display.show(DisplayText(STANDARD_TEXTS[12]))
        raise Refused(Sw.CANCELLED if isinstance(ended, EntryCancelled) else Sw.EXECUTION_ERROR) from None
    machine.display.show(DisplayText(STANDARD_TEXTS[5]))


def _validate(machine: Machine, key: bytes, parameters: Parameters) -> ResponseApdu:
    """SEQ_KT_0002; a display text is ignored (step 7)."""
    if parameters.command.ne != _DIGEST_SIZE:
        raise Refused(Sw.WRONG_LE)
    challenge = parameters.need(do.TAG_CHALLENGE)
    if not CHALLENGE_SIZE <= len(challenge) <= _MAX_CHALLENGE:
        raise Refused(Sw.INVALID_DATA_OBJECT)
    block = machine.state.block_of(key)
    if block is None:
        raise Refused(Sw.NOT_ALLOWED)
    return ResponseApdu(_digest(challenge, block.secret), Sw.OK)


async def _add_phase_1(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """SEQ_KT_0003."""
    size = parameters.command.ne or 0
    if not CHALLENGE_SIZE <= size <= _MAX_CHALLENGE:
        raise Refused(Sw.WRONG_LE)
    challenge = await machine.smkt.use_internally(random_octets(size))
    client.expected = Expected(challenge, machine.clock.monotonic() + _EXPECT_SECONDS)
    return ResponseApdu(challenge, Sw.OK)


def _add_phase_2(machine: Machine, client: Client, key: bytes, parameters: Parameters) -> ResponseApdu:
    """SEQ_KT_0004."""
    expected, client.expected = client.expected, None
    if expected is None or machine.clock.monotonic() > expected.until:
        raise Refused(Sw.NOT_ALLOWED)
    response = parameters.need(do.TAG_CHALLENGE_RESPONSE)
    if len(response) != _DIGEST_SIZE:
        raise Refused(Sw.INVALID_DATA_OBJECT)
    digests = [_digest(expected.challenge, block.secret) for block in machine.state.blocks]
    matching = machine.state.blocks_answering(digests, response)
    if len(matching) != 1:
        raise Refused(Sw.EXECUTION_ERROR)
    if machine.state.add_key(matching[0], key):
        machine.changed()
    return ResponseApdu(b"", Sw.OK)


def _digest(challenge: bytes, secret: Secret) -> bytes:
    return hashlib.sha256(challenge + secret.reveal()).digest()
