"""Answers: where a response or an HTTP exception is made, with which status and body."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from governance.contract import Ref
from governance.contracts.boundary_errors.statuses import Statuses, statuses
from governance.facts import Node
from governance.findings import Grade
from governance.index import Index
from governance.index.binding import bind
from governance.index.values import ClassId, FunctionId, Value, last_part

_CLIENTS: Final = frozenset(("httpx", "requests", "responses", "urllib", "urllib3", "unittest", "respx", "boto3"))
"""Distributions whose responses are received or pretended, not given."""

_RESPONSES: Final = {
    "Response": 1, "JSONResponse": 1, "ORJSONResponse": 1, "UJSONResponse": 1, "HTMLResponse": 1,
    "StreamingResponse": 1, "PlainTextResponse": 1, "RedirectResponse": 1, "FileResponse": 1,
    "HTTPResponse": 1, "HttpResponse": 2,
    "JsonResponse": 9, "StreamingHttpResponse": 2, "json_response": 9, "make_response": 1, "EventSourceResponse": 1,
    "TemplateResponse": 9, "MsgSpecJSONResponse": 1,
}  # fmt: skip
_EXCEPTIONS: Final = {"HTTPException": 0, "HTTPError": 0, "abort": 0, "HttpError": 0, "send_error": 0, "set_status": 0}
"""What makes an answer, with the position of the status."""

STATUS_NAMES: Final = frozenset(("status_code", "status", "code", "http_status"))
BODY_ATTRIBUTES: Final = frozenset(("body", "content", "detail", "data"))
_INHERENT: Final = {
    "InternalServerError": 500, "NotImplemented": 501, "BadGateway": 502, "ServiceUnavailable": 503,
    "GatewayTimeout": 504, "HTTPVersionNotSupported": 505, "HTTPInternalServerError": 500, "HTTPServerError": 500,
    "HTTPNotImplemented": 501, "HTTPBadGateway": 502, "HTTPServiceUnavailable": 503, "HTTPGatewayTimeout": 504,
    "HTTPInsufficientStorage": 507, "HttpResponseServerError": 500, "ServerError": 500, "APIException": 500,
    "InternalServerException": 500, "ServiceUnavailableException": 503, "BadRequest": 400, "NotFound": 404,
    "Conflict": 409, "Forbidden": 403, "Unauthorized": 401, "UnprocessableEntity": 422, "TooManyRequests": 429,
    "HTTPBadRequest": 400, "HTTPNotFound": 404, "HTTPConflict": 409, "HTTPForbidden": 403, "HTTPUnauthorized": 401,
    "HttpResponseBadRequest": 400, "HttpResponseNotFound": 404, "HttpResponseForbidden": 403, "Http404": 404,
    "HTTPUnprocessableEntity": 422, "MethodNotAllowed": 405, "PermissionDenied": 403,
}  # fmt: skip
"""Classes of web frameworks that stand for a status."""

FRAMEWORKS: Final = frozenset(
    """fastapi starlette flask quart werkzeug django rest_framework ninja aiohttp sanic falcon litestar bottle pyramid
    tornado connexion blacksheep robyn responder sse_starlette fastapi_utils esmerald emmett microdot cherrypy web
    masonite chalice functions_framework apiflask flask_restful flask_restx flask_smorest drf_spectacular""".split()
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One place at which an answer is made.

    status: the expressions that may hold it; fixed: the number it stands for without one. raised: made to be raised.
    bodies: what else is handed over, apart from headers; inside: what a constructor of the project hands over in its
    place. spread: the `**options` of which nothing is known here.
    """

    at: Ref
    name: str
    raised: bool
    status: tuple[Ref, ...]
    fixed: int | None
    bodies: tuple[Ref, ...]
    headers: tuple[Ref, ...] = ()
    spread: tuple[Ref, ...] = ()
    inside: tuple[FunctionId, tuple[Ref, ...]] | None = None

    def numbers(self, index: Index) -> Statuses:
        """Every status it may have; {} if not known."""
        found: Statuses = {}
        for ref in self.status:
            found |= statuses(index, ref)
        if not self.status and self.fixed is not None:
            found[self.fixed] = Grade.DEFINITE
        return found


def answer(index: Index, call: Ref) -> Answer | None:
    """What a call makes, if it makes an answer."""
    node = index.project.node(call)
    if any(index.project.node((call[0], each))[0] == "star" for each in node[2]):
        node = [*node[:2], [each for given in node[2] for each in _spread(index, call[0], given)], node[3]]
    if any(name is None for name, _ in node[3]):
        node = [*node[:3], [pair for each in node[3] for pair in _keywords(index, call[0], *each)]]
    for value in index.values((call[0], node[1])):
        found = _of_value(index, call, node, value)
        if found is not None:
            return found
    return None


