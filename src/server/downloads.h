// server/downloads.h: answers whose body is a file, Response::file(). All downloads of one file
// share a descriptor, so slow clients cannot use up the descriptors.
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
    // The descriptor that current downloads of this file use; without such downloads, `file`.
    [[nodiscard]] std::shared_ptr<const int> share(const http::FileIdentity& identity,
                                                   base::Descriptor file);

    // Opens the file whose path `response` names and turns `response` into the answer to `request`.
    // `now_s` is the wall clock.
    void answer(const http::Request& request, http::Response& response, int64_t now_s);

    [[nodiscard]] size_t known() const noexcept { return open_.size(); }

private:
    std::map<http::FileIdentity, std::weak_ptr<const int>> open_;
    // The number of entries at which the entries of ended downloads are removed.
    size_t prune_at_ = 16;
};

}  // namespace starling::server
