"""Builders of the commands a G2.1 card knows (gemSpec_COS V3.12.0, chapter 14), for channel 0 and without SM.

Key and password references: the id alone for objects in the root folder, `0x80 | id` for objects of the current one
(N099.600). `ne` 256 asks for "all" in short, 65536 in extended format.
"""

from dataclasses import replace

from tiaas.base.secret import Secret
from tiaas.card.apdu import NE_EXTENDED_MAX, NE_SHORT_MAX, CommandApdu
from tiaas.tlv import encode


def select_mf(fcp: bool = False) -> CommandApdu:
    """SELECT the root application (14.2.6.1); with `fcp` its control parameters come back."""
    return _select(0x04, b"", fcp)


def select_aid(aid: bytes, fcp: bool = False) -> CommandApdu:
    """SELECT a folder by its application identifier (14.2.6.5)."""
    return _select(0x04, aid, fcp)


def select_df(fid: int, fcp: bool = False) -> CommandApdu:
    """SELECT a folder in the current one by its file identifier (14.2.6.9)."""
    return _select(0x01, fid.to_bytes(2, "big"), fcp)


def select_ef(fid: int, fcp: bool = False) -> CommandApdu:
    """SELECT a file of the current folder by its file identifier (14.2.6.13)."""
    return _select(0x02, fid.to_bytes(2, "big"), fcp)


def select_parent() -> CommandApdu:
    """SELECT the folder above the current one (14.2.6.11)."""
    return CommandApdu(0x00, 0xA4, 0x03, 0x0C)


def read_binary(offset: int = 0, sfid: int | None = None, ne: int = NE_EXTENDED_MAX) -> CommandApdu:
    """READ BINARY of the current file, or of the one with `sfid` which becomes current (14.3.2)."""
    p1, p2 = _binary_address(offset, sfid)
    return CommandApdu(0x00, 0xB0, p1, p2, ne=ne)


def update_binary(data: bytes, offset: int = 0, sfid: int | None = None) -> CommandApdu:
    """UPDATE BINARY from `offset` on (14.3.5)."""
    p1, p2 = _binary_address(offset, sfid)
    return CommandApdu(0x00, 0xD6, p1, p2, data)


def write_binary(data: bytes, offset: int = 0, sfid: int | None = None) -> CommandApdu:
    """WRITE BINARY: appends or overwrites as UPDATE does, and moves the logical end of file (14.3.6)."""
    p1, p2 = _binary_address(offset, sfid)
    return CommandApdu(0x00, 0xD0, p1, p2, data)


def erase_binary(offset: int = 0, sfid: int | None = None) -> CommandApdu:
    """ERASE BINARY: octets from `offset` to the end of file become 00 (14.3.1)."""
    p1, p2 = _binary_address(offset, sfid)
    return CommandApdu(0x00, 0x0E, p1, p2)


def set_logical_eof(offset: int = 0, sfid: int | None = None) -> CommandApdu:
    """SET LOGICAL EOF to `offset` (14.3.4)."""
    p1, p2 = _binary_address(offset, sfid)
    return CommandApdu(0x80, 0x0E, p1, p2)


def read_record(number: int, sfid: int | None = None, ne: int = NE_SHORT_MAX) -> CommandApdu:
    """READ RECORD; 1 is the first, of a cyclic file the newest (14.4.6)."""
    return CommandApdu(0x00, 0xB2, number, _record_address(sfid) | 0x04, ne=ne)


def update_record(number: int, data: bytes, sfid: int | None = None) -> CommandApdu:
    """UPDATE RECORD (14.4.8)."""
    return CommandApdu(0x00, 0xDC, number, _record_address(sfid) | 0x04, data)


def append_record(sfid: int | None, data: bytes) -> CommandApdu:
    """APPEND RECORD (14.4.2)."""
    return CommandApdu(0x00, 0xE2, 0x00, _record_address(sfid), data)


def search_record(number: int, pattern: bytes, sfid: int | None = None) -> CommandApdu:
    """SEARCH RECORD from `number` on; the numbers of records that hold `pattern` come back (14.4.7)."""
    return CommandApdu(0x00, 0xA2, number, _record_address(sfid) | 0x04, pattern, NE_SHORT_MAX)


def erase_record(number: int, sfid: int | None = None) -> CommandApdu:
    """ERASE RECORD: the record's octets become 00 (14.4.5)."""
    return CommandApdu(0x00, 0x0C, number, _record_address(sfid) | 0x04)


def activate() -> CommandApdu:
    """ACTIVATE the current file or folder (14.2.1)."""
    return CommandApdu(0x00, 0x44, 0x00, 0x00)


