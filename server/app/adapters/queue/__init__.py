"""The queue of jobs beyond one machine: PGQueuer, in the same Postgres as the job table."""
