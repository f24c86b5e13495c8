"""The network: shared convolutions over grids at their true sky offsets."""
