"""The application without a face: sources, tracking, threads. Knows no Qt."""
