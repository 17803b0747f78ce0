/* make_capture.c - captures for measuring, as classic pcap to standard output.
 *
 *     make_capture long    FLOWS BYTES  BYTES of payload over FLOWS connections, 1448 a segment,
 *                                       an acknowledgement every second one, interleaved
 *     make_capture lossy   FLOWS BYTES  the same, but of the large segments 3% are overtaken by up to
 *                                       three others, 0.5% are missing though they are acknowledged,
 *                                       and 1% come twice; its twin without is `long`
 *     make_capture short   COUNT        COUNT connections of a request, a response and a close,
 *                                       64 alive at a time
 *     make_capture million COUNT        COUNT connections, all alive at once and never closed, of nine
 *                                       frames each: a handshake and six segments of 48 bytes, three a
 *                                       side; each turn visits the connections in another order
 *     make_capture again   BYTES FILE...  captures many times over with other addresses (again.h),
 *                                       until there are BYTES
 *
 * TCP over IPv4 over Ethernet with right checksums. The same words give the same bytes. */
#include "again.h"
#include "frames.h"

#include <stdlib.h>
#include <string.h>

static int make(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    uint32_t count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    bool lossy = strcmp(what, "lossy") == 0;

    if (argc == 4 && count > 0 && (lossy || strcmp(what, "long") == 0))
        make_long(count, strtoull(argv[3], NULL, 10), lossy);
    else if (argc == 3 && strcmp(what, "short") == 0)
        make_short(count);
    else if (argc == 3 && strcmp(what, "million") == 0)
        make_million(count, 48);
    else if (argc >= 4 && strcmp(what, "again") == 0)
        return make_again(strtoull(argv[2], NULL, 10), argv + 3, argc - 3);
    else {
        fprintf(stderr,
                "make_capture: long FLOWS BYTES | lossy FLOWS BYTES | short COUNT | million "
                "COUNT | again BYTES FILE...\n");
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static char buffer[1 << 20];

    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    frames_begin(stdout);
    int wrong = make(argc, argv);
    if (wrong)
        return wrong;
    if (fflush(stdout) != 0) {
        perror("make_capture");
        return 1;
    }
    return 0;
}
