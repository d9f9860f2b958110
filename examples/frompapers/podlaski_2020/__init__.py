"""The parts of Podlaski_2020.py: simulation of many networks side by side, tasks, figures."""
