"""The verbs: every action as a row of a command table, and the session of the case being read. No Qt."""
