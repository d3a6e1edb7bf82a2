"""How fast the house is, beside its peers on the same machine: `make bench`."""
