"""Finds objects of an object system: by file identifier, short identifier, application, reference.

gemSpec_COS V3.12.0, chapter 9.2 (file, password and key search). Built once for each object system.
"""

from collections.abc import Mapping
from functools import cache

from tiaas.card.objsys.addresses import LOCAL
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import (
    CardKind,
    CardObject,
    ConnectionKey,
    FileObject,
    Folder,
    KeyProfile,
    MultiReferencePassword,
    Password,
    PasswordObject,
    PrivateKey,
    RecordFile,
    SymmetricKey,
    TransparentFile,
    parent_of,
)

SecretKey = PrivateKey | SymmetricKey | ConnectionKey


class Tree:
    """The objects of one kind of card, ready for look-ups."""

    def __init__(self, kind: CardKind, profile: KeyProfile) -> None:
        system = object_system(kind, profile)
        self.objects: Mapping[str, CardObject] = system.objects
        self.root = system.root
        self._files: dict[tuple[str, int], FileObject] = {}
        self._short: dict[tuple[str, int], FileObject] = {}
        self._folders: dict[tuple[str, int], Folder] = {}
        self._applications: list[Folder] = []
        self._passwords: dict[tuple[str, int], PasswordObject] = {}
        self._keys: dict[tuple[str, int], SecretKey] = {}
        for path, item in system.objects.items():
            self._enter(path, item)

    def _enter(self, path: str, item: CardObject) -> None:
        parent = parent_of(path)
        match item:
            case Folder():
                self._applications.append(item)
                if item.fid is not None:
                    self._folders[parent, item.fid] = item
            case TransparentFile() | RecordFile():
                self._files[parent, item.fid] = item
                if item.sfid is not None:
                    self._short[parent, item.sfid] = item
            case Password() | MultiReferencePassword():
                self._passwords[parent, item.id] = item
            case PrivateKey() | SymmetricKey() | ConnectionKey():
                self._keys.setdefault((parent, item.id), item)
            case _:
                pass  # trust anchors: their keys are found in the image

    def folder_with_fid(self, folder: str, fid: int) -> Folder | None:
        """The folder directly in `folder` with this file identifier."""
        return self._folders.get((folder, fid))

    def file_with_fid(self, folder: str, fid: int) -> FileObject | None:
        """The file directly in `folder` with this file identifier."""
        return self._files.get((folder, fid))

    def file_with_sfid(self, folder: str, sfid: int) -> FileObject | None:
        """The file directly in `folder` with this short identifier."""
        return self._short.get((folder, sfid))

    def applications(self, aid: bytes) -> list[Folder]:
        """The folders `aid` fits, the root first; an empty one fits all (N048.000)."""
        return [folder for folder in self._applications if not aid or folder.aid == aid]

    def password(self, folder: str, reference: int) -> PasswordObject | None:
        """SearchPwd (N020.700): global references look in the root only, local ones upwards without the root."""
        number = reference % LOCAL
        if reference < LOCAL:
            return self._passwords.get(("MF", number))
        while folder != "MF":
            found = self._passwords.get((folder, number))
            if found is not None:
                return found
            folder = parent_of(folder)
        return None

    def secret_key(self, folder: str, reference: int) -> SecretKey | None:
        """SearchSecretKey without algorithm (N021.100 to N021.400)."""
        number = reference % LOCAL
        if reference < LOCAL:
            return self._keys.get(("MF", number))
        while folder != "MF":
            found = self._keys.get((folder, number))
            if found is not None:
                return found
            folder = parent_of(folder)
        return None


@cache
def tree_of(kind: CardKind, profile: KeyProfile = KeyProfile.RSA_AND_ECC) -> Tree:
    """The look-up tables of that kind of card."""
    return Tree(kind, profile)


def on_path(folder: str, path: str) -> bool:
    """True if `folder` is `path` or lies above it."""
    return path == folder or path.startswith(folder + "/")
