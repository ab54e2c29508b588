# Completion of navodoo(1) for bash: commands, their options, values where they are known.

_navodoo() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  local command=${COMP_WORDS[1]} options='' words='' folders='' files=''
  COMPREPLY=()
  local commands='
    run
    check
    schema
    map
    repl
    test
    plan
    apply
    sandbox
    status
    jobs
    dead
    review
    hooks
    generations
    rollback
    accept
    links
    backup
    restore'
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W \
      "$commands help --help --version" -- "$current")
    return
  fi

  case $command in
    run) options='--once --all --wait --env --state --listen --monitor --set --memory' folders=1 ;;
    check) options='--env --keys --json' folders=1 ;;
    schema) options='--all --env --set --json'
            if [ "$COMP_CWORD" -eq 2 ]; then words='pull show diff'; else folders=1; fi ;;
    map) options='--to --trace --json --live --flows --env --set'
         if [ "$COMP_CWORD" -eq 2 ]; then words=$(_navodoo_flows); else files=1; fi ;;
    repl) options='--flow --env --state --pair --set' folders=1 ;;
    test) options='--filter --strict --env --json' folders=1 ;;
    plan) options='--key --out --state --flows --env --pair --set --json'
          if [ "$COMP_CWORD" -eq 2 ]; then words=$(_navodoo_flows); fi ;;
    apply) options='--state --flows --set --json' files=1 ;;
    sandbox) options='--nav --odoo --odoo-version --customers --vendors --contacts --addresses --items --partners --company --seed --state --nav-auth --token-life --password --api-key --api-key-expires' ;;
    status) options='--state --json' ;;
    jobs) options='--flow --only --after --limit --state --json' ;;
    dead) options='--flow --group --all --from --out --after --limit --state --json'
          if [ "$COMP_CWORD" -eq 2 ]; then words='list groups show edit retry drop export import'
          elif [ "${COMP_WORDS[2]}" = import ]; then files=1; fi ;;
    review) options='--flow --after --limit --state --json'
            if [ "$COMP_CWORD" -eq 2 ]; then words='list show take link separate'
            elif [ "$COMP_CWORD" -gt 3 ]; then words='nav odoo'; fi ;;
    hooks) options='--flows --env --set'
           if [ "$COMP_CWORD" -eq 2 ]; then words='install check remove'; else words=$(_navodoo_flows); fi ;;
    generations) options='--flow --state --json' ;;
    rollback) options='--state --json'
              [ "$COMP_CWORD" -eq 2 ] && words=$(_navodoo_flows) ;;
    accept) options='--state --json'
            [ "$COMP_CWORD" -eq 2 ] && words='nav odoo' ;;
    links) options='--flow --nav --odoo --after --limit --state --json' ;;
    backup) options='--verify --state --json' files=1 ;;
    restore) options='--state --replace --json' files=1 ;;
    help) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
          return ;;
    *) return ;;
  esac

  # bash takes "--only=x" apart into three words, and "nav.url=x" too
  [ "$previous" = = ] && previous=${COMP_WORDS[COMP_CWORD-2]}
  [ "$current" = = ] && current=
  case $previous in
    --state)
      if [ "$command" = sandbox ]; then mapfile -t COMPREPLY < <(compgen -f -- "$current")
      else mapfile -t COMPREPLY < <(compgen -d -- "$current"); fi
      compopt -o filenames
      return ;;
    --out | --from) mapfile -t COMPREPLY < <(compgen -f -- "$current"); compopt -o filenames; return ;;
    --only) words='ready waiting review dead' ;;
    --odoo-version) words='14 17 18 19' ;;
    --nav-auth) words='basic ntlm oauth2' ;;
    --env) words='dev qa prod' ;;
    --to) words='nav odoo' ;;
    --flows) mapfile -t COMPREPLY < <(compgen -d -- "$current"); compopt -o filenames; return ;;
    --flow) words=$(_navodoo_flows) ;;
    --set) words='nav.url= nav.company= nav.user= odoo.url= odoo.database= odoo.user= odoo.hook_url='
           compopt -o nospace ;;
    --addresses | \
    --items | \
    --after | \
    --key | \
    --pair | \
    --api-key | \
    --api-key-expires | \
    --contacts | \
    --customers | \
    --filter | \
    --group | \
    --limit | \
    --listen | \
    --memory | \
    --monitor | \
    --partners | \
    --password | \
    --seed | \
    --token-life | \
    --vendors | \
    --wait) return ;;
    --nav|--odoo) return ;;
    *)
      case $current in
        -*) words="$options --help" ;;
        *) if [ -n "$files" ]; then
             mapfile -t COMPREPLY < <(compgen -f -- "$current")
             compopt -o filenames
             return
           fi
           if [ -n "$folders" ]; then
             mapfile -t COMPREPLY < <(compgen -d -- "$current")
             compopt -o filenames
             return
           fi ;;
      esac ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

# The flows of ./flows: its Lua files but the configuration.
_navodoo_flows() {
  local file
  for file in flows/*.lua; do
    file=${file##*/}
    case $file in '*.lua'|navodoo.lua) ;; *) printf '%s\n' "${file%.lua}" ;; esac
  done
}

complete -F _navodoo navodoo
