"""The status page of a practice's Konnektor: what works and, if not, where the fault is.

Knows no Konnektor and no lab: it reads the instances' JSON interface and, in a lab, the control port, both over HTTP.
"""
