"""An operator's own tables mapped onto the contracts by one file."""
