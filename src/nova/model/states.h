/* How a pair of vm_state and task_state reads to users. One row a pair; task_state NULL is "any other". */
#ifndef NOVA_MODEL_STATES_H
#define NOVA_MODEL_STATES_H

struct state_status {
    const char *vm_state, *task_state, *status;
};
extern const struct state_status state_statuses[];       /* ends with {} */

#endif
