"""Networks of the health service behind the TI ("mit WANDA Basic"): which there are, which of them an instance uses."""
