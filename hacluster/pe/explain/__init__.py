"""Why a schedule decided as it did: the ledger put into words, and what one change would make of it."""
