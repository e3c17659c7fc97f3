/* nacre swift WORD ...: what the original's swift-* programs show and change, with their options and their output. */
#ifndef SWIFT_TOOLS_TOOLS_H
#define SWIFT_TOOLS_TOOLS_H

#include "oslo/http/http.h"
#include "swift/ring/ring.h"

/* A program: words are what follows its name, ended by NULL. The exit status; with a fault 1. */
struct tool { const char *name, *arguments, *help; int (*run)(struct ctx *, char **words); bool bare; /* asks for no configuration */ };
extern const struct tool tools[];            /* ends with a name NULL */

int tool_get_nodes(struct ctx *, char **words);
int tool_object_info(struct ctx *, char **words);
int tool_account_info(struct ctx *, char **words);
int tool_container_info(struct ctx *, char **words);
int tool_account_audit(struct ctx *, char **words);
int tool_container_deleter(struct ctx *, char **words);
int tool_manage_shard_ranges(struct ctx *, char **words);
int tool_dispersion_populate(struct ctx *, char **words);
int tool_dispersion_report(struct ctx *, char **words);
int tool_drive_audit(struct ctx *, char **words);
int tool_form_signature(struct ctx *, char **words);
int tool_object_relinker(struct ctx *, char **words);                /* daemon/relinker.c */
int tool_recon_cron(struct ctx *, char **words);
int tool_reconciler_enqueue(struct ctx *, char **words);
int tool_ring_builder_analyzer(struct ctx *, char **words);          /* ring/analyze.c */

/* --- what they share (tools.c) -------------------------------------------------------------------------------------------- */

/* An option: flag is set, or value is the word behind it (or behind '='), or that is added to list. letter 0: it has none. Names may be cut short,
 * letters stand together. */
struct tool_option { char letter; const char *name; bool *flag; const char **value; GPtrArray *list; };
/* Takes the options (up to a name NULL) out of words, in place. False with a fault: one of them is unknown. */
bool tool_options(struct ctx *, char **words, const struct tool_option *);
/* The same, up to the word behind which n words that are no options stand: what follows is another's. */
bool tool_options_before(struct ctx *, char **words, const struct tool_option *, size_t n);
int tool_usage(struct ctx *, const char *name);              /* says how it is called; 2 */
/* To standard output; a name's NULs are bytes again. */
void say(const char *format, ...) G_GNUC_PRINTF(1, 2);
void say_json(struct ctx *, json_t *);                       /* as Python's json.dumps(sort_keys=True, indent=2), and a newline */
const char *name_repr(struct ctx *, const char *text);     /* a str as Python shows it */
const char *pairs_repr(struct ctx *, const struct pair *);         /* a dict of them; ends with {} */

/* Where an account, container or object is to be found. partition -1: that of its name. account NULL: of a partition. */
struct location { const char *data_dir, *account, *container, *object; int64_t partition; bool all; int policy_index; /* -1: not said */ };
void say_locations(struct ctx *, const struct ring *, const struct location *);

#endif
