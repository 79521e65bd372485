# bash completion for smaudit; made by scripts/make-completions from smaudit --help
_smaudit()
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
            verify | trace | export | report | receipt | checkpoint | anchor | append | erase) command=$word; break ;;
        esac
    done
    case $command in
    verify)
        case $prev in
            --checkpoint) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --key) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --tsa-ca) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --jobs) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --checkpoint --key --tsa-ca --strict --jobs --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return ;;
    trace)
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
    export)
        case $prev in
            --since) :; return ;;
            --until) :; return ;;
            --event) :; return ;;
            --message) :; return ;;
            --address) :; return ;;
            --format) mapfile -t COMPREPLY < <(compgen -W "ndjson csv ecs" -- "$cur"); return ;;
            --org) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --since --until --event --message --address --raw --format --follow --org --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    report)
        case $prev in
            --month) :; return ;;
            --org) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --month --org --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    receipt)
        case $prev in
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    checkpoint)
        case $prev in
            --org) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --end-epoch --org --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    anchor)
        case $prev in
            --tsa) :; return ;;
            --request) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --response) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --mail) :; return ;;
            --tsa-ca) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --org) :; return ;;
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
            mapfile -t COMPREPLY < <(compgen -W "-h --help --tsa --request --response --mail --tsa-ca --org --resolver --trust-anchor --ca-file --port --deadline --dns-file --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    append)
        case $prev in
            --event) :; return ;;
            --message) :; return ;;
            --recipient) :; return ;;
            --fact) :; return ;;
            --disclose) :; return ;;
            --org) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --event --message --recipient --fact --disclose --org --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    erase)
        case $prev in
            --message) :; return ;;
            --address) :; return ;;
            --authorised-by) :; return ;;
            --ground) :; return ;;
            --org) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --message --address --authorised-by --ground --org --config --state --json -q --quiet -v --no-color --version" -- "$cur")
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
    mapfile -t COMPREPLY < <(compgen -W "verify trace export report receipt checkpoint anchor append erase" -- "$cur")
} &&
    complete -F _smaudit smaudit
