"""Azure Storage, the two services that the product uses: queues and tables, as Microsoft's clients see them."""
