/* Running a command: no shell, arguments as they are, output bounded, a deadline, a span. */
#ifndef OSLO_PRIVSEP_RUN_H
#define OSLO_PRIVSEP_RUN_H

#include "oslo/base/buf.h"
#include "oslo/base/ctx.h"

struct run {
    const char *input;           /* given on standard input, or NULL */
    size_t input_size;           /* 0 with input: strlen(input) */
    int64_t timeout_us;          /* 0: one minute */
    bool quiet;                  /* a non-zero exit is an answer, not a fault */
    bool (*unwanted)(void);      /* asked every second: true ends it as one that took too long; NULL: it is not asked */
    /* filled in */
    int exit_code;               /* 128 + n for a signal */
    char *output;                /* standard output, NUL-terminated, of the ctx; at most 16 MiB */
    char *error;                 /* standard error, likewise */
};

/* Runs argv[0] (looked up in PATH) and waits. False with a fault if it could not start, took too long or, unless
 * quiet, did not exit with 0 (ProcessExecutionError, with its standard error as the detail). run may be NULL. */
bool run_argv(struct ctx *, struct run *, const char *const argv[]);
#define RUN(c, ...) run_argv((c), NULL, (const char *const[]){ __VA_ARGS__, NULL })

/* The same in two halves, for the helper that runs commands on behalf of others: the process alone, without fault, span
 * or ctx; and what to make of how it ended. */
struct process {
    const char *path;            /* NULL: argv[0] in PATH */
    const char *const *argv;
    const void *input;
    size_t input_size;
    int64_t timeout_us;
    bool (*unwanted)(void);
    /* filled in */
    enum process_end { PROCESS_ENDED, PROCESS_NOT_STARTED, PROCESS_TIMED_OUT } end;
    int exit_code;               /* of one that ended; errno of one that did not start */
    struct buf output, error;    /* the caller clears them */
};
void process_run(struct process *);
bool run_judge(struct ctx *, struct run *, struct process *);        /* moves the output into run; false with the fault */

#endif
