"""The index joins the facts of all modules and answers what names, attributes and expressions may be."""

from governance.index.callees import Callee
from governance.index.index import Index
from governance.index.project import Module, Project

__all__ = ["Callee", "Index", "Module", "Project"]
