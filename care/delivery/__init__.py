"""Delivery: the only place with outgoing HTTP; webhooks that are signed, and files."""
