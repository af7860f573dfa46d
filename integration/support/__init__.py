"""What the integration suites share: processes and namespaces, hashed transfers, running cases and printing their results."""
