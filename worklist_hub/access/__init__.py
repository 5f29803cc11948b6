"""Who may see and do what: grants, the policy over them, what a row shows, and how a caller is known."""
