"""Fingerprints of data files: what is recorded, what it proves, and how it is computed.

A fingerprint is a cache: it is computed once per file and key, and a diff without it gives the
same answer, only later. Each fact in one has to earn its cost:

=============  ==================================  ==================================  ============
fact           what equal values prove             used by                             costs
=============  ==================================  ==================================  ============
``columns``    the same values in the same order,  ``route``: files compared by        decoding,
               per block of 65,536 rows            position, in the columns and        hashing
                                                   blocks that differ
rows           (64 bits a row, in ``cache/rows``)  ``compare.by_digest``: rows that    half a scan:
               the same values of a row, wherever  came, went or lie elsewhere,        a hash of a
               it lies                             matched without their columns       cell, 8 bytes
``row_sum``    the same rows, in whatever order    ``route``: rewritten files that     a hundredth
               and files: made of the digests of   need not be opened                  of a scan
               rows
``stored``     the same values in the same order,  ``reuse``: columns that need not    hashing raw
               since the bytes are the same        be decoded; ``route`` likewise      bytes
``encoded``    the same, with another codec or     as ``stored``, where only the       decompressing
               nullability                         compression differs                 the pages
``writer``     nothing; other writers encode in    ``reuse``: whether looking for      nothing
               other ways                          ``encoded`` values can pay
``summaries``  (bounds, sums, NULLs and NaN of a   ``statistics`` of the columns that  two passes
               column)                             changed; NaN-free scans             over numbers
``key``        (NULL and duplicate keys, bounds,   ``route.known_keys``: key problems  a sort of the
               whether keys ascend)                without reading                     key
``chunks``     (where the file stores a column;    ``compare.small_pairs``: columns    a second look
               in ``cache/gathered`` alone)        of many files decoded at once       at the footer
=============  ==================================  ==================================  ============

``Fingerprint.unread`` lists the columns that only ``stored`` covers: a diff does not decode columns
that both files store alike, and a later one that needs them completes the fingerprint. Two files
that store nothing alike are read side by side, and what their blocks have in common is digested
once. Those of many small files that come together are also kept in one object, ``cache/gathered``.
"""
