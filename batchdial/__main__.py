"""`python -m batchdial`."""

from batchdial.cli import main

main()
