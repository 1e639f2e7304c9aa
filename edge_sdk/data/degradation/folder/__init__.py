"""Many pictures degraded: a folder of pairs, with what was drawn for each.

Reading order: ``sources`` (which pictures, and what their pairs are called), ``pairing`` (the pairs
of one picture), ``records`` (the files that say what is there), ``sheet`` (some pairs to look at),
``building`` (all of it, by several processes).
"""
