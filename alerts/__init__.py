"""Rules over the journal, the cases they raise, and the delivery of notices to people."""
