"""Cannot be imported."""

import module_that_nobody_has  # type: ignore[import-not-found]

PLUGIN = module_that_nobody_has.Plugin
