/* completion.c - completion scripts for bash, zsh and fish, out of the table of commands.
 *
 * Each offers the commands as the first word, a command's own options behind it, the choices of an
 * option that has some, and files everywhere else. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

/* Prints "text|hex|raw" with blanks for bars. */
static void print_choices(const char *choices)
{
    for (; *choices; choices++)
        putchar(*choices == '|' ? ' ' : *choices);
}

static bool has_choices(const struct option_word *option)
{
    return option->argument && strchr(option->argument, '|');
}

static void print_names(void)
{
    for (size_t i = 0; commands[i]; i++)
        printf("%s%s", i > 0 ? " " : "", commands[i]->name);
}

static void print_option_names(const struct option_word *options)
{
    for (; options && options->name; options++) {
        if (options->text)
            printf("--%s ", options->name);
    }
}

/* The words before ")" of a case in which the option's argument is being typed. */
static void bash_option_case(const struct command *command, const struct option_word *option)
{
    printf("    %s:--%s", command->name, option->name);
    if (option->letter)
        printf("|%s:-%c", command->name, option->letter);
    if (has_choices(option)) {
        fputs(") words='", stdout);
        print_choices(option->argument);
        puts("';;");
    } else {
        puts(") return;;");
    }
}

static void bash(void)
{
    puts("# bash completion for seine " SEINE_VERSION "\n"
         "_seine()\n{\n"
         "    local now=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
         "    local command=${COMP_WORDS[1]} words=\n"
         "    COMPREPLY=()\n"
         "    if ((COMP_CWORD == 1)); then");
    fputs("        COMPREPLY=($(compgen -W '", stdout);
    print_names();
    puts(" --help --version' -- \"$now\"))\n"
         "        return\n"
         "    fi\n"
         "    case $command:$before in");
    for (size_t i = 0; commands[i]; i++) {
        for (const struct option_word *o = commands[i]->options; o && o->name; o++) {
            if (o->argument && o->text)
                bash_option_case(commands[i], o);
        }
    }
    fputs("    help:help) [[ $now == -* ]] || words='", stdout);
    print_names();
    puts("';;\n"
         "    esac\n"
         "    if [[ -z $words && $now == -* ]]; then\n"
         "        case $command in");
    for (size_t i = 0; commands[i]; i++) {
        printf("        %s) words='", commands[i]->name);
        print_option_names(commands[i]->options);
        puts("--help';;");
    }
    fputs("        *) words='", stdout);
    print_option_names(command_ingest.options);
    puts("--help';;\n"
         "        esac\n"
         "    fi\n"
         "    if [[ -n $words ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$words\" -- \"$now\"))\n"
         "    fi\n"
         "}\n"
         "complete -o default -F _seine seine"); /* without a reply of ours: files */
}

/* The first sentence without its stop, for the inside of '...' in zsh and fish, and there of a zsh
 * option's [...]. What brackets and colons mean to _arguments is not worth a rule: blanks. */
static void print_quoted(const char *text)
{
    for (; *text; text++) {
        if (*text == '.' && (text[1] == ' ' || text[1] == 0))
            break;
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:", *text))
            putchar(' ');
        else
            putchar(*text);
    }
}

static void zsh_options(const struct option_word *options)
{
    for (; options && options->name; options++) {
        if (!options->text)
            continue;
        printf(" \\\n        ");
        if (options->letter)
            printf("'(-%c --%s)'{-%c,--%s}'", options->letter, options->name, options->letter,
                   options->name);
        else
            printf("'--%s", options->name);
        putchar('[');
        print_quoted(options->text);
        putchar(']');
        if (has_choices(options)) {
            printf(":%s:(", options->name);
            print_choices(options->argument);
            putchar(')');
        } else if (options->argument) {
            printf(":%s:_files", options->argument);
        }
        putchar('\'');
    }
}

static void zsh(void)
{
    puts("#compdef seine\n"
         "# zsh completion for seine " SEINE_VERSION "\n"
         "_seine()\n{\n"
         "    local -a commands\n"
         "    commands=(");
    for (size_t i = 0; commands[i]; i++) {
        printf("        '%s:", commands[i]->name);
        print_quoted(commands[i]->summary);
        puts("'");
    }
    puts("    )\n"
         "    if ((CURRENT == 2)); then\n"
         "        _describe command commands\n"
         "        _files\n"
         "        return\n"
         "    fi\n"
         "    local command=$words[2]\n"
         "    case $command in");
    for (size_t i = 0; commands[i]; i++) {
        printf("    %s)\n        shift words; ((CURRENT--))\n        _arguments",
               commands[i]->name);
        zsh_options(commands[i]->options);
        zsh_options(common_options);
        puts(commands[i] == &command_help ? " \\\n        '*:command:(${commands%%:*})';;"
                                          : " \\\n        '*:file:_files';;");
    }
    puts("    *) _files;;\n"
         "    esac\n"
         "}\n"
         "_seine \"$@\"");
}

static void fish(void)
{
    puts("# fish completion for seine " SEINE_VERSION "\n"
         "complete -c seine -n __fish_use_subcommand -l version -s V -d 'Say which version this "
         "is.'\n"
         "complete -c seine -l help -s h -d 'Say all this.'");
    for (size_t i = 0; commands[i]; i++) {
        printf("complete -c seine -n __fish_use_subcommand -a %s -d '", commands[i]->name);
        print_quoted(commands[i]->summary);
        puts("'");
        for (const struct option_word *o = commands[i]->options; o && o->name; o++) {
            if (!o->text)
                continue;
            printf("complete -c seine -n '__fish_seen_subcommand_from %s' -l %s", commands[i]->name,
                   o->name);
            if (o->letter)
                printf(" -s %c", o->letter);
            if (has_choices(o)) {
                fputs(" -x -a '", stdout);
                print_choices(o->argument);
                putchar('\'');
            } else if (o->argument) {
                fputs(" -r", stdout);
            }
            fputs(" -d '", stdout);
            print_quoted(o->text);
            puts("'");
        }
    }
    fputs("complete -c seine -f -n '__fish_seen_subcommand_from help' -a '", stdout);
    print_names();
    puts("'");
}

bool completion_script(const char *shell)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } scripts[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp(scripts[i].shell, shell) == 0) {
            scripts[i].print();
            return true;
        }
    }
    return false;
}
