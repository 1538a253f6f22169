"""The laboratory: pretended hosts made of Linux namespaces, and a client that measures what they serve.

For the demo and for tests. Nothing is created in the machine's own network or file system, and everything is gone when
the process that opened the laboratory is gone, however it ended.
"""
