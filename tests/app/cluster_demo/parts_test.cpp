// The parts of the cluster demo: who may press its buttons, its command line, its processes, their
// output and their health.
#include "app/cluster_demo/access.h"
#include "app/cluster_demo/child.h"
#include "app/cluster_demo/options.h"
#include "app/cluster_demo/probe.h"
#include "app/cluster_demo/tail.h"
#include "app/config/config.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace starling::app::cluster_demo {
namespace {

TEST(ClusterDemoAccess, IsForTheHolderOfTheKeyFromAPageOfThisMachine) {
    struct Case {
        const char *host, *origin, *key;
        Access access;
    };
    const Case cases[] = {
        {"localhost:8080", "http://localhost:8080", "secret", Access::allowed},
        {"localhost:8080", "", "secret", Access::allowed},  // No browser.
        {"127.0.0.1", "http://127.0.0.1", "secret", Access::allowed},
        {"[::1]:9", "http://[::1]:9", "secret", Access::allowed},
        {"localhost:8080", "", "", Access::no_key},
        {"localhost:8080", "", "secreT", Access::no_key},
        {"localhost:8080", "", "secret2", Access::no_key},
        {"localhost:8080", "http://localhost:8081", "secret", Access::foreign_origin},
        {"localhost:8080", "https://localhost:8080", "secret", Access::foreign_origin},
        {"localhost:8080", "http://evil.example", "secret", Access::foreign_origin},
        {"localhost:8080", "null", "secret", Access::foreign_origin},
        {"evil.example:8080", "http://evil.example:8080", "secret", Access::foreign_host},
        {"localhost.evil.example", "", "secret", Access::foreign_host},
        {"127.0.0.1.evil.example:80", "", "secret", Access::foreign_host},
        {"localhost:", "", "secret", Access::foreign_host},
        {"localhost:80a", "", "secret", Access::foreign_host},
        {"", "", "secret", Access::foreign_host},
    };
    for (const Case& c : cases)
        EXPECT_EQ(check_access(c.host, c.origin, c.key, "secret"), c.access)
            << c.host << " " << c.origin << " " << c.key;
    EXPECT_EQ(check_access("localhost", "", "", ""), Access::no_key);
}

TEST(ClusterDemoTail, KeepsTheLastLinesAtEveryReadSize) {
    std::string text, expected;
    for (int i = 0; i < 20; ++i) text += "line " + std::to_string(i) + "\r\n\n";
    text += std::string(1000, 'x') + "\n\x1b[31mred\xff\n" + "end";
    for (size_t i = 20 - (tail_lines_max - 3); i < 20; ++i)
        expected += "line " + std::to_string(i) + "|";
    expected += std::string(tail_line_bytes_max, 'x') + "|[31mred\uFFFD|end|";
    for (const size_t step : {size_t{1}, size_t{7}, text.size()}) {
        Tail tail;
        size_t lines = 0;
        const auto count = [&](const std::string&) { ++lines; };
        for (size_t at = 0; at < text.size(); at += step)
            tail.add(std::string_view(text).substr(at, step), count);
        tail.finish(count);
        tail.finish(count);
        std::string all;
        for (const std::string& line : tail.lines()) all += line + "|";
        EXPECT_EQ(all, expected) << step;
        EXPECT_EQ(lines, 23u);
        tail.clear();
        EXPECT_TRUE(tail.lines().empty());
    }
}

std::string answer(int status, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) +
           " x\r\nDate: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(ClusterDemoHealth, IsReadFromTheTwoAnswers) {
    const std::string health =
        R"({"status":"ok","socketio_sessions":3,"cluster_nodes":2,"messages_received":7,"messages_sent":9})";
    const std::string good = answer(200, "{}") + answer(200, health);
    EXPECT_EQ(health_in(good), (Health{true, 3, 7, 9, 2}));
    EXPECT_EQ(health_in(answer(503, "{}") + answer(200, health)), (Health{false, 3, 7, 9, 2}));
    EXPECT_EQ(health_in(answer(200, "{}") + answer(200, R"({"socketio_sessions":"x"})")),
              (Health{true, 0, 0, 0, 0}));
    for (size_t size = 0; size < good.size(); ++size)
        EXPECT_EQ(health_in(good.substr(0, size)), std::nullopt) << size;
    for (const std::string& bad :
         {answer(200, "{}") + answer(200, "[]"), answer(200, "{}") + answer(500, health),
          answer(200, "{}") + "HTTP/1.1 200 x\r\nContent-Length: -1\r\n\r\n{}",
          std::string("HTTP/1.1 200 x\r\n\r\n") + good, "SSH-2.0\r\n\r\n" + good})
        EXPECT_EQ(health_in(bad), std::nullopt) << bad;
}

