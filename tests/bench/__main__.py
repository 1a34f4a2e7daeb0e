"""`make bench`: speed and size as ratios, measured side by side in one run; no test fails on a clock."""

from tests.bench import landing, night

landing.main()
night.main()
