"""Claimed rows come in, one POST each goes out, and what it came to is handed to the ledger."""
