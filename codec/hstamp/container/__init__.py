"""How a stamp travels: Sections 8, 11 and 13 of the specification.

Bytes of a stamp: ``avro`` reads and writes the record, ``blob`` the single-object form, ``as_dict``
maps to the dictionaries of Avro libraries. Object container files: ``ocf`` walks through them,
``compression`` decompresses their blocks, ``tally`` keeps their budgets [LI-4]. Writers' schemas:
``schema_parsing`` checks them [SE-1], ``schema`` finds stamps in them, ``resolution`` says whether
theirs is ours [CO-6]. Records: ``reading`` gives stamps and chosen fields, ``stamp_types`` reads
stamps of other forms, ``skipping`` passes over the rest. ``detect`` tells what a file is, and
``gunzip`` decompresses one within bounds.
"""
