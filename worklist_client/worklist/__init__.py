"""The live list of studies to read: entries, filters, due times, who holds what, and the claim."""