TEST(ClusterDemoPorts, ATakenPortIsPassedOver) {
    const uint16_t first = free_port(20'000);
    ASSERT_NE(first, 0);
    const base::Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(first);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_GT(free_port(first), first);
    EXPECT_FALSE(accepts("/nowhere/redis.sock"));
    EXPECT_FALSE(accepts("/" + std::string(200, 'x')));
}

TEST(ClusterDemoOptions, OfTheCommandLine) {
    const auto options = options_of(parse_command_line({"cluster-demo"}));
    ASSERT_TRUE(options);
    EXPECT_EQ(options->nodes, 3u);
    EXPECT_EQ(options->port, 0);
    EXPECT_EQ(options->mode, mode_default);
    struct Case {
        std::vector<std::string> args;
        const char* error;
    };
    const Case cases[] = {
        {{"--nodes", "0"}, "--nodes: must be a number from 1 to 9"},
        {{"--nodes", "10"}, "--nodes: must be a number from 1 to 9"},
        {{"--nodes", " 3"}, "--nodes: must be a number from 1 to 9"},
        {{"--port", "0"}, "--port: must be a number from 1 to 65535"},
        {{"--redis", ""}, "--redis: must be a URL, as redis://127.0.0.1:6379"},
        {{"--redis-server", "/nowhere"}, "--redis-server: cannot run '/nowhere'"},
        {{"--redis", "redis://x", "--redis-server", "/bin/sh"},
         "--redis and --redis-server exclude each other"},
    };
    for (const Case& c : cases) {
        std::vector<std::string> args{"cluster-demo"};
        args.insert(args.end(), c.args.begin(), c.args.end());
        const auto refused = options_of(parse_command_line(args));
        ASSERT_FALSE(refused) << c.error;
        EXPECT_EQ(refused.error(), c.error);
    }
    EXPECT_EQ(shown_url("redis://user:pass@host:1/2"), "redis://host:1/2");
    EXPECT_EQ(shown_url("redis+unix:///tmp/a@b"), "redis+unix:///tmp/a@b");
    EXPECT_EQ(shown_url("nothing"), "nothing");
}

TEST(ClusterDemoOptions, AProgramIsFoundInTheFoldersOfPath) {
    EXPECT_EQ(find_program({"sh"}, {{"PATH", "/nowhere::/bin"}}), "/bin/sh");
    EXPECT_EQ(find_program({"no such program", "sh"}, {}), "/usr/bin/sh");
    EXPECT_EQ(find_program({"no such program"}, {{"PATH", "."}}), "");
}

// The configuration of a node is one that the program accepts.
TEST(ClusterDemoOptions, TheConfigurationOfANodeIsValid) {
    const std::string path = testing::TempDir() + "cluster-demo-node.yaml";
    std::ofstream(path) << node_config(8081, 8080, "redis+unix:///tmp/redis.sock", "streams",
                                       cluster_name("box", 8080));
    Config config;
    EXPECT_TRUE(config.read_file(path)) << config.error();
    EXPECT_TRUE(config.finish()) << config.error();
    const Settings& settings = config.settings();
    EXPECT_EQ(settings.server.listen[0].address, "127.0.0.1:8081");
    EXPECT_FALSE(settings.admin_enabled);  // It would take the port of another node.
    EXPECT_EQ(settings.cluster_mode, "streams");
    EXPECT_TRUE(settings.cluster.required);
    EXPECT_EQ(settings.cluster.prefix, "starling-demo-box-8080");
    EXPECT_EQ(settings.cluster.socketio.key, "starling-demo-box-8080");
    EXPECT_EQ(settings.cluster.socketio.stream_name, "starling-demo-box-8080");
    EXPECT_EQ(settings.origins,
              (std::vector<std::string>{"http://localhost:8080", "http://127.0.0.1:8080"}));
    ::unlink(path.c_str());
    const Command command =
        node_command("/bin/starling", path, {{"PATH", "/bin"}, {"STARLING_WORKERS", "9"}});
    EXPECT_EQ(command.environment, (std::vector<std::string>{"PATH=/bin"}));
}

// All that the child writes until it ends.
std::string output_of(const Child& child) {
    std::string all;
    char bytes[256];
    for (;;) {
        pollfd ready{child.output.get(), POLLIN, 0};
        ::poll(&ready, 1, -1);
        const ssize_t size = ::read(child.output.get(), bytes, sizeof bytes);
        if (size <= 0) return all;
        all.append(bytes, static_cast<size_t>(size));
    }
}

std::string end_of(const Child& child) {
    for (;;)
        if (const auto how = ended(child.pid)) return *how;
}

TEST(ClusterDemoChild, HasItsOutputItsVariablesAndAGroupOfItsOwn) {
    const auto child = start_child({{"/bin/sh", "-c",
                                     "echo $NAME; echo to stderr >&2; read line || echo no input; "
                                     "read pid name state parent group rest </proc/$$/stat; "
                                     "echo group $group; exit 3"},
                                    {"NAME=a value"}});
    ASSERT_TRUE(child) << child.error();
    EXPECT_EQ(output_of(*child),
              "a value\nto stderr\nno input\ngroup " + std::to_string(child->pid) + "\n");
    EXPECT_EQ(end_of(*child), "exit code 3");
}

TEST(ClusterDemoChild, ItsEndAndAProgramThatIsMissingAreToldInWords) {
    const auto child = start_child({{"/bin/sh", "-c", "kill -9 $$"}});
    ASSERT_TRUE(child);
    EXPECT_EQ(end_of(*child), "signal 9 (Killed)");
    const auto missing = start_child({{"/nowhere/redis-server"}});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error(), "cannot start /nowhere/redis-server: No such file or directory");
}

}  // namespace
}  // namespace starling::app::cluster_demo
