# questions.cmake - the SQL files of a folder become one table of texts in C.
#
# Run at build time: cmake -DFOLDER=questions -DNAMES=a,b -DTO=questions.c -P questions.cmake. In the order of
# NAMES. Arrays of numbers, since a string literal longer than 4095 bytes is not portable C.
string(REPLACE "," ";" NAMES "${NAMES}")
set(texts "")
set(rows "")
foreach(name ${NAMES})
    file(READ "${FOLDER}/${name}.sql" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," numbers "${hex}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n    "
           numbers "${numbers}")
    string(MAKE_C_IDENTIFIER "text_${name}" text)
    string(APPEND texts "static const char ${text}[] = {\n    ${numbers}0};\n\n")
    string(APPEND rows "    {\"${name}\", ${text}},\n")
endforeach()
file(WRITE "${TO}" "/* Made from the files of questions/ by questions.cmake. */
#include \"cli/questions.h\"

${texts}const struct question questions[] = {
${rows}    {0},
};
")
