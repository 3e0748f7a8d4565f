"""What is approved leaves: policy asked again, relays, files, and the process that works."""
