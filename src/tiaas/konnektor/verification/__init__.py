"""Whether signatures are good: the decisions of TUC_KON_151 and TUC_KON_161 (gemSpec_Kon V5.18 §4.1.8.4), without I/O.

claims = reading.claims_untrusted(...)       # what is in the document (`ades`)
found = claim.checked()                      # does the public key say so, too?
time = moments.reference_time(...)           # which time counts
check = await trust.check_signer(...)        # TUC_KON_037
judgement = judging.judge(...)               # VALID, INVALID, INCONCLUSIVE, and why
report = reporting.Reports().write(...)      # the OASIS report
"""
