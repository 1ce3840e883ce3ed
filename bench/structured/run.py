#!/usr/bin/env python3
"""usage: run.py --model F.gguf [--suite DIR] [--schemas DIR] [--sample N] [--json]

How much of JSON Schema is understood, whether anything invalid would be let through, and how long a token mask takes.

--suite DIR    a checkout of json-schema-org/JSON-Schema-Test-Suite: its tests of draft 2020-12 (format as an assertion)
--schemas DIR  a checkout of guidance-ai/jsonschemabench: its schemas (data/), N of each data set. Documents for them are
               made from the schemas by small changes; the Python package jsonschema says which of them are valid.

Needs the target structured_bench (ninja -C build/release structured_bench) and, for --schemas, `pip install jsonschema`.
"""

import argparse
import json
import pathlib
import random
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What others publish for the same question, on their machines.
PUBLISHED = [
    ("llguidance, mean of all masks of JSONSchemaBench, 128k tokens", "under 50 us; below 1% over 1 ms; 0.001% over 10 ms",
     "README.md of guidance-ai/llguidance, 'Comparison and performance'"),
    ("llguidance, one mask without its slicer", "about 1500 us", "the same"),
    ("llguidance, oneOf schemas supported", "68%", "docs/json_schema.md of guidance-ai/llguidance"),
]


def suite_cases(folder: pathlib.Path):
    """Each group of tests: its schema, and each document in three spellings."""
    tests = folder / "tests/draft2020-12"
    for path in sorted([*tests.glob("*.json"), *(tests / "optional/format").glob("*.json")]):
        for group in json.loads(path.read_text("utf-8")):
            documents = []
            for test in group["tests"]:
                for spelling in ({}, {"ensure_ascii": False}, {"indent": 2, "ensure_ascii": False}):
                    documents.append({"text": json.dumps(test["data"], **spelling), "valid": test["valid"]})
            yield {"name": f"{path.stem}: {group['description']}",
                   "schema": json.dumps(group["schema"], ensure_ascii=False), "tests": documents}


