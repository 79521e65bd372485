# bash completion for smkey; made by scripts/make-completions from smkey --help
_smkey()
{
    local cur=$2 prev=$3 word command=
    COMPREPLY=()
    # --flag=value comes as three words.
    if [[ $cur == "=" ]]; then
        cur=
    elif [[ $prev == "=" && $COMP_CWORD -ge 2 ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
            init | list | rotate-master | rotate-org | destroy | export-public) command=$word; break ;;
        esac
    done
    case $command in
    init)
        case $prev in
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    list)
        case $prev in
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    rotate-master)
        case $prev in
            --new-key) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --new-key --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    rotate-org)
        case $prev in
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    destroy)
        case $prev in
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --force --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    export-public)
        case $prev in
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    esac
    case $prev in
        --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "--config --state --json -q --quiet -v --no-color -h --help --version" -- "$cur")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "init list rotate-master rotate-org destroy export-public" -- "$cur")
} &&
    complete -F _smkey smkey
