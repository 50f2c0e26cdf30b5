"""Clients and modules towards the services of the TI; strangers to each other."""
