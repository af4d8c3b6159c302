"""The durable record: rows and settlements come in, what may be dialled goes out."""
