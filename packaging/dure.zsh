#compdef dure
# zsh completion for dure. Commands and options are read from its own --help, so they are always those of the
# program that is installed.

local program=${words[1]}
local -a names
if (( CURRENT == 2 )); then
  names=(${(f)"$($program --help 2>/dev/null |
    sed -n -e '/^First steps/q' -e 's/^  \([a-z][a-z-]*\)   *\(.*\)/\1:\2/p')"} '--help:explain' '--version:print the version')
  _describe command names
elif [[ ${words[CURRENT]} == -* ]]; then
  names=(${(f)"$($program ${words[2]} --help 2>/dev/null | sed -n '/^  *-/p' |
    grep -oE -- '(^|[ ,])--?[a-zA-Z][a-z-]*' | tr -d ' ,')"})
  _describe option names
else
  _files
fi
