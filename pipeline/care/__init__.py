"""Care on a home: planned from its features and scores, approved, sent, answered and measured."""
