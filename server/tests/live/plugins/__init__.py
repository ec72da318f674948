"""Plugins that go wrong in every way we could think of; the live server discovers them."""
