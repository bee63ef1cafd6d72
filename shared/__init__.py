"""The product: stories over a pure core, with one folder that talks to Azure. Read `converge.py` first."""
