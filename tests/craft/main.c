/* main.c - craft [-b] [-n] [-o FILE] [SCRIPT]: a script from a file or standard input, as a pcap.
 *
 * -b is big-endian, -n has nanoseconds. Exit status: 0 done, 1 the script makes no sense, 2 usage,
 * 3 a file fails. The language is described in craft.h. */
#include "craft/craft.h"

#include "craft/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_all(struct wire_bytes *text, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    uint8_t piece[4096];
    size_t len;
    if (!file)
        return false;
    while ((len = fread(piece, 1, sizeof(piece), file)) > 0)
        wire_add(text, piece, len);
    wire_u8(text, 0);
    bool whole = !ferror(file);
    fclose(file);
    return whole;
}

static bool write_all(const char *path, const uint8_t *data, size_t len)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
    if (!file)
        return false;
    bool whole = fwrite(data, 1, len, file) == len;
    return fclose(file) == 0 && whole;
}

static int craft_file(const char *from, const char *to, unsigned options)
{
    struct wire_bytes text = {0};
    struct craft_error err;
    int status = 0;
    if (!read_all(&text, from)) {
        perror(from);
        status = 3;
        goto out;
    }
    struct craft *c = craft_frames((const char *)text.data, &err);
    if (!c) {
        fprintf(stderr, "%s: %s\n", from, err.text);
        status = 1;
        goto out;
    }
    size_t len;
    uint8_t *pcap = craft_pcap(&len, c, options);
    if (!write_all(to, pcap, len)) {
        perror(to);
        status = 3;
    }
    free(pcap);
    craft_free(c);
out:
    wire_release(&text);
    return status;
}

int main(int argc, char **argv)
{
    const char *to = "-";
    unsigned options = 0;
    int option;
    while ((option = getopt(argc, argv, "bno:")) != -1) {
        if (option == 'b') {
            options |= CRAFT_BIG_ENDIAN;
        } else if (option == 'n') {
            options |= CRAFT_NANOSECONDS;
        } else if (option == 'o') {
            to = optarg;
        } else {
            fprintf(stderr, "usage: craft [-b] [-n] [-o FILE] [SCRIPT]\n");
            return 2;
        }
    }
    return craft_file(optind < argc ? argv[optind] : "-", to, options);
}