def deactivate() -> CommandApdu:
    """DEACTIVATE the current file or folder (14.2.3)."""
    return CommandApdu(0x00, 0x04, 0x00, 0x00)


def verify(ref: int, block: Secret) -> CommandApdu:
    """VERIFY a password with a format 2 block (14.6.6)."""
    return CommandApdu(0x00, 0x20, 0x00, ref, block.reveal())


def verify_template(ref: int) -> CommandApdu:
    """The VERIFY that a terminal completes with what was typed: 8 octets FF where the block goes (SICCT 5.6)."""
    return CommandApdu(0x00, 0x20, 0x00, ref, b"\xff" * 8)


def change_template(ref: int, *, with_old: bool) -> CommandApdu:
    """The CHANGE REFERENCE DATA that a terminal completes: 8 octets FF for each entry; P1 as in the command."""
    return CommandApdu(0x00, 0x24, 0x00 if with_old else 0x01, ref, b"\xff" * (16 if with_old else 8))


def reset_template(ref: int, *, with_puk: bool, with_new: bool) -> CommandApdu:
    """The RESET RETRY COUNTER that a terminal completes, with at least one entry."""
    p1 = (0x00 if with_new else 0x01) if with_puk else 0x02
    return CommandApdu(0x00, 0x2C, p1, ref, b"\xff" * (8 * (with_puk + with_new)))


def switch_template(ref: int, *, on: bool) -> CommandApdu:
    """The ENABLE or DISABLE VERIFICATION REQUIREMENT that a terminal completes with the PIN."""
    return CommandApdu(0x00, 0x28 if on else 0x26, 0x00, ref, b"\xff" * 8)


def change_reference_data(ref: int, old: Secret | None, new: Secret) -> CommandApdu:
    """CHANGE REFERENCE DATA; without `old` P1 = 01, which leaves a Leer-PIN (14.6.1)."""
    if old is None:
        return CommandApdu(0x00, 0x24, 0x01, ref, new.reveal())
    return CommandApdu(0x00, 0x24, 0x00, ref, old.reveal() + new.reveal())


def reset_retry_counter(ref: int, puk: Secret | None, new: Secret | None) -> CommandApdu:
    """RESET RETRY COUNTER: P1 00 with PUK and new PIN, 01 with PUK, 02 with new PIN, 03 without data (14.6.5)."""
    p1 = (0x00 if new else 0x01) if puk else (0x02 if new else 0x03)
    data = (puk.reveal() if puk else b"") + (new.reveal() if new else b"")
    return CommandApdu(0x00, 0x2C, p1, ref, data)


def disable_verification(ref: int, block: Secret | None) -> CommandApdu:
    """DISABLE VERIFICATION REQUIREMENT (14.6.2)."""
    return CommandApdu(0x00, 0x26, 0x01 if block is None else 0x00, ref, block.reveal() if block else b"")


def enable_verification(ref: int, block: Secret | None) -> CommandApdu:
    """ENABLE VERIFICATION REQUIREMENT (14.6.3)."""
    return CommandApdu(0x00, 0x28, 0x01 if block is None else 0x00, ref, block.reveal() if block else b"")


def get_pin_status(ref: int) -> CommandApdu:
    """GET PIN STATUS (14.6.4): 9000 verified, 62C1/62C7 transport states, 62D0 disabled, 63Cx tries left."""
    return CommandApdu(0x80, 0x20, 0x00, ref)


def get_challenge(size: int = 16) -> CommandApdu:
    """GET CHALLENGE of 8 or 16 octets (14.9.1)."""
    return CommandApdu(0x00, 0x84, 0x00, 0x00, ne=size)


def get_random(size: int) -> CommandApdu:
    """GET RANDOM: `size` octets for the outside world's keys (14.9.5)."""
    return CommandApdu(0x80, 0x84, 0x00, 0x00, ne=size)


def mse_private_auth(ref: int, alg: int) -> CommandApdu:
    """MSE SET: own private key for INTERNAL or GENERAL AUTHENTICATE (14.9.9.1)."""
    return CommandApdu(0x00, 0x22, 0x41, 0xA4, _private(ref, alg))


def mse_public_auth(holder: bytes, alg: int) -> CommandApdu:
    """MSE SET: imported public key (12 octets CHR) for EXTERNAL AUTHENTICATE (14.9.9.6)."""
    return CommandApdu(0x00, 0x22, 0x81, 0xA4, encode(0x83, holder) + encode(0x80, bytes([alg])))


