"""What the machine itself says: temperatures, clocks, memory, power, fans."""
