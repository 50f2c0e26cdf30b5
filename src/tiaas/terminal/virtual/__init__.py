"""An eHealth card terminal made of software (gemSpec_KT V3.17.0, SICCT V1.3.0)."""
