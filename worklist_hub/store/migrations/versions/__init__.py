"""One file a schema version; `schema.HEAD` names the newest."""
