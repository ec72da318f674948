"""Runs the migrations: on the connection that the server hands over, or on ``-x url=...`` of the command line."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, Engine, NullPool, create_engine

from server.app.adapters.database.database import on_connection
from server.app.adapters.database.lines import Connector
from server.app.adapters.database.tables import METADATA


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    url = context.get_x_argument(as_dictionary=True).get("url")
    if url is None:
        raise SystemExit("say which database: alembic -c server/alembic.ini -x url=sqlite:///path/to/cts.db ...")
    connector: Engine | Connector
    if str(url).startswith(("postgresql://", "postgres://")):
        from server.app.adapters.database.postgres import Postgres  # its driver takes long to import

        connector = Postgres(str(url))
    else:
        connector = create_engine(str(url), poolclass=NullPool)

    def work(opened: Connection) -> None:
        with opened.begin():
            run(opened)

    on_connection(connector, work)
