"""UPS-RS over HTTP: URLs, bodies, the guard before them, event channels."""
