/* sqlite.h - SQLite for the code that is compiled twice: into seine, and into the loadable extension.
 *
 * In seine a call goes to the library that it is linked with. In the extension (SEINE_EXTENSION) it
 * goes to the SQLite of the program that loaded it, through the table of routines which that one
 * hands over: no second SQLite comes along. */
#ifndef SEINE_STORE_SQLITE_H
#define SEINE_STORE_SQLITE_H

#ifdef SEINE_EXTENSION
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT3 /* declares sqlite3_api; extension.c has it */
#else
#include <sqlite3.h>
#endif

#endif
