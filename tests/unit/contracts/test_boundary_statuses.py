"""Names outside the project that stand for a status."""

from __future__ import annotations

import pytest

from governance.contracts.boundary_errors.statuses import named


@pytest.mark.requirement("R-068")
@pytest.mark.parametrize(
    ("dotted", "number"),
    [
        ("http.HTTPStatus.INTERNAL_SERVER_ERROR", 500),
        ("http.HTTPStatus.BAD_GATEWAY.value", 502),
        ("http.client.SERVICE_UNAVAILABLE", 503),
        ("starlette.status.HTTP_504_GATEWAY_TIMEOUT", 504),
        ("fastapi.status.HTTP_200_OK", 200),
        ("rest_framework.status.HTTP_500_INTERNAL_SERVER_ERROR", 500),
        ("requests.codes.not_found", 404),
    ],
)
def test_a_status(dotted: str, number: int) -> None:
    assert named(dotted) == [number]


@pytest.mark.parametrize("dotted", ["http.HTTPStatus", "os.EX_OK", "x.HTTP_5", "logging.ERROR", "value", "codes.x"])
def test_no_status(dotted: str) -> None:
    assert named(dotted) == []
