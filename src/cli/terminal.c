/* terminal.c - sentences, colours, and wire bytes made harmless. */
#include "cli/terminal.h"

#include "base/buffer.h"
#include "base/escape.h"
#include "cli/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void print_escaped(FILE *to, const char *text)
{
    enum { SLICE = 256, ESCAPE_MOST = 8 }; /* bytes that one byte of text can become */
    uint8_t escaped[SLICE * ESCAPE_MOST + 1];
    size_t left = strlen(text);

    /* Sentences about a lack of memory pass here, so it needs none: a slice fits, whatever it says. */
    while (left > 0) {
        size_t len = left < SLICE ? left : SLICE;
        for (int i = 0; i < 3 && len < left && ((unsigned char)text[len] & 0xc0) == 0x80; i++)
            len--; /* a character is not cut */
        struct buffer out = {.data = escaped, .room = sizeof escaped, .ceiling = sizeof escaped};
        escape_for_terminal(&out, span_of(text, len));
        fwrite(out.data, 1, out.len, to);
        text += len;
        left -= len;
    }
}

static void __attribute__((format(printf, 2, 0)))
sentence_print(enum weight weight, const char *format, va_list args)
{
    char sentence[2048];
    vsnprintf(sentence, sizeof sentence, format, args);
    fflush(stdout); /* so that both keep their order where they go to one place */
    if (notify_logs_to_journal())
        fprintf(stderr, "<%d>", (int)weight);
    else
        fputs("seine: ", stderr);
    print_escaped(stderr, sentence);
    fputc('\n', stderr);
}

void say_as(enum weight weight, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sentence_print(weight, format, args);
    va_end(args);
}

void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sentence_print(WEIGHT_WARNING, format, args);
    va_end(args);
}

int terminal_width(FILE *of)
{
    enum { WIDTH_DEFAULT = 80, WIDTH_LEAST = 20, WIDTH_MOST = 1000 };
    struct winsize size;
    if (ioctl(fileno(of), TIOCGWINSZ, &size) != 0 || size.ws_col < WIDTH_LEAST)
        return WIDTH_DEFAULT;
    return size.ws_col > WIDTH_MOST ? WIDTH_MOST : size.ws_col;
}

bool terminal_redraws(FILE *of)
{
    const char *term = getenv("TERM");
    return isatty(fileno(of)) && term && *term && strcmp(term, "dumb") != 0;
}

bool terminal_colours(FILE *of)
{
    const char *off = getenv("NO_COLOR"); /* no-color.org: any value but the empty one */
    return !(off && *off) && terminal_redraws(of);
}

const char *colour_start(enum colour colour, bool on)
{
    static const char *const starts[] = {
        [COLOUR_PLAIN] = "",          [COLOUR_BOLD] = "\033[1m",       [COLOUR_CLIENT] = "\033[36m",
        [COLOUR_SERVER] = "\033[33m", [COLOUR_WARNING] = "\033[1;31m",
    };
    return on ? starts[colour] : "";
}

const char *colour_end(bool on)
{
    return on ? "\033[0m" : "";
}

bool output_flush(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    say("standard output: %s", errno ? strerror(errno) : "not all of it could be written");
    return false;
}
