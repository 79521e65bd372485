"""Completions for bash, zsh and fish out of a tool's Help."""

HEADER = "completion for {name}; made by scripts/make-completions from {name} --help"


def _all_flags(tool, command):
    """A command's own flags and, after them, those of the tool, which it takes too."""
    seen, flags = set(), []
    for flag in command.flags + tool.flags:
        if not seen & set(flag.names):
            flags.append(flag)
            seen |= set(flag.names)
    return flags


# --- bash -----------------------------------------------------------------------------------------

def _bash_case(flags):
    lines = []
    for flag in flags:
        if not flag.value:
            continue
        if flag.choices:
            reply = f'mapfile -t COMPREPLY < <(compgen -W "{" ".join(flag.choices)}" -- "$cur")'
        elif flag.takes_file:
            reply = 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")'
        elif flag.takes_folder:
            reply = 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur")'
        else:
            reply = ":"
        lines.append(f"        {' | '.join(flag.names)}) {reply}; return ;;")
    return lines


def _bash_body(flags, takes_files, commands):
    indent = "    "
    lines = [f"{indent}case $prev in", *_bash_case(flags), f"{indent}esac"]
    words = " ".join(name for flag in flags for name in flag.names)
    lines += [f'{indent}if [[ $cur == -* ]]; then',
              f'{indent}    mapfile -t COMPREPLY < <(compgen -W "{words}" -- "$cur")',
              f'{indent}    return', f'{indent}fi']
    if commands:
        lines.append(f'{indent}mapfile -t COMPREPLY < <(compgen -W "{" ".join(commands)}" -- "$cur")')
    elif takes_files:
        lines.append(f'{indent}compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")')
    return lines


def bash(tool):
    name = tool.name
    commands = [command.name.split()[1] for command in tool.commands]
    lines = [f"# bash {HEADER.format(name=name)}", f"_{name}()", "{",
             "    local cur=$2 prev=$3 word command=",
             "    COMPREPLY=()",
             "    # --flag=value comes as three words.",
             '    if [[ $cur == "=" ]]; then',
             "        cur=",
             '    elif [[ $prev == "=" && $COMP_CWORD -ge 2 ]]; then',
             "        prev=${COMP_WORDS[COMP_CWORD - 2]}",
             "    fi"]
    if commands:
        lines += ['    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
                  "        case $word in",
                  f"            {' | '.join(commands)}) command=$word; break ;;",
                  "        esac", "    done", "    case $command in"]
        for command in tool.commands:
            lines.append(f"    {command.name.split()[1]})")
            lines += ["    " + line for line in
                      _bash_body(_all_flags(tool, command), command.takes_files, [])]
            lines += ["        return ;;"]
        lines.append("    esac")
    lines += _bash_body(tool.flags, tool.takes_files, commands)
    lines += ["} &&", f"    complete -F _{name} {name}"]
    return "\n".join(lines) + "\n"


# --- zsh ------------------------------------------------------------------------------------------

def _zsh_quote(text):
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:") \
        .replace("'", "'\\''")


def _zsh_specs(flags):
    specs = []
    for flag in flags:
        action = ""
        if flag.value:
            how = " "
            if flag.choices:
                how = f"({' '.join(flag.choices)})"
            elif flag.takes_file:
                how = "_files"
            elif flag.takes_folder:
                how = "_files -/"
            action = ":" + flag.value.replace(":", "\\:").replace("'", "'\\''") + ":" + how
        repeat = "*" if flag.is_repeatable else ""
        others = f"({' '.join(flag.names)})" if len(flag.names) > 1 and not repeat else ""
        for each in flag.names:
            mark = ""
            if flag.value:
                mark = "=" if each.startswith("--") else "+"
            specs.append(f"'{others}{repeat}{each}{mark}[{_zsh_quote(flag.text)}]{action}'")
    return specs


def _zsh_arguments(flags, takes_files, indent):
    rest = "'*:file:_files'" if takes_files else "'*: : '"
    return (f"{indent}_arguments -s -S : \\\n"
            + "".join(f"{indent}    {spec} \\\n" for spec in _zsh_specs(flags))
            + f"{indent}    {rest}")


def zsh(tool):
    name = tool.name
    lines = [f"#compdef {name}", f"# zsh {HEADER.format(name=name)}", ""]
    if not tool.commands:
        return "\n".join(lines + [_zsh_arguments(tool.flags, tool.takes_files, "")]) + "\n"
    commands = [command.name.split()[1] for command in tool.commands]
    lines += ["local word command=", 'for word in "${(@)words[2,CURRENT-1]}"; do',
              "    case $word in", f"        {'|'.join(commands)}) command=$word; break ;;",
              "    esac", "done", "case $command in"]
    for command in tool.commands:
        lines += [f"    {command.name.split()[1]})",
                  _zsh_arguments(_all_flags(tool, command), command.takes_files, "        "),
                  "        ;;"]
    described = " ".join(f"'{each.name.split()[1]}:{_zsh_quote(each.line)}'"
                         for each in tool.commands)
    lines += ["    *)",
              "        _arguments -s -S : \\",
              *[f"            {spec} \\" for spec in _zsh_specs(tool.flags)],
              f"            '1:command:(({described.replace(chr(39), chr(34))}))' \\",
              "            '*:file:_files'", "        ;;", "esac"]
    return "\n".join(lines) + "\n"


# --- fish -----------------------------------------------------------------------------------------

def _fish_quote(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish_flag(name, flag, condition):
    words = [f"complete -c {name}"]
    if condition:
        words.append(f"-n {_fish_quote(condition)}")
    for each in flag.names:
        words.append(f"-l {each[2:]}" if each.startswith("--") else f"-s {each[1:]}")
    if flag.choices:
        words.append(f"-x -a {_fish_quote(' '.join(flag.choices))}")
    elif flag.takes_file:
        words.append("-r -F")
    elif flag.takes_folder:
        words.append("-x -a '(__fish_complete_directories)'")
    elif flag.value:
        words.append("-x")
    words.append(f"-d {_fish_quote(flag.text)}")
    return " ".join(words)


def fish(tool):
    name = tool.name
    lines = [f"# fish {HEADER.format(name=name)}"]
    if not tool.takes_files and not any(command.takes_files for command in tool.commands):
        lines.append(f"complete -c {name} -f")
    commands = [command.name.split()[1] for command in tool.commands]
    if commands:
        none = f"not __fish_seen_subcommand_from {' '.join(commands)}"
        for command in tool.commands:
            lines.append(f"complete -c {name} -f -n {_fish_quote(none)} -a "
                         f"{command.name.split()[1]} -d {_fish_quote(command.line)}")
    lines += [_fish_flag(name, flag, "") for flag in tool.flags]
    own = {each for flag in tool.flags for each in flag.names}
    for command in tool.commands:
        condition = f"__fish_seen_subcommand_from {command.name.split()[1]}"
        lines += [_fish_flag(name, flag, condition) for flag in command.flags
                  if not own & set(flag.names)]
    return "\n".join(lines) + "\n"


def files(tool):
    """{file name: text} of a tool's completions."""
    return {f"{tool.name}.bash": bash(tool), f"_{tool.name}": zsh(tool),
            f"{tool.name}.fish": fish(tool)}
