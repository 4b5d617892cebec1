// server/files/files.h: serves a folder of static files below a path prefix.
//
// Owner: Server, one for each Server::files(). Thread: see Extension.
#pragma once

#include <starling/http.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/extension.h"

namespace starling::server {

class HttpConnection;

class Files final : public Extension {
public:
    Files(std::string_view prefix, std::string root, http::StaticFileOptions options);

    void mount(Site& site) override;
    // Throws std::runtime_error if the folder cannot be opened.
    void attach(WorkerGroup& group) override;
    void detach() noexcept override;

private:
    class FileRoute;
    class Part;
    void answer(HttpConnection& connection, const http::Request& request, http::Response& response);

    const std::string prefix_;  // Without a trailing slash: "" for "/".
    const std::string root_;
    const http::StaticFileOptions options_;
    std::vector<Part*> parts_;  // Index: the worker's. Owner of each: its worker.
};

}  // namespace starling::server
