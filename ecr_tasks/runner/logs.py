"""Python's logs, in which a run's secrets don't appear."""

from __future__ import annotations

import re
from typing import Any

from ecr_tasks.redaction import HIDDEN, redact


def redact_logs() -> None:
    """Take the secrets out of Python's logs, which `inv -d` turns on, and leave out what travels over the network.

    Invoke logs whole configurations, and botocore whole requests and answers with tokens in them.
    """
    import logging
    import traceback

    create = logging.getLogRecordFactory()

    def create_redacted(*arguments: Any, **options: Any) -> logging.LogRecord:
        record = create(*arguments, **options)
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # the text doesn't fit its arguments, which logging itself reports
            message = str(record.msg)
        if record.name == "invoke":
            message = re.sub(r"(['\"]ecr['\"]: \{)[^}].*", rf"\1{HIDDEN}", message, flags=re.DOTALL)
        record.msg, record.args = redact(message), None
        if isinstance(record.exc_info, tuple) and record.exc_info[0]:
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return record

    logging.setLogRecordFactory(create_redacted)
    for name in ("boto3", "botocore", "urllib3"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))
