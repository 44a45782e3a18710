"""One file per source: `PAPER`, what it published, and `CHECKS`, the same through the public API."""
