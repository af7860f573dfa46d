"""The NAT laboratory: homes, routers and a public segment in network namespaces, and the matrix of NAT kinds on top of it."""
