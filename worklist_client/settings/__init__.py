"""The choices: declared once as data, stored per profile; translations and key maps are loaded here."""