class Maker:
    """Documents that often, not always, fit a schema."""

    def __init__(self, schema, seed):
        self.root = schema
        self.random = random.Random(seed)

    def resolve(self, schema):
        for _ in range(20):
            ref = schema.get("$ref") if isinstance(schema, dict) else None
            if not isinstance(ref, str) or not ref.startswith("#"):
                break
            at = self.root
            for step in ref[1:].split("/")[1:]:
                step = step.replace("~1", "/").replace("~0", "~")
                at = at.get(step, {}) if isinstance(at, dict) else {}
            schema = at
        return schema if isinstance(schema, dict) else {}

    def make(self, schema, depth=0):
        schema, pick = self.resolve(schema), self.random
        if depth > 12:
            return None
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return pick.choice(schema["enum"])
        merged = dict(schema)
        for word in ("allOf", "anyOf", "oneOf"):
            branches = schema.get(word)
            if isinstance(branches, list) and branches:
                for branch in branches if word == "allOf" else [pick.choice(branches)]:
                    for key, value in self.resolve(branch).items():
                        if key == "properties" and isinstance(merged.get(key), dict) and isinstance(value, dict):
                            merged[key] = {**merged[key], **value}
                        elif key == "required" and isinstance(merged.get(key), list) and isinstance(value, list):
                            merged[key] = merged[key] + value
                        else:
                            merged.setdefault(key, value)
        if "const" in merged or "enum" in merged and merged.get("enum") != schema.get("enum"):
            return self.make({k: v for k, v in merged.items() if k in ("const", "enum")}, depth)
        kind = merged.get("type")
        if isinstance(kind, list):
            kind = pick.choice(kind) if kind else None
        if kind is None:
            kind = ("object" if "properties" in merged or "required" in merged else
                    "array" if "items" in merged else pick.choice(["string", "integer", "object", "boolean", "null"]))
        return self.of_kind(kind, merged, depth)

    def of_kind(self, kind, schema, depth):
        pick = self.random
        if kind == "object":
            properties = schema.get("properties") if isinstance(schema.get("properties"), dict) else {}
            required = schema.get("required") if isinstance(schema.get("required"), list) else []
            out = {}
            names = list(properties)
            pick.shuffle(names)
            for name in names:
                if name in required or (depth < 4 and pick.random() < 0.5):
                    out[name] = self.make(properties[name], depth + 1)
            for name in required:
                if name not in out and isinstance(name, str):
                    additional = schema.get("additionalProperties")
                    out[name] = self.make(additional if isinstance(additional, dict) else {}, depth + 1)
            if pick.random() < 0.15:
                out[pick.choice(["extra", "x-y", "1"])] = pick.choice([1, "v", None])
            return out
        if kind == "array":
            items = schema.get("items", {})
            least = schema.get("minItems", 0) if isinstance(schema.get("minItems", 0), int) else 0
            count = min(max(least, pick.randint(0, 3) if depth < 5 else 0), 30)
            if isinstance(items, list):
                return [self.make(item, depth + 1) for item in items[:max(count, 1)]]
            return [self.make(items, depth + 1) for _ in range(count)]
        if kind in ("integer", "number"):
            low, high = schema.get("minimum", -5), schema.get("maximum", 1000)
            if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
                low, high = 0, 10
            value = pick.choice([low, high, int(low) + 1, pick.randint(0, 100)])
            return int(value) if kind == "integer" else value
        if kind == "string":
            return self.text(schema)
        return {"boolean": pick.choice([True, False]), "null": None}.get(kind)

    def text(self, schema):
        known = {"date-time": "2024-02-29T12:00:00Z", "date": "2024-02-29", "time": "12:00:00Z", "email": "a@b.cd",
                 "uri": "http://a.bc/d?e", "uuid": "2eb8aa08-aa98-11ea-b4aa-73b441d16380", "ipv4": "1.2.3.4", "ipv6": "::1",
                 "hostname": "a.bc"}
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            for word in ("abc", "a", "1", "12", "1.0.0", "A1", "/a/b", "2024-02-29", "#ffffff", "http://a.bc", "a-b", "A_B",
                         "ab/cd", "a@b.cd", "0x1f", ""):
                try:
                    if re.search(pattern, word):
                        return word
                except re.error:
                    break
        if schema.get("format") in known:
            return known[schema["format"]]
        word = self.random.choice(["", "a", "hello world", "naïve 日本 \"quoted\" \\ \n", "😀"])
        least = schema.get("minLength", 0)
        if isinstance(least, int) and len(word) < least < 200:
            word += "x" * (least - len(word))
        most = schema.get("maxLength")
        return word[:most] if isinstance(most, int) else word

    def spoil(self, value):
        """The value with one small change somewhere."""
        pick = self.random
        if isinstance(value, dict) and value and pick.random() < 0.8:
            out = dict(value)
            name = pick.choice(list(out))
            how = pick.random()
            if how < 0.3:
                del out[name]
            elif how < 0.4:
                out[name + "_"] = out[name]
            else:
                out[name] = self.spoil(out[name])
            return out
        if isinstance(value, list) and value and pick.random() < 0.8:
            at = pick.randrange(len(value))
            return [*value[:at], self.spoil(value[at]), *value[at + 1:], *([value[at]] if pick.random() < 0.3 else [])]
        if isinstance(value, str) and value and pick.random() < 0.6:
            return pick.choice([value[:-1], value + "z", value.upper(), value * 3])
        if isinstance(value, (int, float)) and not isinstance(value, bool) and pick.random() < 0.6:
            return pick.choice([value + 1, value - 1, value + 0.5, -value, value * 1000])
        return pick.choice([None, True, 0, "", [], {}, "x", 1.5])


