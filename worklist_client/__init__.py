"""The desktop application: see, claim, open with priors, measure, report, sign, deliver with proof, next."""
