// The log: the format of lines. No output may block a caller, and no input may forge a line.
#include <starling/log.h>

#include "base/log_format.h"
#include "base/log_output.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace starling {
namespace {

using base::log_body;
using log::Field;
using log::Format;
using log::Level;

struct TemporaryFolder {
    TemporaryFolder() {
        std::string pattern = testing::TempDir() + "starling-log-XXXXXX";
        path = mkdtemp(pattern.data());
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path); }
    std::string path;
};

std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(LogLevels, AreReadAndWrittenByName) {
    for (Level level : {Level::debug, Level::info, Level::warn, Level::error, Level::off})
        EXPECT_EQ(log::parse_level(log::level_name(level)), level);
    EXPECT_EQ(log::parse_level("INFO"), std::nullopt);
    EXPECT_EQ(log::parse_level("trace"), std::nullopt);
    EXPECT_EQ(log::parse_level(""), std::nullopt);
}

struct EscapeCase {
    const char* name;
    std::string input, text, json;
};

TEST(LogFormat, EscapesMessages) {
    using namespace std::string_literals;
    const EscapeCase cases[] = {
        {"plain", "hello world", "hello world", "hello world"},
        {"quote and backslash", R"(a"b\c)", R"(a"b\c)", R"(a\"b\\c)"},
        {"a second line", "a\nb", R"(a\nb)", R"(a\nb)"},
        {"carriage return and tab", "a\r\tb", R"(a\r\tb)", R"(a\r\tb)"},
        {"NUL", "a\0b"s, R"(a\x00b)", R"(a\u0000b)"},
        {"terminal sequence", "\x1b[31m", R"(\x1b[31m)", R"(\u001b[31m)"},
        {"DEL", "\x7f", R"(\x7f)", R"(\u007f)"},
        {"C1 control", "\xc2\x9b", R"(\u009b)", R"(\u009b)"},
        {"line separator", "\xe2\x80\xa8", R"(\u2028)", R"(\u2028)"},
        {"right-to-left override", "\xe2\x80\xae", R"(\u202e)", R"(\u202e)"},
        {"two, three and four bytes", "é€🐦", "é€🐦", "é€🐦"},
        {"a lone continuation", "a\x80z", R"(a\x80z)", "a\xef\xbf\xbdz"},
        {"an overlong slash", "\xc0\xaf", R"(\xc0\xaf)", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"a surrogate", "\xed\xa0\x80", R"(\xed\xa0\x80)", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"cut short", "\xe2\x82", R"(\xe2\x82)", "\xef\xbf\xbd"},
        {"above U+10FFFF", "\xf4\x90\x80\x80", R"(\xf4\x90\x80\x80)",
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"a noncharacter is a character", "\xef\xbf\xbf", "\xef\xbf\xbf", "\xef\xbf\xbf"},
    };
    for (const EscapeCase& c : cases) {
        EXPECT_EQ(log_body(Format::text, c.input, {}), c.text) << c.name;
        EXPECT_EQ(log_body(Format::json, c.input, {}), c.json + '"') << c.name;
    }
}

struct FieldCase {
    const char* name;
    Field field;
    std::string text, json;
};

