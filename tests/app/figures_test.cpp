// What the demo tells of its own server: rates, and the URLs for another machine.
#include "app/demo/figures.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <string>
#include <vector>

#include "tests/server/client.h"

namespace starling::app {
namespace {

Reading reading(int64_t at_ms, uint64_t requests, uint64_t received, uint64_t sent) {
    Reading made;
    made.at_ms = at_ms;
    made.stats.requests = requests;
    made.stats.messages_received = received;
    made.stats.messages_sent = sent;
    return made;
}

TEST(Figures, TellsRatesBetweenTwoReadings) {
    struct Case {
        const char* name;
        Reading before, now;
        double requests, received, sent;
    };
    const Case cases[] = {
        {"nothing yet", {}, {}, 0, 0, 0},
        {"the first second", {}, reading(1000, 3, 20, 0), 3, 20, 0},
        {"a late timer", reading(1000, 3, 20, 5), reading(3000, 4, 21, 3005), 0.5, 0.5, 1500},
        {"one decimal", reading(1000, 0, 0, 0), reading(1300, 1, 0, 0), 3.3, 0, 0},
        {"two readings at once", reading(1000, 1, 0, 0), reading(1000, 9, 0, 0), 0, 0, 0},
        {"a counter of a worker that is gone", reading(1000, 9, 9, 9), reading(2000, 1, 9, 9), 0, 0,
         0},
    };
    for (const Case& c : cases) {
        const sio::Json figures = figures_of(c.before, c.now, 2);
        EXPECT_EQ(figures.at("requests_per_s").to_number<double>(), c.requests) << c.name;
        EXPECT_EQ(figures.at("received_per_s").to_number<double>(), c.received) << c.name;
        EXPECT_EQ(figures.at("sent_per_s").to_number<double>(), c.sent) << c.name;
    }
}

TEST(Figures, TellsWhatIsOpen) {
    Reading now = reading(61'500, 0, 0, 0);
    now.stats.connections_open = 4;
    now.stats.websockets_open = 3;
    now.stats.socketio_sessions_open = 2;
    EXPECT_EQ(boost::json::serialize(figures_of(now, now, 8)),
              R"({"uptime_s":61,"workers":8,"connections":4,"websockets":3,"socketio_sessions":2,)"
              R"("requests_per_s":0,"received_per_s":0,"sent_per_s":0})");
}

TEST(Figures, TellsUrlsToThisMachineAlone) {
    Server server({.listen = "127.0.0.1:0", .workers = 1});
    serve_figures(server, {}, [] { return std::vector<std::string>{"http://192.0.2.7:80"}; });
    server.start();
    const auto tells = [&](const std::string& field) {
        server::test::Client client(server.port());
        const auto answer = client.request("GET /figures HTTP/1.1\r\nHost: a\r\n" + field + "\r\n");
        EXPECT_EQ(answer.status, 200);
        return answer.body.find("192.0.2.7") != std::string::npos;
    };
    EXPECT_TRUE(tells(""));
    EXPECT_TRUE(tells("Origin: http://localhost:8080\r\nSec-Fetch-Site: same-origin\r\n"));
    for (const char* field : {"X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1",
                              "Via: 1.1 a", "X-Real-IP: 192.0.2.1", "X-Forwarded-Host: a.example"})
        EXPECT_FALSE(tells(std::string(field) + "\r\n")) << field;
}

TEST(Figures, TellsUrlsThatAnotherMachineCanOpen) {
    using Urls = std::vector<std::string>;
    struct Case {
        const char* name;
        Urls listening, interfaces, expected;
    };
    const Case cases[] = {
        {"loopback alone", {"http://localhost:8080", "http://[::1]:8080"}, {"192.0.2.7"}, {}},
        {"another loopback address", {"http://127.0.0.2:80"}, {"192.0.2.7"}, {}},
        {"all addresses",
         {"http://0.0.0.0:8080"},
         {"192.0.2.7", "198.51.100.1"},
         {"http://192.0.2.7:8080", "http://198.51.100.1:8080"}},
        {"all of IPv6, with TLS", {"https://[::]:8443"}, {"192.0.2.7"}, {"https://192.0.2.7:8443"}},
        {"one address", {"http://192.0.2.7:80"}, {"198.51.100.1"}, {"http://192.0.2.7:80"}},
        {"an IPv6 address", {"http://[2001:db8::1]:80"}, {}, {"http://[2001:db8::1]:80"}},
        {"a Unix-domain socket", {"unix:/run/s.sock"}, {"192.0.2.7"}, {}},
        {"no network", {"http://0.0.0.0:8080"}, {}, {}},
        {"many networks",
         {"http://0.0.0.0:1", "http://0.0.0.0:2"},
         {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"},
         {"http://192.0.2.1:1", "http://192.0.2.2:1", "http://192.0.2.3:1", "http://192.0.2.4:1",
          "http://192.0.2.5:1", "http://192.0.2.1:2", "http://192.0.2.2:2", "http://192.0.2.3:2"}},
    };
    for (const Case& c : cases)
        EXPECT_EQ(reachable_urls(c.listening, c.interfaces), c.expected) << c.name;
}

}  // namespace
}  // namespace starling::app
