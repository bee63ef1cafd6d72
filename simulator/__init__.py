"""The local Azure: everything the product talks to, in one process, on one virtual clock, from one seed.

It imports nothing of the product and nothing of the product imports it. Start reading at `azure.py`.
"""
