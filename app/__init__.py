"""The application without a face: sources, tracking, threads. Knows no Qt."""

VERSION = "0.1.0"
