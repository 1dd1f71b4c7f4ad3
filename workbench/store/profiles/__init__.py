"""Profiles: what an organisation knows and holds of an address, what hangs on it, and how it is found."""
