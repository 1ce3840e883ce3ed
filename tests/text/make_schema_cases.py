#!/usr/bin/env python3
"""usage: make_schema_cases.py > ../data/json_schema_cases.json

Random schemas of draft 2020-12 and documents for them, with the verdicts of the Python package jsonschema: an independent
reading of the specification. Numbers keep clear of what binary fractions cannot hold, and of exponents.
"""

import json
import random

import jsonschema

pick = random.Random(20)
WORDS = ["", "a", "ab", "abc", "b", "1", "a b", "é", "😀"]
NAMES = ["a", "ab", "b", "x1", ""]


def scalar():
    return pick.choice([None, True, False, 0, 1, 2, 3.5, -1, 10, "a", "ab", "é", ""])


def number():
    return pick.choice([-2, -1, 0, 0.5, 1, 2, 3, 10])


def keywords(depth):
    """One keyword with its value."""
    simple = [
        lambda: ("type", pick.choice(["null", "boolean", "integer", "number", "string", "array", "object",
                                      ["string", "null"], ["integer", "array"], ["object", "string"]])),
        lambda: ("enum", [scalar() for _ in range(pick.randint(1, 4))]),
        lambda: ("const", pick.choice([scalar(), [1, "a"], {"a": 1}])),
        lambda: ("minimum", number()), lambda: ("maximum", number()), lambda: ("exclusiveMinimum", number()),
        lambda: ("exclusiveMaximum", number()), lambda: ("multipleOf", pick.choice([1, 2, 3, 0.5])),
        lambda: ("minLength", pick.randint(0, 2)), lambda: ("maxLength", pick.randint(0, 3)),
        lambda: ("pattern", pick.choice(["^a", "b$", "^a?b?$", "[a-z]", "^[^a]*$", "é"])),
        lambda: ("minItems", pick.randint(0, 2)), lambda: ("maxItems", pick.randint(0, 3)), lambda: ("uniqueItems", True),
        lambda: ("minProperties", pick.randint(0, 2)), lambda: ("maxProperties", pick.randint(0, 3)),
        lambda: ("required", pick.sample(NAMES, pick.randint(1, 2))),
        lambda: ("dependentRequired", {pick.choice(NAMES): pick.sample(NAMES, 1)}),
    ]
    if depth == 0:
        return pick.choice(simple)()
    nested = [
        lambda: ("properties", {name: schema(depth - 1) for name in pick.sample(NAMES, pick.randint(1, 3))}),
        lambda: ("additionalProperties", schema(depth - 1)), lambda: ("patternProperties", {"^a": schema(depth - 1)}),
        lambda: ("propertyNames", {"maxLength": 1}), lambda: ("items", schema(depth - 1)),
        lambda: ("prefixItems", [schema(depth - 1) for _ in range(pick.randint(1, 2))]),
        lambda: ("contains", schema(depth - 1)), lambda: ("not", schema(depth - 1)),
        lambda: ("allOf", [schema(depth - 1) for _ in range(2)]), lambda: ("anyOf", [schema(depth - 1) for _ in range(2)]),
        lambda: ("oneOf", [schema(depth - 1) for _ in range(pick.randint(2, 3))]),
        lambda: ("if", schema(depth - 1)), lambda: ("dependentSchemas", {pick.choice(NAMES): schema(depth - 1)}),
        lambda: ("unevaluatedProperties", pick.choice([False, {"type": "integer"}])),
    ]
    return pick.choice(simple + nested + nested)()


def schema(depth):
    if pick.random() < 0.08:
        return pick.choice([True, False])
    out = dict(keywords(depth) for _ in range(pick.randint(1, 3)))
    if "if" in out:
        out["then"], out["else"] = schema(depth - 1 if depth else 0), schema(0)
    return out


def document(depth=2):
    kind = pick.random()
    if depth == 0 or kind < 0.4:
        return pick.choice([scalar(), pick.choice(WORDS), number()])
    if kind < 0.65:
        return [document(depth - 1) for _ in range(pick.randint(0, 3))]
    return {name: document(depth - 1) for name in pick.sample(NAMES, pick.randint(0, 3))}


def main():
    print("[")
    for index in range(700):
        one = schema(2)
        validator = jsonschema.Draft202012Validator(one)
        texts = {json.dumps(document(), ensure_ascii=index % 2 == 0) for _ in range(40)}
        verdicts = {text: validator.is_valid(json.loads(text)) for text in sorted(texts)}
        yes = [text for text, valid in verdicts.items() if valid][:5]
        no = [text for text, valid in verdicts.items() if not valid][:5]
        case = {"schema": json.dumps(one), "yes": yes, "no": no}
        print(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + ("," if index < 699 else ""))
    print("]")


if __name__ == "__main__":
    main()
