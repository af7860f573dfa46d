"""Measures `ming` and its opponents end to end: in namespaces of their own, interleaved, with the CPU time of all tunnel processes."""
