"""Posts of the service's come in, and the callIds that they name go out."""
