#!/usr/bin/env python3
"""Writes a GGUF file with the shape of a larger model and random weights: as fast or slow as the real one, to measure
speed where the real weights are not at hand. What it says is noise. Needs nothing but Python.

Shapes: Llama 3.2 1B and Llama 3.1 8B as Meta published them (config.json of those models).
"""

import argparse
import dataclasses
import os
import pathlib
import struct
import sys


@dataclasses.dataclass(frozen=True)
class Shape:
    width: int
    layers: int
    heads: int
    kv_heads: int
    ff_width: int
    tied: bool  # the output matrix is the embedding
    vocabulary: int = 128256

    @property
    def kv_width(self) -> int:
        return self.width // self.heads * self.kv_heads


SHAPES = {
    "llama-1b": Shape(width=2048, layers=16, heads=32, kv_heads=8, ff_width=8192, tied=True),
    "llama-8b": Shape(width=4096, layers=32, heads=32, kv_heads=8, ff_width=14336, tied=False),
}


@dataclasses.dataclass(frozen=True)
class BlockType:
    """A quantised type: its number in GGUF, values and bytes of a block, and where its float16 scales stand."""

    number: int
    file_type: int
    values: int
    size: int
    scales: tuple[tuple[int, float], ...]  # (offset, value)


# Scales that keep products near 1 for rows of some thousand values.
TYPES = {
    "Q4_0": BlockType(2, 2, 32, 18, ((0, 0.004),)),
    "Q8_0": BlockType(8, 7, 32, 34, ((0, 0.00025),)),
    "Q4_K": BlockType(12, 14, 256, 144, ((0, 0.0001), (2, 0.0008))),
    "Q6_K": BlockType(14, 18, 256, 210, ((208, 0.00001),)),
}
F32 = 0
ALIGNMENT = 32
PIECE_BLOCKS = 1 << 15


def random_blocks(out, kind: BlockType, values: int) -> None:
    """Appends `values` weights. Codes are random bytes; the scales are set so that nothing overflows."""
    left = values // kind.values
    while left > 0:
        count = min(left, PIECE_BLOCKS)
        piece = bytearray(os.urandom(count * kind.size))
        for offset, scale in kind.scales:
            low, high = struct.pack("<e", scale)
            piece[offset :: kind.size] = bytes([low]) * count
            piece[offset + 1 :: kind.size] = bytes([high]) * count
        out.write(piece)
        left -= count


def tensors(shape: Shape, kind: str) -> list[tuple[str, tuple[int, ...], str]]:
    """(name, dimensions with the input first, type), as llama.cpp's quantiser chooses types for such a file."""
    ends = kind if kind == "Q8_0" else "Q6_K"
    listed = [("token_embd.weight", (shape.width, shape.vocabulary), ends if shape.tied else kind),
              ("output_norm.weight", (shape.width,), "F32")]
    if not shape.tied:
        listed.append(("output.weight", (shape.width, shape.vocabulary), ends))
    for layer in range(shape.layers):
        matrices = {
            "attn_q": (shape.width, shape.width), "attn_k": (shape.width, shape.kv_width),
            "attn_v": (shape.width, shape.kv_width), "attn_output": (shape.width, shape.width),
            "ffn_gate": (shape.width, shape.ff_width), "ffn_up": (shape.width, shape.ff_width),
            "ffn_down": (shape.ff_width, shape.width),
        }
        listed += [(f"blk.{layer}.{name}.weight", (shape.width,), "F32") for name in ("attn_norm", "ffn_norm")]
        listed += [(f"blk.{layer}.{name}.weight", size, kind) for name, size in matrices.items()]
    return listed


def vocabulary(size: int) -> list[str]:
    """The 256 bytes as byte-level BPE spells them, then names that no text contains."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]
    return letters + [f"<unused{i}>" for i in range(size - len(letters) - 1)] + ["<|end|>"]


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def metadata(shape: Shape, kind: str, name: str) -> list[bytes]:
    def entry(key: str, number: int, payload: bytes) -> bytes:
        return text(key) + struct.pack("<I", number) + payload

    def u32(key: str, value: int) -> bytes:
        return entry(key, 4, struct.pack("<I", value))

    def f32(key: str, value: float) -> bytes:
        return entry(key, 6, struct.pack("<f", value))

    def string(key: str, value: str) -> bytes:
        return entry(key, 8, text(value))

    def array(key: str, item: int, payloads: list[bytes]) -> bytes:
        return entry(key, 9, struct.pack("<IQ", item, len(payloads)) + b"".join(payloads))

    tokens = vocabulary(shape.vocabulary)
    kinds = [1] * (len(tokens) - 1) + [3]  # normal, control
    return [
        string("general.architecture", "llama"), string("general.name", name),
        u32("general.file_type", TYPES[kind].file_type),
        u32("llama.block_count", shape.layers), u32("llama.context_length", 8192),
        u32("llama.embedding_length", shape.width), u32("llama.feed_forward_length", shape.ff_width),
        u32("llama.attention.head_count", shape.heads), u32("llama.attention.head_count_kv", shape.kv_heads),
        f32("llama.attention.layer_norm_rms_epsilon", 1e-5), f32("llama.rope.freq_base", 500000.0),
        u32("llama.rope.dimension_count", shape.width // shape.heads), u32("llama.vocab_size", shape.vocabulary),
        string("tokenizer.ggml.model", "gpt2"), string("tokenizer.ggml.pre", "llama-bpe"),
        array("tokenizer.ggml.tokens", 8, [text(token) for token in tokens]),
        array("tokenizer.ggml.token_type", 5, [struct.pack("<i", number) for number in kinds]),
        array("tokenizer.ggml.merges", 8, [text(f"{tokens[0]} {tokens[1]}")]),
        u32("tokenizer.ggml.eos_token_id", len(tokens) - 1),
    ]


def byte_size(dimensions: tuple[int, ...], kind: str) -> int:
    count = 1
    for size in dimensions:
        count *= size
    return count * 4 if kind == "F32" else count // TYPES[kind].values * TYPES[kind].size


def write(path: pathlib.Path, shape: Shape, kind: str) -> None:
    entries = metadata(shape, kind, path.stem)
    listed = tensors(shape, kind)
    with path.open("wb") as out:
        out.write(b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(entries)) + b"".join(entries))
        offset = 0
        for name, dimensions, type_name in listed:
            number = F32 if type_name == "F32" else TYPES[type_name].number
            sizes = struct.pack(f"<{len(dimensions)}Q", *dimensions)
            out.write(text(name) + struct.pack("<I", len(dimensions)) + sizes + struct.pack("<IQ", number, offset))
            offset += -(-byte_size(dimensions, type_name) // ALIGNMENT) * ALIGNMENT
        for _, dimensions, type_name in listed:
            out.write(b"\0" * (-out.tell() % ALIGNMENT))
            if type_name == "F32":
                out.write(struct.pack("<f", 1.0) * dimensions[0])
            else:
                random_blocks(out, TYPES[type_name], dimensions[0] * dimensions[1])
        out.write(b"\0" * (-out.tell() % ALIGNMENT))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("type", choices=[kind for kind in TYPES if kind != "Q6_K"])
    parser.add_argument("file", type=pathlib.Path)
    options = parser.parse_args()
    try:
        write(options.file, SHAPES[options.shape], options.type)
    except OSError as error:
        print(f"random_model: {options.file}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
