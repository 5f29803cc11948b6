"""Images that came, under hashed names, with a budget. May be deleted at any time."""
