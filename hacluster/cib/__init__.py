"""The CIB as a document: configuration as a tree, status as records, upgrades on reading."""