def schema_cases(folder: pathlib.Path, sample: int, documents: int):
    import jsonschema

    for data_set in sorted(p for p in (folder / "data").iterdir() if p.is_dir()):
        paths = sorted(data_set.glob("*.json"))
        random.Random(1).shuffle(paths)
        for path in paths[:sample]:
            text = path.read_text("utf-8")
            try:
                schema = json.loads(text)
                cls = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
                cls.check_schema(schema)
                validator = cls(schema)
            except Exception:
                continue  # not a schema by its own draft
            maker, tests = Maker(schema, path.name), []
            for _ in range(documents):
                document = maker.make(schema)
                for value in (document, maker.spoil(document)):
                    try:
                        tests.append({"text": json.dumps(value, ensure_ascii=False), "valid": validator.is_valid(value)})
                    except Exception:
                        pass  # a reference that leads nowhere, or a pattern that Python cannot read
            yield {"name": f"{data_set.name}/{path.name}", "schema": text, "tests": tests}


def measure(program, model, cases):
    text = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([program, model], input=text, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[:-1], lines[-1]["summary"]


def report(title, cases, results, summary):
    compiled = valid = kept = invalid = 0
    through, disagreements, refused = [], 0, {}
    for case, result in zip(cases, results, strict=True):
        if "error" in result:
            why = re.sub(r"^[^:]*: ", "", result["error"])
            refused[why] = refused.get(why, 0) + 1
            continue
        compiled += 1
        disagreements += result.get("disagreements", 0)
        for test, accepted in zip(case["tests"], result["accepted"], strict=True):
            if test["valid"]:
                valid, kept = valid + 1, kept + accepted
            else:
                invalid += 1
                if accepted:
                    through.append((case["name"], test["text"]))
    return {"title": title, "schemas": len(cases), "supported": compiled, "valid": valid, "valid_accepted": kept,
            "invalid": invalid, "invalid_accepted": len(through), "let_through": through[:20],
            "disagreements": disagreements, "refused": dict(sorted(refused.items(), key=lambda item: -item[1])[:30]),
            **summary}


def show(result):
    def share(part, whole):
        return f"{100 * part / whole:.1f}%" if whole else "-"

    times, compiling = result["mask_us"], result["compile_ms"]
    print(f"\n## {result['title']}\n\n| | |\n|---|---|")
    print(f"| schemas supported | {result['supported']} of {result['schemas']}: {share(result['supported'], result['schemas'])} |")
    print(f"| valid documents accepted | {result['valid_accepted']} of {result['valid']}: "
          f"{share(result['valid_accepted'], result['valid'])} |")
    print(f"| invalid documents accepted | {result['invalid_accepted']} of {result['invalid']} |")
    if times:
        print(f"| mask, {result['vocab_size']} tokens, us | median {times['median']:.1f}, mean {times['mean']:.1f}, "
              f"p99 {times['p99']:.0f}, p99.9 {times['p99.9']:.0f}, of {times['count']} |")
    print(f"| compiling, ms | median {compiling['median']:.2f}, p99 {compiling['p99']:.1f}, most {compiling['max']:.0f} |")
    for name, text in result["let_through"]:
        print(f"invalid, yet accepted: {name}: {text}")
    for why, count in list(result["refused"].items())[:12]:
        print(f"refused {count} times: {why[:150]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a GGUF file; only its vocabulary is used")
    parser.add_argument("--suite", type=pathlib.Path)
    parser.add_argument("--schemas", type=pathlib.Path)
    parser.add_argument("--sample", type=int, default=200, help="schemas of each data set")
    parser.add_argument("--documents", type=int, default=6, help="documents for each schema, and as many spoilt ones")
    parser.add_argument("--program", default=str(ROOT / "build/release/bench/structured/structured_bench"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = []
    if options.suite:
        cases = list(suite_cases(options.suite))
        results.append(report("JSON-Schema-Test-Suite", cases, *measure(options.program, options.model, cases)))
    if options.schemas:
        cases = list(schema_cases(options.schemas, options.sample, options.documents))
        results.append(report("JSONSchemaBench, a sample", cases, *measure(options.program, options.model, cases)))
    if options.json:
        print(json.dumps(results, ensure_ascii=False))
        return 0
    for result in results:
        show(result)
    print("\nPublished by others:")
    for what, value, source in PUBLISHED:
        print(f"- {what}: {value} ({source})")
    return 1 if any(result["invalid_accepted"] for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
