# bash completion for smunseal; made by scripts/make-completions from smunseal --help
_smunseal()
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
        --password-file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --org) :; return ;;
        --link-file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        -o | --output) :; return ;;
        -C | --directory) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        --part) :; return ;;
        --range) :; return ;;
        --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "--password-file --org --link-file -o --output -C --directory --part --range --list --verify --force --config --state --json -q --quiet -v --no-color -h --help --version" -- "$cur")
        return
    fi
    compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")
} &&
    complete -F _smunseal smunseal
