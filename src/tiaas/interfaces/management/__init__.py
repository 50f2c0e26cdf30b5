"""The documents of the management interface and their codec; server and client share them."""
