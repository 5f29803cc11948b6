"""Opening a case: priors, consent, loading, completeness."""
