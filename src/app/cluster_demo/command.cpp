// app/cluster_demo/command.cpp: finds what the cluster demo needs, and runs it.
#include "app/cluster_demo/demo.h"

#include "app/demo/community/token.h"
#include "app/site.h"

#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <ostream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace starling::app::cluster_demo {
namespace {

constexpr int fault_exit = 2;
constexpr size_t socket_path_bytes_max = 107;  // unix(7)

constexpr std::string_view no_redis =
    "there is no redis-server: install it (apt-get install redis-server), or name another Redis "
    "with "
    "--redis redis://HOST:PORT";

// A folder for this user alone, which is removed at the end.
class Folder {
public:
    Folder() {
        std::error_code failed;
        std::string wanted = std::filesystem::temp_directory_path(failed).string();
        if (failed || wanted.size() + 40 > socket_path_bytes_max) wanted = "/tmp";
        path_ = wanted + "/starling-cluster-XXXXXX";
        if (!::mkdtemp(path_.data()))
            throw std::system_error(errno, std::generic_category(), "cannot make " + path_);
    }
    ~Folder() {
        std::error_code failed;
        std::filesystem::remove_all(path_, failed);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

int wrong(std::ostream& err, std::string_view what) {
    err << "starling: " << what << std::endl;
    return fault_exit;
}

}  // namespace

int run_cluster_demo(const CommandLine& line, const Environment& environment,
                     const std::string& executable_path, const Streams& streams) {
    auto options = options_of(line);
    if (!options) return wrong(streams.err, options.error());
    Setup setup;
    setup.options = *options;
    setup.environment = environment;
    setup.program = executable_path;
    setup.web = find_web_folder(executable_path);
    if (setup.web.empty()) return wrong(streams.err, "cannot find the pages of the demo");
    if (options->redis_url.empty()) {
        setup.redis_program = options->redis_server.empty()
                                  ? find_program({"redis-server", "valkey-server"}, environment)
                                  : options->redis_server;
        if (setup.redis_program.empty()) return wrong(streams.err, no_redis);
    }
    const uint16_t first = options->port != 0 ? options->port : port_default;
    setup.port = free_port(first);
    if (setup.port == 0 || (options->port != 0 && setup.port != options->port))
        return wrong(streams.err, "cannot listen on 127.0.0.1:" + std::to_string(first) +
                                      ": the port is taken; choose another one with --port");
    setup.cluster = cluster_name(host_name(), setup.port);
    setup.key = community::random_secret(16);
    if (setup.key.empty()) return wrong(streams.err, "no random numbers for a key");
    const Folder folder;
    setup.folder = folder.path();
    Demo demo(std::move(setup), streams);
    return demo.run();
}

}  // namespace starling::app::cluster_demo
