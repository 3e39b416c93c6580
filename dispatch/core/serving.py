"""How the web server runs: gunicorn reads this module's names as its configuration.

An open event stream holds a thread for as long as it lasts, so the number of threads follows the number of streams,
with enough to spare that pages are always answered.
"""

import signal
import threading
from types import FrameType
from typing import Any

from dispatch.core.config import settings

SPARE_THREADS = 16

# Set from the moment the process was asked to stop: streams end, and the readiness page says no.
draining = threading.Event()

_settings = settings()
bind = f"{_settings.host}:{_settings.port}"
workers = _settings.web_processes
worker_class = "gthread"
threads = _settings.web_streams + SPARE_THREADS
# A worker is alive while its main thread turns; slow requests end by their own limits.
timeout = 60
graceful_timeout = 20
keepalive = 5
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
# gunicorn's own control channel would be one more way in, in the home folder.
control_socket_disable = True
accesslog = None
errorlog = "-"
loglevel = "warning"


def post_worker_init(worker: Any) -> None:
    """Raise the flag for streams before gunicorn's own handler begins to wait for them."""
    before = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        draining.set()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, stop)
    # An interrupted system call must be retried, as in gunicorn's own set-up.
    signal.siginterrupt(signal.SIGTERM, False)
