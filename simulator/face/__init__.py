"""The local Azure over the network: HTTPS on loopback, in real time. What it says is decided elsewhere."""
