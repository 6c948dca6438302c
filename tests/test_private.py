"""The private interfaces of other packages exist, take what sklenet passes, and are imported in one module only."""

import ast
import inspect
from importlib import import_module
from pathlib import Path

import pytest

import sklenet
from sklenet import _private, _tasks

PACKAGE = Path(sklenet.__file__).parent
OTHERS = ("onnx", "optuna", "skl2onnx", "sklearn", "skorch", "torch")
TREES = {
    path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")
}
NODES = [(path, node) for path, tree in TREES.items() for node in ast.walk(tree)]
CLASS_OF = {name: kind for kind, (_, attributes) in _private.ATTRIBUTES.items() for name in attributes}

# scikit-learn lists this name in `__all__` and in its guide for developers.
PUBLISHED = {"_safe_indexing"}

# Attributes that a class sets on its instances.
SET_ON_INSTANCES = {"_scorers", "_trial_id"}


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def load(kind):
    if kind == "CallbackSupportMixin":  # releases without it have a stand-in
        return _tasks.CallbackSupportMixin
    return getattr(import_module(_private.ATTRIBUTES[kind][0]), kind)


def seen(module):
    return _private.SEEN[module.partition(".")[0]]


@pytest.mark.parametrize("name", sorted(_private.NAMES))
def test_name_exists(name):
    module, _ = _private.NAMES[name]
    assert hasattr(import_module(module), name), f"{module} was seen to have {name} in {seen(module)}"


@pytest.mark.parametrize(("name", "kind"), sorted(CLASS_OF.items()))
def test_attribute_exists(name, kind):
    module, _ = _private.ATTRIBUTES[kind]
    found = f".{name} = " in inspect.getsource(load(kind)) if name in SET_ON_INSTANCES else hasattr(load(kind), name)
    assert found, f"{module}.{kind} was seen to have {name} in {seen(module)}"


def find_calls():
    """Find the calls of private functions and methods."""
    for path, node in NODES:
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in _private.NAMES:
            yield path, node.func.id, getattr(_private, node.func.id), node
        elif isinstance(node.func, ast.Attribute) and node.func.attr in CLASS_OF:
            name = node.func.attr
            instance = type("Concrete", (load(CLASS_OF[name]),), {"__init__": lambda self: None})()
            yield path, name, getattr(instance, name), node


def test_calls_fit_the_signatures():
    called = set()
    for path, name, function, call in find_calls():
        arguments = [None for _ in call.args], {keyword.arg: None for keyword in call.keywords if keyword.arg}
        try:
            inspect.signature(function).bind(*arguments[0], **arguments[1])
        except TypeError as error:
            pytest.fail(f"{path}:{call.lineno} calls {name} as the installed version does not allow: {error}")
        called.add(name)
    assert {"Interval", "_fit_and_score", "_fit_context", "_format_results", "get_heartbeat_thread"} <= called


def imported_names():
    """Find what is imported from the other packages, as triples of a path, a module and a name."""
    for path, node in NODES:
        if isinstance(node, ast.ImportFrom):
            names = [(node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "import_extra":
            names = [(node.args[0].value, "")] if isinstance(node.args[0], ast.Constant) else []
        else:
            continue
        yield from ((path, module, name) for module, name in names if module.partition(".")[0] in OTHERS)


def test_other_modules_import_nothing_private():
    names = list(imported_names())
    assert len(names) > 100
    private = [
        f"{path} imports {module}.{name}"
        for path, module, name in names
        if any(map(is_private, module.split("."))) or (is_private(name) and name not in PUBLISHED)
    ]
    assert private == []


def own_names():
    """Find the private names that sklenet defines: functions, classes, variables and attributes."""
    for _, node in NODES:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def used_attributes():
    """Find the private attributes that sklenet reads, as pairs of a place and a name."""
    for path, node in NODES:
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            yield f"{path}:{node.lineno}", node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"getattr", "hasattr"}:
            name = node.args[1]
            if isinstance(name, ast.Constant) and is_private(name.value):
                yield f"{path}:{node.lineno}", name.value


def test_private_attributes_of_others_are_listed():
    # `_model` is set through the dictionary of the instance.
    known = {*own_names(), *CLASS_OF, "_model"}
    used = list(used_attributes())
    assert [f"{place} uses {name}" for place, name in used if name not in known] == []
    assert set(CLASS_OF) <= {name for _, name in used}


def test_each_name_is_used():
    imported = {
        alias.name
        for _, node in NODES
        if isinstance(node, ast.ImportFrom) and node.module == "sklenet._private"
        for alias in node.names
    }
    accessed = {
        node.attr
        for _, node in NODES
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "_private"
    }
    assert imported | accessed == set(_private.NAMES)


def test_unknown_names_are_no_attributes():
    with pytest.raises(AttributeError, match=r"module 'sklenet\._private' has no attribute '_fit_context_2'"):
        _ = _private._fit_context_2
