"""What a survey sees of the sky: rendering, observing, transients, data sets."""
