"""Messages of the vpcd protocol: only `BadVpcdMessage` may come out."""

from tiaas.lab.vpcd import BadVpcdMessage, answer_untrusted


class _Card:
    atr = bytes.fromhex("3B909681B1FE451F0391")

    def reset(self) -> bytes:
        return self.atr

    def process(self, raw: bytes) -> bytes:
        return raw[:4] + b"\x6d\x00"


SEEDS = [b"\x00", b"\x01", b"\x02", b"\x04", bytes.fromhex("00A4080002D00100"), bytes.fromhex("00B08200000000")]


def target(data: bytes) -> None:
    try:
        answer_untrusted(_Card(), data)
    except BadVpcdMessage:
        return
