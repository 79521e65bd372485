# bash completion for smsend; made by scripts/make-completions from smsend --help
_smsend()
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
        --minimum) mapfile -t COMPREPLY < <(compgen -W "trusted verified" -- "$cur"); return ;;
        --on-insecure) mapfile -t COMPREPLY < <(compgen -W "seal refuse defer" -- "$cur"); return ;;
        --attach) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --method) mapfile -t COMPREPLY < <(compgen -W "sms email password" -- "$cur"); return ;;
        --password-file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --phone) :; return ;;
        --expires) :; return ;;
        --link) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --oversize) mapfile -t COMPREPLY < <(compgen -W "link refuse" -- "$cur"); return ;;
        --every) :; return ;;
        --batch) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --template) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --limit) :; return ;;
        --results) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --failed) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        -f) :; return ;;
        -r) :; return ;;
        -F) :; return ;;
        -N) :; return ;;
        -R) :; return ;;
        -V) :; return ;;
        -O) :; return ;;
        -o) :; return ;;
        -b) :; return ;;
        -B) :; return ;;
        -h) :; return ;;
        -L) :; return ;;
        -X) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
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
        mapfile -t COMPREPLY < <(compgen -W "--minimum --on-insecure --attach --dry-run --mta --seal --method --password-file --phone --expires --once --link --oversize --queue -q --every --now --batch --template --send --limit --results --failed -t -f -r -F -N -R -V -O -o -b -B -h -L -X -i -n -m -G -U --resolver --trust-anchor --ca-file --port --deadline --dns-file --config --state --json --quiet -v --no-color --help --version" -- "$cur")
        return
    fi
} &&
    complete -F _smsend smsend
