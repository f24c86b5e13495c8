"""Classes of alerts: simulated pairs that are really subtracted, a network, its tests.

The modules read in the order of the work: ``surveys`` and ``population`` (what is observed, and
what is injected), ``pair``, ``artefacts``, ``subtract`` and ``detect`` (from a scene to an alert),
``cut`` (what a network is shown), ``dataset``, ``model``, ``training``, ``real`` (labelled ZTF
alerts) and ``evaluate``.
"""
