"""`python -m neurosim.cli`."""

from neurosim.cli.entry import main

raise SystemExit(main())
