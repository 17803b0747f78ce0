/* fuzz.h - what the fuzz targets share.
 *
 *     bytes ──► LLVMFuzzerTestOneInput() ──► nothing, or an abort with a sentence
 *
 * A target is one file with one function. Built with the preset `fuzz` it is a libFuzzer program;
 * in every other build replay.c runs it over files. A target keeps nothing from one input to the
 * next but what it makes once, so that a file fails alone as it failed among others. */
#ifndef SEINE_TESTS_FUZZ_H
#define SEINE_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The target. Returns 0, or -1 for an input that is not worth keeping. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { FUZZ_INPUT_MAX = 1 << 16 }; /* bytes; longer inputs are not looked at */

/* Prints the sentence and aborts. */
_Noreturn void fuzz_broken(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What must hold, whatever the input. */
#define FUZZ_HOLDS(condition, ...)                        \
    do {                                                  \
        if (!(condition))                                 \
            fuzz_broken(__FILE__, __LINE__, __VA_ARGS__); \
    } while (0)

/* The input as numbers and runs of bytes, from front to end; zeros and nothing after it. */
struct fuzz_input {
    const uint8_t *data; /* borrowed */
    size_t len;          /* bytes left */
};

uint8_t fuzz_u8(struct fuzz_input *in);
uint16_t fuzz_u16(struct fuzz_input *in); /* little-endian, as the next */
uint64_t fuzz_u64(struct fuzz_input *in);
/* The next `len` bytes, or all that are left when these are fewer, and then *len says so. */
const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t *len);

/* A folder of this process alone, under $TMPDIR or in memory, without a slash at its end. Made when
 * it is first asked for; removed, with the files in it, when the process ends in peace. */
const char *fuzz_folder(void);

/* A file in it: replaced by these bytes; removed, when it is there; read, for free(). */
void fuzz_write(const char *path, const void *bytes, size_t len);
void fuzz_remove(const char *path);
uint8_t *fuzz_read(const char *path, size_t *len);

void *fuzz_must(void *memory); /* aborts when it is NULL */

#endif
