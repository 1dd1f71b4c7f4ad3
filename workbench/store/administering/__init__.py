"""For the administrator of a store: setting it up and upgrading it, its members, its server, and its backup."""
