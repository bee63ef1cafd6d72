"""Decides. Pure: no Azure, no clock, no environment, no log, no randomness; same inputs, same answer."""
