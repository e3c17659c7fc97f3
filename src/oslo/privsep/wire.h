/* What the program and its helper say to each other. Private to privsep/.
 *
 * For each request the program makes a socket pair and passes one end over the control socket: requests run side by side and
 * an answer cannot reach the wrong thread. On it goes a head, then text_size bytes of NUL-ended strings, then the input; back
 * comes a head (with the descriptor, where one was asked for), then the output and the error text.
 */
#ifndef OSLO_PRIVSEP_WIRE_H
#define OSLO_PRIVSEP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_kind { WIRE_COMMAND = 1, WIRE_SOCKET };

struct wire_request {
    uint32_t kind, text_size;
    uint64_t input_size;
    int64_t timeout_us;
    /* WIRE_COMMAND: strings are netns, argv[0], argv[1] ...; WIRE_SOCKET: netns, address, device, and: */
    int32_t family, type, protocol, port, backlog;
    uint8_t broadcast, packet_info;
};

struct wire_reply {
    int32_t end, exit_code;          /* as struct process; of a socket exit_code is 0 or errno */
    uint64_t output_size, error_size;
};

enum { WIRE_TEXT_MAX = 1 << 20, WIRE_INPUT_MAX = 64 << 20 };

bool wire_write(int fd, const void *bytes, size_t n);
bool wire_read(int fd, void *bytes, size_t n);
bool wire_send_fd(int socket, int fd, const void *bytes, size_t n);          /* fd -1: none */
/* Reads exactly n bytes, of which the first may bring a descriptor (-1 otherwise). False at the end. */
bool wire_receive_fd(int socket, int *ret_fd, void *bytes, size_t n);

void helper_main(int control) __attribute__((noreturn));                    /* helper.c */
/* commands.c: the program's path if argv may be run by the helper; NULL if not. */
const char *command_allowed(const char *const *argv);
/* commands.c: "netns exec" within a batch would run any program. */
bool command_input_allowed(const char *name, const char *input);
/* commands.c: sysctl, done without a program: errno or 0. argv as "sysctl -w net.a.b=1 ..." */
int command_sysctl(const char *const *argv);

#endif
