"""The reference model: host association on hierarchical stamps.

The sub-packages read in the order of the work: ``sky`` (what exists),
``scenes`` (what a survey sees of it), ``methods`` (the classical host
finders), ``network`` (the convolutional model), ``training``, ``evaluation``
and ``figures``.  A user of the finished weights needs none of this: the
installed package has ``hstamp.hosts``.
"""

from __future__ import annotations

#: Changes whenever a field rendered from the same seed would change.
DATA_VERSION = "2.1"
