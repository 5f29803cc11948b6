"""The built-in accounts: names and argon2id passwords for solo use and small groups, and the tokens they get."""
