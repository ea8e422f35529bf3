"""Expressions that an API server would not compile; it was asked for each of these."""

from __future__ import annotations

from support import each_of

from constructs_st2.checks.api import cel

RIGHT = (
    "object.spec.replicas <= 5",
    "!has(object.metadata.labels) || object.metadata.labels.all(k, k.startsWith('a'))",
    "object.metadata.?labels['a'].orValue(\"x\") == 'y'",
    r"object.spec.containers.all(c, c.image.matches(r'^[a-z]+\.example\.org/.*$'))",
    "request.operation != 'DELETE' && (oldObject == null || object.spec.x == oldObject.spec.x)",
    """variables.containers.filter(c, !(c.image in ["a", 'b'])).map(c, c.name).join(', ') == "" """,
    "quantity(object.spec.x).isLessThan(quantity('10Mi')) || type(object.spec.x) == int",
    "size(object.spec.containers) > 0 ? true : false",
    "authorizer.group('').resource('pods').namespace('default').check('create').allowed()",
    "namespaceObject.metadata.labels[?'x'].hasValue()",
    "int(object.x) - 1 == 0x1F // comment",
    "[1, 2, 3,].size() == 3",
    '"""multi\nline""" == \'\'',
    "-object.x == -1 && !!true",
    "object.x == 'it\\'s' // it's\n && 'a//b' != object.`c'd`",
    "google.protobuf.Duration{seconds: 1} == duration('1s')",
)
WRONG = (
    ("object.spec.replicas = 5", "did you mean ==?"),
    ("object.a && b.c", 'there is no "b" here'),
    ("object.a and object.b", "there is no operator between a and and; did you mean &&?"),
    ("not object.x", "did you mean !?"),
    ("object.spec..x", ". has nothing before it"),
    ("object.spec.x > ", "> has nothing behind it"),
    ("object.x in", "in has nothing behind it"),
    ("object.a.startsWith('a' 'b')", "no operator"),
    ("(object.x == 1", "( is not closed"),
    ("object.x == 1)", ") closes nothing"),
    ("object.x == 'a", "the text does not end"),
    ("object.a & object.b", "did you mean &&?"),
    ("object.x.all(k, j == 1)", 'there is no "j" here'),
    ("object.x == undefined", 'there is no "undefined" here'),
    # What stands in texts is left out first: it must not join what stands beside them.
    ('object.x == \'a\'"\\" \n"', "cannot be read"),
    ("'//' inb'c'", "there is no operator between '//' and inb"),
    ("// it's\nobject.x == 'a' 'b'", "no operator"),
    ("", "is required"),
    (5, "is required"),
)


@each_of("text", RIGHT)
def test_what_the_server_compiles_is_right(text: str) -> None:
    assert cel.fault(text, cel.OF_ADMISSION) is None


@each_of(("text", "message"), WRONG)
def test_what_it_does_not_compile_is_told(text: object, message: str) -> None:
    assert message in str(cel.fault(text, cel.OF_ADMISSION))
