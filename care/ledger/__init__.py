"""The ledger: what was planned, approved, sent and reported, in one SQL database, appended only."""
