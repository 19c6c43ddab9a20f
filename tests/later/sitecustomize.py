"""Whatever Python is started with this folder on its path lives DAYS_LATER days from now."""

import os
import sys
from datetime import UTC, datetime, timedelta

sys.path.append(os.environ["CLOCK_FROM"])
import time_machine  # only found there

sys.path.pop()
time_machine.travel(datetime.now(UTC) + timedelta(days=int(os.environ["DAYS_LATER"])), tick=True).start()
