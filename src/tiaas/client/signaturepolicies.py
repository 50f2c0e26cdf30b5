"""Qualified signatures of XML under a signature policy: what a Primärsystem has to send for each (TAB_KON_065).

gemSpec_Kon V5.18 TAB_KON_778 allows them under a policy only; the policy says which part is signed and where the
signature goes, but the request has to name both.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tiaas.ades.xadesvariants import NFDM_POLICY, POLICIES
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import Limits, local_name, parse_document_untrusted

POLICY_NAMES: Mapping[str, str] = MappingProxyType({"nfdm": NFDM_POLICY})
"""Short names of the policies."""
_IDS = ("ID", "Id", "id", "{http://www.w3.org/XML/1998/namespace}id")


@dataclass(frozen=True, slots=True)
class UnderPolicy:
    """The URI of a policy, the Id of the part that is signed, the XPath to the element the signature goes into."""

    policy: str
    part_id: str
    holder: str


def under_policy(policy: str, document: bytes) -> UnderPolicy:
    """What to send for `document` under `policy`; raises `InvalidInput` if it has not got what the policy demands."""
    demands = POLICIES.get(policy)
    if demands is None:
        raise InvalidInput(f"{policy!r} is no signature policy that is known here")
    try:
        root = parse_document_untrusted(document, Limits())
    except BadEnvelope as error:
        raise InvalidInput(f"the document: {error}") from None
    children = {local_name(child): child for child in root}
    part = children.get(demands.part)
    found = None if part is None else next((part.get(name) for name in _IDS if part.get(name)), None)
    if found is None or demands.holder not in children:
        raise InvalidInput(f"the signature policy wants {demands.part} with an Id and {demands.holder}, side by side")
    steps = (local_name(root), demands.holder)
    return UnderPolicy(policy, found, "".join(f"/*[local-name()='{name}']" for name in steps))
