/* man.c - manual pages out of the table of commands, in the man(7) macros.
 *
 * Every hyphen is written \- so that an option can be copied from the page, and a line that would
 * begin with a control character is shielded. */
#include "cli/commands.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { SOURCE_WIDTH = 72 };

/* `len` bytes of text, as they stand in a line. */
static void roff_word(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\')
            fputs("\\e", stdout);
        else if (text[i] == '-')
            fputs("\\-", stdout);
        else
            putchar(text[i]);
    }
}

static void roff_text(const char *text)
{
    roff_word(text, strlen(text));
}

static bool ends_sentence(const char *word, size_t len)
{
    return len > 0 && (word[len - 1] == '.' || word[len - 1] == '?');
}

/* A paragraph: filled lines, and a sentence begins a new one, which is where roff looks for its
 * end. */
static void roff_line(const char *text)
{
    size_t column = 0;
    bool ended = false;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (column > 0 && (ended || column + 1 + len > SOURCE_WIDTH)) {
            putchar('\n');
            column = 0;
        } else if (column > 0) {
            putchar(' ');
            column++;
        }
        if (column == 0 && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        roff_word(text, len);
        ended = ends_sentence(text, len);
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void bold(const char *text)
{
    fputs("\\fB", stdout);
    roff_text(text);
    fputs("\\fR", stdout);
}

static void italic(const char *text)
{
    fputs("\\fI", stdout);
    roff_text(text);
    fputs("\\fR", stdout);
}

/* Names and values: what is in capitals is for the user to fill in, the rest is literal. */
static void synopsis_words(const char *text)
{
    bool in_capitals = false;
    for (; *text; text++) {
        char one[2] = {*text, 0};
        bool capital = isupper((unsigned char)*text) != 0;
        if (capital != in_capitals) {
            fputs(capital ? "\\fI" : "\\fR", stdout);
            in_capitals = capital;
        }
        roff_text(one);
    }
    puts(in_capitals ? "\\fR" : "");
}

static void print_options(const struct option_word *options)
{
    for (; options && options->name; options++) {
        if (!options->text)
            continue;
        puts(".TP");
        if (options->letter) {
            printf("\\fB\\-%c\\fR, ", options->letter);
        }
        fputs("\\fB\\-\\-", stdout);
        roff_text(options->name);
        fputs("\\fR", stdout);
        if (options->argument) {
            putchar(' ');
            italic(options->argument);
        }
        putchar('\n');
        roff_line(options->text);
    }
}

static void print_exits(const struct exit_word *exits)
{
    puts(".SH EXIT STATUS");
    for (; exits && exits->text; exits++) {
        printf(".TP\n\\fB%d\\fR\n", (int)exits->status);
        roff_line(exits->text);
    }
}

static void print_examples(const struct example *examples)
{
    if (!examples || !examples->command)
        return;
    puts(".SH EXAMPLES");
    for (; examples->command; examples++) {
        puts(".TP");
        bold(examples->command);
        putchar('\n');
        roff_line(examples->text);
    }
}

static void command_page(const struct command *c)
{
    printf(".TH SEINE\\-");
    for (const char *at = c->name; *at; at++)
        putchar(toupper((unsigned char)*at));
    puts(" 1 \"" SEINE_DATE "\" \"seine " SEINE_VERSION "\" \"User Commands\"");
    printf(".SH NAME\nseine\\-%s \\- ", c->name);
    roff_line(c->summary);
    printf(".SH SYNOPSIS\n\\fBseine %s\\fR ", c->name);
    synopsis_words(c->synopsis);
    puts(".SH DESCRIPTION");
    for (size_t i = 0; c->description[i]; i++) {
        if (i > 0)
            puts(".PP");
        roff_line(c->description[i]);
    }
    for (const struct argument_word *a = c->arguments; a && a->name; a++) {
        puts(".TP");
        italic(a->name);
        putchar('\n');
        roff_line(a->text);
    }
    puts(".SH OPTIONS");
    print_options(c->options);
    print_options(common_options);
    print_exits(c->exits);
    print_examples(c->examples);
    puts(".SH SEE ALSO\n\\fBseine\\fR(1)");
}

/* Commands that do what they say, in this order, on any machine: a test runs them out of the page. */
static void quick_start(void)
{
    static const char *const lines[] = {
        "seine ingest -o case.db capture.pcap",
        "seine summary case.db",
        "seine flows case.db",
        "seine follow case.db 1",
        "seine sql case.db \"SELECT stream_id, position, length, cause FROM gaps\"",
        "seine extract case.db 1 -o flow-1.pcapng",
        "seine verify case.db",
    };
    puts(".SH QUICK START");
    roff_line(
        "From a capture to its conversations, the bytes of one, what is missing, the frames of "
        "that one for Wireshark, and the proof of it all:");
    puts(".PP\n.RS 4\n.nf");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        roff_text(lines[i]);
        putchar('\n');
    }
    puts(".fi\n.RE\n.PP");
    roff_line(
        "A capture to try this with is installed as examples/http-lost.pcap in the folder of "
        "documents, /usr/share/doc/seine in Debian. The service, seine.service, is explained in "
        "operating.md there.");
}
/* docs/security.md says it in full. */
static const char *const security[] = {
    "Before it reads a capture or a case, each command gives up what it does not need, and the "
    "kernel holds it to that: Landlock says which files, seccomp which system calls, and no "
    "privileges are gained. No command can then open a socket, run a program, or touch another "
    "process.",
    "summary, flows, streams and sql read the case; follow, extract and verify read what the user "
    "may, since the case says where its captures lie; ingest reads its captures. ingest writes in "
    "the folder of the case, extract in that of its output, and all of them temporary files.",
    "Where a kernel lacks Landlock or seccomp, the run goes on without.",
    NULL,
};

static void overview_page(void)
{
    puts(".TH SEINE 1 \"" SEINE_DATE "\" \"seine " SEINE_VERSION "\" \"User Commands\"\n"
         ".SH NAME\n"
         "seine \\- rebuild the conversations of a packet capture into one SQLite file\n"
         ".SH SYNOPSIS\n"
         "\\fBseine\\fR [\\fIOPTION\\fR]... \\fICAPTURE\\fR...\n"
         ".PP\n"
         "\\fBseine\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR]...\n"
         ".SH DESCRIPTION");
    roff_line("Seine takes captured packets, rebuilds every TCP stream and datagram exchange in "
              "them, and leaves a single SQLite file, the case. It answers questions in SQL, and "
              "says for every rebuilt byte which frame of which capture it came from, what else "
              "claimed to be that byte, and what is missing.");
    puts(".PP");
    roff_line("Given captures alone, it reads them into a case that is named after the first of "
              "them, in the current folder, and prints a summary; the options of seine ingest "
              "hold. A capture that is named like a command is given as ./NAME.");
    quick_start();
    puts(".SH COMMANDS");
    for (size_t i = 0; commands[i]; i++) {
        printf(".TP\n\\fBseine %s\\fR ", commands[i]->name);
        synopsis_words(commands[i]->synopsis);
        roff_line(commands[i]->summary);
    }
    puts(".SH OPTIONS");
    print_options(common_options);
    puts(".TP\n\\fB\\-V\\fR, \\fB\\-\\-version\\fR\nSay which version this is.");
    puts(
        ".SH EXIT STATUS\n"
        ".TP\n\\fB0\\fR\nDone.\n"
        ".TP\n\\fB1\\fR\nDone, and something that the user must know was printed.\n"
        ".TP\n\\fB2\\fR\nThe words of the command line make no sense.\n"
        ".TP\n\\fB3\\fR\nThe world failed, and no case was made.\n"
        ".SH FILES\n"
        ".TP\n\\fI/etc/seine/seine.conf\\fR\nThe words of the service.\n"
        ".TP\n\\fI/usr/lib/seine/seine.so\\fR\n"
        "The extension for other programs that speak SQLite: \\fB.load "
        "/usr/lib/seine/seine\\fR.\n"
        ".SH ENVIRONMENT\n"
        ".TP\n\\fBNO_COLOR\\fR\nWhen set and not empty, nothing is coloured.\n"
        ".TP\n\\fBTMPDIR\\fR, \\fBSQLITE_TMPDIR\\fR\nThe folder for temporary files; those of an "
        "ingest "
        "are otherwise beside the case.\n"
        ".TP\n\\fBSEINE_SANDBOX\\fR\nWhat is thought of a kernel that lacks a part of what is said "
        "below: \\fBtell\\fR, a sentence each; \\fBrequire\\fR, nothing is done then; \\fBoff\\fR, "
        "nothing is given up, for debuggers and their like.");
    puts(".SH SECURITY");
    for (size_t i = 0; security[i]; i++) {
        if (i > 0)
            puts(".PP");
        roff_line(security[i]);
    }
    puts(".SH SEE ALSO");
    for (size_t i = 0; commands[i]; i++)
        printf("\\fBseine\\-%s\\fR(1)%s\n", commands[i]->name, commands[i + 1] ? "," : "");
}

void man_page(const struct command *command)
{
    if (command)
        command_page(command);
    else
        overview_page();
}
