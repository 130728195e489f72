"""The evidence for one-to-many MIG: what is run, and what is made of it."""
