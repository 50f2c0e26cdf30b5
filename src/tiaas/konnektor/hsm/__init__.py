"""HSM-B: virtual SMC-Bs whose keys are in an HSM, each in a slot of a logical terminal (gemSpec_Kon V5.18 §4.1.4)."""
