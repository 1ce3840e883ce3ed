// All files of the web app, one after the other; the generated assets_table.cc knows where each begins.
    .section .rodata
    .balign 16
    .globl dure_web_assets_blob
    .hidden dure_web_assets_blob
dure_web_assets_blob:
    .incbin DURE_WEB_ASSETS_BLOB
    .byte 0
    .section .note.GNU-stack,"",@progbits
