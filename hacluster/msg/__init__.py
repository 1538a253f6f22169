"""The language: what machines may say to one another."""
