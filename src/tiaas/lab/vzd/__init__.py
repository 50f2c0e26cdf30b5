"""The directory of the TI (VZD) in the lab: a real `slapd` with invented people, behind TLS with C.ZD.TLS-S."""
