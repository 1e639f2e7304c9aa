"""Parts of the page on real bursts: ``wall``, noise by color beside a plain mean."""
