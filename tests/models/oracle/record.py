#!/usr/bin/env python3
"""Records what llama.cpp gives for the tiny models of tests/models/tiny_cases.h and tests/models/tiny_bert.h.

    pip install llama-cpp-python
    ninja -C build/release write_tiny
    python tests/models/oracle/record.py build/release/tests/models/write_tiny tests/data/logits

Weights and KV cache are float32 there and flash attention is off, so that nothing but the order of sums and Dure's own
float16 cache lies between the two programs. Of a decoder every fourth logit of four positions is kept, of an encoder the
pooled vectors, with five digits; the file's SHA-256 stands beside them, so that a changed writer is noticed.
"""
import ctypes
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import llama_cpp

GGML_TYPE_F32 = 0
FLASH_ATTENTION_OFF = 0
STRIDE = 4  # every fourth logit


class Session:
    """A model and a context for it."""

    def __init__(self, path, context):
        model_params = llama_cpp.llama_model_default_params()
        model_params.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), model_params)
        assert self.model, path
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = context
        params.n_threads = params.n_threads_batch = 1
        params.type_k = params.type_v = GGML_TYPE_F32
        params.flash_attn_type = FLASH_ATTENTION_OFF
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        assert self.context, path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)

    def compute(self, tokens):
        batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = 1
        assert llama_cpp.llama_decode(self.context, batch) == 0
        llama_cpp.llama_batch_free(batch)


def digits(values):
    return [float(f"{x:.5g}") for x in values]


def decoder(path, case):
    with Session(path, case["context"]) as session:
        session.compute(case["tokens"])
        size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(session.model))
        rows = [llama_cpp.llama_get_logits_ith(session.context, i)[:size:STRIDE] for i in case["positions"]]
    return {"stride": STRIDE, "logits": [digits(row) for row in rows]}


def encoder(path, case):
    vectors = []
    for tokens in case["texts"]:
        with Session(path, 512) as session:
            llama_cpp.llama_set_embeddings(session.context, True)
            session.compute(tokens)
            size = llama_cpp.llama_model_n_embd(session.model)
            vectors.append(digits(llama_cpp.llama_get_embeddings_seq(session.context, 0)[:size]))
    return {"vectors": vectors}


def main():
    writer, output = sys.argv[1:3]
    quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    with tempfile.TemporaryDirectory() as folder:
        kinds = json.loads(subprocess.run([writer, folder], check=True, capture_output=True, text=True).stdout)
        for kind, record in (("decoders", decoder), ("encoders", encoder)):
            lines = []
            for name, case in sorted(kinds[kind].items()):
                path = pathlib.Path(folder) / f"{name}.gguf"
                value = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **record(path, case)}
                lines.append(f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}")
            (pathlib.Path(output) / f"{kind}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
