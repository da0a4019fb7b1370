"""Network: populations of neurons and the projections between them, as plain data."""
