// server/files/files.h: a folder of static files at a prefix of a server's paths.
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
    // Throws std::runtime_error where the folder cannot be opened.
    void attach(WorkerGroup& group) override;
    void detach() noexcept override;

private:
    class FileRoute;
    class Part;
    void answer(HttpConnection& connection, const http::Request& request, http::Response& response);

    const std::string prefix_;  // Without a trailing slash: "" for "/".
    const std::string root_;
    const http::StaticFileOptions options_;
    std::vector<Part*> parts_;  // By the workers' indices. Owner: the worker.
};

}  // namespace starling::server
