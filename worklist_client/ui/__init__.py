"""Windows. Widgets get models and a `run_command`; no I/O and no rules in here."""
