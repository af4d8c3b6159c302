"""Pure decisions: data in, data out; no clock, no file, no network."""
