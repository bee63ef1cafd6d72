"""The evidence as files: what its tables are, how they are written, checked and compared."""
