"""JSON Schema (2020-12, as OpenAPI 3.1 uses it) of documents."""

import dataclasses
import enum
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, cast, get_args, get_origin

from tiaas.base.secret import Secret
from tiaas.interfaces.management.documents import is_optional, members, optional, plain, split
from tiaas.interfaces.management.fields import Items, Number, Octets, Text

_REFERENCE = "#/components/schemas/"


class Schemas:
    """Collects the schemas of dataclasses under their names; of an enum in `choices` only those members are there."""

    def __init__(self, choices: Mapping[type, Collection[enum.Enum]] | None = None) -> None:
        self._choices = choices or {}
        self.components: dict[str, Any] = {}
        self._kinds: dict[str, type] = {}

    def reference(self, kind: type) -> dict[str, Any]:
        """A reference to a document's schema, which is added to `components`."""
        name = kind.__name__
        if self._kinds.setdefault(name, kind) is not kind:
            raise ValueError(f"two documents are called {name}")
        if name not in self.components:
            self.components[name] = {}
            self.components[name] = self._document(kind)
        return {"$ref": _REFERENCE + name}

    def of(self, kind: Any, bound: Any = None) -> dict[str, Any]:
        """The schema of one value."""
        kind, inner, _ = split(kind)
        bound = inner or bound
        if is_optional(kind):
            return {"anyOf": [self.of(optional(kind), bound), {"type": "null"}]}
        origin = get_origin(kind)
        if origin is tuple:
            limits = bound if isinstance(bound, Items) else Items()
            return {
                "type": "array",
                "items": self.of(get_args(kind)[0]),
                "minItems": limits.least,
                "maxItems": limits.most,
            }
        if origin is not None and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(get_args(kind)[1])}
        if dataclasses.is_dataclass(kind):
            return self.reference(cast(type, kind))
        if kind in self._choices:
            return {"type": "string", "enum": [choice.value for choice in kind if choice in self._choices[kind]]}
        return _scalar(kind, bound)

    def _document(self, kind: type) -> dict[str, Any]:
        properties = {}
        for member in members(kind):
            schema = self.of(member.kind, member.bound)
            if member.told:
                schema = {**schema, "description": member.told}
            if not member.required and member.default is not None:
                schema = {**schema, "default": plain(member.default)}
            properties[member.name] = schema
        out: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
        required = [member.name for member in members(kind) if member.required]
        if required:
            out["required"] = required
        told = (kind.__doc__ or "").strip().partition("\n\n")[0]
        return {**out, "description": " ".join(told.split())} if told else out


def _scalar(kind: Any, bound: Any) -> dict[str, Any]:
    if kind is bool:
        return {"type": "boolean"}
    if kind is int:
        limits = bound if isinstance(bound, Number) else Number()
        return {"type": "integer", "minimum": limits.least, "maximum": limits.most}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"type": "string", "enum": [choice.value for choice in kind]}
    if kind is bytes:
        most = bound.most if isinstance(bound, Octets) else Octets().most
        return {"type": "string", "contentEncoding": "base64", "maxLength": (most + 2) // 3 * 4}
    if kind is datetime:
        return {"type": "string", "format": "date-time"}
    if kind in (str, Secret):
        text = bound if isinstance(bound, Text) else Text()
        out: dict[str, Any] = {"type": "string", "minLength": text.least, "maxLength": text.most}
        if text.pattern is not None:
            out["pattern"] = f"^{text.pattern}$"
        return {**out, "format": "password"} if kind is Secret else out
    raise TypeError(f"documents have no fields of type {kind}")
