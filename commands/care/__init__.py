"""`holdfast care`: what can be done for customers, planned, approved, sent and measured."""
