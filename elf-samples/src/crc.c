/*
 * crc - CRC-32 of a 64 KiB buffer, ROUNDS times (default 20), one table look-up a byte: the loop of many a checksum.
 *
 * Look for: the buffer and the table take 17 pages, so after the first round there is not a single page fault, and
 * every access hits even a small TLB. What is left is what an instruction costs by itself.
 */
#include "rt.h"

enum { POLYNOMIAL = 0xedb88320, BYTES = 1 << 16 };

static uint32_t table[256];
static uint8_t buffer[BYTES];

static void fill_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t remainder = byte;
        for (int bit = 0; bit < 8; bit++)
            remainder = remainder >> 1 ^ (remainder & 1 ? (uint32_t)POLYNOMIAL : 0);
        table[byte] = remainder;
    }
}

static uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
    return ~crc;
}

int main(int argc, char **argv)
{
    unsigned long rounds = 20;
    if (argc > 1 && (!parse_number(argv[1], &rounds) || rounds >> 32)) {
        print("usage: crc [ROUNDS]\n");
        return 2;
    }
    fill_table();
    static const uint8_t digits[] = "123456789";
    check("the check value of CRC-32", crc32(0, digits, 9) == 0xcbf43926);
    for (uint32_t i = 0; i < BYTES; i++)
        buffer[i] = (uint8_t)(i * 2654435761u >> 13);
    uint32_t crc = 0;
    for (unsigned long round = 0; round < rounds; round++)
        crc = crc32(crc, buffer, BYTES);
    print("crc32 %x after %lu rounds\n", crc, rounds);
    return 0;
}
