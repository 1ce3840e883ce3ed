#!/usr/bin/env python3
"""Records the logits that llama.cpp gives for the tiny models of tests/models/tiny_cases.h.

    pip install llama-cpp-python
    ninja -C build/release write_tiny
    python tests/models/oracle/record.py build/release/tests/models/write_tiny tests/data/logits/decoders.json

Weights and KV cache are float32 there and flash attention is off, so that nothing but the order of sums and Dure's own
float16 cache lies between the two programs. Every fourth logit of four positions is kept, with five digits; the file's
SHA-256 stands beside them, so that a changed writer is noticed.
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


def logits_of(path, tokens, context):
    """Logits of every position, [len(tokens)][vocabulary]."""
    model_params = llama_cpp.llama_model_default_params()
    model_params.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), model_params)
    assert model, path
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = context
    params.n_batch = context
    params.n_ubatch = context
    params.n_threads = params.n_threads_batch = 1
    params.type_k = params.type_v = GGML_TYPE_F32
    params.flash_attn_type = FLASH_ATTENTION_OFF
    ctx = llama_cpp.llama_init_from_model(model, params)
    assert ctx, path
    batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
    batch.n_tokens = len(tokens)
    for i, token in enumerate(tokens):
        batch.token[i] = token
        batch.pos[i] = i
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = 0
        batch.logits[i] = 1
    assert llama_cpp.llama_decode(ctx, batch) == 0, path
    size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    rows = [llama_cpp.llama_get_logits_ith(ctx, i)[:size] for i in range(len(tokens))]
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(ctx)
    llama_cpp.llama_model_free(model)
    return rows


def main():
    writer, output = sys.argv[1:3]
    quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    recorded = {}
    with tempfile.TemporaryDirectory() as folder:
        cases = json.loads(subprocess.run([writer, folder], check=True, capture_output=True, text=True).stdout)
        for name, case in sorted(cases.items()):
            path = pathlib.Path(folder) / f"{name}.gguf"
            rows = logits_of(path, case["tokens"], case["context"])
            recorded[name] = {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "stride": STRIDE,
                "logits": [[float(f"{x:.5g}") for x in rows[position][::STRIDE]] for position in case["positions"]],
            }
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in recorded.items())
    pathlib.Path(output).write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
