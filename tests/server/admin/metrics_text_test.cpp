#include "server/admin/metrics_text.h"

#include <gtest/gtest.h>

namespace starling::server {
namespace {

Figures example() {
    Figures figures;
    figures.counter("starling_messages_total", "Messages", 3, label("direction", "in"));
    figures.counter("starling_messages_total", "Messages", 2, label("direction", "out"));
    figures.gauge("starling_queue_bytes", "Waiting", 1.5);
    figures.info("starling_build_info", "Version", label("version", "1\"\\\n"));
    return figures;
}

TEST(MetricsText, WritesTheTextFormatOfPrometheus) {
    EXPECT_EQ(metrics_text(example(), MetricsFormat::prometheus),
              "# HELP starling_build_info Version\n"
              "# TYPE starling_build_info gauge\n"
              "starling_build_info{version=\"1\\\"\\\\\\n\"} 1\n"
              "# HELP starling_messages_total Messages\n"
              "# TYPE starling_messages_total counter\n"
              "starling_messages_total{direction=\"in\"} 3\n"
              "starling_messages_total{direction=\"out\"} 2\n"
              "# HELP starling_queue_bytes Waiting\n"
              "# TYPE starling_queue_bytes gauge\n"
              "starling_queue_bytes 1.5\n");
}

TEST(MetricsText, WritesOpenMetrics) {
    EXPECT_EQ(metrics_text(example(), MetricsFormat::openmetrics),
              "# HELP starling_build Version\n"
              "# TYPE starling_build info\n"
              "starling_build_info{version=\"1\\\"\\\\\\n\"} 1\n"
              "# HELP starling_messages Messages\n"
              "# TYPE starling_messages counter\n"
              "starling_messages_total{direction=\"in\"} 3\n"
              "starling_messages_total{direction=\"out\"} 2\n"
              "# HELP starling_queue_bytes Waiting\n"
              "# TYPE starling_queue_bytes gauge\n"
              "# UNIT starling_queue_bytes bytes\n"
              "starling_queue_bytes 1.5\n"
              "# EOF\n");
}

TEST(MetricsText, AHistogramHasBucketsThatAddUp) {
    base::LogHistogram durations;
    durations.record(10);
    durations.record(20);
    durations.record(1'000'000);
    durations.record(30'000'000);
    Figures figures;
    figures.durations("starling_lag_seconds", "Lag", durations, label("worker", "0"));
    const std::string text = metrics_text(figures, MetricsFormat::prometheus);
    const auto has = [&](std::string_view line) { return text.find(line) != std::string::npos; };
    EXPECT_TRUE(has("starling_lag_seconds_bucket{worker=\"0\",le=\"0.000016\"} 1\n")) << text;
    EXPECT_TRUE(has("starling_lag_seconds_bucket{worker=\"0\",le=\"0.000032\"} 2\n"));
    EXPECT_TRUE(has("starling_lag_seconds_bucket{worker=\"0\",le=\"0.524288\"} 2\n"));
    EXPECT_TRUE(has("starling_lag_seconds_bucket{worker=\"0\",le=\"1.048576\"} 3\n"));
    EXPECT_TRUE(has("starling_lag_seconds_bucket{worker=\"0\",le=\"16.777216\"} 3\n"));
    EXPECT_TRUE(has("starling_lag_seconds_bucket{worker=\"0\",le=\"+Inf\"} 4\n"));
    EXPECT_TRUE(has("starling_lag_seconds_sum{worker=\"0\"} 31.00003\n"));
    EXPECT_TRUE(has("starling_lag_seconds_count{worker=\"0\"} 4\n"));
}

TEST(MetricsText, TheAcceptFieldChoosesTheFormat) {
    struct Case {
        std::string_view accept;
        MetricsFormat format;
    };
    constexpr Case cases[] = {
        {"", MetricsFormat::prometheus},
        {"*/*", MetricsFormat::prometheus},
        {"text/html,*/*;q=0.8", MetricsFormat::prometheus},
        {"text/plain;version=0.0.4", MetricsFormat::prometheus},
        {"application/openmetrics-text", MetricsFormat::openmetrics},
        {"Application/OpenMetrics-Text; version=1.0.0", MetricsFormat::openmetrics},
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         MetricsFormat::openmetrics},
        {"text/plain,application/openmetrics-text;q=0.5", MetricsFormat::prometheus},
        {"application/openmetrics-text;q=0", MetricsFormat::prometheus},
        {"application/openmetrics-text;q=x", MetricsFormat::prometheus},
    };
    for (const Case& one : cases)
        EXPECT_EQ(choose_metrics_format(one.accept), one.format) << one.accept;
}

TEST(Figures, SumsWhatHasTheSameLabels) {
    Figures one = example(), other = example();
    one.add(other);
    EXPECT_EQ(one.sum("starling_messages_total"), 10);
    EXPECT_EQ(one.sum("starling_queue_bytes"), 3);
    EXPECT_EQ(one.sum("starling_build_info"), 1);
    EXPECT_EQ(one.sum("unknown"), 0);
}

}  // namespace
}  // namespace starling::server
