"""For who answers for a store: acting for its members, asking of many things at once, and what is offered to who polls."""
