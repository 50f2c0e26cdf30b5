"""The lab's KSR, the Konfigurations- und Software-Repository: tells devices which firmware there is for them."""
