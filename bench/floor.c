/* floor.c - the least that a reconstruction into SQLite can cost, to measure others against.
 *
 *     floor CAPTURE DATABASE
 *
 * Maps a classic pcap, walks Ethernet, IPv4 and TCP, and appends each payload, in the order in which it
 * lies in the capture, to a buffer of 60,000 bytes that becomes a row when it is full: pages of 64 KiB, no
 * journal, nothing synchronous, one transaction. So it pays for walking, for one copy of each payload
 * byte, and for SQLite, and for nothing else.
 *
 * It is no reconstruction: it knows no flows, no order, no duplicates, no holes, no directions; checks no
 * checksum; keeps no addresses, no times and no frames; has no index and hashes nothing; and it believes
 * its capture, which must be whole, of this byte order, and made by bench/make_capture. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_HEADER = 24, RECORD = 16, ETHERNET = 14, ROW = 60000 };

static uint8_t row[ROW];
static size_t row_len;

static int write_row(sqlite3_stmt *insert)
{
    sqlite3_bind_blob(insert, 1, row, (int)row_len, SQLITE_STATIC);
    row_len = 0;
    return sqlite3_step(insert) == SQLITE_DONE ? sqlite3_reset(insert) : SQLITE_ERROR;
}

static int append(sqlite3_stmt *insert, const uint8_t *payload, size_t len)
{
    int result = SQLITE_OK;

    while (len > 0 && result == SQLITE_OK) {
        size_t n = len < ROW - row_len ? len : ROW - row_len;
        memcpy(row + row_len, payload, n);
        payload += n;
        len -= n;
        row_len += n;
        if (row_len == ROW)
            result = write_row(insert);
    }
    return result;
}

static int walk(sqlite3_stmt *insert, const uint8_t *bytes, size_t len)
{
    int result = SQLITE_OK;

    for (size_t at = FILE_HEADER; at + RECORD <= len && result == SQLITE_OK;) {
        uint32_t captured;
        memcpy(&captured, bytes + at + 8, sizeof captured);
        if (captured > len - at - RECORD)
            break;
        const uint8_t *ip = bytes + at + RECORD + ETHERNET;
        size_t header = (size_t)(ip[0] & 15) * 4, ip_len = (size_t)(ip[2] << 8 | ip[3]);
        if (captured >= ETHERNET + 40 && ip[-2] == 8 && ip[-1] == 0 && ip[0] >> 4 == 4 &&
            ip[9] == 6 && ip_len + ETHERNET <= captured) {
            size_t headers = header + (size_t)(ip[header + 12] >> 4) * 4;
            if (headers < ip_len)
                result = append(insert, ip + headers, ip_len - headers);
        }
        at += RECORD + captured;
    }
    return result == SQLITE_OK && row_len > 0 ? write_row(insert) : result;
}

int main(int argc, char **argv)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *insert = NULL;
    struct stat st;
    int file = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

    if (file < 0 || fstat(file, &st) != 0 || st.st_size < FILE_HEADER) {
        fprintf(stderr, "floor: CAPTURE DATABASE\n");
        return 2;
    }
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) {
        perror(argv[1]);
        return 3;
    }
    madvise(bytes, (size_t)st.st_size, MADV_SEQUENTIAL);
    int result = sqlite3_open(argv[2], &db);
    if (result == SQLITE_OK)
        result = sqlite3_exec(db,
                              "pragma page_size = 65536; pragma journal_mode = off;"
                              "pragma synchronous = off; create table payload (data blob); begin",
                              NULL, NULL, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_prepare_v2(db, "insert into payload values (?)", -1, &insert, NULL);
    if (result == SQLITE_OK)
        result = walk(insert, bytes, (size_t)st.st_size);
    sqlite3_finalize(insert);
    if (result == SQLITE_OK)
        result = sqlite3_exec(db, "commit", NULL, NULL, NULL);
    if (result != SQLITE_OK)
        fprintf(stderr, "floor: %s: %s\n", argv[2], sqlite3_errmsg(db));
    sqlite3_close(db);
    munmap(bytes, (size_t)st.st_size);
    close(file);
    return result == SQLITE_OK ? 0 : 3;
}
