"""Foreign peers and the matrix of all of them with ming."""
