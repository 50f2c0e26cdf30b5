"""Versichertenstammdatenmanagement: the insured person's data on the eGK and their services."""
