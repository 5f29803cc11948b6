"""The report's way home: durable outbox, identity gate, send, read back, compare, complete."""
