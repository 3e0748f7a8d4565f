"""How tables of a team's own are read, and what that costs or gains."""
