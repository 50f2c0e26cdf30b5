"""One command at work: its channel, the card's contents, and the access rule evaluation (gemSpec_COS V3.12.0, 10)."""

from tiaas.base.dataclass import dataclass
from tiaas.card.apdu import CommandApdu
from tiaas.card.objsys.access import Access
from tiaas.card.objsys.conditions import (
    AllOf,
    Always,
    AnyOf,
    AutFlag,
    Condition,
    Never,
    Pwd,
    SmCmdEnc,
    SmMacFlag,
    SmMacKey,
    SmRspEnc,
)
from tiaas.card.objsys.model import CardObject, Folder, Interface, parent_of
from tiaas.card.status import StatusWord
from tiaas.card.virtual.channel import Channel, KeyUse, Role, SessionUse
from tiaas.card.virtual.contents import Contents
from tiaas.card.virtual.refusal import Refused
from tiaas.card.virtual.tree import on_path


@dataclass(slots=True)
class Execution:
    """What a command handler gets. `channels` are all open ones, by number."""

    contents: Contents
    channel: Channel
    channels: dict[int, Channel]
    command: CommandApdu
    interface: Interface

    def require(self, item: CardObject, access: Access) -> None:
        """AccessRuleEvaluation (N023.400 to N023.700); refuses with 6982."""
        folder = item.path if isinstance(item, Folder) else parent_of(item.path)
        rules = item.rules.sets(self.interface, self.contents.active(item.path))
        condition = rules.get(self.channel.environment(folder), {}).get(access)
        if condition is None or not self._holds(condition, folder):
            raise Refused(StatusWord.SECURITY_STATUS_NOT_SATISFIED)

    def cut(self, data: bytes) -> bytes:
        """The first Ne octets of the answer; without Le field there is none."""
        return data[: self.command.ne or 0]

    def in_use(self) -> set[bytes]:
        """Identifiers of public keys selected on any channel."""
        choices = (choice.key for channel in self.channels.values() for choice in channel.keys.values())
        return {key for key in choices if isinstance(key, bytes)}

    def select_key(self, use: KeyUse) -> tuple[str | bytes, int]:
        """The selected key and algorithm; refuses with 6985 if none is."""
        choice = self.channel.keys.get(use)
        if choice is None:
            raise Refused(StatusWord.NOT_USABLE)
        return choice.key, choice.alg

    def _holds(self, condition: Condition, folder: str) -> bool:
        match condition:
            case Always():
                return True
            case Pwd(ref):
                return self._password_holds(ref, folder)
            case AllOf(parts):
                return all(self._holds(part, folder) for part in parts)
            case AnyOf(parts):
                return any(self._tried(part, folder) for part in parts)
            case AutFlag(oid, flags):
                return any(role.has(oid, flags) and on_path(role.folder, folder) for role in self.channel.roles)
            case SmMacKey() | SmMacFlag():
                return self._session_holds(condition, folder)
            case SmCmdEnc():
                return self.channel.command_enciphered
            case SmRspEnc():
                self.channel.encipher_response = True
                return True
            case Never():
                return False

    def _tried(self, condition: Condition, folder: str) -> bool:
        # Only the alternative that decides may switch the response's encryption on (N022.600d, CosH_cbc).
        before = self.channel.encipher_response
        if self._holds(condition, folder):
            return True
        self.channel.encipher_response = before
        return False

    def _password_holds(self, ref: int, folder: str) -> bool:
        item = self.contents.tree.password(folder, ref)
        if item is None:
            return False
        left = self.channel.verified.get(item.path, 0)
        if left == 0:
            return not self.contents.password_enabled(item)
        if left is not None:
            self.channel.verified[item.path] = left - 1
        return True

    def _session_holds(self, condition: SmMacKey | SmMacFlag, folder: str) -> bool:
        session = self.channel.session
        if session is None or session.use is not SessionUse.SECURE_MESSAGING:
            return False
        partner = session.partner
        if isinstance(condition, SmMacFlag):
            # Stricter than N022.600a for longer role lists: the role must be the session partner's own.
            return isinstance(partner, Role) and partner.has(condition.oid, condition.flags)
        key = self.contents.tree.secret_key(folder, condition.ref)
        return key is not None and partner == key.path and key.path in self.channel.authenticated
