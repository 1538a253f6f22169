"""Rules and the name-value sets they guard."""
