"""Declares no schemas, and its run takes no payload."""


class NoSchema:
    name = "no-schema"

    def run(self) -> None:
        return None


PLUGIN = NoSchema
