"""The population: which galaxies and stars there are, before any telescope."""
