"""STIX both ways and TAXII: what goes to partners and comes from them."""
