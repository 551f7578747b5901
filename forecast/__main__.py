"""``python -m forecast`` is the command ``forecast``."""

import sys

from forecast.cli.main import main

sys.exit(main())
