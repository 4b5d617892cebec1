#include "load/measure/report.h"

#include <gtest/gtest.h>
#include <starling/json.h>

#include <boost/json.hpp>

#include <string>

namespace {

using starling::load::duration;
using starling::load::Fault;
using starling::load::grouped;
using starling::load::json_of;
using starling::load::Report;
using starling::load::text_of;

TEST(Report, Numbers) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1000), "1,000");
    EXPECT_EQ(grouped(1'234'567), "1,234,567");
    EXPECT_EQ(duration(0), "0.00 µs");
    EXPECT_EQ(duration(9'500), "9.50 µs");
    EXPECT_EQ(duration(95'000), "95.0 µs");
    EXPECT_EQ(duration(218'000), "218 µs");
    EXPECT_EQ(duration(4'030'000), "4.03 ms");
    EXPECT_EQ(duration(1'770'000'000), "1.77 s");
}

Report some() {
    Report report;
    report.scenario = "echo";
    report.url = "ws://h/\"";
    report.model = "2 connections, 1 in flight on each, 64 bytes";
    report.wanted = 2;
    report.opened = 2;
    report.opening_seconds = 0.5;
    report.seconds = 2;
    report.count = 4000;
    for (int i = 0; i < 4000; ++i) report.latency.record(50);
    report.client_cpu_seconds = 0.5;
    return report;
}

TEST(Report, Text) {
    Report report = some();
    EXPECT_EQ(text_of(report),
              "echo ws://h/\", 2 connections, 1 in flight on each, 64 bytes, 2.0 s\n\n"
              "messages        4,000   2,000/s\n"
              "latency         p50 0.05 µs   p99 0.05 µs   p99.9 0.05 µs   max 0.05 µs\n"
              "connections     2 of 2 opened in 0.50 s   4/s\n"
              "CPU here        125.00 µs for each message, 25 % of a core\n"
              "errors          none\n");
    report.errors.add({Fault::Kind::status, 404});
    report.errors.add({Fault::Kind::bad_answer, 0, "a reply has another length"}, 3);
    report.server_cpu_seconds = 1;
    report.wanted_per_second = 2500;
    report.missing = 12;
    report.other_messages = 5;
    report.interrupted = true;
    EXPECT_EQ(text_of(report),
              "echo ws://h/\", 2 connections, 1 in flight on each, 64 bytes, 2.0 s, interrupted\n\n"
              "messages        4,000   2,000/s\n"
              "wanted          2,500/s\n"
              "missing         12\n"
              "other messages  5\n"
              "latency         p50 0.05 µs   p99 0.05 µs   p99.9 0.05 µs   max 0.05 µs\n"
              "connections     2 of 2 opened in 0.50 s   4/s\n"
              "CPU here        125.00 µs for each message, 25 % of a core\n"
              "CPU server      250.00 µs for each message, 50 % of a core\n"
              "errors          3 × bad answer (a reply has another length)\n"
              "                1 × handshake status 404\n");
}

TEST(Report, NothingMeasured) {
    Report report;
    report.scenario = "connect";
    report.unit = "connections";
    report.url = "ws://h/";
    EXPECT_EQ(
        text_of(report),
        "connect ws://h/, 0.0 s\n\nconnections     0   0/s\nlatency         nothing measured\n"
        "errors          none\n");
    const auto value = starling::parse_json(json_of(report));
    ASSERT_TRUE(value);
    EXPECT_TRUE(value->at_pointer("/latency_us/p50").is_null());
}

TEST(Report, Json) {
    Report report = some();
    report.errors.add({Fault::Kind::closed, 1001, "say \"x\""}, 2);
    report.server_cpu_seconds = 1;
    const auto value = starling::parse_json(json_of(report));
    ASSERT_TRUE(value) << json_of(report);
    const auto& object = value->as_object();
    const auto text = [&](const char* pointer) {
        return boost::json::serialize(value->at_pointer(pointer));
    };
    EXPECT_EQ(text("/url"), R"("ws://h/\"")");
    EXPECT_EQ(text("/count"), "4000");
    EXPECT_EQ(value->at_pointer("/per_second").as_double(), 2000);
    EXPECT_EQ(value->at_pointer("/latency_us/p50").as_double(), 0.1);  // Rounded.
    EXPECT_EQ(text("/errors"), R"({"closed code 1001":2})");
    EXPECT_EQ(text("/error_texts/closed code 1001"), R"("say \"x\"")");
    EXPECT_EQ(text("/missing"), "null");
    EXPECT_EQ(text("/connections/opened"), "2");
    EXPECT_EQ(value->at_pointer("/server_cpu/us").as_double(), 250);
    EXPECT_EQ(object.at("server_bytes_each").is_null(), true);
}

}  // namespace
