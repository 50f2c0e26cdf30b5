"""SICCT V1.3.0 without I/O: envelopes, data objects, commands, events and the connection's state machine."""
