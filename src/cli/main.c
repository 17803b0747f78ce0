/* main.c - the door of the program. */
#include "cli/commands.h"

int main(int argc, char **argv)
{
    return (int)commands_run(argc, argv);
}
