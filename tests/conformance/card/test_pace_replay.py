"""The eight dialogues recorded with a real eGK G2.1 (OpenHealth-Core), played again by our terminal's side.

Our procedures get the recorded random values and the recorded answers; every command they make must be the recorded
one, octet by octet. The recording answers only to it.
"""

import json
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tiaas.base.secret import Secret
from tiaas.card import commands, pace
from tiaas.card.apdu import NE_EXTENDED_MAX, CommandApdu, ResponseApdu, decode_command_untrusted
from tiaas.card.objsys import egk
from tiaas.card.objsys.addresses import AID_ESIGN, ALG_SESSION_SM
from tiaas.card.pinblock import decode_pin_block_untrusted, encode_pin_block
from tiaas.card.securemessaging import SessionKeys, protect_command, unprotect_command, unprotect_response
from tiaas.pki.cvc import decode_cvc_untrusted, decode_cvc_value_untrusted
from tiaas.tlv import decode_one_untrusted

FOLDER = Path(__file__).parents[3].parent / "shared" / "vectors" / "openhealth-core"
PIN = b"123456"
T = TypeVar("T")

RECORDINGS = sorted(path.stem for path in FOLDER.glob("*.jsonl"))

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/vectors is not there")


class Recording:
    """Answers the recorded command with the recorded response, anything else with a failure."""

    def __init__(self, name: str) -> None:
        lines: list[dict[str, Any]] = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]
        self.name = name
        self.header = lines[0]
        self.exchanges = [
            (bytes.fromhex(line["tx"]), bytes.fromhex(line["rx"])) for line in lines if line["type"] == "exchange"
        ]
        self.position = 0

    def transmit(self, command: CommandApdu) -> ResponseApdu:
        sent, answer = self.exchanges[self.position]
        assert command.encode().hex() == sent.hex(), f"command {self.position} of {self.name}"
        self.position += 1
        return ResponseApdu(answer[:-2], int.from_bytes(answer[-2:], "big"))

    def run(self, procedure: Generator[CommandApdu, ResponseApdu, T]) -> T:
        try:
            command = next(procedure)
            while True:
                command = procedure.send(self.transmit(command))
        except StopIteration as end:
            found: T = end.value
            return found

    def finish(self) -> None:
        assert self.position == len(self.exchanges), f"{self.name} goes on"


class RecordedEntropy:
    """Gives the octets that make `ephemeral_key` arrive at the recorded keys."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = [int(text, 16) for text in keys]

    def octets(self, size: int) -> bytes:
        return (self._keys.pop(0) - 1).to_bytes(size, "big")


class Channel:
    """A recording after PACE: carries commands under secure messaging."""

    def __init__(self, name: str) -> None:
        self.recording = Recording(name)
        header = self.recording.header
        procedure = pace.establish(Secret(header["can"].encode()), RecordedEntropy(header["keys"]))
        self.keys: SessionKeys = self.recording.run(procedure)

    def send(self, command: CommandApdu) -> ResponseApdu:
        response = self.recording.transmit(protect_command(self.keys, command))
        return unprotect_response(self.keys, response)

    def ok(self, command: CommandApdu) -> bytes:
        response = self.send(command)
        assert response.ok
        return response.data

    def finish(self) -> None:
        self.recording.finish()


def play_establish_secure_channel() -> None:
    Channel("establish-secure-channel").finish()


def play_get_random() -> None:
    channel = Channel("get-random")
    channel.ok(commands.select_mf())
    assert len(channel.ok(commands.get_random(32))) == 32
    channel.finish()


def play_verify_pin() -> None:
    channel = Channel("verify-pin")
    channel.ok(commands.select_mf())
    assert channel.send(commands.get_pin_status(egk.MRPIN_HOME)).sw == 0x63C3
    channel.ok(commands.verify(egk.MRPIN_HOME, encode_pin_block(Secret(PIN))))
    channel.finish()


def _secrets_of(channel: Channel) -> list[Secret]:
    """PUK and PIN in the next recorded command: they are the recording's own, not ours to guess."""
    raw = channel.recording.exchanges[channel.recording.position][0]
    ahead = SessionKeys(channel.keys.enc, channel.keys.mac, channel.keys.counter)
    data = unprotect_command(ahead, decode_command_untrusted(raw))[0].data
    return [decode_pin_block_untrusted(Secret(data[i : i + 8])) for i in range(0, len(data), 8)]


