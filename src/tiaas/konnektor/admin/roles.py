"""Who may do what (TIP1-A_4810): the sets of roles that rows of the table name."""

from tiaas.interfaces.management.roles import Role

INSTANCE_ROLES = frozenset({Role.LOKAL, Role.REMOTE, Role.SUPER})
"""Everybody inside an instance."""
ON_SITE = frozenset({Role.LOKAL, Role.SUPER})
"""Where personal data show, a person must be at a terminal, or secrets are handed out (TIP1-A_5652 for the rest)."""
SUPER_ONLY = frozenset({Role.SUPER})
BASIS_ONLY = frozenset({Role.BASIS})
