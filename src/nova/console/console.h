/* The way to guests' screens: port 6080. */
#ifndef NOVA_CONSOLE_CONSOLE_H
#define NOVA_CONSOLE_CONSOLE_H

#include "oslo/service/service.h"

extern const struct service console_service;

#endif
