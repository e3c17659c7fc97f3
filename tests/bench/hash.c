/* hash ROUNDS N: the quickest of N hashes of a password by bcrypt, in milliseconds: what signing in by password cannot be quicker than. */
#include <stdio.h>
#include <stdlib.h>

#include "keystone/auth/hash.h"
#include "oslo/base/text.h"

int main(int argc, char **argv)
{
    const struct hash_kind kind = { .name = "bcrypt", .rounds = argc > 1 ? atoi(argv[1]) : 0 };
    int64_t best = INT64_MAX;

    for (int i = 0; i < (argc > 2 ? atoi(argv[2]) : 1); i++) {
        struct ctx c;
        int64_t started;

        ctx_init(&c, NULL, NULL);
        const char *hash = hash_make(&c, &kind, "secret");
        started = clock_mono_us();
        if (!hash || !hash_verify(&c, "secret", hash))
            return 1;
        best = MIN(best, clock_mono_us() - started);
        ctx_clear(&c);
    }
    printf("%.3f\n", (double)best / 1000);
    return 0;
}