def mse_symmetric_auth(ref: int, alg: int) -> CommandApdu:
    """MSE SET: symmetric key for MUTUAL AUTHENTICATE (14.9.9.5)."""
    return CommandApdu(0x00, 0x22, 0x81, 0xA4, encode(0x83, bytes([ref])) + encode(0x80, bytes([alg])))


def mse_pace(mechanism: bytes, ref: int) -> CommandApdu:
    """MSE SET: PACE with the mechanism's object identifier and a connection key (14.9.9.7)."""
    return CommandApdu(0x00, 0x22, 0xC1, 0xA4, encode(0x80, mechanism) + encode(0x83, bytes([ref])))


def mse_private_sign(ref: int, alg: int) -> CommandApdu:
    """MSE SET: private key for PSO COMPUTE DIGITAL SIGNATURE (14.9.9.9)."""
    return CommandApdu(0x00, 0x22, 0x41, 0xB6, _private(ref, alg))


def mse_private_decipher(ref: int, alg: int) -> CommandApdu:
    """MSE SET: private key for PSO DECIPHER and TRANSCIPHER (14.9.9.11)."""
    return CommandApdu(0x00, 0x22, 0x41, 0xB8, _private(ref, alg))


def mse_verify_certificate(car: bytes) -> CommandApdu:
    """MSE SET: public key (8 octets CAR) for PSO VERIFY CERTIFICATE (14.9.9.10)."""
    return CommandApdu(0x00, 0x22, 0x81, 0xB6, encode(0x83, car))


def mse_restore(number: int) -> CommandApdu:
    """MSE RESTORE: the current folder's security environment becomes `number` (14.9.8)."""
    return CommandApdu(0x00, 0x22, 0xF3, number)


def pso_verify_certificate(value: bytes) -> CommandApdu:
    """PSO VERIFY CERTIFICATE with the value of 7F21 (7F4E and 5F37; 14.8.7)."""
    return CommandApdu(0x00, 0x2A, 0x00, 0xBE, value)


def pso_compute_signature(digest: bytes) -> CommandApdu:
    """PSO COMPUTE DIGITAL SIGNATURE over a hash value (14.8.2)."""
    return CommandApdu(0x00, 0x2A, 0x9E, 0x9A, digest, NE_EXTENDED_MAX if len(digest) > 255 else NE_SHORT_MAX)


def pso_decipher(cryptogram: bytes) -> CommandApdu:
    """PSO DECIPHER: ELC structure A6, or `00 ‖ C` for RSA (14.8.3)."""
    return CommandApdu(0x00, 0x2A, 0x80, 0x86, cryptogram, NE_EXTENDED_MAX)


def pso_encipher(data: bytes) -> CommandApdu:
    """PSO ENCIPHER: template A0 with key, or data for the key selected before (14.8.4)."""
    return CommandApdu(0x00, 0x2A, 0x86, 0x80, data, NE_EXTENDED_MAX)


def pso_encipher_template(size: int) -> CommandApdu:
    """The PSO ENCIPHER that a terminal completes with PIN blocks, `size` octets in all (gemSpec_KT A_22871)."""
    return CommandApdu(0x00, 0x2A, 0x86, 0x80, b"\xff" * size, NE_SHORT_MAX)


def pso_compute_checksum(data: bytes) -> CommandApdu:
    """PSO COMPUTE CRYPTOGRAPHIC CHECKSUM with the keys of a trusted channel, directly after PSO ENCIPHER (14.8.1).

    The octet 00 leaves the send sequence counter as it is: PSO ENCIPHER raised it.
    """
    return CommandApdu(0x00, 0x2A, 0x8E, 0x80, b"\x00" + data, NE_SHORT_MAX)


def pso_verify_checksum(data: bytes, checksum: bytes) -> CommandApdu:
    """PSO VERIFY CRYPTOGRAPHIC CHECKSUM of what came back in a trusted channel (14.8.8)."""
    return CommandApdu(0x00, 0x2A, 0x00, 0xA2, encode(0x80, data) + encode(0x8E, checksum))


def internal_authenticate(token: bytes) -> CommandApdu:
    """INTERNAL AUTHENTICATE; for a role proof the token is RND (16) ‖ ICCSN8 of the verifier (14.7.4)."""
    return CommandApdu(0x00, 0x88, 0x00, 0x00, token, NE_SHORT_MAX)


def external_authenticate(signature: bytes) -> CommandApdu:
    """EXTERNAL AUTHENTICATE with the role proof's signature r ‖ s (14.7.1)."""
    return CommandApdu(0x00, 0x82, 0x00, 0x00, signature)


