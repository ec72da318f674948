"""Statements that helpers narrow and hand back."""

from __future__ import annotations

from typing import Any

from base import Copy, Move, reveal
from sqlalchemy import Select, select
from sqlalchemy.orm import Session


def locked(query: Select[Any], skip: bool = False) -> Select[Any]:
    if skip:
        return query
    return query.with_for_update(skip_locked=True)


def newest(query, limit):
    query = query.order_by("id")
    if limit:
        query = query.limit(limit)
    return query


def copies(session: Session):
    statement = locked(select(Copy).where(Copy.name == "a"), True)
    for each in session.scalars(statement).all():
        reveal(each)  # Copy


def moves(session: Session):
    for each in session.scalars(newest(locked(select(Move)), 3)):
        reveal(each)  # Move
