"""The command line: reads arguments, calls one function, prints, and turns outcomes into exit statuses."""

from neurosim.cli.arguments import EXPORTS
from neurosim.cli.entry import main

__all__ = ["EXPORTS", "main"]
