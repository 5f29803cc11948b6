"""What must not be lost: claims, drafts, outbox, audit. The only room that opens the journal file."""
