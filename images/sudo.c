/* The guest's sudo: whoever is logged in may become root, as on every cloud image; options are accepted and ignored. */
#include <grp.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char *shell[] = { "/bin/sh", NULL };
    int i = 1;

    while (i < argc && argv[i][0] == '-')
        i++;
    if (setgid(0) || setgroups(0, NULL) || setuid(0)) {
        perror("sudo");
        return 1;
    }
    argv = i < argc ? argv + i : shell;
    execvp(argv[0], argv);
    perror(argv[0]);
    return 127;
}
