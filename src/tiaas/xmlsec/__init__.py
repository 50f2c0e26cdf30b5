"""XML signatures (XMLDSig, XAdES) and encryption: syntax, digests and the mathematics. No trust, no input or output.

A reader never hands out more than what is signed: it takes the element that the caller goes on with, and refuses a
signature that covers anything else (signature wrapping).
"""