def _spread(index: Index, module: str, argument: int) -> list[int]:
    """`*(500, body)` as arguments, the tuple perhaps in a variable."""
    node = index.project.node((module, argument))
    if node[0] != "star":
        return [argument]
    made = [value for value in index.values((module, node[1])) if value[:2] == ("cont", "tuple")]
    keys = made[0][2] if len(made) == 1 else ()
    here = all(key[:2] == ("n", module) for key in keys)
    return [key[2] for key in keys] if keys and here else [argument]


def _keywords(index: Index, module: str, name: str | None, value: int) -> list[tuple[str | None, int]]:
    """`**{"status_code": 500}` and `**dict(status_code=500)` as keywords, the table perhaps in a variable."""
    if name is not None:
        return [(name, value)]
    node = index.project.node((module, value))
    for _ in range(6):
        if node[0] not in ("local", "annotated") or node[2] < 0:
            break
        node = index.project.node((module, node[2]))
    if node[0] == "call" and "builtins.dict" in index.names.dotted((module, node[1])):
        return [(key, each) for key, each in node[3] if key]
    if node[0] != "dict":
        value, node = _kept(index, (module, value), node)
    if node[0] != "dict":
        return [(None, value)]
    keys = [(index.project.node((module, key)) if key >= 0 else ["", "", None], each) for key, each in node[1]]
    keys += _added(index, (module, value))
    return [(str(key[2]), each) for key, each in keys if key[:2] == ["const", "str"]]


def _kept(index: Index, ref: Ref, node: Node) -> tuple[int, Node]:
    """The one dictionary of the same module that an expression is known to be: an entry of a table, a module's own."""
    sites = [each[2][0][1:] for each in index.values(ref) if each[:2] == ("cont", "dict") and each[2][0][0] == "dkey"]
    if len(sites) == 1 and sites[0][0] == ref[0]:
        return sites[0][1], index.project.node((ref[0], sites[0][1]))
    return ref[1], node


def _added(index: Index, table: Ref) -> list[tuple[Node, int]]:
    """What is stored into a local table: key and value of every `table["status_code"] = 500` of its function."""
    project = index.project
    name = project.last_name(table)
    stores = [project.node(store) for store in project.item_stores(name or "") if _is_beside(index, store, table)]
    return [(project.node((table[0], store[2])), store[3]) for store in stores]


def _is_beside(index: Index, one: Ref, other: Ref) -> bool:
    return one[0] == other[0] and index.project.owner(one) == index.project.owner(other)


def _of_value(index: Index, call: Ref, node: Node, value: Value) -> Answer | None:
    if value[0] in ("ext", "xmeth"):
        dotted = str(value[1] if value[0] == "ext" else f"{value[1]}.{value[2]}")
        return _external(call, node, dotted)
    if value[0] in ("cls", "selfcls"):
        return _project_class(index, call, node, value[1])
    if value[0] == "partial":
        inner = index.project.node((value[1], value[2]))
        if inner[2]:
            merged: Node = ["call", inner[2][0], [*inner[2][1:]], inner[3]]
            for each in index.values((value[1], inner[2][0])):
                if each[0] == "ext":
                    kept = _external((value[1], value[2]), merged, each[1])
                    own = _external(call, ["call", node[1], [*inner[2][1:], *node[2]], node[3]], each[1])
                    if kept is not None and own is not None:
                        given = [each for each in own.status if call[0] == value[1]]
                        status = tuple(given) or kept.status
                        return Answer(call, own.name, own.raised, status, own.fixed, (*own.bodies, *kept.bodies))
    return None


def _external(call: Ref, node: Node, dotted: str) -> Answer | None:
    root, name = dotted.partition(".")[0], last_part(dotted)
    if root in _CLIENTS or (root == "aiohttp" and ".web" not in dotted):
        return None
    if root not in FRAMEWORKS and not any(key == "status_code" for key, _ in node[3]):
        return None
    if name in _INHERENT:
        return _made(call, node, name, None, _INHERENT[name], raised=not name.startswith("HttpResponse"))
    if name in _EXCEPTIONS:
        return _made(call, node, name, _EXCEPTIONS[name], None, raised=True)
    if name in _RESPONSES:
        return _made(call, node, name, _RESPONSES[name], 307 if name == "RedirectResponse" else 200, raised=False)
    return None


