"""Matters: the investigations that profiles are linked to, and the entities that stand behind addresses."""
