"""The claims of Bengio 2020 (arXiv 2007.15139), measured: one module for each group of claims, one for each figure."""
