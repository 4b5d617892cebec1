#include "server/downloads.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "http/mime.h"
#include "http/response_access.h"

namespace starling::server {
namespace {

// Files up to this size are read at once, so no descriptor stays open for a slow client.
constexpr uint64_t read_at_once_bytes_max = 64 * 1024;

struct OpenFile {
    base::Descriptor descriptor;  // Empty: there is no such regular file, or it cannot be opened.
    http::FileIdentity identity;
    int status = 404;  // The status of the answer if there is no descriptor.
};

OpenFile open_regular(const std::string& path) {
    OpenFile file;
    if (path.find('\0') != std::string::npos) return file;
    // O_NONBLOCK: a FIFO without a writer must not block the loop.
    base::Descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!opened) {
        // Running out of descriptors is a temporary fault of this server. All other errors mean
        // "not found".
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) file.status = 503;
        return file;
    }
    struct stat status {};
    if (::fstat(opened.get(), &status) != 0 || !S_ISREG(status.st_mode)) return file;
    file.identity = {static_cast<uint64_t>(status.st_dev), static_cast<uint64_t>(status.st_ino),
                     static_cast<uint64_t>(status.st_size),
                     static_cast<int64_t>(status.st_mtim.tv_sec),
                     static_cast<int64_t>(status.st_mtim.tv_nsec)};
    file.descriptor = std::move(opened);
    return file;
}

// Nothing if the file is now shorter or cannot be read.
std::optional<std::string> read_part(int descriptor, const http::ByteRange& part) {
    std::string bytes(part.count, '\0');
    for (size_t at = 0; at < bytes.size();) {
        const ssize_t got = ::pread(descriptor, bytes.data() + at, bytes.size() - at,
                                    static_cast<off_t>(part.first + at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return std::nullopt;
        at += static_cast<size_t>(got);
    }
    return bytes;
}

// Removes the fields that describe the file, so that no cache keeps a 404 for as long as it may
// keep the file, and no browser saves the 404 under the file's name.
void answer_without_file(http::Response& response, int status) {
    for (const char* name : {"ETag", "Last-Modified", "Cache-Control", "Expires", "Accept-Ranges",
                             "Content-Disposition", "Content-Encoding", "Content-Language"})
        http::ResponseAccess::erase(response, name);
    http::plain_answer(response, status);
    if (status == 503) response.header("Retry-After", "1");
}

}  // namespace

std::shared_ptr<const int> Downloads::share(const http::FileIdentity& identity,
                                            base::Descriptor file) {
    if (open_.size() >= prune_at_) {
        std::erase_if(open_, [](const auto& entry) { return entry.second.expired(); });
        prune_at_ = std::max<size_t>(16, 2 * open_.size());
    }
    auto& known = open_[identity];
    if (auto descriptor = known.lock()) return descriptor;
    const std::shared_ptr<const int> descriptor(new int(file.release()), [](const int* owned) {
        ::close(*owned);
        delete owned;
    });
    known = descriptor;
    return descriptor;
}

void Downloads::answer(const http::Request& request, http::Response& response, int64_t now_s) {
    const std::string path = http::ResponseAccess::file(response)->path;
    OpenFile file = open_regular(path);
    if (!file.descriptor) return answer_without_file(response, file.status);

    http::ByteRange part{0, file.identity.size_bytes};
    // Conditions and ranges apply to what a GET returns, not to an error page or the answer to a
    // POST.
    const bool conditional =
        response.status() == 200 && (request.method() == "GET" || request.method() == "HEAD");
    if (conditional) {
        const auto chosen =
            http::choose_part(request, response, http::etag_of(file.identity, false),
                              file.identity.modified_s, file.identity.size_bytes, now_s);
        if (!chosen) return;
        part = *chosen;
    }
    if (!response.has_header("content-type"))
        response.header("Content-Type", http::content_type_of(path));
    if (part.count > read_at_once_bytes_max) {
        http::FileBody body{.path = {},
                            .descriptor = share(file.identity, std::move(file.descriptor)),
                            .offset = part.first,
                            .bytes = part.count};
        return http::ResponseAccess::set_file(response, std::move(body), {});
    }
    auto bytes = read_part(file.descriptor.get(), part);
    if (!bytes) return answer_without_file(response, 503);
    response.body(std::move(*bytes), {});
}

}  // namespace starling::server
