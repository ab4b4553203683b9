"""Pictures of docs/methods, each computed by `stats` from seeded data."""
