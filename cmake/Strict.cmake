# Strict.cmake - one way to compile everything: C11, every warning an error, asserts always on.
#
#     type              optimised   hardened   debug information
#     Debug             -O0         -          yes
#     Release           -O2         yes        -                      see seine_whole_rooms
#     RelWithDebInfo    -O2         yes        yes
#
# SEINE_SANITIZE and SEINE_FUZZ take the place of the hardening. With the first, RelWithDebInfo is -O1 and has the
# names and lines that a report needs: it compiles in half the time, and runs as fast.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)

# An assert guards against a bug of ours, and such a bug must not write a wrong case: keep them all.
foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()
string(REPLACE "-O3" "-O2" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")

# The rooms that a packet goes through are optimised as one program where they are linked into seine. Their objects
# bear machine code as well, from which the tests, a hundred programs, are linked (docs/decisions/0049).
set(seine_whole_rooms "")
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT SEINE_SANITIZE)
    set(seine_whole_rooms base capture dissect reassembly store pipeline)
    add_link_options($<IF:$<BOOL:$<TARGET_PROPERTY:SEINE_WHOLE>>,-flto=auto,-fno-lto>)
endif()

link_libraries(m) # a library of its own in glibc

add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64)
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wundef
    -Wwrite-strings -Wformat=2 -Wvla -Wswitch-enum -Wnull-dereference -Wdouble-promotion
    -fno-common -fstack-protector-strong)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # Sentences are cut at the end of their buffers on purpose.
    add_compile_options(-Wlogical-op -Wduplicated-cond -Wtrampolines -Wno-format-truncation)
endif()
if(SEINE_WERROR)
    add_compile_options(-Werror)
endif()

if(SEINE_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "SEINE_FUZZ needs clang: cmake --preset fuzz, or -DCMAKE_C_COMPILER=clang")
    endif()
    set(seine_sanitizers "fuzzer-no-link,address,undefined")
else()
    set(seine_sanitizers "${SEINE_SANITIZE}")
endif()

if(seine_sanitizers)
    add_compile_options(-fsanitize=${seine_sanitizers} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${seine_sanitizers})
    if(NOT SEINE_FUZZ)
        add_compile_options("$<$<CONFIG:RelWithDebInfo>:-O1;-g1>")
    endif()
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        # The sanitizers' own branches make gcc see null pointers that are none.
        add_compile_options(-Wno-null-dereference -Wno-maybe-uninitialized)
    endif()
else()
    include(CheckPIESupported)
    check_pie_supported(LANGUAGES C)
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    # Fortified functions need an optimiser. Undefined first: some compilers come with it defined.
    add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>
                        $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
    add_link_options(LINKER:-z,relro,-z,now,-z,noexecstack)
endif()

# seine_test(TEST TARGET SOURCE TIMEOUT USES ...): a test that is a program of one source file. Under sanitizers the
# optimiser takes ten times as long over such a file as all the rest of the compiler, for code that runs once. In
# a build for fuzzing tests are there for clang's warnings: they are compiled, neither instrumented nor linked.
function(seine_test test target source timeout)
    cmake_parse_arguments(TEST "" "" "USES" ${ARGN})
    if(SEINE_FUZZ)
        add_library(${target} OBJECT ${source})
        target_compile_options(${target} PRIVATE -fno-sanitize=all -O0 -g0)
    else()
        add_executable(${target} ${source})
        target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
        add_test(NAME ${test} COMMAND ${target})
        set_tests_properties(${test} PROPERTIES TIMEOUT ${timeout})
    endif()
    target_link_libraries(${target} PRIVATE ${TEST_USES})
endfunction()

# seine_room(NAME SOURCES ... USES ...): one static library a room. What a room may include is held
# by scripts/check-rooms; what it links is said here.
function(seine_room name)
    cmake_parse_arguments(ROOM "" "" "SOURCES;USES" ${ARGN})
    add_library(seine_${name} STATIC ${ROOM_SOURCES})
    target_include_directories(seine_${name} PUBLIC "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(seine_${name} PUBLIC ${ROOM_USES})
    if(name IN_LIST seine_whole_rooms)
        target_compile_options(seine_${name} PRIVATE -O3 -flto=auto -ffat-lto-objects)
    endif()
endfunction()

# seine_optimise_whole(TARGET): TARGET is linked with those rooms as one program.
function(seine_optimise_whole target)
    set_target_properties(${target} PROPERTIES SEINE_WHOLE ON)
    if(seine_whole_rooms)
        target_compile_options(${target} PRIVATE -O3 -flto=auto)
    endif()
endfunction()
