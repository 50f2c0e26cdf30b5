"""XML signatures (XMLDSig, XAdES): syntax, digests and the mathematics. No keys, no trust, no input or output.

A reader never hands out more than what is signed: it takes the element that the caller goes on with, and refuses a
signature that covers anything else (signature wrapping).
"""
