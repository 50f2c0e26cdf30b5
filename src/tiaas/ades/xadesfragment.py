"""A ds:Signature that came inside a message, as a document of its own.

What surrounds an element declares prefixes, and Canonical XML counts them as the element's own (C14N 1.1, 2.3): taken
out of a SOAP message, a signature would no longer be what was signed. So the declarations that nothing in it uses go.
"""

import re

from tiaas.soap.markup import XmlElement

_START_TAG = re.compile(r"""<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*/?>""")
# Each of these starts where a run of its characters starts, and nowhere within: else a long run takes its square.
_BEFORE_COLON = re.compile(r"""(?<![^\s:<>"'&=/;,()|\[\]{}@*+!])([^\s:<>"'&=/;,()|\[\]{}@*+!]+):""")
_DECLARATION = re.compile(r"""(?<!\s)\s+xmlns(?::([^\s=]+))?\s*=\s*(?:"[^"]*"|'[^']*')""")


def standalone(element: XmlElement, written: str) -> str:
    """`written`, the markup of `element`, without the declarations in its start tag that only its surroundings need.

    A prefix counts as used where it stands before a colon, be it in a value or text; the default namespace where an
    element without prefix is in one.
    """
    start = _START_TAG.match(written)
    if start is None:
        return written
    rest = written[start.end() :]
    used = set(_BEFORE_COLON.findall(_DECLARATION.sub("", start[0]) + rest))
    default = any(item.prefix is None and str(item.tag).startswith("{") for item in element.iter("*"))

    def kept(declaration: re.Match[str]) -> str:
        prefix = declaration[1]
        return declaration[0] if (default if prefix is None else prefix in used) else ""

    return _DECLARATION.sub(kept, start[0]) + rest
