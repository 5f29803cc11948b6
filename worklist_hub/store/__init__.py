"""Where the hub keeps workitems. `port` is what the rest of the process may use."""