TEST(LogFormat, WritesFields) {
    const FieldCase cases[] = {
        {"text", {"peer", "192.0.2.7"}, "peer=192.0.2.7", R"("peer":"192.0.2.7")"},
        {"empty", {"a", ""}, R"(a="")", R"("a":"")"},
        {"space", {"a", "b c"}, R"(a="b c")", R"("a":"b c")"},
        {"quote", {"a", R"(b"c\)"}, R"(a="b\"c\\")", R"("a":"b\"c\\")"},
        {"a forged field",
         {"a", "b level=error"},
         R"(a="b level=error")",
         R"("a":"b level=error")"},
        {"a forged line", {"a", "b\n2026"}, R"(a="b\n2026")", R"("a":"b\n2026")"},
        {"equals sign", {"a", "b=c"}, R"(a="b=c")", R"("a":"b=c")"},
        {"integer", {"a", int64_t(-42)}, "a=-42", R"("a":-42)"},
        {"number", {"a", 0.25}, "a=0.25", R"("a":0.25)"},
        {"infinity", {"a", INFINITY}, "a=inf", R"("a":null)"},
        {"boolean", {"a", true}, "a=true", R"("a":true)"},
        {"odd key", {"a b\"=", 1}, "a_b__=1", R"("a b\"=":1)"},
        {"taken key", {"level", "x"}, "level=x", R"("level_":"x")"},
    };
    for (const FieldCase& c : cases) {
        EXPECT_EQ(log_body(Format::text, "m", {&c.field, 1}), "m " + c.text) << c.name;
        EXPECT_EQ(log_body(Format::json, "m", {&c.field, 1}), "m\"," + c.json) << c.name;
    }
}

TEST(LogFormat, CutsLongTextAtACharacterAndLongLinesAtAField) {
    std::string body = log_body(Format::json, "x" + std::string(5000, 'x') + "y", {});
    EXPECT_EQ(body, std::string(4096, 'x') + "…\"");
    std::string birds;
    while (birds.size() < 5000) birds += "🐦";
    body = log_body(Format::json, "a" + birds, {});
    EXPECT_EQ(body.size(), 1 + 4092 + std::string_view("…\"").size());
    std::string value(4000, 'v');
    std::vector<Field> many(1000, Field{"k", value});
    EXPECT_LT(log_body(Format::text, "m", many).size(), base::log_body_bytes_max + 4100);
}

TEST(LogFormat, WritesTimeAndLevel) {
    const char* zone = getenv("TZ");
    std::string before = zone ? zone : "";
    setenv("TZ", "UTC-8", 1);  // Local time is eight hours ahead of UTC.
    tzset();
    std::chrono::system_clock::time_point now(std::chrono::milliseconds(1795269600123));
    EXPECT_EQ(base::log_head(Format::json, Level::info, now, false),
              R"({"time":"2026-11-21T14:00:00.123Z","level":"info","msg":")");
    EXPECT_EQ(base::log_head(Format::text, Level::info, now, false),
              "2026-11-21 22:00:00.123 info  ");
    EXPECT_EQ(base::log_head(Format::text, Level::error, now, true),
              "2026-11-21 22:00:00.123 \x1b[1;31merror\x1b[0m ");
    if (zone)
        setenv("TZ", before.c_str(), 1);
    else
        unsetenv("TZ");
    tzset();
}

// ---- full outputs -------------------------------------------------------------------------------

struct Ends {
    int write = -1, read = -1;
};

Ends pipe_ends() {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    return {fds[1], fds[0]};
}
Ends socket_ends() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return {fds[0], fds[1]};
}
Ends terminal_ends() {
    int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_EQ(::grantpt(master), 0);
    EXPECT_EQ(::unlockpt(master), 0);
    char name[128];
    EXPECT_EQ(::ptsname_r(master, name, sizeof name), 0);
    return {::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC), master};
}

// Reads all that is available without blocking. Drops the carriage returns of a terminal.
std::string read_all(int descriptor) {
    std::string text;
    char piece[4096];
    pollfd wanted{descriptor, POLLIN, 0};
    while (::poll(&wanted, 1, 0) == 1 && (wanted.revents & POLLIN)) {
        ssize_t count = ::read(descriptor, piece, sizeof piece);
        if (count <= 0) break;
        text.append(piece, size_t(count));
    }
    std::erase(text, '\r');
    return text;
}

struct OutputCase {
    const char* name;
    Ends (*open)();
    size_t line_bytes;
};

TEST(LogOutput, NeverWaitsForAReaderAndKeepsLinesWhole) {
    const OutputCase cases[] = {
        {"pipe", pipe_ends, 100},        {"pipe, long lines", pipe_ends, 10000},
        {"socket", socket_ends, 100},    {"socket, long lines", socket_ends, 9000},
        {"terminal", terminal_ends, 70}, {"terminal, long lines", terminal_ends, 999}};
    for (const OutputCase& c : cases) {
        SCOPED_TRACE(c.name);
        Ends ends = c.open();
        base::LogOutput output;
        ASSERT_TRUE(output.adopt(ends.write));
        // O_NONBLOCK would affect every process that shares this descriptor.
        EXPECT_EQ(::fcntl(ends.write, F_GETFL) & O_NONBLOCK, 0);

        std::string line = std::string(c.line_bytes - 1, 'x') + "\n", expected;
        size_t taken = 0;
        while (taken < 1'000'000 && output.write(line)) ++taken;
        ASSERT_GT(taken, 0u);
        ASSERT_LT(taken, 1'000'000u) << "the output was never full";
        EXPECT_FALSE(output.write(line));
        for (size_t i = 0; i < taken; ++i) expected += line;

        std::string seen = read_all(ends.read);
        for (int tries = 0; tries < 1000 && !output.write("last\n"); ++tries)
            seen += read_all(ends.read);
        while (seen.size() < expected.size() + 5) {
            std::string more = read_all(ends.read);
            seen += more;
            pollfd wanted{ends.read, POLLIN, 0};
            if (more.empty() && ::poll(&wanted, 1, 5000) != 1) break;
        }
        EXPECT_TRUE(seen == expected + "last\n") << seen.size() << " of " << expected.size() + 5;
        ::close(ends.write);
        ::close(ends.read);
    }
}

TEST(LogOutput, AFullDiskTakesNothing) {
    base::LogOutput output;
    ASSERT_TRUE(output.open("/dev/full"));
    EXPECT_FALSE(output.write("line\n"));
    EXPECT_FALSE(output.write("line\n"));
}

// ---- the sink -----------------------------------------------------------------------------------

// Why there is no such log; "" where there is one.
std::string fault_of(const log::Options& options) {
    try {
        (void)log::make_sink(options);
        return "";
    } catch (const std::runtime_error& fault) {
        return fault.what();
    }
}

