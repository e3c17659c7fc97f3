/* Any bytes as what a broker sends: frames, their methods and properties. */
#include "oslo/messaging/drivers/rabbit/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame frame;
    amqp_pool_t pool;
    ssize_t n;

    init_amqp_pool(&pool, 4096);
    for (size_t at = 0; (n = frame_read(data + at, size - at, FRAME_MAX, &frame)) > 0; at += (size_t)n) {
        amqp_basic_properties_t *properties;
        amqp_method_t method;
        uint64_t length;

        if (frame.type == AMQP_FRAME_METHOD)
            frame_read_method(&frame, &pool, &method);
        else if (frame.type == AMQP_FRAME_HEADER)
            frame_read_header(&frame, &pool, &properties, &length);
        recycle_amqp_pool(&pool);
    }
    empty_amqp_pool(&pool);
    return 0;
}
