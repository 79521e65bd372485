# bash completion for smsign; made by scripts/make-completions from smsign --help
_smsign()
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
            sign | verify | keygen | dns | check | rotate) command=$word; break ;;
        esac
    done
    case $command in
    sign)
        case $prev in
            --domain) :; return ;;
            --selector) :; return ;;
            --key) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --selector2) :; return ;;
            --key2) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --expire) :; return ;;
            --identity) :; return ;;
            --canonicalization) :; return ;;
            --now) :; return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --domain --selector --key --selector2 --key2 --expire --identity --canonicalization --now --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    verify)
        case $prev in
            --canonical) mapfile -t COMPREPLY < <(compgen -W "header body" -- "$cur"); return ;;
            --signature) :; return ;;
            --authentication-results) :; return ;;
            --now) :; return ;;
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
            mapfile -t COMPREPLY < <(compgen -W "-h --help --explain --canonical --signature --authentication-results --now --resolver --trust-anchor --ca-file --port --deadline --dns-file --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    keygen)
        case $prev in
            --algorithm) mapfile -t COMPREPLY < <(compgen -W "rsa ed25519" -- "$cur"); return ;;
            --bits) :; return ;;
            --out) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --algorithm --bits --out --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    dns)
        case $prev in
            --domain) :; return ;;
            --selector) :; return ;;
            --key) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --format) mapfile -t COMPREPLY < <(compgen -W "zone raw json nsupdate" -- "$cur"); return ;;
            --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        esac
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "-h --help --domain --selector --key --format --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    check)
        case $prev in
            --domain) :; return ;;
            --selector) :; return ;;
            --key) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
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
            mapfile -t COMPREPLY < <(compgen -W "-h --help --domain --selector --key --resolver --trust-anchor --ca-file --port --deadline --dns-file --config --state --json -q --quiet -v --no-color --version" -- "$cur")
            return
        fi
        return ;;
    rotate)
        case $prev in
            --domain) :; return ;;
            --selector) :; return ;;
            --key) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
            --new-selector) :; return ;;
            --algorithm) mapfile -t COMPREPLY < <(compgen -W "rsa ed25519" -- "$cur"); return ;;
            --bits) :; return ;;
            --overlap) :; return ;;
            --org) :; return ;;
            --now) :; return ;;
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
            mapfile -t COMPREPLY < <(compgen -W "-h --help --domain --selector --key --new-selector --algorithm --bits --overlap --org --now --again --status --abort --resolver --trust-anchor --ca-file --port --deadline --dns-file --config --state --json -q --quiet -v --no-color --version" -- "$cur")
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
    mapfile -t COMPREPLY < <(compgen -W "sign verify keygen dns check rotate" -- "$cur")
} &&
    complete -F _smsign smsign
