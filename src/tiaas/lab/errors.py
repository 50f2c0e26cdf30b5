"""What can go wrong with a lab's folder; every message is for the person who typed the command."""

from pathlib import Path

from tiaas.base.errors import TiaasError


class LabError(TiaasError):
    """A lab cannot be opened, started or found. `str()` is one or two lines that say what to do instead."""


class FolderInUse(LabError):
    """Another process runs the lab in this folder."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"the lab in {folder} is already running ({who}); stop it first, or choose another --dir")
        self.folder = folder
        self.pid = pid


class NotALabFolder(LabError):
    """The folder has content, but no lab in it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is not empty and holds no lab; choose an empty or a new folder with --dir")
        self.folder = folder


class FolderUnusable(LabError):
    """The folder cannot be created, written or read."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"cannot use {folder} as a lab folder: {reason}")
        self.folder = folder
        self.reason = reason


class WrongSchema(LabError):
    """The database was written by another version of tiaas."""

    def __init__(self, folder: Path, found: int, known: int) -> None:
        super().__init__(f"the lab in {folder} has format {found}, this tiaas knows {known}; use another --dir")
        self.found = found
        self.known = known


class LabNotFound(LabError):
    """No running lab fits, or several do."""


class AddressUnusable(LabError):
    """`--listen` names an address on which this machine cannot listen."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"cannot listen on {host}: {reason}; give an address of this machine with --listen")
        self.host = host
        self.reason = reason


class PortTaken(LabError):
    """No usable port: the one the user named is in use, or all that were tried."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} on {host} is in use by another program; stop it or choose another port")
        self.host = host
        self.port = port


class ControlError(TiaasError):
    """The control port cannot do what was asked: HTTP `status`, what is wrong, and what to do instead."""

    def __init__(self, status: int, error: str, hint: str) -> None:
        super().__init__(f"{error}; {hint}")
        self.status = status
        self.error = error
        self.hint = hint


class NotKept(ControlError):
    """The lab's database could not be written, on a full disk say; nothing was changed."""

    def __init__(self, folder: Path, reason: str) -> None:
        error = f"nothing is changed: the lab cannot write in {folder}: {reason}"
        super().__init__(507, error, "see to the disk, then repeat")


class UnknownCard(ControlError):
    """No card of this lab has that ICCSN."""

    def __init__(self) -> None:
        super().__init__(404, "no card of this lab has that ICCSN", "GET /cards lists all cards")


class UnknownCertificate(ControlError):
    """No certificate of this lab has that serial number, and no card that ICCSN."""

    def __init__(self) -> None:
        super().__init__(404, "no certificate or card of this lab has that number", "GET /certificates lists them")


class NoPkiServices(ControlError):
    """The lab's PKI services are not up."""

    def __init__(self) -> None:
        super().__init__(409, "this lab serves no trust lists", "start it with tiaas up")


class UnknownTerminal(ControlError):
    """No terminal of this lab has that ctId."""

    def __init__(self) -> None:
        super().__init__(404, "no terminal of this lab has that ctId", "GET / lists all terminals")


class UnknownSlot(ControlError):
    """The terminal has no such slot."""

    def __init__(self, slots: int) -> None:
        super().__init__(404, "the terminal has no such slot", f"slots are numbered 1 to {slots}")


class SlotOccupied(ControlError):
    """There is a card in the slot already."""

    def __init__(self) -> None:
        super().__init__(
            409,
            "there is a card in that slot; tiaas card list shows it, tiaas card eject ICCSN takes it out",
            "POST …/slots/{n}/eject",
        )


class SlotVacant(ControlError):
    """There is no card in the slot."""

    def __init__(self) -> None:
        super().__init__(409, "there is no card in that slot", 'insert one: POST …/slots/{n}/insert {"iccsn": "…"}')


class NothingToReinsert(ControlError):
    """An insert without ICCSN, but no card was ejected from that slot."""

    def __init__(self) -> None:
        super().__init__(409, "no card was ejected from that slot", 'name the card: {"iccsn": "…"}')


class CardElsewhere(ControlError):
    """The card sits in a slot already."""

    def __init__(self, ct_id: str, slot: int) -> None:
        super().__init__(409, f"the card is in slot {slot} of {ct_id}", "eject it there first")


class BadControlRequest(ControlError):
    """The body is not what the operation reads."""

    def __init__(self, error: str, hint: str) -> None:
        super().__init__(400, error, hint)


class CardExists(ControlError):
    """A card with that ICCSN is in this lab already."""

    def __init__(self) -> None:
        super().__init__(409, "this lab has a card with that ICCSN already", "import it into another lab")
