"""XPaths that need no prefixes, to elements of a document and to one that is going to stand in it.

    /*[local-name()='Brief']/*[local-name()='Signature'][2]

A position stands only where there are several of a name: dss:SignaturePtr names a signature this way (OASIS DSS core
2.5).
"""

from itertools import islice

from tiaas.soap.markup import XmlElement, local_name


def path_to(element: XmlElement) -> str:
    """The XPath to an element."""
    path, node = "", element
    while (parent := node.getparent()) is not None:
        name = local_name(node)
        same = f"{{*}}{name}"
        before = len(list(node.itersiblings(same, preceding=True)))
        path = _step(name, before, next(node.itersiblings(same), None) is not None) + path
        node = parent
    # There is one document element.
    return f"/*[local-name()='{local_name(node)}']{path}"


def path_to_new(parent: XmlElement, name: str, at: int) -> str:
    """The XPath to an element of that local name that is going to be the child of `parent` with the index `at`."""
    same = len(list(parent.iterchildren(f"{{*}}{name}")))
    before = sum(1 for child in islice(parent, at) if local_name(child) == name) if same else 0
    return path_to(parent) + _step(name, before, same > before)


def path_to_first(root: XmlElement, name: str) -> str:
    """`path_to_new` below a document element that has no child of that name."""
    return f"/*[local-name()='{local_name(root)}']/*[local-name()='{name}']"


def _step(name: str, before: int, is_followed: bool) -> str:
    return f"/*[local-name()='{name}']" + (f"[{before + 1}]" if before or is_followed else "")
