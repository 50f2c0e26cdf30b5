"""Health cards of generation 2.1: APDU, object systems, procedures, and (in `virtual`) a card made of software."""
