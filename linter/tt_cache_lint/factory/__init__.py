"""Finding factories: where they are, what belongs to them, of which op and infra they are."""
