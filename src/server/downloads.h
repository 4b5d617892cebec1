// server/downloads.h: answers whose body is a file: Response::file(), and the descriptors that downloads of
// one file share, so that slow clients cannot use them up.
//
// Owner: a worker. Thread: the worker's. Blocks as long as the file system does.
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <map>
#include <memory>

#include "base/descriptor.h"
#include "http/file_answer.h"

namespace starling::server {

class Downloads {
public:
    // The descriptor that downloads of this file in progress have open, or else `file`.
    [[nodiscard]] std::shared_ptr<const int> share(const http::FileIdentity& identity,
                                                   base::Descriptor file);

    // `response` asks for a file by its path: opens it and makes the answer to `request` of it. `now_s` is the
    // wall clock.
    void answer(const http::Request& request, http::Response& response, int64_t now_s);

    [[nodiscard]] size_t known() const noexcept { return open_.size(); }

private:
    std::map<http::FileIdentity, std::weak_ptr<const int>> open_;
    size_t prune_at_ = 16;  // Entries at which those of ended downloads are removed.
};

}  // namespace starling::server
