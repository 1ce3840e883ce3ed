# usage: cmake -DROOT=FOLDER "-DFILES=a.json;b.css" -DOUT=BASE -P embed.cmake
# Writes BASE.S, which holds the bytes of the files, and BASE.cc, the table of them that src/api/docs/embedded.h declares.
string(CONCAT bytes "    .section .rodata\n")
set(symbols "")
set(rows "")
set(index 0)
foreach(file ${FILES})
  file(RELATIVE_PATH name ${ROOT} ${file})
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 22 tag)
  set(symbol dure_docs_file_${index})
  string(APPEND bytes "    .globl ${symbol}\n    .hidden ${symbol}\n${symbol}:\n    .incbin \"${file}\"\n"
    "    .globl ${symbol}_end\n    .hidden ${symbol}_end\n${symbol}_end:\n    .byte 0\n")
  string(APPEND symbols "extern \"C\" __attribute__((visibility(\"hidden\"))) const char ${symbol}[];\n"
    "extern \"C\" __attribute__((visibility(\"hidden\"))) const char ${symbol}_end[];\n")
  string(APPEND rows "      {\"${name}\", \"W/\\\"${tag}\\\"\", {${symbol}, ${symbol}_end}},\n")
  math(EXPR index "${index} + 1")
endforeach()
string(APPEND bytes "    .section .note.GNU-stack,\"\",@progbits\n")
file(WRITE ${OUT}.S "${bytes}")
file(WRITE ${OUT}.cc "// Written by src/api/docs/embed.cmake.\n#include \"api/docs/embedded.h\"\n\n${symbols}\n"
  "namespace dure::api {\n\nstd::span<const EmbeddedFile> DocsFiles() {\n"
  "  static const EmbeddedFile kFiles[] = {\n${rows}  };\n  return kFiles;\n}\n\n}  // namespace dure::api\n")