def play_change_pin_with_puk() -> None:
    channel = Channel("change-pin-with-puk")
    channel.ok(commands.select_mf())
    puk, new = (encode_pin_block(secret) for secret in _secrets_of(channel))
    channel.ok(commands.reset_retry_counter(egk.MRPIN_HOME, puk, new))
    channel.finish()


def play_unlock_egk_with_puk() -> None:
    channel = Channel("unlock-egk-with-puk")
    channel.ok(commands.select_mf())
    (puk,) = _secrets_of(channel)
    channel.ok(commands.reset_retry_counter(egk.MRPIN_HOME, encode_pin_block(puk), None))
    channel.finish()


def play_read_vsd() -> None:
    channel = Channel("read-vsd")
    channel.ok(commands.select_mf())
    channel.ok(commands.select_aid(egk.AID_HCA))
    channel.ok(commands.select_ef(0xD002))
    data = channel.ok(commands.read_binary())
    assert data[8:10] == b"\x1f\x8b"
    assert channel.send(commands.read_binary(len(data))).sw == 0x6B00
    channel.finish()


def play_read_certs() -> None:
    channel = Channel("read-certs")
    content = b""
    for select, fid in ((commands.select_aid(AID_ESIGN), 0xC504), (commands.select_mf(), 0x2F06)):
        channel.ok(select)
        assert decode_one_untrusted(channel.ok(commands.select_ef(fid, fcp=True)))[0].tag == 0x62
        content = channel.ok(commands.read_binary())
        assert channel.send(commands.read_binary(len(content))).sw == 0x6B00
    assert decode_cvc_untrusted(content).chr[:2] == b"\x00\x09"
    channel.finish()


def play_trusted_channel() -> None:
    """The card's keys, its own key, the chain of cross certificates from the far end's root, key agreement."""
    recording = Recording("trusted-channel")
    assert recording.transmit(commands.list_public_keys()).ok
    assert recording.transmit(commands.select_mf()).ok
    assert recording.transmit(commands.mse_private_auth(egk.KEY_AUT_CVC, ALG_SESSION_SM)).ok
    sent = [decode_command_untrusted(raw) for raw, _ in recording.exchanges]
    values = [check.data for _, check in pairwise(sent) if (check.ins, check.p2) == (0x2A, 0xBE)]
    chain = [decode_cvc_value_untrusted(value) for value in values]
    assert len(chain) == 3
    for cvc, value in zip(chain, values, strict=True):
        assert recording.transmit(commands.mse_verify_certificate(cvc.car)).ok
        assert recording.transmit(commands.pso_verify_certificate(value)).ok
    holder, point = (decode_one_untrusted(c.data)[0].children()[0].value for c in sent[-2:])
    first = commands.general_authenticate(0xC3, holder, last=False, ne=NE_EXTENDED_MAX)
    assert len(decode_one_untrusted(recording.transmit(first).data)[0].child(0x85).value) == 65
    assert recording.transmit(commands.general_authenticate(0x85, point, last=True, ne=None)).ok
    recording.finish()


PLAYERS = {
    "change-pin-with-puk": play_change_pin_with_puk,
    "establish-secure-channel": play_establish_secure_channel,
    "get-random": play_get_random,
    "read-certs": play_read_certs,
    "read-vsd": play_read_vsd,
    "trusted-channel": play_trusted_channel,
    "unlock-egk-with-puk": play_unlock_egk_with_puk,
    "verify-pin": play_verify_pin,
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_recording(name: str) -> None:
    PLAYERS[name]()


def test_no_recording_is_left_out() -> None:
    """Fails, where the recordings are, for one without a player and for a player without its recording."""
    assert set(PLAYERS) == set(RECORDINGS)
    assert len(RECORDINGS) == 8
