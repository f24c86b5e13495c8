"""How a stamp travels: Section 8 of the specification.

``avro`` reads and writes the record's bytes, ``blob`` the single-object form, ``ocf`` reads object
container files within bounds, ``record`` maps to the dictionaries of Avro libraries and ``schema``
holds the schema and finds stamps in others.
"""
