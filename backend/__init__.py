"""Domain, store, ledger, vision, JSON API, pages and reports."""
