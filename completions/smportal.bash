# bash completion for smportal; made by scripts/make-completions from smportal --help
_smportal()
{
    local cur=$2 prev=$3 word command=
    COMPREPLY=()
    # --flag=value comes as three words.
    if [[ $cur == "=" ]]; then
        cur=
    elif [[ $prev == "=" && $COMP_CWORD -ge 2 ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $prev in
        --listen) :; return ;;
        --socket) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --tls-cert) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --tls-key) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --resolver) :; return ;;
        --trust-anchor) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --ca-file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --port) :; return ;;
        --deadline) :; return ;;
        --dns-file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "--listen --socket --tls-cert --tls-key --resolver --trust-anchor --ca-file --port --deadline --dns-file --config --state --json -q --quiet -v --no-color -h --help --version" -- "$cur")
        return
    fi
} &&
    complete -F _smportal smportal
