"""The ledger's rows come in; a results file and a summary that adds up go out."""
