"""What the operator can set: types and bounds, changes, and the file they are in."""
