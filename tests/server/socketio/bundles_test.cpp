// The browser bundles: where they are found, and the log line if they are missing.
#include <gtest/gtest.h>
#include <starling/socketio.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fake/certificates.h"
#include "tests/server/fixture.h"

namespace starling::server::test {
namespace {

constexpr const char* warning =
    "socket.io: no bundles for browsers were found: set client_dir, or serve_client to false";

TEST(SocketIoBundles, AreServedOrMissedAloudAtStart) {
    const fake::TemporaryDirectory directory;
    std::filesystem::create_directories(directory.file("whole/4"));
    std::filesystem::create_directories(directory.file("empty"));
    std::ofstream(directory.file("whole/4/socket.io.js")) << "/* Socket.IO v4.8.3 */";
    const struct {
        const char* folder;
        bool serve;
        int status;
        size_t warnings;
    } cases[] = {{"whole", true, 200, 0}, {"empty", true, 404, 1}, {"empty", false, 404, 0}};
    for (const auto& one : cases) {
        TestServer t({.workers = 2});
        sio::Options options;
        options.client_dir = directory.file(one.folder);
        options.serve_client = one.serve;
        t.server.socketio(std::move(options));
        t.start();
        EXPECT_EQ(t.log->lines.count(warning), one.warnings) << one.folder;
        EXPECT_EQ(Client(t.port()).get("/socket.io/socket.io.js").status, one.status);
        EXPECT_EQ(t.log->lines.count(warning), one.warnings) << "and no more";
    }
}

}  // namespace
}  // namespace starling::server::test
