"""What every database keeps of an error, whatever its texts hold."""

from __future__ import annotations

from typing import Any

import pytest

from server.app.adapters.database.database import Database
from server.app.adapters.database.error_store import SqlErrorStore
from server.app.core.clock import utc_now
from server.app.core.ids import new_id
from server.app.error_log.record import ErrorFilter
from server.app.services.error_log_service import ErrorLogService

pytestmark = pytest.mark.requirement("R-179", "R-211")


@pytest.mark.parametrize(
    ("shown", "text"),
    [("a\\x00b", "a\x00b"), ("a\\ud800b", "a\ud800b"), ("ä 中 😀", "ä 中 😀"), ("", ""), ("'; --", "'; --")],
    ids=["zero byte", "lone surrogate", "letters", "nothing", "quotation mark"],
)
def test_no_text_keeps_an_error_from_being_kept_and_marked(database: Database, shown: str, text: str) -> None:
    errors = ErrorLogService(SqlErrorStore(database), utc_now)
    error_id = new_id()
    error: dict[str, Any] = {"type": "PluginError", "message": text}
    errors.keep(error_id, error, text, component="plugin p", job_id="j")
    marked = errors.mark(error_id, fix_applied=True, fix_details=text)
    assert (marked.error_message, marked.stack_trace, marked.fix_details) == (shown, shown, shown)
    assert errors.errors(ErrorFilter(component="plugin p", job_id="j", fix_applied=True)) == [marked]
