"""The simulated TI: PKI, people, cards, practices with virtual terminals, control port, ready file. TEST-ONLY."""
