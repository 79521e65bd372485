# bash completion for smcontact; made by scripts/make-completions from smcontact --help
_smcontact()
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
            add | set | remove | show | list | import | export) command=$word; break ;;
        esac
    done
    case $command in
    add)
        case $prev in
            --org) :; return ;;
            --phone) :; return ;;
            --name) :; return ;;
            --language) mapfile -t COMPREPLY < <(compgen -W "en nl" -- "$cur"); return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --org --phone --name --language --sender --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    set)
        case $prev in
            --org) :; return ;;
            --phone) :; return ;;
            --name) :; return ;;
            --language) mapfile -t COMPREPLY < <(compgen -W "en nl" -- "$cur"); return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --org --phone --name --language --sender --no-sender --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    remove)
        case $prev in
            --org) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --org --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    show)
        case $prev in
            --org) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --org --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    list)
        case $prev in
            --org) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --org --senders --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    import)
        case $prev in
            --org) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --org --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return ;;
    export)
        case $prev in
            --org) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --org --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")
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
    mapfile -t COMPREPLY < <(compgen -W "add set remove show list import export" -- "$cur")
} &&
    complete -F _smcontact smcontact
