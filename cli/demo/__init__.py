"""The whole story on the local Azure: `make demo`."""
