"""One file per pointer tool. A tool is pure: `(event, state) -> (state, edits)`; edits are values."""
