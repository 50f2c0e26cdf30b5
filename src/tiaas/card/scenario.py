"""A PoPP scenario: card commands for one card with the status words their answers may have (messages of gematik's PoPP
service, StandardScenarioMessage version 1.0.0).

    {"message": {"type": "StandardScenario", "version": "1.0.0", "clientSessionId": …, "sequenceCounter": 0…32767,
                 "timeSpan": milliseconds until the next message, 0 in the last one,
                 "steps": [{"commandApdu": hex, "expectedStatusWords": [hex, …]}, …]}}

Clients of other releases call the claim `standardScenarioMessage` and the command `apduCommand`; hexadecimal digits may
be in groups and in any case.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.card.apdu import BadApdu, CommandApdu, decode_command_untrusted

VERSION = "1.0.0"
TYPE = "StandardScenario"
COUNTER_MAX = TIME_SPAN_MAX = 32_767
STEPS_MAX = 1_000
_CLAIMS = ("message", "standardScenarioMessage")
_COMMANDS = ("commandApdu", "apduCommand")
_BLANKS = re.compile(r"[ \t\r\n]+")
_SESSION_LENGTH = 64


class BadScenario(TiaasError):
    """A claim that is no scenario."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command and the status words after which the scenario goes on."""

    command: CommandApdu
    expected: frozenset[int]


@dataclass(frozen=True, slots=True)
class Scenario:
    """The steps for the session `session_id`. `time_span` in milliseconds; 0: no further message follows."""

    session_id: str
    counter: int
    time_span: int
    steps: tuple[Step, ...]


def decode_scenario_untrusted(claims: Mapping[str, Any]) -> Scenario:
    """Reads the claims of a signed scenario. Raises only `BadScenario`."""
    message = next((claims[name] for name in _CLAIMS if name in claims), None)
    if not isinstance(message, dict) or message.get("type") != TYPE or message.get("version") != VERSION:
        raise BadScenario("no StandardScenario of version 1.0.0")
    session = message.get("clientSessionId")
    if not isinstance(session, str) or not 1 <= len(session) <= _SESSION_LENGTH:
        raise BadScenario("clientSessionId")
    steps = message.get("steps")
    if not isinstance(steps, list) or not 1 <= len(steps) <= STEPS_MAX:
        raise BadScenario("steps")
    return Scenario(
        session,
        _number(message, "sequenceCounter", COUNTER_MAX),
        _number(message, "timeSpan", TIME_SPAN_MAX),
        tuple(_step(step) for step in steps),
    )


def encode_scenario(session_id: str, counter: int, time_span: int, steps: Sequence[Step]) -> dict[str, Any]:
    """The claims of a scenario as the PoPP service writes them."""
    return {
        "message": {
            "type": TYPE,
            "version": VERSION,
            "clientSessionId": session_id,
            "sequenceCounter": counter,
            "timeSpan": time_span,
            "steps": [
                {
                    "commandApdu": step.command.encode().hex(),
                    "expectedStatusWords": [f"{word:04x}" for word in sorted(step.expected)],
                }
                for step in steps
            ],
        }
    }


def _step(step: object) -> Step:
    if not isinstance(step, dict):
        raise BadScenario("step")
    command = next((step[name] for name in _COMMANDS if name in step), None)
    expected = step.get("expectedStatusWords")
    if not isinstance(expected, list) or not expected:
        raise BadScenario("expectedStatusWords")
    try:
        decoded = decode_command_untrusted(_hex(command))
    except BadApdu:
        raise BadScenario("commandApdu") from None
    words = [_hex(word) for word in expected]
    if any(len(word) != 2 for word in words):
        raise BadScenario("expectedStatusWords")
    return Step(decoded, frozenset(int.from_bytes(word, "big") for word in words))


def _hex(text: object) -> bytes:
    if not isinstance(text, str) or not text.isascii():
        raise BadScenario("hexadecimal digits expected")
    try:
        return bytes.fromhex(_BLANKS.sub("", text))
    except ValueError:
        raise BadScenario("hexadecimal digits expected") from None


def _number(message: Mapping[str, Any], name: str, most: int) -> int:
    found = message.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= most:
        raise BadScenario(name)
    return found
