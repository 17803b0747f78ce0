/* store_streams_test.c - payload through the sink, and what the case says of it. */
#include "store_rig.h"

static void in_order_and_small(void)
{
    struct rig r;
    struct rig_flow f;
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    rig_text(&r, &f, 0, "GET /");
    rig_text(&r, &f, 5, " HTTP");
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT stream_id, position, CAST(data AS TEXT) FROM stream_data",
              "2|0|GET / HTTP");
    CHECK_SQL(&r, "SELECT count(*) FROM chunk_data", "0");
    CHECK_SQL(&r,
              "SELECT stream_id, flow_id, side, start, length, stored, missing, verdict FROM streams",
              "2|1|client|0|10|10|0|complete");
    CHECK_SQL(&r, "SELECT flow_id, client_ip, client_port, server_ip, community_id FROM flows",
              "1|10.0.0.1|40000|192.0.2.1|1:bN8/XBMNsVKtgbT/dE9v0kJ9Pk4=");
    CHECK_SQL(&r, "SELECT ip, flows_as_client, flows_as_server FROM hosts ORDER BY addr",
              "10.0.0.1|1|0 192.0.2.1|0|1");
    CU_ASSERT_TRUE(rig_stream_is(&r, 2, "GET / HTTP", 10));
    rig_release(&r);
}

static void in_order_and_long(void)
{
    struct rig r;
    struct rig_flow f;
    size_t len = 1000000;
    uint8_t *bytes = rig_noise(len, 1);
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    for (size_t at = 0; at < len; at += 1460)
        rig_segment(&r, &f, SIDE_SERVER, (int64_t)at, bytes + at, len - at < 1460 ? len - at : 1460);
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CU_ASSERT_TRUE(rig_stream_is(&r, 3, bytes, len));
    CHECK_SQL(&r, "SELECT count(DISTINCT length) < 3, sum(length) FROM chunks", "1|1000000");
    /* no row leaves its leaf */
    CHECK_SQL(&r, "SELECT count(*) FROM dbstat WHERE pagetype = 'overflow'", "0");
    free(bytes);
    rig_release(&r);
}

static const struct test tests[] = {
    {"a small stream is one row of stream_data", in_order_and_small},
    {"a long stream is chunks that fill their leaves", in_order_and_long},
};
SUITE("store streams", tests)
