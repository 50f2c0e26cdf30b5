"""Addresses that several kinds of cards share (gemSpec_eGK/HBA/SMC-B_ObjSys G2.1, gaps_closed §3)."""

from typing import Final

# Files of the root folder: file identifier and short identifier.
FID_MF: Final = 0x3F00
FID_ATR: Final = 0x2F01
FID_DIR: Final = 0x2F00
FID_GDO: Final = 0x2F02
FID_VERSION2: Final = 0x2F11
FID_CARD_ACCESS: Final = 0x011C
FID_CVC_CARD: Final = 0x2F06
FID_CVC_CA: Final = 0x2F07
FID_CVC_DEVICE: Final = 0x2F09
SFID_ATR: Final = 0x1D
SFID_DIR: Final = 0x1E
SFID_GDO: Final = 0x02
SFID_VERSION2: Final = 0x11
SFID_CARD_ACCESS: Final = 0x1C
SFID_CVC_CARD: Final = 0x06
SFID_CVC_CA: Final = 0x07
SFID_CVC_DEVICE: Final = 0x09

AID_ESIGN: Final = bytes.fromhex("A000000167455349474E")

# DO 84 of the root folder's control parameters tells the kind of card.
AID_ROOT_EGK: Final = bytes.fromhex("D2760001448000")
AID_ROOT_HBA: Final = bytes.fromhex("D27600014601")
AID_ROOT_SMC_B: Final = bytes.fromhex("D27600014606")
AID_ROOT_SMC_KT: Final = bytes.fromhex("D2760001448003")

# The connection key of PACE (CAN) in the root folder of every card.
KEY_CAN: Final = 0x02

# Algorithm identifiers in MSE (gemSpec_COS V3.12.0, tables of 16.1).
ALG_SIGN_ECDSA: Final = 0x00
ALG_SIGN_PKCS1: Final = 0x02
ALG_SIGN_PSS: Final = 0x05
ALG_ROLE: Final = 0x00
ALG_SESSION_SM: Final = 0x54
ALG_SESSION_TC: Final = 0xD4
ALG_ELC_SHARED_SECRET: Final = 0x0B
ALG_RSA_OAEP_DECIPHER: Final = 0x85
ALG_RSA_OAEP_ENCIPHER: Final = 0x05

# A key or password of the current folder is addressed with this bit (N099.600, N072.800).
LOCAL: Final = 0x80
