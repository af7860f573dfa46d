"""A moving world: transfers across impairments and events of the network, in the NAT laboratory."""
