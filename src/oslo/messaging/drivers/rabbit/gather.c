/* A process whose messages come one at a time never waits, nor does one that has a single call under way. */
#include "oslo/messaging/drivers/rabbit/gather.h"

#include <glib.h>

enum { WORTH_IT = 2, FIRM = 8 };

void habit_saw(struct habit *h, int n)
{
    h->kept = n > 1 && n >= h->usual - h->usual / 4 ? h->kept + 1 : 0;
    h->usual = MAX(n, h->usual - 1 - h->usual / 8);
}

bool habit_is_firm(const struct habit *h)
{
    return h->kept >= FIRM;
}

bool gather_begin(struct gather *g, int at_most, int64_t now)
{
    if (g->met || now >= g->until) {
        habit_saw(&g->habit, g->came);
        g->came = 0;
        g->met = false;
        g->until = now + (habit_is_firm(&g->habit) ? LONG_MOMENT_US : MOMENT_US);
    }
    g->wanted = MIN(g->habit.usual, g->came + at_most);
    if (g->wanted < WORTH_IT || g->came >= g->wanted)
        g->wanted = 0;
    return g->wanted;
}

bool gather_add(struct gather *g, int64_t now)
{
    if (!g->met && now >= g->until)
        return true;
    g->came++;
    g->met = g->met || (g->wanted && g->came >= g->wanted);
    return g->met || !g->wanted;
}
