"""The acceptance cases of the tunnel on loopback."""
