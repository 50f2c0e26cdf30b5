"""Hybrid encryption: TUC_KON_070 "Daten hybrid verschlüsseln", TUC_KON_071 "Daten hybrid entschlüsseln".

`recipients` says who may be encrypted for, `sealing` and `opening` know the formats and do no I/O, `decrypting` asks
cards for keys. What takes time with a document runs in a thread.
"""
