"""The vocabulary of an object system (gemSpec_COS V3.12.0, chapter 8): folders, files, passwords, keys.

Objects are named by path: `MF/DF.HCA/EF.PD`, `MF/PIN.CH`. An object system never changes; what a single card holds
and has become is in `tiaas.card.virtual.image`.
"""

from collections.abc import Mapping
from enum import Enum, unique

from tiaas.base.dataclass import dataclass
from tiaas.card.objsys.access import Access
from tiaas.card.objsys.conditions import Condition

RuleSet = Mapping[Access, Condition]


@unique
class CardKind(Enum):
    """Cards that have an object system here; the value is the word used in documents and messages."""

    EGK = "eGK"
    HBA = "HBA"
    HBA_QSIG = "HBA-qSig"
    SMC_B = "SMC-B"
    SMC_KT = "gSMC-KT"


@unique
class Interface(Enum):
    """How a card is connected; the value is the octet in file control parameters (gemSpec_COS 8.3.3)."""

    CONTACT = 0x01
    CONTACTLESS = 0x02


@unique
class KeyProfile(Enum):
    """For which X.509 identities a card was made; the value is the word in forms.

    G2.0 cards have RSA only; RSA is leaving the TI, so the last ones have ECC only (gemSpec_Krypt, A_15590).
    """

    RSA_AND_ECC = "rsa+ecc"
    RSA_ONLY = "rsa"
    ECC_ONLY = "ecc"


@unique
class TransportStatus(Enum):
    """Whether a password was delivered with a real secret (gemSpec_COS 8.4, transportStatus)."""

    REGULAR = "regularPassword"
    LEER_PIN = "leerPIN"
    TRANSPORT_PIN = "transportPIN"


@unique
class RecordKind(Enum):
    """Structure of a file with records; the value is the file descriptor octet in FCP (ISO/IEC 7816-4, 7.4.5)."""

    LINEAR_FIXED = 0x42
    LINEAR_VARIABLE = 0x44
    CYCLIC = 0x46


@unique
class Algorithm(Enum):
    """Algorithms a key may be used with; the value is the word of the object systems (gemSpec_COS Tab. of 14.9.9)."""

    SIGN_ECDSA = "signECDSA"
    SIGN_PKCS1 = "signPKCS1_V1_5"
    SIGN_PSS = "signPSS"
    RSA_CLIENT_AUTHENTICATION = "rsaClientAuthentication"
    RSA_DECIPHER_OAEP = "rsaDecipherOaep"
    ELC_SHARED_SECRET = "elcSharedSecretCalculation"
    ELC_ROLE_AUTHENTICATION = "elcRoleAuthentication"
    ELC_SESSIONKEY_4SM = "elcSessionkey4SM"
    ELC_SESSIONKEY_4TC = "elcSessionkey4TC"
    ELC_ASYNCHRON_ADMIN = "elcAsynchronAdmin"
    AES_SESSIONKEY_4SM = "aesSessionkey4SM"
    PACE_AES128 = "id-PACE-ECDH-GM-AES-CBC-CMAC-128"


@unique
class KeyType(Enum):
    """What kind of private key an object holds."""

    P256R1 = "brainpoolP256r1"
    RSA_2048 = "RSA 2048"
    RSA_3072 = "RSA 3072"


@dataclass(frozen=True, slots=True)
class Rules:
    """Access rules of one object: by interface, by life cycle state, by security environment.

    A security environment without a rule set of its own allows nothing.
    """

    active: Mapping[int, RuleSet]
    deactivated: Mapping[int, RuleSet]
    contactless_active: Mapping[int, RuleSet]
    contactless_deactivated: Mapping[int, RuleSet]

    def sets(self, interface: "Interface", active: bool) -> Mapping[int, RuleSet]:
        """The rule sets by security environment."""
        if interface is Interface.CONTACT:
            return self.active if active else self.deactivated
        return self.contactless_active if active else self.contactless_deactivated


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder (MF, DF or application); `fid` None if it can only be selected by `aid`."""

    path: str
    aid: bytes
    fid: int | None
    rules: Rules


@dataclass(frozen=True, slots=True)
class TransparentFile:
    """A file that is a string of octets; `size` is its number of octets, the logical end of file may lie before."""

    path: str
    fid: int
    sfid: int | None
    size: int
    rules: Rules


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A file of records: at most `max_records` of at most (fixed kinds: exactly) `record_size` octets."""

    path: str
    fid: int
    sfid: int | None
    kind: RecordKind
    max_records: int
    record_size: int
    total_size: int | None
    record_life_cycle: bool
    rules: Rules


@dataclass(frozen=True, slots=True)
class Password:
    """A password object. `security_stack` by SE: evaluations of PWD() a VERIFY pays for, None for any number."""

    path: str
    id: int
    min_length: int
    max_length: int
    start_retries: int
    start_puk_uses: int
    transport: TransportStatus
    enabled: bool
    security_stack: Mapping[int, int | None]
    rules: Rules


@dataclass(frozen=True, slots=True)
class MultiReferencePassword:
    """A password that shares secret, counters, PUK and transport status with `target`, not its verified state."""

    path: str
    id: int
    target: str
    enabled: bool
    security_stack: Mapping[int, int | None]
    rules: Rules


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key; its public part is read with GENERATE ASYMMETRIC KEY PAIR P1 81."""

    path: str
    id: int
    type: KeyType
    algorithms: frozenset[Algorithm]
    rules: Rules


@dataclass(frozen=True, slots=True)
class SymmetricKey:
    """An AES authentication key: encKey and macKey of `size` octets each (in the image one after the other)."""

    path: str
    id: int
    size: int
    rules: Rules


@dataclass(frozen=True, slots=True)
class ConnectionKey:
    """The shared secret of PACE (CAN), six digits."""

    path: str
    id: int
    rules: Rules


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """A place for a public key that is on the card from the start: a root for CV certificates.

    The key itself differs between trust domains, so it stands in the image.
    """

    path: str
    rules: Rules


FileObject = TransparentFile | RecordFile
PasswordObject = Password | MultiReferencePassword
KeyObject = PrivateKey | SymmetricKey | ConnectionKey | TrustAnchor
CardObject = Folder | FileObject | PasswordObject | KeyObject


def parent_of(path: str) -> str:
    """The path of the folder that holds an object; empty for the root folder."""
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class ObjectSystem:
    """All objects of one kind of card, by path, folders before what they hold; `root` is the one of path MF."""

    kind: CardKind
    root: Folder
    objects: Mapping[str, CardObject]
