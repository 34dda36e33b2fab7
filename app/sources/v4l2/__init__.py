"""Cameras of the Video4Linux driver, spoken to directly."""