def _made(call: Ref, node: Node, name: str, position: int | None, fixed: int | None, *, raised: bool) -> Answer:
    module = call[0]
    status = [(module, value) for key, value in node[3] if key in STATUS_NAMES]
    headers = tuple((module, value) for key, value in node[3] if key == "headers")
    spread = tuple((module, value) for key, value in node[3] if key is None)
    bodies = [(module, value) for key, value in node[3] if key not in STATUS_NAMES and key != "headers"]
    for number, argument in enumerate(node[2]):
        if number == position:
            status.append((module, argument))
        else:
            bodies.append((module, argument))
    return Answer(call, name, raised, tuple(status), None if spread else fixed, tuple(bodies), headers, spread)


def _project_class(index: Index, call: Ref, node: Node, cls: ClassId) -> Answer | None:
    """A class of the project that derives from one of a framework."""
    for base in sorted(index.external_bases(cls)):
        outer = _external(call, node, base)
        if outer is None:
            continue
        name = index.project.scope(cls).name
        held = _class_status(index, cls)
        made = index.classes.lookup(cls, "__init__")
        for each in made[1] if made else ():
            init = index.project.node(each)
            if init[0] == "function":
                return _initialised(index, (each[0], init[1]), call, node, base, replace(outer, name=name), held)
        return Answer(call, name, outer.raised, outer.status or held, outer.fixed, outer.bodies, outer.headers)
    return None


def _class_status(index: Index, cls: ClassId) -> tuple[Ref, ...]:
    """A status written in the class body."""
    for name in ("status_code", "code", "status", "http_status", "default_status"):
        bound = index.classes.lookup(cls, name)
        if bound is not None and any(statuses(index, ref) for ref in bound[1]):
            return tuple(bound[1])
    return ()


def _initialised(
    index: Index, init: FunctionId, call: Ref, node: Node, base: str, outer: Answer, held: tuple[Ref, ...]
) -> Answer:  # fmt: skip
    """What `__init__` hands to the framework's class, seen from the call that constructs the instance."""
    status: list[Ref] = []
    bodies: list[Ref] = []
    facts = index.project.modules[init[0]].facts
    for number, inner in enumerate(facts.nodes):
        if facts.owner[number] != init[1]:
            continue
        if inner[0] == "call" and facts.nodes[inner[1]][0] == "attr" and facts.nodes[inner[1]][2] == "__init__":
            # `Base.__init__(self, 500)` has its receiver in front.
            explicit = facts.nodes[facts.nodes[inner[1]][1]][0] != "call"
            passed = _external((init[0], number), ["call", inner[1], inner[2][explicit:], inner[3]], base)
            status += passed.status if passed else ()
            bodies += passed.bodies if passed else ()
        elif inner[0] == "store_attr" and inner[2] in STATUS_NAMES:
            status.append((init[0], inner[3]))
        elif inner[0] == "store_attr" and inner[2] in BODY_ATTRIBUTES:
            bodies.append((init[0], inner[3]))
    seen = tuple(each for ref in status for each in handed(index, init, ref, call, node, bound=True))
    given = tuple((call[0], each) for each in (*node[2], *(value for _, value in node[3])))
    return replace(outer, status=seen or held, bodies=() if bodies else given, inside=(init, tuple(bodies)))


def parameter_of(index: Index, function: FunctionId, ref: Ref) -> int | None:
    """The number of the function's parameter that an expression is, seen through names; None if it is none."""
    if ref[0] != function[0]:
        return None
    number = ref[1]
    for _ in range(8):
        node = index.project.node((ref[0], number))
        if node[0] == "param":
            return int(node[2]) if node[1] == function[1] else None
        if node[0] == "local" and node[2] >= 0:
            number = node[2]
        elif node[0] == "narrow":
            number = node[1]
        elif node[0] == "free":
            found = index.names.binding((ref[0], node[2]), node[1])
            if not found or len(found) != 1 or found[0][0] != ref[0]:
                return None
            number = found[0][1]
        elif node[0] == "call" and node[2] and index.externals((ref[0], number)) & {"builtins.int"}:
            number = node[2][0]
        else:
            return None
    return None


def handed(index: Index, function: FunctionId, ref: Ref, call: Ref, node: Node, *, bound: bool) -> list[Ref]:
    """An expression inside a function, seen from a call of it: the argument or default if it is a parameter."""
    position = parameter_of(index, function, ref)
    if position is None:
        return [ref]
    scope = index.project.scope(function)
    given = [(call[0], argument) for number, argument in bind(scope, node, bound) if number == position]
    if given:
        return given
    default = scope.params[position].default
    return [(function[0], default)] if default >= 0 else [ref]


def made_in(index: Index, function: FunctionId) -> Iterator[Answer]:
    """The answers a function makes itself, nested functions included."""
    for number in index.project.calls_within(function):
        found = answer(index, (function[0], number))
        if found is not None:
            yield found
