#!/usr/bin/env python3
"""Records token ids and sentence vectors of all-MiniLM-L6-v2, computed in float64 with NumPy from the published weights and
the Hugging Face tokenizers library: an implementation of its own of what sentence-transformers computes (BERT with the erf
form of gelu, the mean over all tokens, length 1).

    pip install numpy tokenizers
    python tests/models/oracle/record_minilm.py all-MiniLM-L6-v2 tests/data/logits/minilm.json

The first argument is the folder with model.safetensors, config.json and tokenizer.json.
"""
import json
import math
import pathlib
import struct
import sys

import numpy
import tokenizers

TEXTS = [
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "A man is riding a horse.",
    "Someone in a gorilla costume is playing a set of drums.",
    "A cheetah is running behind its prey.",
    "How do I reset my password?",
    "Steps to recover a lost account",
    "The mitochondrion is the powerhouse of the cell.",
    "def add(a, b): return a + b",
    "Interest rates rose by 0.25% on 3 May 2023, to 5.25%.",
    "café naïve Ångström façade résumé",
    "ALL CAPS AND    many   spaces\tand\ttabs",
    "안녕하세요, 두레는 함께 일하는 마을 풍습입니다.",
    "中文句子也可以。",
    "x",
    "!?...",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "Emoji 😀 are unknown to this vocabulary",
    "The quick brown fox jumps over the lazy dog. " * 20,
]


def load(path):
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            values = numpy.frombuffer(data[8 + size + begin : 8 + size + end], dtype="<f4")
            tensors[name] = values.astype(numpy.float64).reshape(entry["shape"])
    return tensors


def vector(config, weights, tokens):
    def linear(x, name):
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / numpy.sqrt((centred**2).mean(-1, keepdims=True) + config["layer_norm_eps"])
        return scaled * weights[name + ".weight"] + weights[name + ".bias"]

    erf = numpy.vectorize(math.erf)
    heads = config["num_attention_heads"]
    count = len(tokens)
    x = weights["embeddings.word_embeddings.weight"][tokens]
    x = x + weights["embeddings.position_embeddings.weight"][:count] + weights["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    for i in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{i}."
        split = [linear(x, p + f"attention.self.{n}").reshape(count, heads, -1) for n in ("query", "key", "value")]
        q, k, v = (a.transpose(1, 0, 2) for a in split)
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
        weight = numpy.exp(scores - scores.max(-1, keepdims=True))
        weight /= weight.sum(-1, keepdims=True)
        attended = (weight @ v).transpose(1, 0, 2).reshape(count, -1)
        x = norm(x + linear(attended, p + "attention.output.dense"), p + "attention.output.LayerNorm")
        hidden = linear(x, p + "intermediate.dense")
        hidden = hidden * 0.5 * (1 + erf(hidden / math.sqrt(2)))
        x = norm(x + linear(hidden, p + "output.dense"), p + "output.LayerNorm")
    mean = x.mean(0)
    return mean / numpy.linalg.norm(mean)


def main():
    folder, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    config = json.loads((folder / "config.json").read_text())
    weights = load(folder / "model.safetensors")
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    lines = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        values = [float(f"{v:.4f}") for v in vector(config, weights, ids)]
        lines.append(json.dumps({"text": text, "tokens": ids, "vector": values}, ensure_ascii=False, separators=(",", ":")))
    output.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
