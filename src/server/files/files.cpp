#include "server/files/files.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "base/checked_cast.h"
#include "server/files/static_files.h"
#include "server/host_sites.h"
#include "server/http_connection.h"
#include "server/state.h"
#include "server/worker.h"

namespace starling::server {

// The files on one worker, with their own cache. Owner: the worker.
class Files::Part final : public WorkerPart {
public:
    explicit Part(const Files& files) : serving(files.root_, files.options_) {}

    StaticFiles serving;
};

namespace {

std::string_view without_slash(std::string_view prefix) {
    if (prefix.ends_with('/')) prefix.remove_suffix(1);
    return prefix;
}

}  // namespace

Files::Files(std::string_view prefix, std::string root, http::StaticFileOptions options)
    : prefix_(without_slash(prefix)), root_(std::move(root)), options_(std::move(options)) {}

class Files::FileRoute final : public Route {
public:
    explicit FileRoute(Files& files) noexcept : files_(files) {}
    [[nodiscard]] bool is_for_every_host() const noexcept override { return false; }
    void answer(HttpConnection& connection, const http::Request& request,
                http::Response& response) override {
        files_.answer(connection, request, response);
    }

private:
    Files& files_;
};

void Files::mount(Site& site) {
    site.add("GET", prefix_ + "/*", std::make_unique<FileRoute>(*this));
}

void Files::attach(WorkerGroup& group) {
    if (!StaticFiles(root_, options_).ok())
        throw std::runtime_error("cannot open the folder '" + root_ + "' of static files");
    parts_.clear();  // The parts of an earlier start that failed were destroyed with its workers.
    for (const auto& worker : group.workers) {
        auto part = std::make_unique<Part>(*this);
        parts_.push_back(part.get());
        worker->add_part(std::move(part));
    }
}

void Files::detach() noexcept { parts_.clear(); }

void Files::answer(HttpConnection& connection, const http::Request& request,
                   http::Response& response) {
    std::string_view path = request.raw_path();
    // Skips the prefix segment by segment, not by bytes: the client may have percent-encoded parts
    // of the prefix.
    for (auto left = std::ranges::count(prefix_, '/'); left > 0; --left)
        path.remove_prefix(std::min(path.find('/', 1), path.size()));
    const Worker& worker = connection.worker();
    parts_[worker.index()]->serving.serve(path, request, response, worker.now_s());
}

}  // namespace starling::server

namespace starling {

void Server::files(std::string_view prefix, std::string root, http::StaticFileOptions options) {
    (void)state_->extend(
        std::make_unique<server::Files>(prefix, std::move(root), std::move(options)));
}

void serve_files(Server& server, HostSite& site, std::string_view prefix, std::string root,
                 http::StaticFileOptions options) {
    on_site(server, site, [&] { server.files(prefix, std::move(root), std::move(options)); });
}

}  // namespace starling