def mutual_authenticate(cryptogram: bytes) -> CommandApdu:
    """MUTUAL AUTHENTICATE with 112 octets cryptogram and 8 octets MAC (14.7.1)."""
    return CommandApdu(0x00, 0x82, 0x00, 0x00, cryptogram, NE_SHORT_MAX)


def general_authenticate(tag: int, value: bytes, last: bool, ne: int | None = NE_SHORT_MAX) -> CommandApdu:
    """GENERAL AUTHENTICATE with `7C {tag value}`: C3 names the foreign key (first), 85 its ephemeral point (14.7.2).

    PACE has 81 and 83 for points and 85 for the checksum (last); its beginning is `pace_begin`.
    """
    return CommandApdu(0x00 if last else 0x10, 0x86, 0x00, 0x00, encode(0x7C, encode(tag, value)), ne)


def pace_begin() -> CommandApdu:
    """GENERAL AUTHENTICATE with an empty `7C`: asks for PACE's enciphered number (14.7.2.1)."""
    return CommandApdu(0x10, 0x86, 0x00, 0x00, encode(0x7C, b""), NE_EXTENDED_MAX)


def read_public_key(ref: int) -> CommandApdu:
    """GENERATE ASYMMETRIC KEY PAIR, P1 81: reads the public part of a private key (14.9.3)."""
    return CommandApdu(0x00, 0x46, 0x81, ref, ne=NE_EXTENDED_MAX)


def list_public_keys() -> CommandApdu:
    """LIST PUBLIC KEY (14.9.7)."""
    return CommandApdu(0x80, 0xCA, 0x01, 0x00, ne=NE_EXTENDED_MAX)


def fingerprint(challenge: bytes) -> CommandApdu:
    """FINGERPRINT of the operating system over 128 octets (14.9.2)."""
    return CommandApdu(0x80, 0xFA, 0x00, 0x00, challenge, NE_SHORT_MAX)


def get_security_status_key(data: bytes) -> CommandApdu:
    """GET SECURITY STATUS KEY: `83 ref` or `83 CHR` or a CHAT `7F4C` (14.7.3)."""
    return CommandApdu(0x80, 0x82, 0x80, 0x00, data)


def manage_channel_open() -> CommandApdu:
    """MANAGE CHANNEL: opens a logical channel, its number comes back (14.9.8)."""
    return CommandApdu(0x00, 0x70, 0x00, 0x00, ne=1)


def manage_channel_close() -> CommandApdu:
    """MANAGE CHANNEL: closes the channel it is sent on (put it there by `with_channel`)."""
    return CommandApdu(0x00, 0x70, 0x80, 0x00)


def manage_channel_reset() -> CommandApdu:
    """MANAGE CHANNEL: resets the channel it is sent on."""
    return CommandApdu(0x00, 0x70, 0x40, 0x00)


def card_reset() -> CommandApdu:
    """MANAGE CHANNEL: logical reset of the application layer, all other channels close."""
    return CommandApdu(0x00, 0x70, 0x40, 0x01)


def with_channel(command: CommandApdu, channel: int) -> CommandApdu:
    """The command on logical channel 0 to 19 (ISO/IEC 7816-4, 5.4.1): 0–3 in b2b1, from 4 on b7 and the low nibble."""
    if not 0 <= channel <= 19:
        raise ValueError("logical channels are numbered 0 to 19")
    if channel < 4:
        return replace(command, cla=command.cla & 0xFC | channel)
    return replace(command, cla=command.cla & 0x90 | 0x40 | (channel - 4))


def _select(p1: int, data: bytes, fcp: bool) -> CommandApdu:
    # Extended Le: a folder's control parameters may be longer than 256 octets and are cut off without a warning.
    return CommandApdu(0x00, 0xA4, p1, 0x04 if fcp else 0x0C, data, NE_EXTENDED_MAX if fcp else None)


def _binary_address(offset: int, sfid: int | None) -> tuple[int, int]:
    if sfid is None:
        if not 0 <= offset <= 0x7FFF:
            raise ValueError("offset does not fit 15 bits")
        return offset >> 8, offset & 0xFF
    if not 0 <= offset <= 0xFF:
        raise ValueError("offset beside a short identifier does not fit 8 bits")
    return 0x80 | sfid, offset


def _record_address(sfid: int | None) -> int:
    return (sfid or 0) << 3


def _private(ref: int, alg: int) -> bytes:
    return encode(0x84, bytes([ref])) + encode(0x80, bytes([alg]))
