/* healthcheck: GET /healthcheck says OK while the file disable_path is not there. */
#include "swift/middleware/middlewares.h"

#include <string.h>
#include <unistd.h>

struct healthcheck_options { char *disable_path; };

static const struct attr option_rows[] = {
    ATTR(struct healthcheck_options, disable_path, 0, .unset = "", .help = "A file; while it is there, the answer is 503."),
    {}
};

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct healthcheck_options *options = step->options;
    bool disabled = *options->disable_path && !access(options->disable_path, F_OK);

    if (strcmp(r->path, "/healthcheck"))
        step_next(c, step, r, response);
    else
        response_text(c, response, disabled ? 503 : 200, "text/plain", disabled ? "DISABLED BY FILE" : "OK");
}

const struct middleware middleware_healthcheck = {
    .name = "healthcheck", .options = option_rows, .options_size = sizeof(struct healthcheck_options), .run = run,
};
