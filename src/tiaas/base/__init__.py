"""Ground floor: clock, entropy, secrets, errors, log fields, configuration. Standard library only."""