TEST(LogSink, WritesLinesOfItsLevelToItsFile) {
    TemporaryFolder folder;
    std::string path = folder.path + "/log";
    {
        auto sink = log::make_sink({.level = Level::info, .format = Format::json, .path = path});
        EXPECT_FALSE(sink->wants(Level::debug));
        EXPECT_TRUE(sink->wants(Level::info));
        EXPECT_FALSE(sink->wants(Level::off));
        sink->write(Level::debug, "no");
        Field field{"n", 7};
        sink->write(Level::warn, "yes", {&field, 1});
        sink->write(Level::off, "no");
    }
    std::string text = contents(path);
    EXPECT_TRUE(text.starts_with("{\"time\":\"")) << text;
    EXPECT_TRUE(text.ends_with("Z\",\"level\":\"warn\",\"msg\":\"yes\",\"n\":7}\n")) << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(LogSink, SaysWhyAFileCannotBeOpened) {
    EXPECT_EQ(fault_of({.path = "/nowhere/at/all.log"}),
              "cannot open log file '/nowhere/at/all.log': No such file or directory");
}

TEST(LogSink, ReopensAFileThatWasMovedAway) {
    TemporaryFolder folder;
    std::string path = folder.path + "/log";
    {
        auto sink = log::make_sink({.path = path});
        sink->write(Level::info, "one");
        ASSERT_EQ(::rename(path.c_str(), (path + ".1").c_str()), 0);
        sink->reopen();
        sink->write(Level::info, "two");
    }
    EXPECT_TRUE(contents(path + ".1").ends_with(" info  one\n"));
    EXPECT_TRUE(contents(path).ends_with(" info  two\n"));
}

TEST(LogSink, KeepsTheOldFileWhereReopeningFails) {
    TemporaryFolder folder;
    std::string inner = folder.path + "/a";
    ASSERT_EQ(::mkdir(inner.c_str(), 0700), 0);
    {
        auto sink = log::make_sink({.path = inner + "/log"});
        ASSERT_EQ(::rename(inner.c_str(), (folder.path + "/b").c_str()), 0);
        sink->reopen();
        sink->write(Level::info, "still here");
    }
    std::string text = contents(folder.path + "/b/log");
    EXPECT_NE(text.find("error cannot reopen log file '"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with(" info  still here\n")) << text;
}

TEST(LogSink, CountsEveryLineThatItDidNotWrite) {
    TemporaryFolder folder;
    std::string path = folder.path + "/log";
    constexpr uint64_t lines = 4 * 5000;
    uint64_t dropped = 0;
    {
        auto sink = log::make_sink({.path = path, .queue_lines_max = 2});
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int line = 0; line < 5000; ++line) sink->write(Level::info, "line");
            });
        }
        for (std::thread& thread : threads) thread.join();
        dropped = sink->dropped();  // A file takes all; only a full queue drops lines.
    }
    std::istringstream text(contents(path));
    uint64_t written = 0, reported = 0;
    for (std::string line; std::getline(text, line);) {
        size_t count = line.find("log lines dropped lines=");
        if (count == std::string::npos)
            ++written;
        else
            reported += std::stoull(line.substr(count + 24));
    }
    EXPECT_EQ(written + dropped, lines);
    EXPECT_EQ(reported, dropped);
}

TEST(LogSink, GoesOnAndEndsWhileNobodyReads) {
    TemporaryFolder folder;
    std::string path = folder.path + "/fifo";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    EXPECT_NE(fault_of({.path = path}), "") << "a FIFO without a reader";
    int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(reader, 0);
    auto sink = log::make_sink({.path = path, .queue_lines_max = 100});
    while (sink->dropped() == 0) sink->write(Level::info, std::string(200, 'x'));
    for (int i = 0; i < 10000; ++i) sink->write(Level::info, std::string(200, 'x'));
    std::string seen = read_all(reader);
    sink->write(Level::info, "works again");
    sink.reset();  // Destroying the sink does not wait for the reader either.
    seen += read_all(reader);
    EXPECT_NE(seen.find(" warn  log lines dropped lines="), std::string::npos);
    ::close(reader);
}

TEST(LogSink, AReaderWhoLeavesIsNotTheEnd) {
    TemporaryFolder folder;
    std::string path = folder.path + "/fifo";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    auto sink = log::make_sink({.path = path});
    ::close(reader);
    // Fails with EPIPE, and SIGPIPE in a thread that does not block the signal.
    sink->write(Level::info, "to nobody");
    while (sink->dropped() == 0) std::this_thread::yield();
    EXPECT_EQ(sink->dropped(), 1u);
}

TEST(LogSink, AFullDiskDropsAndCounts) {
    auto sink = log::make_sink({.path = "/dev/full"});
    for (int i = 0; i < 3; ++i) sink->write(Level::info, "line");
    while (sink->dropped() < 3) std::this_thread::yield();
    EXPECT_EQ(sink->dropped(), 3u);
}

}  // namespace
}  // namespace starling
