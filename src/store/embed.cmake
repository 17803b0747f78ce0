# embed.cmake - a text file becomes a C array that ends in a NUL.
#
# Run at build time: cmake -DFROM=schema.sql -DTO=schema.c -DNAME=schema_sql -P embed.cmake. An array
# of numbers, since a string literal longer than 4095 bytes is not portable C.
file(READ "${FROM}" hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," numbers "${hex}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n    "
       numbers "${numbers}")
get_filename_component(from_name "${FROM}" NAME)
file(WRITE "${TO}" "/* Made from ${from_name} by embed.cmake. */
#include \"store/schema.h\"

const char ${NAME}[] = {
    ${numbers}0};
")
