"""What an operator's Prometheus asks (docs/metrics.md, decision 24).

families.py   counters, gauges and histograms, and how they are spelt; pure
board.py      each process shows its own page to the others of its machine; whoever is asked shows them all
process.py    what every process tells of itself
"""
