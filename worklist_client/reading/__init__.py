"""Reading a case: finding and judging its priors, asking consent, loading images, knowing what is complete."""
