"""The parts of Meulemans_2021.py: settings, training that is kept, measures, figures, tables."""
