# bash completion for dure. Commands and options are read from its own --help, so they are always those of the
# program that is installed.

_dure_commands() {
  "$1" --help 2>/dev/null | sed -n -e '/^First steps/q' -e 's/^  \([a-z][a-z-]*\)  .*/\1/p'
}

_dure_options() {
  "$@" --help 2>/dev/null | sed -n '/^  *-/p' | grep -oE -- '(^|[ ,])--?[a-zA-Z][a-z-]*' | tr -d ' ,'
}

_dure() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD - 1]}" program="${COMP_WORDS[0]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_dure_commands "$program") --help --version" -- "$current")
  elif [[ "$current" == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_dure_options "$program" "${COMP_WORDS[1]}")" -- "$current")
  elif [ "$previous" = --data ]; then
    mapfile -t COMPREPLY < <(compgen -d -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}

complete -o filenames -F _dure dure
