"""What every network that looks at alerts shares: reading, tables, pages, weights."""
