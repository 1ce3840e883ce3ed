#!/usr/bin/env python3
"""usage: hostile_test.py PROGRAM: what /openapi.json allows and what it forbids, sent to every route by schemathesis.

No answer may be a 5xx but 501 (what does not exist yet) and 503 (full), and every answer has a status, a type and a body that the
description names. DURE_HOSTILE_EXAMPLES says how many requests each route gets at most (20).
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parent / "clients"))
from dure_server import Server, require_model  # noqa: E402
from run_client import cache_folder, fetch_once, fetch_python  # noqa: E402

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Answers of these say by design what the check takes for a mistake of the server.
# Most requests name a model that is there, and ask for little.
HOOKS = textwrap.dedent("""
    import os
    import schemathesis

    @schemathesis.hook
    def before_call(context, case, kwargs):
        body = case.body
        if isinstance(body, dict) and isinstance(body.get("model"), str) and len(body) % 4:
            body["model"] = os.environ["DURE_MODEL"]
            for name in ("max_tokens", "max_completion_tokens"):
                if isinstance(body.get(name), int):
                    body[name] = min(body[name], 2)
            body.setdefault("max_tokens", 2)

    @schemathesis.hook
    def after_call(context, case, response):
        if response.status_code in (501, 503, 529):
            response.status_code = 499
""")


def main() -> int:
    program, model = str(pathlib.Path(sys.argv[1]).resolve()), require_model()
    wanted = HERE / "requirements.txt"
    folder = cache_folder("schemathesis", wanted)
    fetch_once(folder, lambda target: fetch_python(target, wanted))
    with Server(program, "--model", str(model), "--max-queue", "64") as server, tempfile.TemporaryDirectory() as work:
        (pathlib.Path(work) / "hooks.py").write_text(HOOKS)
        done = subprocess.run(
            [folder / "bin/schemathesis", "run", server.url + "/openapi.json", "--checks", CHECKS,
             "--max-examples", os.environ.get("DURE_HOSTILE_EXAMPLES", "20"), "--phases", "examples,coverage,fuzzing",
             "--exclude-tag", "Not implemented", "--request-timeout", "60", "--workers", "1",
             "-H", "Authorization: Bearer any"],
            cwd=work, env=os.environ | {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": work,
                                         "DURE_MODEL": server.model()})
        server.get("/health")
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
