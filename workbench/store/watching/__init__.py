"""What is told without being asked for: watchlists and their alerts, what new intel lists, what changed since, and
alerts handed on to another system."""
