# bash completion for smretain; made by scripts/make-completions from smretain --help
_smretain()
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
            sweep | list | show | get | renotify | unlock | revoke | delete) command=$word; break ;;
        esac
    done
    case $command in
    sweep)
        case $prev in
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
            mapfile -t COMPREPLY < <(compgen -W "-h --help --accept-clock --resolver --trust-anchor --ca-file --port --deadline --dns-file --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    list)
        case $prev in
            --status) mapfile -t COMPREPLY < <(compgen -W "queued pending sent delivered opened replied expired revoked deleted" -- "$cur"); return ;;
            --sender) :; return ;;
            --reference) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --status --sender --reference --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    show)
        case $prev in
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    get)
        case $prev in
            -o | --output) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help -o --output --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    renotify)
        case $prev in
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    unlock)
        case $prev in
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    revoke)
        case $prev in
            --recipient) :; return ;;
            --message-id) :; return ;;
            --to) :; return ;;
            --since) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --recipient --last --message-id --to --since --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    delete)
        case $prev in
            --certificate) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --certificate --config --state --json -q --quiet -v --no-color --version" -- "$cur")
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
    mapfile -t COMPREPLY < <(compgen -W "sweep list show get renotify unlock revoke delete" -- "$cur")
} &&
    complete -F _smretain smretain
