"""Hostile peers: attacks on ming's server, host and client while honest traffic runs, with bounds on memory, descriptors, logs and rate."""
