"""Cards that know just what a terminal's tests need: a PIN card and a gSMC-KT."""

import os
import threading

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from tiaas.base.secret import Secret
from tiaas.card.apdu import decode_command_untrusted
from tiaas.card.objsys.model import Interface
from tiaas.card.pinblock import decode_pin_block_untrusted
from tiaas.terminal.virtual.mishaps import CommandMishap, Mishaps
from tiaas.terminal.virtual.terminal import PinPurpose, SlotCard

ATR = bytes.fromhex("3BD096FF81B1FE451F072A")


class FakeCard:
    """One PIN, three tries, echo of everything else, once `go` is set, if there is one."""

    def __init__(self, pin: bytes = b"123456", puk: bytes = b"87654321", go: threading.Event | None = None) -> None:
        self.pin, self.puk = pin, puk
        self.tries = 3
        self.verified = False
        self.resets = 0
        self._go = go
        self.commands: list[bytes] = []
        self._busy = threading.Lock()

    @property
    def atr(self) -> bytes:
        return ATR

    def reset(self, interface: Interface = Interface.CONTACT) -> bytes:
        assert self._busy.acquire(blocking=False), "two calls at once"
        self.verified = False
        self.resets += 1
        self._busy.release()
        return ATR

    def process(self, raw: bytes) -> bytes:
        assert self._busy.acquire(blocking=False), "two calls at once"
        try:
            self.commands.append(raw)
            command = decode_command_untrusted(raw)
            if command.ins == 0x20:
                return self._check(command.data, self.pin)
            if command.ins == 0x24:
                return self._change(command.data)
            if command.ins == 0x2A:
                return b"\x01" + bytes(16) + b"\x90\x00"
            if self._go is not None:
                assert self._go.wait(60)
            return (raw[:4] if command.ne else b"") + b"\x90\x00"
        finally:
            self._busy.release()

    def _check(self, block: bytes, right: bytes) -> bytes:
        if not self.tries:
            return b"\x69\x83"
        if decode_pin_block_untrusted(Secret(block)).reveal() != right:
            self.tries -= 1
            return bytes([0x63, 0xC0 | self.tries])
        self.tries, self.verified = 3, True
        return b"\x90\x00"

    def _change(self, data: bytes) -> bytes:
        answer = self._check(data[:8], self.pin)
        if answer == b"\x90\x00":
            self.pin = decode_pin_block_untrusted(Secret(data[8:])).reveal()
        return answer


class FakeSmkt(FakeCard):
    """A gSMC-KT: MANAGE CHANNEL, SELECT DF.KT, MSE, PSO CDS, GET RANDOM."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
        super().__init__()
        self._key = key
        self.selected: set[int] = set()
        self.open_channels: set[int] = set()

    def process(self, raw: bytes) -> bytes:
        command = decode_command_untrusted(raw)
        channel = command.cla & 0x03
        if command.ins == 0x70 and command.p1 == 0x00:
            self.open_channels.add(1)
            return b"\x01\x90\x00"
        if command.ins == 0x70:
            self.open_channels.discard(channel)
            self.selected.discard(channel)
            return b"\x90\x00"
        if command.ins == 0xA4:
            self.selected.add(channel)
            return b"\x90\x00"
        if command.ins == 0x22:
            expected = "840186800100" if isinstance(self._key, ec.EllipticCurvePrivateKey) else "840182800105"
            assert command.data.hex() == expected
            return b"\x90\x00"
        if command.ins == 0x2A and command.p1 == 0x9E:
            assert channel in self.selected, "DF.KT was not selected on this channel"
            return self._sign(command.data) + b"\x90\x00"
        if command.ins == 0x84:
            return os.urandom(command.ne or 0) + b"\x90\x00"
        return super().process(raw)

    def _sign(self, digest: bytes) -> bytes:
        if isinstance(self._key, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            return self._key.sign(digest, pss, Prehashed(hashes.SHA256()))
        r, s = decode_dss_signature(self._key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()))))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Holder:
    """Knows the fake cards' PINs and keeps what it hears."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, PinPurpose]] = []
        self.changed: list[tuple[int, Secret | None]] = []

    def pin_for(self, card: SlotCard, password_ref: int, purpose: PinPurpose) -> Secret | None:
        assert isinstance(card, FakeCard)
        self.asked.append((password_ref, purpose))
        return Secret(card.puk if purpose is PinPurpose.PUK else card.pin)

    def pin_shown(self, smkt: SlotCard, prompt: str) -> Secret | None:
        return None

    def pin_changed(self, card: SlotCard, password_ref: int, pin: Secret | None) -> None:
        self.changed.append((password_ref, pin))


class Slow(Mishaps):
    """Every answer of the terminal is held back for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._mishap = CommandMishap(delay=seconds)

    def at_command(self, unit: int, command: bytes) -> CommandMishap | None:
        return self._mishap
