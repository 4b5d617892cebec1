#include "server/socketio/bundles.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/conditional.h"
#include "server/gzip.h"
#include "server/site.h"

namespace starling::server {
namespace {

struct Name {
    std::string_view path;  // Follows the server's path.
    std::string_view file;  // Within the folder of bundles.
};

constexpr std::array<Name, 11> names{{
    {"/socket.io.js", "4/socket.io.js"},
    {"/socket.io.js.map", "4/socket.io.js.map"},
    {"/socket.io.min.js", "4/socket.io.min.js"},
    {"/socket.io.min.js.map", "4/socket.io.min.js.map"},
    {"/socket.io.esm.min.js", "4/socket.io.esm.min.js"},
    {"/socket.io.esm.min.js.map", "4/socket.io.esm.min.js.map"},
    {"/socket.io.msgpack.min.js", "4/socket.io.msgpack.min.js"},
    {"/socket.io.msgpack.min.js.map", "4/socket.io.msgpack.min.js.map"},
    {"/2/socket.io.js", "2/socket.io.js"},
    {"/2/socket.io.js.map", "2/socket.io.js.map"},
    {"/1.4.4/socket.io.js", "1.4.4/socket.io.js"},
}};

// Read at the first request; then shared by all workers.
class Bundle {
public:
    Bundle(std::string file, std::string banner_file, std::string version)
        : file_(std::move(file)),
          banner_file_(std::move(banner_file)),
          version_(std::move(version)) {}

    void answer(const http::Request& request, http::Response& response) {
        std::call_once(once_, [this] { read(); });
        if (!plain_) {
            response.status(404).text("not found\n");
            return;
        }
        response.header("Cache-Control", "public, max-age=0");
        const std::string etag = "\"" + version_ + "\"";
        response.header("ETag", etag);
        response.add_header("Vary", "Accept-Encoding");  // The CORS rules add Origin.
        // There is no Last-Modified, so the time passed here does not matter.
        if (http::evaluate_conditions(request, {.etag = etag}, 0) ==
            http::Condition::not_modified) {
            response.status(304);
            return;
        }
        const std::string_view type = file_.ends_with(".map")
                                          ? "application/json; charset=utf-8"
                                          : "application/javascript; charset=utf-8";
        const bool zipped =
            gzip_ && http::coding_weight(request.header("accept-encoding"), "gzip") > 0;
        if (zipped) response.header("Content-Encoding", "gzip");
        response.body(zipped ? gzip_ : plain_, type);
    }

private:
    void read() {
        auto bytes = contents(file_);
        if (!bytes) return;
        if (const auto banner = contents(banner_file_)) read_version(*banner);
        gzip_ = gzipped(*bytes);
        plain_ = std::make_shared<const std::string>(std::move(*bytes));
    }

    static std::optional<std::string> contents(const std::string& path) {
        std::ifstream file(path, std::ios::binary);
        if (!file) return std::nullopt;
        return std::string(std::istreambuf_iterator<char>(file), {});
    }

    // The bundle's first lines contain "Socket.IO v4.8.3" or so; without it version_ stays as it
    // is.
    void read_version(std::string_view text) {
        constexpr std::string_view before = "Socket.IO v";
        const auto head = text.substr(0, 256);
        const size_t at = head.find(before);
        if (at == std::string_view::npos) return;
        const auto rest = head.substr(at + before.size());
        const auto found = rest.substr(0, rest.find_first_not_of("0123456789."));
        if (!found.empty()) version_ = found;
    }

    const std::string file_, banner_file_;
    std::string version_;
    std::once_flag once_;
    std::shared_ptr<const std::string> plain_, gzip_;
};

bool holds_clients(const std::filesystem::path& folder) {
    std::error_code failed;
    return std::filesystem::exists(folder / "4/socket.io.js", failed);
}

// Looks beside the program (installed, or in a build folder, or in the examples of a build folder),
// then where the library is installed: a program that uses the library may lie elsewhere.
std::string find_clients() {
    std::error_code failed;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
    if (!failed)
        for (const auto* relative : {"../share/starling/clients", "../clients", "../../clients"})
            if (const auto folder = program.parent_path() / relative; holds_clients(folder))
                return folder.string();
    for (const auto* folder :
         {STARLING_CLIENTS_DIR, "/usr/local/share/starling/clients", "/usr/share/starling/clients"})
        if (holds_clients(folder)) return folder;
    return {};
}

}  // namespace

bool mount_clients(Site& site, const sio::Options& options) {
    const std::string folder = options.client_dir.empty() ? find_clients() : options.client_dir;
    if (folder.empty()) return false;
    for (const Name& name : names) {
        const auto generation = std::string(name.file.substr(0, name.file.find('/')));
        const auto bundle =
            std::make_shared<Bundle>(folder + "/" + std::string(name.file),
                                     folder + "/" + generation + "/socket.io.js", generation);
        site.add_handler(
            "GET", options.path + std::string(name.path),
            [bundle, cors = options.cors](const http::Request& request, http::Response& response) {
                if (cors && http::apply_cors(*cors, request, response)) return;
                bundle->answer(request, response);
            });
    }
    return holds_clients(folder);
}

}  // namespace starling::server
