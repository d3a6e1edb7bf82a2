/* One hop in C with librabbitmq: as many publishes on their way as messages are held, acknowledged in groups.
 *
 *   hop HOST PORT VIRTUAL_HOST READS WRITES PREFETCH
 *
 * A message is acknowledged when the broker has confirmed what it became, as everywhere in the bench.
 */
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONSUMING 1
#define PUBLISHING 2
#define MOST_HELD 65536

static uint64_t delivery_of[MOST_HELD];
static char confirmed[MOST_HELD];
static uint64_t published, acknowledged;

static void insist(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "hop: %s\n", what);
        exit(1);
    }
}

static amqp_connection_state_t connect_to(char **words) {
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    insist(socket && amqp_socket_open(socket, words[1], atoi(words[2])) == AMQP_STATUS_OK, "connect");
    amqp_rpc_reply_t reply =
        amqp_login(connection, words[3], 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    insist(reply.reply_type == AMQP_RESPONSE_NORMAL, "login");
    return connection;
}

static void open_channels(amqp_connection_state_t connection, char **words) {
    insist(amqp_channel_open(connection, CONSUMING) != NULL, "channel");
    insist(amqp_channel_open(connection, PUBLISHING) != NULL, "channel");
    insist(amqp_confirm_select(connection, PUBLISHING) != NULL, "confirms");
    insist(amqp_basic_qos(connection, CONSUMING, 0, (uint16_t)atoi(words[6]), 0) != NULL, "prefetch");
    insist(amqp_basic_consume(connection, CONSUMING, amqp_cstring_bytes(words[4]), amqp_empty_bytes, 0, 0, 0,
                              amqp_empty_table) != NULL, "consume");
}

static void hand_on(amqp_connection_state_t connection, amqp_basic_deliver_t *delivery, char *writes) {
    amqp_message_t message;
    amqp_rpc_reply_t reply = amqp_read_message(connection, CONSUMING, &message, 0);
    insist(reply.reply_type == AMQP_RESPONSE_NORMAL, "read");
    published++;
    delivery_of[published % MOST_HELD] = delivery->delivery_tag;
    confirmed[published % MOST_HELD] = 0;
    insist(amqp_basic_publish(connection, PUBLISHING, amqp_empty_bytes, amqp_cstring_bytes(writes), 1, 0,
                              &message.properties, message.body) == AMQP_STATUS_OK, "publish");
    amqp_destroy_message(&message);
}

/* Deliveries are published in their order, so what is confirmed without a gap is acknowledged at once. */
static void acknowledge(amqp_connection_state_t connection, amqp_basic_ack_t *ack) {
    uint64_t number = ack->multiple ? acknowledged + 1 : ack->delivery_tag;
    for (; number <= ack->delivery_tag; number++)
        confirmed[number % MOST_HELD] = 1;
    uint64_t before = acknowledged;
    while (acknowledged < published && confirmed[(acknowledged + 1) % MOST_HELD])
        acknowledged++;
    if (acknowledged > before)
        amqp_basic_ack(connection, CONSUMING, delivery_of[acknowledged % MOST_HELD], 1);
}

int main(int count, char **words) {
    insist(count == 7, "HOST PORT VIRTUAL_HOST READS WRITES PREFETCH");
    amqp_connection_state_t connection = connect_to(words);
    open_channels(connection, words);
    for (;;) {
        amqp_frame_t frame;
        amqp_maybe_release_buffers(connection);
        insist(amqp_simple_wait_frame(connection, &frame) == AMQP_STATUS_OK, "connection lost");
        if (frame.frame_type != AMQP_FRAME_METHOD)
            continue;
        if (frame.payload.method.id == AMQP_BASIC_DELIVER_METHOD)
            hand_on(connection, frame.payload.method.decoded, words[5]);
        else if (frame.payload.method.id == AMQP_BASIC_ACK_METHOD)
            acknowledge(connection, frame.payload.method.decoded);
        else
            insist(0, amqp_method_name(frame.payload.method.id));
    }
}
