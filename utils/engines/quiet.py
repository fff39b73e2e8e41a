"""Keep libraries that print, log and warn as they work, or report their use, from doing so."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

from utils.files import variables

# OpenVINO sends statistics of its use whenever it converts a model, except under CI.
UNREPORTED = {"CI": "true"}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Swallow what the block prints, logs and warns of; nothing is sent to OpenVINO's makers."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            variables(UNREPORTED),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
